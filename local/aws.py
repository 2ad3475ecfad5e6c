"""S3 and Secrets Manager in this process: moto's server on a thread, on any free port.

moto checks a conditional PUT and stores it in two steps, so two racing ones may both succeed, and reading an object
while it is replaced may fail. Requests are therefore served one at a time, because the ledger's leases need exactly one
winner. moto is imported when a server starts: the import is slow.
"""

import io
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.serving import BaseWSGIServer

REGION = "eu-west-1"


def environ_of(endpoint: str) -> dict[str, str]:
    """Environment variables that point every AWS client at an emulator, whatever the machine's own configuration is."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


class Aws:
    """The embedded AWS; `environ` has its address and credentials."""

    def __init__(self) -> None:
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._clients: dict[str, Any] = {}

    @property
    def endpoint(self) -> str:
        """The value for `AWS_ENDPOINT_URL`."""
        if self._server is None:
            raise RuntimeError("the embedded AWS is not running")
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables of a process that shall use this AWS."""
        return environ_of(self.endpoint)

    def create_bucket(self, name: str) -> None:
        """Make a bucket, in moto itself: through boto3 it takes 2.6 ms, and every test has one."""
        from moto.core.models import DEFAULT_ACCOUNT_ID  # noqa: PLC0415
        from moto.s3.models import s3_backends  # noqa: PLC0415

        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(name, REGION)

    def put_secret(self, name: str, value: Mapping[str, str] | str) -> None:
        """Create a secret, or give it a new value; a mapping is stored as JSON."""
        text = value if isinstance(value, str) else json.dumps(dict(value))
        secrets = self.client("secretsmanager")
        try:
            secrets.create_secret(Name=name, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=name, SecretString=text)

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A boto3 client of this AWS."""
        if service not in self._clients:
            import boto3  # noqa: PLC0415 - as moto, only when used

            self._clients[service] = boto3.client(
                service,  # type: ignore[call-overload] # the stubs know each service by a literal
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - the emulator takes any
            )
        return self._clients[service]

    def __enter__(self) -> Self:
        """Start."""
        from moto.moto_server import werkzeug_app as moto  # noqa: PLC0415
        from werkzeug.serving import make_server  # noqa: PLC0415

        class Quiet(moto.MotoRequestHandler):
            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Print nothing: a request line contains presigned links."""

        class Dispatcher(moto.DomainDispatcherApplication):
            """Looks a host up once: for every request moto would list the files of its whole package."""

            known: ClassVar[dict[str | None, Any]] = {}

            def get_backend_for_host(self, host: str | None) -> Any:  # noqa: ANN401 - as in the base class
                if host not in self.known:
                    self.known[host] = super().get_backend_for_host(host)
                return self.known[host]

        app = one_at_a_time(Dispatcher(moto.create_backend_app))
        self._server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; everything that was stored is gone."""
        for client in self._clients.values():
            client.close()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


def one_at_a_time(app: "WSGIApplication") -> "WSGIApplication":
    """Serve requests one after the other; their bodies are read before they queue."""
    one = threading.Lock()

    def serialised(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["wsgi.input"] = io.BytesIO(_body(environ))
        with one:
            return list(_closing(app(environ, start_response)))

    return serialised


def _body(environ: "WSGIEnvironment") -> bytes:
    read: Callable[..., bytes] = environ["wsgi.input"].read
    if environ.get("wsgi.input_terminated"):
        return read()
    return read(int(environ.get("CONTENT_LENGTH") or 0))


def _closing(answer: Iterable[bytes]) -> Iterable[bytes]:
    try:
        yield from answer
    finally:
        if hasattr(answer, "close"):
            answer.close()
