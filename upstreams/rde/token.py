"""RDE's bearer token: fetched once for a tenant, shared by all its calls, renewed before it expires.

There is no refresh token, and a password may have been rotated. So when the vendor refuses the password or the token,
the secret is read again, a new token is fetched with it, and the call is made once more.
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
from upstreams.auth import Flow, basic
from upstreams.errors import RDE, UpstreamUnauthorized
from upstreams.failures import describe, of_status
from upstreams.secrets import HEADER_SAFE, PasswordGrant, RdeSecret, SecretStore
from upstreams.transport import OPERATION

if TYPE_CHECKING:
    import httpx

USUAL_SECONDS = 1500.0
LONGEST_SECONDS = 24 * 3600.0
"""A longer life counts as an error, and the usual one is used: it is safe for any token."""
USABLE_SHARE = 0.9
"""A token is not used in the last tenth of its life: the call it goes with takes time, and clocks differ."""
PASSWORD_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Token:
    """A token with the subscription key it belongs to; `until` is on the monotonic clock."""

    value: str = field(repr=False)
    subscription_key: str = field(repr=False)
    until: float


class RdeTokens:
    """The tokens of every tenant, from the token endpoint at `url` or from the one that a secret names."""

    def __init__(self, url: str, secrets: SecretStore) -> None:
        self._url = url
        self._secrets = secrets
        self._tokens: dict[str, Token] = {}
        self._locks = PerLoop(_locks)

    def flow(self, tenant: str) -> Flow:
        """The auth of one tenant's calls; concurrent calls wait for one token request."""

        async def flow(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
            lock = (await self._locks.get())[tenant]
            async with lock:
                token = self._usable(tenant)
                if token is None:
                    secret, asked_at = await self._secrets.read(tenant, RDE), time.monotonic()
                    answer = yield self._token_request(request, secret)
                    if answer.status_code in PASSWORD_REFUSED:
                        secret, asked_at = await self._secrets.read(tenant, RDE, refresh=True), time.monotonic()
                        answer = yield self._token_request(request, secret)
                    token = self._tokens[tenant] = granted(answer, secret, asked_at)
            response = yield _authorized(request, token)
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                return
            async with lock:
                renewed = self._usable(tenant)
                if renewed is None or renewed is token:  # else a concurrent call has renewed it
                    secret, asked_at = await self._secrets.read(tenant, RDE, refresh=True), time.monotonic()
                    answer = yield self._token_request(request, secret)
                    renewed = self._tokens[tenant] = granted(answer, secret, asked_at)
            yield _authorized(request, renewed)

        return flow

    def _usable(self, tenant: str) -> Token | None:
        token = self._tokens.get(tenant)
        return token if token and time.monotonic() < token.until else None

    def _token_request(self, request: "httpx.Request", secret: RdeSecret) -> "httpx.Request":
        import httpx

        headers = {"Accept": "application/json", "User-Agent": request.headers["User-Agent"]}
        extensions = {"timeout": request.extensions["timeout"], OPERATION: "token"}
        if secret.grant:
            form = _password_form(secret, secret.grant)
            return httpx.Request("POST", secret.grant.token_url, headers=headers, data=form, extensions=extensions)
        headers["Authorization"] = basic(secret.username, secret.password)
        headers["X-Subscription-Key"] = secret.subscription_key
        body = {"marketplace": secret.marketplace}
        return httpx.Request("POST", self._url, headers=headers, json=body, extensions=extensions)


def granted(answer: "httpx.Response", secret: RdeSecret, asked_at: float) -> Token:
    """The token of an answer, whose life counts from when it was asked for.

    Raises:
        UpstreamUnauthorized: the vendor refused, or its answer holds no usable token.
        UpstreamUnavailable: the endpoint is out of service, which says nothing about the credentials.
    """
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise of_status(RDE, answer)
    if not answer.is_success:
        raise describe(UpstreamUnauthorized(RDE, f"the vendor issued no token (status {status})"), answer)
    fields = _fields(answer.content)
    value = fields.get("token") or fields.get("access_token")
    if not isinstance(value, str) or not HEADER_SAFE.fullmatch(value):
        raise describe(UpstreamUnauthorized(RDE, "the vendor's answer holds no usable token"), answer)
    life = _life(fields)
    conceal(value, 2 * life)  # by then it is certainly worthless
    return Token(value, secret.subscription_key, asked_at + USABLE_SHARE * life)


def _authorized(request: "httpx.Request", token: Token) -> "httpx.Request":
    request.headers["Authorization"] = f"Bearer {token.value}"
    request.headers["X-Subscription-Key"] = token.subscription_key
    return request


def _password_form(secret: RdeSecret, grant: PasswordGrant) -> dict[str, str]:
    """The form of OAuth2's password grant (RFC 6749 §4.3.2)."""
    return {
        "grant_type": "password",
        "username": secret.username,
        "password": secret.password,
        "client_id": grant.client_id,
        "client_secret": grant.client_secret,
    }


def _life(fields: dict[str, object]) -> float:
    """Seconds by `expiresInSeconds`, else by `expires_in`; the usual life where neither is a sensible number."""
    for value in (fields.get("expiresInSeconds"), fields.get("expires_in")):
        number = isinstance(value, int | float | str) and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(value))
        if number and 0 < float(number[0]) <= LONGEST_SECONDS:
            return float(number[0])
    return USUAL_SECONDS


def _fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


async def _locks() -> AsyncGenerator[defaultdict[str, asyncio.Lock]]:
    yield defaultdict(asyncio.Lock)
