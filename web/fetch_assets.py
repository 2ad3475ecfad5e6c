"""Rebuild the third-party files: `python -m web.fetch_assets` packs the npm releases, checks each hash and gzips.

The files are checked in, so that neither a build nor a first run needs npm. The hash is of the uncompressed content, so
it does not depend on the gzip that made the file; the tests check the checked-in files by it.

GraphiQL stays at 3: GraphiQL 5 with its Monaco editor and three workers was built and weighs 2.3 MB gzipped, against
1.1 MB, in files that a bundler makes from eighty packages and that no published hash can confirm.
"""

import base64
import gzip
import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent


class IntegrityError(Exception):
    """A file differs from the reviewed one; the message names it."""


@dataclass(frozen=True, slots=True)
class Vendored:
    """One file of one npm release: its path in the pack, our name for it, its SHA-384 in base64, and where it lies."""

    package: str
    member: str
    name: str
    sha384: str
    folder: str = "explorer"

    @property
    def path(self) -> Path:
        """Where it lies, gzipped."""
        return ROOT / self.folder / "assets" / f"{self.name}.gz"

    def check(self, content: bytes) -> bytes:
        """Return the content, or raise `IntegrityError` if its hash differs."""
        if base64.b64encode(hashlib.sha384(content).digest()).decode() != self.sha384:
            raise IntegrityError(f"{self.name} is not the content of {self.package}:{self.member}")
        return content


VENDORED = (
    Vendored(
        "react@18.2.0",
        "umd/react.production.min.js",
        "react-18.2.0.min.js",
        "tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    ),
    Vendored(
        "react-dom@18.2.0",
        "umd/react-dom.production.min.js",
        "react-dom-18.2.0.min.js",
        "bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    ),
    Vendored(
        "graphiql@3.8.3",
        "graphiql.min.js",
        "graphiql-3.8.3.min.js",
        "HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    ),
    Vendored(
        "graphiql@3.8.3",
        "graphiql.min.css",
        "graphiql-3.8.3.min.css",
        "Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    ),
    Vendored(
        "@graphiql/plugin-explorer@1.0.2",
        "dist/index.umd.js",
        "plugin-explorer-1.0.2.umd.js",
        "2oonKe47vfHIZnmB6ZZ10vl7T0Y+qrHQF2cmNTaFDuPshpKqpUMGMc9jgj9MLDZ9",
    ),
    Vendored(
        "@graphiql/plugin-explorer@1.0.2",
        "dist/style.css",
        "plugin-explorer-1.0.2.css",
        "5DFJlDPW2tSATRbM8kzoP1j194jexLswuNmClWoRr2Q0x7R68JIQzPHZ02Faktwi",
    ),
    Vendored(
        "oidc-client-ts@3.5.0",
        "dist/browser/oidc-client-ts.min.js",
        "oidc-client-ts-3.5.0.min.js",
        "PTRVZ+Irwhdd38ou1In8Amo5/CLZci9zRlwSiS7/OUYo6TbYw8QYTCkn6rKod6Tb",
        folder="web",
    ),
)


def fetch() -> None:
    """Replace the files by the table's; nothing is written before every file has passed its check."""
    with TemporaryDirectory() as directory:
        packs = {package: _pack(package, Path(directory)) for package in dict.fromkeys(v.package for v in VENDORED)}
        contents = {v.path: v.check(_read(packs[v.package], v.member)) for v in VENDORED}
    for folder in {path.parent for path in contents}:
        folder.mkdir(exist_ok=True)
        for stale in folder.glob("*.gz"):
            stale.unlink()
    for path, content in contents.items():
        path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def _pack(package: str, directory: Path) -> Path:
    command = ["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(directory), package]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (the packages are the table's)
    return directory / done.stdout.strip().splitlines()[-1]


def _read(pack: Path, member: str) -> bytes:
    with tarfile.open(pack) as archive:
        content = archive.extractfile(f"package/{member}")
        if content is None:
            raise IntegrityError(f"{pack.name}: {member} is not a file")
        return content.read()


if __name__ == "__main__":
    fetch()
