"""The page's files, under names that may be cached for ever.

Third-party files have their version in the name and are gzipped in `assets/`; our own have a hash of their content, so
that a new release gets a new name. A request can only pick from this list: no path is built from what a client sent.
"""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from explorer.delivery import Asset

HERE = Path(__file__).parent
OWN = ("account.js", "explorer.js", "explorer.css")
OIDC_CLIENT = "oidc-client-ts-3.5.0.min.js"

_CONTENT_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_HEADERS = (
    ("cache-control", "public, max-age=31536000, immutable"),
    ("content-encoding", "gzip"),
    ("vary", "Accept-Encoding"),
    ("x-content-type-options", "nosniff"),
)


@cache
def hashed_names() -> dict[str, str]:
    """Our own files and their served names, such as `explorer.js` and `explorer-3f8a0c51d2e4.js`."""
    return {file: _hashed(HERE / file) for file in OWN}


def asset(name: str) -> Asset | None:
    """The file served as `assets/{name}`, gzipped; None for any other name."""
    return _load(name) if name in _servable() else None


@cache
def _servable() -> dict[str, Path]:
    vendored = {path.stem: path for path in (HERE / "assets").glob("*.gz")}
    return vendored | {name: HERE / file for file, name in hashed_names().items()}


@cache
def _load(name: str) -> Asset:
    path = _servable()[name]
    body = path.read_bytes() if path.suffix == ".gz" else gzip.compress(path.read_bytes(), mtime=0)
    return Asset(body, _CONTENT_TYPES[Path(name).suffix], _HEADERS)


def _hashed(path: Path) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.stem}-{digest[:12]}{path.suffix}"
