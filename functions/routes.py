"""The routes of the contract: the API, the explorer with its assets, and a sign of life."""

from dataclasses import replace
from typing import TYPE_CHECKING

from schema.http.endpoint import GraphQLOverHTTP
from schema.http.negotiation import takes_gzip
from schema.http.requests import Request, Response

if TYPE_CHECKING:
    from explorer import Asset

ENDPOINT = "/graphql"
NOT_FOUND = Response(404, b'{"message":"Not Found"}', [("content-type", "application/json")])
HEALTHY = Response(200, b'{"status":"up"}', [("content-type", "application/json"), ("cache-control", "no-store")])


class Routes:
    """Answers every request that reaches the function."""

    def __init__(self, api: GraphQLOverHTTP, *, with_explorer: bool) -> None:
        self._api = api
        self._with_explorer = with_explorer

    async def answer(self, request: Request) -> Response:
        """Pick by the route that the gateway chose."""
        if request.route == ENDPOINT:
            return await self._api.answer(request)
        if request.route == "/health" and request.method in {"GET", "HEAD"}:
            return HEALTHY if request.method == "GET" else replace(HEALTHY, body=b"")
        if self._with_explorer and request.method == "GET":
            return _explorer(request)
        return NOT_FOUND

    def recall(self, request: Request) -> Response | None:
        """A remembered response, if the request is for the API."""
        return self._api.recall(request) if request.route == ENDPOINT else None


def _explorer(request: Request) -> Response:
    import explorer

    if request.route == "/":
        return _served(explorer.page(request.path), request)
    name = request.route.removeprefix("/assets/")
    asset = explorer.asset(name) if name != request.route else None
    return _served(asset, request) if asset else NOT_FOUND


def _served(asset: "Asset", request: Request) -> Response:
    if not takes_gzip(request.headers.get("accept-encoding")):
        asset = asset.inflated()
    return Response(200, asset.body, [("content-type", asset.content_type), *asset.headers])
