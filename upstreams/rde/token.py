"""RDE's bearer token: fetched once for a tenant, shared by all its calls, renewed before it dies (docs/vendors.md).

There is no refresh token, and a password may have been rotated: a refusal, of the token or with it, means secret anew,
token anew, and the call once more.
"""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from runtime.per_loop import PerLoop
from runtime.redaction import conceal
from upstreams.auth import REFUSED, Flow, basic
from upstreams.errors import UpstreamUnauthorized
from upstreams.failures import of_status
from upstreams.secrets import HEADER_SAFE, RdeSecret, SecretStore
from upstreams.transport import OPERATION

if TYPE_CHECKING:
    import httpx

LIFE_SECONDS = 1500.0
# A token is not used in the last tenth of its life: the call it goes with takes time, and clocks differ.
USABLE_LIFE = 0.9


@dataclass(frozen=True, slots=True)
class Token:
    """A token with the subscription key it belongs to; `until` is on the monotonic clock."""

    value: str = field(repr=False)
    subscription_key: str = field(repr=False)
    until: float


class RdeTokens:
    """The tokens of every tenant, from the token endpoint at `url`."""

    def __init__(self, url: str, secrets: SecretStore) -> None:
        self._url = url
        self._secrets = secrets
        self._tokens: dict[str, Token] = {}
        self._locks = PerLoop(_locks)

    def flow(self, tenant: str) -> Flow:
        """The auth of one tenant's calls."""

        async def flow(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
            lock = (await self._locks.get())[tenant]
            refused = None
            for anew in (False, True):
                async with lock:
                    token = self._usable(tenant, refused)
                    if token is None:
                        secret = await self._secrets.read(tenant, "rde", anew=anew)
                        asked_at = time.monotonic()
                        answer = yield self._token_request(request, secret)
                        if answer.status_code == REFUSED and not anew:
                            continue
                        token = granted(answer, secret, asked_at)
                        self._tokens[tenant] = token
                request.headers["Authorization"] = f"Bearer {token.value}"
                request.headers["X-Subscription-Key"] = token.subscription_key
                response = yield request
                if response.status_code != REFUSED:
                    return
                refused = token

        return flow

    def _usable(self, tenant: str, refused: Token | None) -> Token | None:
        token = self._tokens.get(tenant)
        return None if token is None or token is refused or token.until <= time.monotonic() else token

    def _token_request(self, request: "httpx.Request", secret: RdeSecret) -> "httpx.Request":
        import httpx

        return httpx.Request(
            "POST",
            self._url,
            headers={
                "Authorization": basic(secret.username, secret.password),
                "X-Subscription-Key": secret.subscription_key,
                "Accept": "application/json",
                "User-Agent": request.headers["User-Agent"],
            },
            json={"marketplace": secret.marketplace},
            extensions={"timeout": request.extensions["timeout"], OPERATION: "token"},
        )


def granted(answer: "httpx.Response", secret: RdeSecret, asked_at: float) -> Token:
    """The token of an answer, counted from when it was asked for.

    Raises:
        UpstreamUnauthorized: the vendor refused, or what it gave is no token.
        UpstreamUnavailable: the endpoint is out of service, which says nothing about the credentials.
    """
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise of_status("rde", answer)
    if not answer.is_success:
        raise UpstreamUnauthorized("rde", f"the vendor gave no token (status {status})")
    try:
        fields = json.loads(answer.content)
    except (ValueError, RecursionError):
        fields = None
    value = (fields.get("token") or fields.get("access_token")) if isinstance(fields, dict) else None
    if not isinstance(value, str) or not HEADER_SAFE.fullmatch(value):
        raise UpstreamUnauthorized("rde", "the vendor's token answer holds no token")
    conceal(value)
    return Token(value, secret.subscription_key, asked_at + USABLE_LIFE * _life(fields.get("expires_in")))


def _life(expires_in: object) -> float:
    """Seconds by the answer's `expires_in`, a number or one in a string; the usual life where that says nothing."""
    if isinstance(expires_in, int | float | str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(expires_in)):
        return float(expires_in)
    return LIFE_SECONDS


async def _locks() -> AsyncGenerator[defaultdict[str, asyncio.Lock]]:
    yield defaultdict(asyncio.Lock)
