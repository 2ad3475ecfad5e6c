"""The audits of the `graphql-http` project, against the handler behind the local gateway, over real HTTP.

They are the referee of docs/clients.md, "HTTP". npm installs them by the lock beside this file when they are first
needed.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.application import make_handler
from functions.settings import Settings
from local.authorizer import Authorizer
from local.gateway import Gateway
from tests.support.node import node_with_packages

HERE = Path(__file__).parent
AUDITS = 61


@pytest.fixture
def node() -> str:
    """Node, with the audits installed."""
    return node_with_packages(HERE)


@pytest.fixture
def environ(settings_environ: dict[str, str]) -> Iterator[dict[str, str]]:
    """The served URL and a token for it."""
    handler, authorizer = make_handler(Settings.read(settings_environ)), Authorizer()
    gateway = Gateway(handler, authorizer)
    with gateway.serve() as server:
        yield os.environ | {"URL": f"{server.url}/graphql", "TOKEN": authorizer.token()}
    gateway.stop()
    handler.close()


def test_every_audit_of_graphql_over_http_passes(node: str, environ: dict[str, str]) -> None:
    ran = subprocess.run([node, "audit.mjs"], cwd=HERE, env=environ, check=True, capture_output=True, timeout=60)
    results = json.loads(ran.stdout)
    assert len(results) == AUDITS
    assert [result for result in results if result["status"] != "ok"] == []
