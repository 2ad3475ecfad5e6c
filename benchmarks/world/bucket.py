"""S3 and Secrets Manager for measurements: objects in this process's memory, served over HTTP, with a request log.

moto serves some three hundred objects a second, so it would be moto that is measured. This server has only the
operations that the ledger and the textbook use; the product's tests run against moto.
"""

import asyncio
import json
import time
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote

from benchmarks.world.objects import Answer, ObjectRequest, Objects
from local.asgi import Receive, Scope, Send, read_body, respond, text_headers
from local.aws import environ_of
from local.server import BackgroundServer

BUCKET = "bench"


class BucketServer:
    """One bucket and some secrets on a loopback port; `objects` may be read and written directly.

    Each call of S3 takes `delay` seconds more; `sent` counts the bytes of its answers, and `spans` has when each began
    and ended.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []
        self.delay = 0.0
        self.sent = 0
        self.spans: list[tuple[float, float]] = []
        self._objects = Objects()
        self.objects = self._objects.bodies
        self._server = BackgroundServer(self._app)

    @property
    def endpoint(self) -> str:
        """What `AWS_ENDPOINT_URL` takes."""
        return self._server.url

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of a process that shall use this as AWS."""
        return {**environ_of(self.endpoint), "LEDGER_BUCKET": BUCKET}

    def requests_since(self, mark: int, method: str) -> list[str]:
        """The keys of one method's requests since `len(requests)` was `mark`."""
        return [key for verb, key in self.requests[mark:] if verb == method]

    def __enter__(self) -> Self:
        """Start."""
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.stop()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = ObjectRequest(
            method=scope["method"],
            key=unquote(scope["path"].removeprefix(f"/{BUCKET}").lstrip("/")),
            query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
            headers=dict(text_headers(scope)),
            body=await read_body(receive),
        )
        began = time.perf_counter()
        status, content, headers = self._answer(request)
        if "x-amz-target" not in request.headers:
            self.sent += len(content)
            await asyncio.sleep(self.delay)
            self.spans.append((began, time.perf_counter()))
        await respond(send, status, [*headers.items(), ("content-length", str(len(content)))], content)

    def _answer(self, request: ObjectRequest) -> Answer:
        if request.headers.get("x-amz-target") == "secretsmanager.GetSecretValue":
            return self._secret(json.loads(request.body)["SecretId"])
        listed = request.query.get("list-type") == "2"
        self.requests.append(("LIST", request.query.get("prefix", "")) if listed else (request.method, request.key))
        return self._objects.answer(request)

    def _secret(self, name: str) -> Answer:
        headers = {"content-type": "application/x-amz-json-1.1"}
        if name not in self.secrets:
            return 400, b'{"__type":"ResourceNotFoundException","message":"no such secret"}', headers
        return 200, json.dumps({"Name": name, "ARN": name, "SecretString": self.secrets[name]}).encode(), headers
