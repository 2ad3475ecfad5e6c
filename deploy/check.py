"""`make deploy-check`: deploys the template into an emulator, calls every function, updates and deletes the stack.

The vendors are the simulators of `local/`. Each step prints what it checked and how long it took; the first failure
ends the run with exit code 1. It contacts loopback addresses only, and leaves no process behind.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from deploy.artifact import host_architecture
from deploy.checks.artifact import WARM_CALLS, check_runtime, check_snapshot
from deploy.checks.background import check_dead_letters, check_exporter, check_keeper
from deploy.checks.logs import check_logs, save_logs
from deploy.checks.permissions import TABLE, check_permissions
from deploy.checks.requests import ORIGIN, check_events, check_gateway, check_sign_in
from deploy.checks.updates import check_domain, check_own_issuer, check_removal, check_update
from deploy.emulator import Emulator, emulator
from deploy.expectations import EXPECTED, CheckError
from deploy.stack import LEFT_OUT, Stack, build, deployed
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step's name and how long it took."""
    started = time.monotonic()
    yield
    say(f"{time.monotonic() - started:6.1f} s  {name}")


@contextmanager
def vendors() -> Iterator[tuple[RdeSimulator, OpenMarketSimulator]]:
    """Both simulated vendors; the credit log reaches back to the dates of the sample events, reports five weeks."""
    history = (datetime.now(UTC) - datetime(2019, 10, 1, tzinfo=UTC)).days
    with RdeSimulator() as rde, OpenMarketSimulator(rows_a_day=200, history_days=history) as openmarket:
        rde.days_kept = 35
        yield rde, openmarket


def parameters(rde: RdeSimulator, openmarket: OpenMarketSimulator) -> dict[str, str]:
    """The template's parameters of this deployment, besides the defaults."""
    return {
        "Architecture": host_architecture(),
        "RdeBaseUrl": rde.base_url,
        "OpenMarketBaseUrl": openmarket.base_url,
        "ReportHosts": "127.0.0.1",
        "CorsOrigins": ORIGIN,
        "SnapStart": "on",
    }


def put_secrets(aws: Emulator, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    """Create the vendors' secrets, as an operator does after the first deploy."""
    client = aws.client("secretsmanager")
    for name, secret in (("rde", rde.secret), ("openmarket", openmarket.secret)):
        client.create_secret(Name=f"tally/default/{name}", SecretString=json.dumps(secret))


def run(scratch: Path, template: Path) -> None:
    """Run all steps but `build`, which made the template, in the order in which an operator meets them."""
    for name, reason in LEFT_OUT.items():
        say(f"left out  {name}: {reason}")
    with ExitStack() as until_the_end:
        rde, openmarket = until_the_end.enter_context(vendors())
        aws = until_the_end.enter_context(emulator(scratch / "emulator.log"))
        with step("sam deploy: every resource of the template but those left out"):
            stack = deployed(aws, template, parameters(rde, openmarket))
        until_the_end.callback(save_logs, stack, scratch / "functions.log")
        put_secrets(aws, rde, openmarket)
        call_functions(stack, rde, openmarket)
        run_artifact(template.parent / "GraphqlApi", stack, scratch)
        with step("logs: no access denied, no exception, no secret"):
            check_logs(stack, rde.secret, openmarket.secret)
        with step("exporter: an event that it cannot process ends in the dead-letter queue"):
            check_dead_letters(stack)
        change_stack(stack)


def call_functions(stack: Stack, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    """Call each deployed function, with its own role."""
    with step(f"roles: {len(TABLE)} actions that must or must not be allowed"):
        check_permissions(stack)
    with step(f"lambda invoke: {len(EXPECTED)} sample events"):
        check_events(stack)
    with step("HTTP through the gateway: routes, tokens of the user pool, masking, CORS"):
        check_gateway(stack)
    with step("signing in: a public client for browsers"):
        check_sign_in(stack)
    with step("keeper: settles 120 days, archives report files, repeats nothing"):
        check_keeper(stack, rde, openmarket)
    with step("exporter: invoked by the API, one file with as many rows as the API counts"):
        check_exporter(stack)


def run_artifact(artifact: Path, stack: Stack, scratch: Path) -> None:
    """Run what was built under Lambda's own runtime, with the deployed function's settings."""
    with step(f"Lambda's own runtime: every event, {WARM_CALLS} warm calls"):
        figures = check_runtime(artifact, stack, scratch / "runtime.log")
    say(f"          {figures}")
    with step("Lambda's own runtime: without keys in the environment, as under SnapStart"):
        check_snapshot(artifact, stack, scratch / "snapshot.log")


def change_stack(stack: Stack) -> None:
    """Change the stack as an operator may, and delete it in the end."""
    with step("stack update: a setting, SnapStart off, explorer off"):
        check_update(stack)
    with step("stack update: a domain name, and a path under it"):
        check_domain(stack)
    with step("stack update: an identity provider other than Cognito"):
        check_own_issuer(stack)
    with step("stack delete: the ledger's bucket and its objects stay"):
        check_removal(stack)


def main() -> int:
    """Run in a temporary folder, which is left in place after a failure; returns the exit status."""
    scratch = Path(tempfile.mkdtemp(prefix="tally-deploy-check-"))
    started = time.monotonic()
    try:
        with step("sam build: the artifact, for this machine's processor"):
            template = build(scratch / "build")
        run(scratch, template)
    except (CheckError, RuntimeError) as failure:
        say(f"FAILED    {failure}\n          logs: {scratch}")
        return 1
    shutil.rmtree(scratch)
    say(f"{time.monotonic() - started:6.1f} s  in all: deployed, called, updated and removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
