"""A run of the keeper that is cancelled from another thread, as `make run` does when it stops."""

import asyncio
from contextlib import closing

import pytest

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from tests.support.api.frontend import InvocationContext


def test_a_cancelled_run_does_not_cancel_the_ones_after_it(settings_environ: dict[str, str]) -> None:
    settings = Settings.read({**settings_environ, "SECRET_PREFIX": "no-tenants"})
    with closing(KeeperHandler(keeper_of(settings))) as handler:
        handler.cancel()
        with pytest.raises(asyncio.CancelledError):
            handler({}, InvocationContext())
        assert handler({}, InvocationContext())["complete"]
