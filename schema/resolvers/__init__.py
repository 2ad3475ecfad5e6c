"""What the fields do, in plain Python: arguments in, objects out whose attributes are the GraphQL fields.

`fields` is the table of root fields; each resolver stands in the room of its subject. Nothing here imports Strawberry
or graphql-core.
"""
