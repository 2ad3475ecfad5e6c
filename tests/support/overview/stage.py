"""The real stack for the overview: gateway, handler, ledger and both vendors, of which a test makes one misbehave.

Each set of scopes has a gateway of its own in front of the one handler, whose page has a token with these scopes.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from functions.application import make_handler
from functions.settings import Settings
from local.authorizer import EVERY_SCOPE, Authorizer
from local.aws import Aws
from local.gateway import Gateway
from local.lambda_runtime import Handler
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator


@dataclass(slots=True)
class Stage:
    """What is running; `ask` asks the API directly, by the side of the page."""

    openmarket: OpenMarketSimulator
    rde: RdeSimulator
    handler: Handler
    exits: ExitStack
    authorizer: Authorizer = field(default_factory=Authorizer)
    gateways: dict[str | None, str] = field(default_factory=dict)

    def url(self, scope: str | None = EVERY_SCOPE) -> str:
        """The address whose page has a token with these scopes; None: a page without a token."""
        if scope not in self.gateways:
            token = None if scope is None else self.authorizer.token(scope)
            gateway = Gateway(self.handler, self.authorizer, page_token=token)
            self.exits.callback(gateway.stop)
            self.gateways[scope] = self.exits.enter_context(gateway.serve()).url
        return f"{self.gateways[scope]}/overview"

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data that the API answers, with every scope."""
        answer = httpx.post(
            self.url().replace("/overview", "/graphql"),
            json={"query": query, "variables": dict(variables or {})},
            headers={"Authorization": f"Bearer {self.authorizer.token()}"},
            timeout=30,
        ).json()
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


@contextmanager
def staged(aws: Aws, secret_prefix: str, **settings: str) -> Iterator[Stage]:
    """A stage with a bucket of its own and few credits a day."""
    bucket = f"ledger-{uuid.uuid4().hex}"
    aws.create_bucket(bucket)
    with ExitStack() as exits:
        openmarket = exits.enter_context(OpenMarketSimulator(rows_a_day=60))
        rde = exits.enter_context(RdeSimulator())
        environ = {
            **aws.environ,
            "LEDGER_BUCKET": bucket,
            "SECRET_PREFIX": secret_prefix,
            "RDE_BASE_URL": rde.base_url,
            "OPENMARKET_BASE_URL": openmarket.base_url,
            "REPORT_HOSTS": "127.0.0.1",
            **settings,
        }
        handler = make_handler(Settings.read(environ))
        exits.callback(handler.close)
        yield Stage(openmarket, rde, handler, exits)
