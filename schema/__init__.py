"""The GraphQL API: types, resolvers, limits, execution, and GraphQL over HTTP."""
