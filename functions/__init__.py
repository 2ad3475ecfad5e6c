"""The three Lambda functions (`graphql_api`, `keeper`, `exporter`), their settings, wiring and log lines."""
