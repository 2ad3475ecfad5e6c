"""The real stack for the overview: gateway, handler, ledger and both vendors, of which a test makes one misbehave.

Each set of scopes has a gateway of its own in front of the one handler, whose page has a token with these scopes.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import httpx

from functions.application import make_handler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.keeper.run import KeeperRun
from local.authorizer import EVERY_SCOPE, Authorizer
from local.aws import Aws
from local.gateway import Gateway
from local.lambda_runtime import Handler
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline

ENDING_SECONDS = 30.0
"""For a request that a left page still waits for: a handler that is at work cannot be closed."""


@dataclass(slots=True)
class Stage:
    """What is running; `ask` asks the API directly, by the side of the page."""

    openmarket: OpenMarketSimulator
    rde: RdeSimulator
    settings: Settings
    handler: Handler
    exits: ExitStack
    authorizer: Authorizer = field(default_factory=Authorizer)
    gateways: dict[str | None, str] = field(default_factory=dict)

    def url(self, scope: str | None = EVERY_SCOPE) -> str:
        """The address whose page has a token with these scopes; None: a page without a token."""
        if scope not in self.gateways:
            token = None if scope is None else self.authorizer.token(scope)
            gateway = Gateway(self.handler, self.authorizer, page_token=token)
            self.exits.callback(gateway.stop, ENDING_SECONDS)
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

    def open_report_files(self) -> None:
        """Let the keeper archive and open the report files that there are."""
        keeper, run = keeper_of(self.settings), KeeperRun(Deadline.after(60))

        async def keep() -> None:
            await keeper.report_files.collect("default", run)
            await keeper.report_contents.open("default", run)

        _elsewhere(lambda: asyncio.run(keep()))
        assert run.failed == 0


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
        read = Settings.read(environ)
        handler = make_handler(read)
        exits.callback(_elsewhere, handler.close)
        yield Stage(openmarket, rde, read, handler, exits)


def _elsewhere(work: Callable[[], None]) -> None:
    """Do it on a thread of its own: Playwright's event loop runs in the tests' thread."""
    thread = Thread(target=work)
    thread.start()
    thread.join()
