"""What all contenders are measured on: the data, the S3 that holds them, and the queries that are sent."""
