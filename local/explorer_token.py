"""Gives the explorer's page a working token, so that its first query runs without a login; on this machine only.

The token goes to nobody but a browser that asks for the page by a loopback name: not to a script of another page (which
sends `Origin`), nor under a name that somebody else made point here (DNS rebinding).
"""

import gzip
from dataclasses import replace
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from local.http_api_events import HttpAnswer, HttpRequest
from runtime.endpoints import LOOPBACK


def with_token(request: HttpRequest, answer: HttpAnswer, token: str) -> HttpAnswer:
    """The page with `<meta name="tally-token">` in its head; as it is when it is no page, or a stranger asks."""
    host = urlsplit(f"//{request.header('host') or ''}").hostname
    a_page = answer.status == HTTPStatus.OK and (answer.header("content-type") or "").startswith("text/html")
    if not a_page or request.header("origin") is not None or host not in LOOPBACK:
        return answer
    zipped = answer.header("content-encoding") == "gzip"
    page = gzip.decompress(answer.body) if zipped else answer.body
    meta = f'<meta name="tally-token" content="{escape(token)}">'.encode()
    headers = answer.without("content-encoding", "etag", "cache-control")
    return replace(
        answer,
        headers=(*headers, ("cache-control", "no-store")),
        body=page.replace(b"</head>", meta + b"</head>", 1),
    )
