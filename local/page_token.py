"""Puts a working token into a page, so that its first query runs without signing in; on this machine only.

Only a browser that requests the page under a loopback name gets the token: not a script of another page (it sends
`Origin`), and not a page under a foreign name that resolves to this machine (DNS rebinding).
"""

import gzip
from dataclasses import replace
from html import escape
from http import HTTPStatus
from urllib.parse import urlsplit

from local.http_api_events import HttpAnswer, HttpRequest
from runtime.endpoints import LOOPBACK


def with_token(request: HttpRequest, answer: HttpAnswer, token: str) -> HttpAnswer:
    """The page with `<meta name="tally-token">` in its head; unchanged for any other answer or requester."""
    host = urlsplit(f"//{request.header('host') or ''}").hostname
    is_page = answer.status == HTTPStatus.OK and (answer.header("content-type") or "").startswith("text/html")
    if not is_page or request.header("origin") is not None or host not in LOOPBACK:
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
