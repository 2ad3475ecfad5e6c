"""An OpenID Connect provider, and the local stack whose users sign in there, as processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.processes import free_port, stop, wait_until_up
from tests.support.node import node_with_packages
from tests.support.repository import ROOT

PROVIDER = ROOT / "tests" / "explorer" / "provider"
TOKEN_SECONDS = 35
"""The explorer renews 30 seconds before the end: five after the sign-in."""

SMALL_ACCOUNT = {"VENDOR_DAYS": "2", "OPENMARKET_CREDITS": "20", "KEEPER_SECONDS": "600"}
"""So that the keeper's work beside the tests is short."""


@contextmanager
def provider(page: str, log: Path) -> Iterator[str]:
    """Run the provider with one client, whose pages may come from `page`; its issuer."""
    port = free_port()
    settings = {"port": port, "page": page, "accessTokenSeconds": TOKEN_SECONDS}
    command = [node_with_packages(PROVIDER), "provider.mjs", json.dumps(settings)]
    issuer = f"http://127.0.0.1:{port}"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=PROVIDER, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_until_up(f"{issuer}/.well-known/openid-configuration", process, log)
        yield issuer
    finally:
        stop(process)


@contextmanager
def stack(port: int, issuer: str, folder: Path) -> Iterator[None]:
    """Run `make run`'s stack on a port, where users sign in at an issuer."""
    environ = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
        "OIDC_ISSUER": issuer,
        "OIDC_CLIENT_ID": "explorer",
        "OIDC_SCOPES": "openid profile reports:read credits:read",
        "OIDC_AUDIENCE": "tally",
        "SCOPE_CLAIMS": "scope permissions",
        **SMALL_ACCOUNT,
    }
    command = [sys.executable, "-m", "local", "--port", str(port), "--workspace", str(folder / "workspace")]
    log = folder / "stack.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, start_new_session=True)
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health", process, log)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        stop(process)
