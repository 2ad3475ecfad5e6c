"""Prints the schema in SDL: `make schema`. What is printed is what functions execute."""

from schema.types.root import SCHEMA

DESCRIPTION = """
Reseller reports and mobile credits from one endpoint, over two REST APIs. Instants are UTC, periods of instants are
half-open (`from` counts, `to` does not), periods of days count both days, money is exact. Each root field names the
scope that it needs.
"""


def sdl() -> str:
    """The whole schema, as it is checked in."""
    roots = "schema {\n  query: Query\n  mutation: Mutation\n}"
    return f'"""{DESCRIPTION}"""\n{roots}\n\n{SCHEMA.as_str().rstrip()}\n'


if __name__ == "__main__":
    print(sdl(), end="")  # noqa: T201 - printing is what it is for
