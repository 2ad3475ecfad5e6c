"""The explorer's files: GraphiQL as it was released, our script and style sheet, and what signs in."""

from pathlib import Path

from web.files import Files, hashed, shared, shared_names, vendored

HERE = Path(__file__).parent
OWN = ("explorer.js", "explorer.css")


def served_names() -> dict[str, str]:
    """The files that change with our releases, and their served names."""
    return shared_names() | hashed(HERE, *OWN)


FILES = Files(vendored(HERE / "assets") | {name: HERE / file for file, name in hashed(HERE, *OWN).items()} | shared())
