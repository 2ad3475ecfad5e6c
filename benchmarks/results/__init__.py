"""What a measurement gives: figures, goals and tables in Markdown, and the machine that they were measured on."""
