"""Every route but the API's: the two pages with their assets, and the health check. An ASGI application.

It runs behind Mangum, which translates events, binary bodies and HEAD requests for it. The API does not: Mangum takes
longer to import and to run than everything else about a small answer, and no query needs it.
"""

from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from functions.events import route_of
from functions.settings import Settings
from schema.http.negotiation import takes_gzip
from schema.http.requests import Response

if TYPE_CHECKING:
    from web.delivery import Asset
    from web.files import Files
    from web.sign_in import SignIn

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ASSETS = "/assets/"
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Headers of every answer that does not bring its own, as a page does."""
JSON = ("content-type", "application/json")
NOT_FOUND = Response(404, b'{"message":"Not Found"}', [JSON])
NOT_ACCEPTABLE = Response(
    406,
    b'{"message":"Not Acceptable: this file is served with Content-Encoding: gzip only"}',
    [JSON, ("vary", "Accept-Encoding")],
)
HEALTHY = Response(200, b'{"status":"up"}', [JSON, ("cache-control", "no-store")])


class Pages:
    """Answers every route but the API's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - no page reads a body
        """Answer one request; its route is in the event that Mangum adds to the scope."""
        response = with_security_headers(self._answer(scope, route_of(scope["aws.event"])))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope, route: str) -> Response:
        if route == "/health" and scope["method"] in {"GET", "HEAD"}:
            return HEALTHY
        asset = self._asset(scope["path"], route) if scope["method"] == "GET" else None
        return _served(asset, scope) if asset else NOT_FOUND

    def _asset(self, path: str, route: str) -> "Asset | None":
        """The page or the file at a route; None where there is none, or the setting that closes its page is off."""
        if route == "/" and self._settings.graphiql:
            import explorer

            return explorer.page(path, _sign_in(self._settings))
        if route == "/overview" and self._settings.overview:
            import overview

            return overview.page(path, _sign_in(self._settings))
        if not route.startswith(ASSETS):
            return None
        found = (files.asset(route.removeprefix(ASSETS)) for files in self._files())
        return next((asset for asset in found if asset), None)

    def _files(self) -> "Iterator[Files]":
        """The files of each page that is on."""
        if self._settings.overview:
            import overview

            yield overview.FILES
        if self._settings.graphiql:
            import explorer

            yield explorer.FILES


def with_security_headers(response: Response) -> Response:
    """The response with the headers that it does not set itself."""
    return Response(response.status, response.body, [*(SECURITY_HEADERS | dict(response.headers)).items()])


def _served(asset: "Asset", scope: Scope) -> Response:
    accepted = dict(scope["headers"]).get(b"accept-encoding", b"").decode("latin-1")
    if asset.compressed and not takes_gzip(accepted):
        return NOT_ACCEPTABLE
    return Response(200, asset.body, [("content-type", asset.content_type), *asset.headers])


def _sign_in(settings: Settings) -> "SignIn | None":
    """How a page signs in, where a provider and our client there are configured."""
    from web.sign_in import SignIn

    if not (settings.oidc_issuer and settings.oidc_client_id):
        return None
    return SignIn(
        settings.oidc_issuer,
        settings.oidc_client_id,
        settings.oidc_scopes,
        settings.oidc_audience,
        settings.oidc_origins,
        settings.scope_claims,
    )
