"""`make run`: Tally on http://127.0.0.1:8000, with everything it needs in this one process.

With LEDGER_BUCKET in the environment nothing is embedded: the same gateway and handler talk to the real AWS and
vendors.
"""

import argparse
import errno
import logging
import os
import signal
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from functions.settings import SettingError, Settings
from local.authorizer import EVERY_SCOPE, Authorizer
from local.gateway import Gateway
from local.scheduler import Scheduler
from local.stack import embedded, is_real

if TYPE_CHECKING:
    from functions.keeper_handler import KeeperHandler

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Blocked in every thread from the first moment on, and waited for: a handler would run in the main thread only, which
sleeps on when the system hands the signal to another."""

GREETING = """\
Tally is ready: {url}

  explorer   {url}/   (open it in a browser: it has a token)
  endpoint   {url}/graphql   ({ledger})

A token for other clients, good for twelve hours:

  export TOKEN={token}
  curl -s {url}/graphql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
    -d '{{"query": "{{ reports(from: \\"2019-11-05\\", to: \\"2019-12-03\\") {{ nodes {{ name format }} }} }}"}}'

Ctrl-C stops it."""


def main() -> int:
    """Start, say where, wait for Ctrl-C or SIGTERM, stop; the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    asked = _arguments()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "httpcore", "botocore", "boto3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)  # they log every URL, signed ones too
    real = is_real(os.environ)
    with nullcontext() if real else embedded(tenant=asked.tenant):
        try:
            settings = Settings.read(os.environ)
        except SettingError as error:
            return _refuse(str(error))
        try:
            _serve(asked, settings, embeds=not real)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return _refuse(f"port {asked.port} is taken; PORT={asked.port + 1} make run takes the next one")
    return 0


def _refuse(reason: str) -> int:
    print(f"Tally does not start: {reason}", file=sys.stderr)
    return 2


def _serve(asked: argparse.Namespace, settings: Settings, *, embeds: bool) -> None:
    from functions.graphql_api import handler  # noqa: PLC0415 - it may read its settings when it is imported

    authorizer = Authorizer()
    claims = {settings.tenant_claim: asked.tenant} if settings.tenant_claim else {}
    token = authorizer.token(asked.scope, claims=claims)
    gateway = Gateway(handler, authorizer, page_token=token)
    ledger = "everything embedded" if embeds else "the real AWS and vendors"
    with gateway.serve(asked.port) as server:
        print(GREETING.format(url=server.url, token=token, ledger=ledger), flush=True)
        # A real ledger has a scheduler of its own.
        with Scheduler(lambda: _keeper(settings)) if embeds else nullcontext():
            _wait_for_a_stop_signal()
        server.stop(wait=True)
    gateway.stop()


def _keeper(settings: Settings) -> "KeeperHandler":
    from functions.keeper_handler import KeeperHandler  # noqa: PLC0415 - the start need not wait for it
    from functions.wiring import keeper_of  # noqa: PLC0415 - likewise

    return KeeperHandler(keeper_of(settings))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="Tally on this machine")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="PORT, or 8000; 0: any")
    parser.add_argument("--scope", default=EVERY_SCOPE, help="scopes of the token, space-separated")
    parser.add_argument("--tenant", default="default", help="tenant of the token, where TENANT_CLAIM is set")
    return parser.parse_args()


def _wait_for_a_stop_signal() -> None:
    """Wait for the first; the next one ends the process at once, should stopping take too long."""
    signal.sigwait(STOP_SIGNALS)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


if __name__ == "__main__":
    sys.exit(main())
