"""How a vendor's auth is written: a generator that yields requests and is sent responses (httpx's own idea).

So "refused, secret anew, once more" is a few lines that run without a network. The class that httpx wants around such a
generator is made when it is first used, since importing httpx costs a quarter of a cold start.
"""

import base64
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from upstreams.secrets import SecretStore

if TYPE_CHECKING:
    import httpx

type Flow = Callable[["httpx.Request"], AsyncGenerator["httpx.Request", "httpx.Response"]]

REFUSED = 401


def as_auth(flow: Flow) -> "httpx.Auth":
    """The flow as httpx takes it."""
    import httpx

    class FlowAuth(httpx.Auth):
        def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
            return flow(request)

    return FlowAuth()


def basic(user: str, password: str) -> str:
    """The value of a Basic `Authorization` header (RFC 7617, UTF-8)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def account_flow(secrets: SecretStore, tenant: str) -> Flow:
    """OpenMarket's: account and password on every request; refused, the secret is read anew and it asks once more."""

    async def flow(request: "httpx.Request") -> AsyncGenerator["httpx.Request", "httpx.Response"]:
        for anew in (False, True):
            secret = await secrets.read(tenant, "openmarket", anew=anew)
            request.headers["Authorization"] = basic(secret.account_id, secret.password)
            response = yield request
            if response.status_code != REFUSED:
                return

    return flow
