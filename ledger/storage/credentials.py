"""S3's credentials in a function that was started from a snapshot (SnapStart).

A snapshot outlives any key, so the environment of such a function holds an address and a token instead of keys. boto3
fetches keys from there; obstore does so only with the token in a file, so the ledger fetches them itself.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from obstore.store import S3Credential

ADDRESS = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - a variable's name
HOSTS = frozenset({"127.0.0.1", "localhost", "169.254.170.2", "169.254.170.23"})
"""The only hosts that AWS's own SDKs ask over plain HTTP."""
TIMEOUT_SECONDS = 5


class SnapshotCredentials:
    """Fetches keys whenever obstore asks for them; `expire_at` is when the newest ones stop working."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token
        self.expire_at: datetime | None = None

    def __call__(self) -> "S3Credential":
        """Fresh keys."""
        from urllib.request import Request, urlopen

        request = Request(self._address, headers={"Authorization": self._token})  # noqa: S310 - one of HOSTS
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310
            keys = json.load(answer)
        self.expire_at = datetime.fromisoformat(keys["Expiration"]).astimezone(UTC)
        return {
            "access_key_id": keys["AccessKeyId"],
            "secret_access_key": keys["SecretAccessKey"],
            "token": keys["Token"],
            "expires_at": self.expire_at,
        }


def snapshot_credentials(environ: Mapping[str, str] = os.environ) -> SnapshotCredentials | None:
    """What obstore asks for keys; None where the environment holds keys, or no address."""
    address = environ.get(ADDRESS, "")
    if environ.get("AWS_ACCESS_KEY_ID") or urlsplit(address).hostname not in HOSTS:
        return None
    return SnapshotCredentials(address, environ.get(TOKEN, ""))
