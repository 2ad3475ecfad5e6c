"""The schema as it is written, in Strawberry; printed to schema.graphql, not loaded by a function."""
