"""AWS keys as SnapStart gives them to a function: from a local address, for a token, not in its environment.

The runtime interface emulator has such an address too, but its keys expire in the year 1, which boto3 refuses.
"""

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@contextmanager
def keys_on_request(keys: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Serve keys until the block ends; yields the environment variables with the address and the token."""
    token = secrets.token_urlsafe()
    expiry = datetime.now(UTC) + timedelta(hours=1)
    credentials = {
        "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
        "Token": "",
        "Expiration": f"{expiry:%Y-%m-%dT%H:%M:%SZ}",
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer with the keys if the token is right."""
            authorized = secrets.compare_digest(self.headers.get("authorization", ""), token)
            self.send_response(200 if authorized else 401)
            self.end_headers()
            self.wfile.write(json.dumps(credentials if authorized else {}).encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/credentials"
        yield {"AWS_CONTAINER_CREDENTIALS_FULL_URI": address, "AWS_CONTAINER_AUTHORIZATION_TOKEN": token}
        server.shutdown()
