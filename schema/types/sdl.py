"""Prints the schema in SDL: `python -m schema.types.sdl > schema/schema.graphql`."""

from schema.types.root import SCHEMA


def sdl() -> str:
    """The whole schema, as it is checked in."""
    return SCHEMA.as_str().rstrip() + "\n"


if __name__ == "__main__":
    print(sdl(), end="")  # noqa: T201 - printing is what it is for
