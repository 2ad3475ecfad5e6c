"""Tally for a web server: a door that gives every request a fixed, verified caller.

Behind API Gateway the claims come with the event; here every request comes from one dashboard with all scopes.
"""

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from functions.application import Application
from functions.settings import Settings
from runtime import logs
from runtime.deadline import Deadline
from schema.http.requests import Request

CLAIMS = {"scope": "reports:read reports:schedule credits:read credits:msisdn"}
SECONDS = 29.0

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
application = Application(SETTINGS)


async def app(scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    """Answer one request as the dashboard's."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
        body=await _body(receive),
        claims=CLAIMS,
        request_id="bench",
        deadline=Deadline.after(SECONDS),
    )
    response = application.recall(request, "") or await application.answer(request, "")
    sent = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    sent.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": sent, "trailers": False})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _body(receive: ASGIReceiveCallable) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return body
        body += message["body"]
        if not message["more_body"]:
            return body
