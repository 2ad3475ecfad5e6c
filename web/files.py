"""A page's files, under names that may be cached for ever.

Third-party files have their version in the name and lie gzipped in `assets/`; our own have a hash of their content, so
that a new release gets a new name. A request can only pick from a list: no path is built from what a client sent.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from web.delivery import Asset

HERE = Path(__file__).parent
OIDC_CLIENT = "oidc-client-ts-3.5.0.min.js"

_CONTENT_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".graphql": "application/graphql; charset=utf-8",
}
_HEADERS = (
    ("cache-control", "public, max-age=31536000, immutable"),
    ("content-encoding", "gzip"),
    ("vary", "Accept-Encoding"),
    ("x-content-type-options", "nosniff"),
)


@dataclass(frozen=True, slots=True)
class Files:
    """Served names and where their content lies; a file whose name ends in `.gz` is served as it is."""

    paths: Mapping[str, Path]

    def asset(self, name: str) -> Asset | None:
        """The file served as `assets/{name}`, gzipped; None for any other name."""
        path = self.paths.get(name)
        return None if path is None else _load(path, Path(name).suffix)


def vendored(folder: Path) -> dict[str, Path]:
    """The third-party files of a folder by their served names."""
    return {path.stem: path for path in folder.glob("*.gz")}


@cache
def hashed(folder: Path, *names: str) -> dict[str, str]:
    """Our own files and their served names, such as `explorer.js` and `explorer-3f8a0c51d2e4.js`."""
    served = {}
    for name in names:
        path = Path(name)
        served[name] = f"{path.stem}-{digest((folder / name).read_bytes())}{path.suffix}"
    return served


def digest(content: bytes) -> str:
    """What tells one release of a file from another in its served name."""
    return hashlib.sha256(content).hexdigest()[:12]


@cache
def shared_names() -> dict[str, str]:
    """The files of both pages and their served names."""
    return hashed(HERE, "account.js")


@cache
def shared() -> dict[str, Path]:
    """The files of both pages by their served names."""
    return vendored(HERE / "assets") | {name: HERE / file for file, name in shared_names().items()}


@cache
def _load(path: Path, suffix: str) -> Asset:
    body = path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes(), mtime=0)
    return Asset(body, _CONTENT_TYPES[suffix], _HEADERS)
