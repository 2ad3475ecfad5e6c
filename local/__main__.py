"""`make run`: Tally on http://127.0.0.1:8000, with everything it needs in this one process.

With LEDGER_BUCKET in the environment nothing is embedded: the same gateway and handler use the real AWS and vendors.
Log lines go to a file, so that the terminal keeps showing how to use the server; errors are shown there too.
"""

import argparse
import errno
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from functions.settings import SettingError, Settings
from local.authorizer import EVERY_SCOPE, Authorizer, ProviderAuthorizer
from local.gateway import Gateway
from local.lambda_runtime import Handler
from local.scheduler import Scheduler
from local.stack import embedded, is_real
from local.workspace import FOLDER, Workspace, shown
from runtime import logs

if TYPE_CHECKING:
    from functions.keeper_handler import KeeperHandler

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""Blocked in every thread from the start, and waited for: a signal handler would run in the main thread only, which
keeps sleeping when the system delivers the signal to another thread."""

KEEPER_SECONDS = 10.0
"""Between two runs of the keeper, unless the environment has another number: a scheduled report is archived while one
waits for it."""

GREETING = """\
Tally is ready: {url}

  overview   {url}/overview   (open it in a browser: it has a token)
  explorer   {url}/   (likewise, to write queries)
  endpoint   {url}/graphql   ({ledger})
  token      {token}   (the same after a restart, valid for 30 days)
  log        {log}
{lake}
  curl -s {url}/graphql -H "Authorization: Bearer $(cat {token})" -H 'Content-Type: application/json' \\
    -d '{{"query": "{{ reports(from: \\"2019-11-05\\", to: \\"2019-12-03\\") {{ nodes {{ name format }} }} }}"}}'

Ctrl-C stops it."""
SIGN_IN_GREETING = """\
Tally is ready: {url}

  overview   {url}/overview   (sign in at {issuer})
  explorer   {url}/   (likewise, to write queries)
  endpoint   {url}/graphql   (tokens of that issuer)
  log        {log}
{lake}
Ctrl-C stops it."""
LAKE = """\
  lake       duckdb -init {file}   (settled credits as the view credits, within a minute)
"""


def main() -> int:
    """Start, print how to use it, wait for Ctrl-C or SIGTERM, stop; the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    arguments = _arguments()
    workspace = Workspace(arguments.workspace)
    real = is_real(os.environ)
    with nullcontext() if real else embedded(tenant=arguments.tenant):
        try:
            settings = Settings.read(os.environ)
        except SettingError as error:
            return _refuse(str(error))
        try:
            _serve(arguments, settings, workspace, embeds=not real)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return _refuse(f"port {arguments.port} is in use; PORT={arguments.port + 1} make run uses the next one")
    return 0


class _Terminal(logging.StreamHandler[TextIO]):
    """Shows errors on the terminal; its own class, so that the functions' logging does not remove it."""


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """Write what the functions and the gateway log to a file, as JSON lines, and errors to the terminal as well."""
    file.parent.mkdir(parents=True, exist_ok=True)
    terminal = _Terminal(sys.stderr)
    terminal.setLevel(logging.ERROR)
    terminal.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.getLogger().addHandler(terminal)
    with file.open("w") as out, redirect_stdout(out):
        logs.set_up("INFO")
        yield


def _refuse(reason: str) -> int:
    print(f"Tally does not start: {reason}", file=sys.stderr)
    return 2


def _serve(arguments: argparse.Namespace, settings: Settings, workspace: Workspace, *, embeds: bool) -> None:
    from functions.graphql_api import handler  # noqa: PLC0415 - it may read its settings when it is imported

    gateway = _gateway(handler, arguments, settings, workspace)
    # Only a server that listens writes the files: a second start on a port in use leaves those of the first alone.
    with gateway.serve(arguments.port) as server, _logging_to(workspace.log_file):
        if embeds:
            workspace.write_lake_script(os.environ, arguments.tenant if settings.tenant_claim else "default")
        print(_greeting(server.url, settings, workspace, embeds=embeds), file=sys.__stdout__, flush=True)
        # A real ledger has a scheduler of its own.
        with Scheduler(lambda: _keeper(settings), every=arguments.keeper_seconds) if embeds else nullcontext():
            _wait_for_a_stop_signal()
        server.stop(wait=True)
    gateway.stop()


def _gateway(handler: Handler, arguments: argparse.Namespace, settings: Settings, workspace: Workspace) -> Gateway:
    """With OIDC_ISSUER users sign in there; otherwise the page and the token file have a token ready for use."""
    if settings.oidc_issuer:
        audiences = {settings.oidc_audience or settings.oidc_client_id}
        return Gateway(handler, ProviderAuthorizer(settings.oidc_issuer, audiences))
    authorizer = Authorizer(workspace.signing_key())
    claims = {settings.tenant_claim: arguments.tenant} if settings.tenant_claim else {}
    return Gateway(handler, authorizer, page_token=workspace.token(authorizer, arguments.scope, claims))


def _greeting(url: str, settings: Settings, workspace: Workspace, *, embeds: bool) -> str:
    lake = LAKE.format(file=shown(workspace.lake_file)) if embeds else ""
    common = {"url": url, "log": shown(workspace.log_file), "lake": lake}
    if settings.oidc_issuer:
        return SIGN_IN_GREETING.format(issuer=settings.oidc_issuer, **common)
    ledger = "everything embedded" if embeds else "the real AWS and vendors"
    return GREETING.format(ledger=ledger, token=shown(workspace.token_file), **common)


def _keeper(settings: Settings) -> "KeeperHandler":
    from functions.keeper_handler import KeeperHandler  # noqa: PLC0415 - the start does not wait for it
    from functions.wiring import keeper_of  # noqa: PLC0415 - likewise

    return KeeperHandler(keeper_of(settings))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local", description="Tally on this machine")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000), help="PORT, or 8000; 0: any")
    parser.add_argument("--scope", default=EVERY_SCOPE, help="scopes of the token, space-separated")
    parser.add_argument("--workspace", type=Path, default=FOLDER, help="folder for the token, the log, the lake script")
    seconds = os.environ.get("KEEPER_SECONDS") or KEEPER_SECONDS
    parser.add_argument("--keeper-seconds", type=float, default=seconds, help="between two runs of the keeper")
    parser.add_argument("--tenant", default="default", help="tenant of the token, where TENANT_CLAIM is set")
    return parser.parse_args()


def _wait_for_a_stop_signal() -> None:
    """Wait for the first; a second one ends the process at once, in case stopping takes too long."""
    signal.sigwait(STOP_SIGNALS)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


if __name__ == "__main__":
    sys.exit(main())
