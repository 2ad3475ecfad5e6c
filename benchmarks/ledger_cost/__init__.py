"""What a query costs: its waits for an S3 that is 20 ms away, and what grows with rows and days."""
