"""How a vendor's auth is written: a generator that yields requests and is sent their responses, as httpx does it.

So "refused, read the secret again, try once more" is a few lines that run without a network. The class that httpx wants
around such a generator is made at its first use, because importing httpx costs a quarter of a cold start.
"""

import base64
from collections.abc import AsyncGenerator, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from upstreams.errors import OPENMARKET
from upstreams.secrets import SecretStore

if TYPE_CHECKING:
    import httpx

type Flow = Callable[["httpx.Request"], AsyncGenerator["httpx.Request", "httpx.Response"]]


def as_auth(flow: Flow) -> "httpx.Auth":
    """The flow in the form that httpx takes."""
    import httpx

    class FlowAuth(httpx.Auth):
        def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            return flow(request)

    return FlowAuth()


def basic(user: str, password: str) -> str:
    """The value of a Basic `Authorization` header (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def account_flow(secrets: SecretStore, tenant: str) -> Flow:
    """OpenMarket's auth: account and password with every request; after a 401 once more, with the secret read again."""

    async def flow(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
        for refresh in (False, True):
            secret = await secrets.read(tenant, OPENMARKET, refresh=refresh)
            request.headers["Authorization"] = basic(secret.account_id, secret.password)
            response = yield request
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                return

    return flow
