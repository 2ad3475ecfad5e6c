"""From a query's text to its result: parsing, validation and graphql-core's execution."""
