"""The overview's files: ES modules, style sheets and queries, served as they lie here.

A module imports another by its relative path, so all of them share one folder whose name has a hash of them all: a new
release is a new folder, and each file may be cached for ever.
"""

from pathlib import Path

from web.files import Files, digest, shared, shared_names

HERE = Path(__file__).parent
SUFFIXES = frozenset({".js", ".css", ".graphql"})

OWN = {path.relative_to(HERE).as_posix(): path for path in sorted(HERE.rglob("*")) if path.suffix in SUFFIXES}
"""What the browser may fetch, by its path in this folder."""
FOLDER = f"overview-{digest(b''.join(name.encode() + path.read_bytes() for name, path in OWN.items()))}"

FILES = Files({f"{FOLDER}/{name}": path for name, path in OWN.items()} | shared())


def served_names() -> dict[str, str]:
    """What stands in the page for the folder and for the script of both pages."""
    return shared_names() | {"overview": FOLDER}
