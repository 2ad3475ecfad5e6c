"""GraphQL over HTTP: reading requests, writing responses, and remembering rendered ones."""
