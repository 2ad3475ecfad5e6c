"""The files that `make run` writes under `build/local`.

A signing key and a token, so that clients' configurations survive a restart; the request log; a script that opens the
local lake in DuckDB. The key signs for the local gateway only, which listens on loopback; key and token are readable by
their owner alone.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from local.authorizer import Authorizer, TokenRefusedError, new_key

FOLDER = Path(__file__).parent.parent / "build" / "local"
RENEW_SECONDS = 24 * 3600
"""A stored token with less time left than this is replaced at the start."""
LAKE = """\
-- Settled credits of the local ledger, for DuckDB (docs/lake.md): duckdb -init {file}
INSTALL httpfs; LOAD httpfs;
CREATE OR REPLACE SECRET local_lake (
  TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION '{region}', ENDPOINT '{endpoint}', URL_STYLE 'path', USE_SSL false
);
SET TimeZone = 'UTC';
CREATE OR REPLACE VIEW credits AS
SELECT * FROM read_parquet('s3://{bucket}/lake/credits/tenant={tenant}/month=*/*.parquet',
  hive_partitioning = true, hive_types_autocast = false);
"""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of these files."""

    folder: Path = FOLDER

    @property
    def token_file(self) -> Path:
        """Where the token is."""
        return self.folder / "token"

    @property
    def log_file(self) -> Path:
        """Where the log lines of the functions and the gateway go."""
        return self.folder / "requests.log"

    @property
    def lake_file(self) -> Path:
        """The DuckDB script."""
        return self.folder / "lake.sql"

    def signing_key(self) -> rsa.RSAPrivateKey:
        """The stored key; made by the first call."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "signing-key.pem"
        if not file.exists():
            pem = new_key().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            _write_private(file, pem, only_if_new=True)
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{file} has no RSA key; delete it, and the next start makes one")
        return key

    def token(self, authorizer: Authorizer, scope: str, claims: dict[str, str]) -> str:
        """The stored token if it grants the same and is good for another day, else a new one, which is stored."""
        if self.token_file.exists():
            stored = self.token_file.read_text().strip()
            if _grants(authorizer, stored, {"scope": scope, **claims}):
                return stored
        token = authorizer.token(scope, claims=claims)
        _write_private(self.token_file, f"{token}\n".encode())
        return token

    def write_lake_script(self, environ: Mapping[str, str], tenant: str) -> None:
        """Write the DuckDB script for the ledger that the environment names."""
        script = LAKE.format(
            file=shown(self.lake_file),
            key=environ["AWS_ACCESS_KEY_ID"],
            secret=environ["AWS_SECRET_ACCESS_KEY"],
            region=environ["AWS_REGION"],
            endpoint=environ["AWS_ENDPOINT_URL"].partition("://")[2],
            bucket=environ["LEDGER_BUCKET"],
            tenant=tenant,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lake_file.write_text(script)


def shown(file: Path) -> str:
    """A path as a user types it: relative to the current folder if it is in there."""
    absolute, here = file.absolute(), Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _grants(authorizer: Authorizer, token: str, wanted: dict[str, str]) -> bool:
    try:
        claims = authorizer.claims(token)
    except TokenRefusedError:
        return False
    return wanted.items() <= claims.items() and float(claims["exp"]) > time.time() + RENEW_SECONDS


def _write_private(file: Path, content: bytes, *, only_if_new: bool = False) -> None:
    """Write whole or not at all, readable by the owner only; two processes that start together use one key."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:  # noqa: PTH123 - needs the mode
        out.write(content)
    if not only_if_new:
        temporary.replace(file)
        return
    try:
        file.hardlink_to(temporary)
    except FileExistsError:
        pass  # another process was first; its key is read
    finally:
        temporary.unlink()
