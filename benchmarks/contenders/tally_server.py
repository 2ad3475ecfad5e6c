"""Tally as an ASGI application for a web server; every request has the same verified caller, with all scopes.

Behind API Gateway the claims come with the event.
"""

from functions.application import Application
from functions.settings import Settings
from local.asgi import Receive, Scope, Send, read_body, respond, text_headers
from runtime import logs
from runtime.deadline import Deadline
from schema.http.requests import Request

CLAIMS = {"scope": "reports:read reports:schedule reports:content credits:read credits:msisdn"}
SECONDS = 29.0

SETTINGS = Settings.read()
logs.set_up(SETTINGS.log_level)
application = Application(SETTINGS)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request."""
    request = Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=dict(text_headers(scope)),
        body=await read_body(receive),
        claims=CLAIMS,
        request_id="bench",
        deadline=Deadline.after(SECONDS),
    )
    response = application.recall(request) or await application.answer(request)
    await respond(
        send, response.status, [*response.headers, ("content-length", str(len(response.body)))], response.body
    )
