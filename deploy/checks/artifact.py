"""Checks of the built artifact under Lambda's own runtime: cold, warm, and as from a snapshot."""

import statistics
import time
from pathlib import Path

from deploy.emulator import REGION, ROOT_KEYS
from deploy.expectations import EXPECTED, ExpectedAnswer, check, event, require
from deploy.runtime import runtime
from deploy.snapshot import keys_on_request
from deploy.stack import Stack

HANDLER = "functions.graphql_api.handler"


WARM_CALLS = 50


def runtime_environ(stack: Stack) -> dict[str, str]:
    """The API function's settings as deployed, with the emulator's address."""
    aws = {"AWS_ENDPOINT_URL": stack.emulator.endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return stack.environment("GraphqlApiFunction") | aws


def check_runtime(artifact: Path, stack: Stack, log: Path) -> str:
    """Run the same artifact under Lambda's own runtime: every event once, then many warm calls."""
    times = []
    with runtime(artifact, HANDLER, runtime_environ(stack) | ROOT_KEYS, log) as running:
        for name in EXPECTED:
            check(name, ExpectedAnswer.of_payload(running.invoke(event(name))))
        for _ in range(WARM_CALLS):
            started = time.perf_counter()
            check("reports", ExpectedAnswer.of_payload(running.invoke(event("reports"))))
            times.append(time.perf_counter() - started)
    return f"median {statistics.median(times) * 1000:.1f} ms, slowest {max(times) * 1000:.1f} ms, emulator included"


def check_snapshot(artifact: Path, stack: Stack, log: Path) -> None:
    """As under SnapStart, without keys in its environment, the function still reaches S3 and Secrets Manager."""
    request = event("credit-outcome")
    request["body"] = request["body"].replace("2019-11-19T", "2019-11-20T")
    with (
        keys_on_request(ROOT_KEYS) as credentials,
        runtime(artifact, HANDLER, runtime_environ(stack) | credentials, log) as running,
    ):
        answers = [ExpectedAnswer.of_payload(running.invoke(request)).data()["creditOutcome"] for _ in range(2)]
    sources = [answer["freshness"]["source"] for answer in answers]
    require(sources == ["UPSTREAM", "CACHE"], f"{sources}: {log.read_text()[-1500:]}")
    require("S3 could not serve" not in log.read_text(), log.read_text()[-1500:])
