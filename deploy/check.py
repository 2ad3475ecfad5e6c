"""`make deploy-check`: the template deployed for real into an emulator, every function called, nothing lost at the end.

Upstreams are the simulators of `local/`. Each step prints what it showed and how long it took; the first thing that is
not as it must be ends the run with exit code 1. Only loopback addresses are talked to, and no process outlives the run.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError

from deploy.artifact import host_architecture
from deploy.background import check_dead_letters, check_exporter, check_keeper
from deploy.emulator import REGION, ROOT_KEYS, Emulator, emulator
from deploy.expectations import EXPECTED, CheckError, ExpectedAnswer, check, event, require
from deploy.permissions import TABLE, check_permissions
from deploy.runtime import runtime
from deploy.snapshot import keys_on_request
from deploy.stack import LEFT_OUT, Stack, build, deployed
from local.openmarket import OpenMarketSimulator
from local.rde import RdeSimulator

ORIGIN = "https://dash.example.com"
SCOPES = "tally/reports:read tally/reports:schedule tally/credits:read"
QUERY = """{
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
  creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z", first: 1) { nodes { msisdn } }
}"""
HANDLER = "functions.graphql_api.handler"
WARM_CALLS = 200
SECRET_FIELDS = {"password", "subscriptionKey"}


def say(text: str) -> None:
    """One line on the terminal, at once."""
    print(text, flush=True)


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print a step's name and how long it took."""
    begun = time.monotonic()
    yield
    say(f"{time.monotonic() - begun:6.1f} s  {name}")


@contextmanager
def vendors() -> Iterator[tuple[RdeSimulator, OpenMarketSimulator]]:
    """Both simulated vendors; the credit log reaches back to the dates of the sample events."""
    history = (datetime.now(UTC) - datetime(2019, 10, 1, tzinfo=UTC)).days
    with RdeSimulator() as rde, OpenMarketSimulator(rows_a_day=200, history_days=history) as openmarket:
        yield rde, openmarket


def parameters(rde: RdeSimulator, openmarket: OpenMarketSimulator) -> dict[str, str]:
    """What this deployment is given besides the defaults."""
    return {
        "Architecture": host_architecture(),
        "RdeBaseUrl": rde.base_url,
        "OpenMarketBaseUrl": openmarket.base_url,
        "ReportHosts": "127.0.0.1",
        "CorsOrigins": ORIGIN,
        "SnapStart": "on",
    }


def put_secrets(on: Emulator, rde: RdeSimulator, openmarket: OpenMarketSimulator) -> None:
    """What an operator does after the first deploy."""
    client = on.client("secretsmanager")
    for name, secret in (("rde", rde.secret), ("openmarket", openmarket.secret)):
        client.create_secret(Name=f"tally/default/{name}", SecretString=json.dumps(secret))


def check_events(stack: Stack) -> None:
    """Every sample event of the API through `lambda invoke`."""
    for name in EXPECTED:
        check(name, ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event(name))))


def check_gateway(stack: Stack) -> None:
    """The routes, the token check, masking by scope and CORS, over HTTP."""
    body = json.dumps({"query": QUERY}).encode()
    post = {"content-type": "application/json", "origin": ORIGIN}
    for refused in (post, {**post, "authorization": "Bearer not.a.token"}):
        require(stack.http("POST", "/graphql", refused, body).status == 401, "a call without a good token came through")
    good = {**post, "authorization": f"Bearer {stack.token(SCOPES)}"}
    answer = stack.http("POST", "/graphql", good, body)
    require(answer.status == 200, answer)
    require(answer.data()["reports"]["totalCount"] == 7, answer.body)
    require("****" in answer.data()["creditLog"]["nodes"][0]["msisdn"], "a number came unmasked without credits:msisdn")
    require(answer.headers["access-control-allow-origin"] == ORIGIN, answer.headers)
    for path, status in (("/", 200), ("/assets/react-18.2.0.min.js", 200), ("/health", 200), ("/nothing-here", 404)):
        require(stack.http("GET", path).status == status, f"{path} is not {status}")
    check_preflight(stack)


def check_preflight(stack: Stack) -> None:
    """The gateway answers a preflight by itself, for the listed origin only."""
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type"}
    mine = stack.http("OPTIONS", "/graphql", {**asked, "origin": ORIGIN})
    other = stack.http("OPTIONS", "/graphql", {**asked, "origin": "https://elsewhere.example.com"})
    require(mine.headers.get("access-control-allow-origin") == ORIGIN, mine)
    require("access-control-allow-origin" not in other.headers, other)


def check_update(stack: Stack) -> None:
    """A changed setting reaches the functions, and the version that the gateway calls is a new one."""
    client = stack.emulator.client("lambda")

    def serving() -> Mapping[str, str]:
        name = {"FunctionName": stack.outputs["GraphqlApiFunction"], "Qualifier": "live"}
        found = client.get_function_configuration(**name)
        return {"version": found["Version"], "fresh": found["Environment"]["Variables"]["FRESH_SECONDS"]}

    before = serving()
    stack.update(FreshSeconds="5")
    after = serving()
    require(after["fresh"] == "5" and after["version"] != before["version"], f"{before} became {after}")
    stack.update(SnapStart="off", Explorer="off")
    require(stack.http("GET", "/").status == 404, "the explorer is there after it was turned off")
    require(stack.http("GET", "/health").status == 200, "no health without SnapStart")


def check_own_issuer(stack: Stack) -> None:
    """Somebody's own identity provider takes the place of the user pool, but not without an audience."""
    own = {"JwtIssuer": "https://login.example.com/", "JwtAudience": "tally,dashboard"}
    try:
        stack.update(JwtIssuer=own["JwtIssuer"])
    except ClientError as refused:
        require("JwtAudience" in str(refused), refused)
    else:
        raise CheckError("an issuer without an audience was let in")
    stack.update(**own)
    gateway, pools = stack.emulator.client("apigatewayv2"), stack.emulator.client("cognito-idp")
    authorizer = gateway.get_authorizers(ApiId=gateway.get_apis()["Items"][0]["ApiId"])["Items"][0]
    expected = {"Issuer": own["JwtIssuer"], "Audience": own["JwtAudience"].split(",")}
    require(authorizer["JwtConfiguration"] == expected, authorizer)
    require(not pools.list_user_pools(MaxResults=1)["UserPools"], "the user pool is still there")


def check_removal(stack: Stack) -> None:
    """The stack goes, the ledger stays."""
    s3 = stack.emulator.client("s3")
    held = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    stack.delete()
    kept = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    require(kept == held > 0, f"{held} objects before, {kept} after")


def runtime_environ(stack: Stack) -> dict[str, str]:
    """The API function's settings as deployed, and where AWS is."""
    here = {"AWS_ENDPOINT_URL": stack.emulator.endpoint, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return stack.environment("GraphqlApiFunction") | here


def check_runtime(artifact: Path, stack: Stack, log: Path) -> str:
    """The same artifact under Lambda's own runtime: every event once, then many warm calls."""
    times = []
    with runtime(artifact, HANDLER, runtime_environ(stack) | ROOT_KEYS, log) as running:
        for name in EXPECTED:
            check(name, ExpectedAnswer.of_payload(running.invoke(event(name))))
        for _ in range(WARM_CALLS):
            begun = time.perf_counter()
            check("reports", ExpectedAnswer.of_payload(running.invoke(event("reports"))))
            times.append(time.perf_counter() - begun)
    return f"median {statistics.median(times) * 1000:.1f} ms, slowest {max(times) * 1000:.1f} ms, emulator included"


def check_snapshot(artifact: Path, stack: Stack, log: Path) -> None:
    """Started as under SnapStart, without keys in its environment, the function still reaches ledger and secrets."""
    asked = event("credit-outcome")
    asked["body"] = asked["body"].replace("2019-11-19T", "2019-11-20T")
    with (
        keys_on_request(ROOT_KEYS) as where,
        runtime(artifact, HANDLER, runtime_environ(stack) | where, log) as running,
    ):
        answers = [ExpectedAnswer.of_payload(running.invoke(asked)).data()["creditOutcome"] for _ in range(2)]
    sources = [answer["freshness"]["source"] for answer in answers]
    require(sources == ["UPSTREAM", "CACHE"], f"{sources}: {log.read_text()[-1500:]}")
    require("S3 could not serve" not in log.read_text(), log.read_text()[-1500:])


def logged(stack: Stack) -> list[str]:
    """Every line that the functions have logged."""
    logs = stack.emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group))
    return [found["message"].rstrip() for page in pages for found in page["events"]]


def keep_logs(stack: Stack, file: Path) -> None:
    """Save what the functions logged, for who has to find out why something failed."""
    file.write_text("\n".join(logged(stack)))


def check_logs(stack: Stack, *secrets: Mapping[str, str]) -> None:
    """Nothing was denied to a function, not even where it goes on without; no secret and no whole number was logged."""
    lines = logged(stack)
    require(any("REPORT" in line for line in lines), "nothing was logged at all")
    forbidden = [value for secret in secrets for name, value in secret.items() if name in SECRET_FIELDS]
    for line in lines:
        require(not any(word in line for word in ("PermissionDenied", "AccessDenied", "Traceback")), line)
        require(not any(value in line for value in forbidden), "a secret is in the log")
        require("447700900" not in line, "a whole phone number is in the log")


def run(scratch: Path) -> None:
    """All steps, in the order in which an operator meets them."""
    for name, why in LEFT_OUT.items():
        say(f"left out  {name}: {why}")
    with ExitStack() as until_the_end:
        rde, openmarket = until_the_end.enter_context(vendors())
        on = until_the_end.enter_context(emulator(scratch / "emulator.log"))
        with step("sam build: the artifact, for this machine's processor"):
            template = build(scratch / "build")
        with step("sam deploy: every resource of the template but those left out"):
            stack = deployed(on, template, parameters(rde, openmarket))
        until_the_end.callback(keep_logs, stack, scratch / "functions.log")
        put_secrets(on, rde, openmarket)
        with step(f"roles: {len(TABLE)} permissions that must and must not be"):
            check_permissions(stack)
        with step(f"lambda invoke: {len(EXPECTED)} sample events"):
            check_events(stack)
        with step("HTTP through the gateway: routes, tokens of the user pool, masking, CORS"):
            check_gateway(stack)
        with step("the keeper: settles 120 days, archives report files, and does nothing twice"):
            check_keeper(stack, rde, openmarket)
        with step("the exporter: invoked by the API, one file, row for row what the API counts"):
            check_exporter(stack)
        with step(f"Lambda's own runtime: every event, {WARM_CALLS} warm calls"):
            figures = check_runtime(scratch / "build" / "GraphqlApi", stack, scratch / "runtime.log")
        say(f"          {figures}")
        with step("Lambda's own runtime: without keys, as started from a snapshot"):
            check_snapshot(scratch / "build" / "GraphqlApi", stack, scratch / "snapshot.log")
        with step("logs: nothing denied, nothing raised, nothing secret"):
            check_logs(stack, rde.secret, openmarket.secret)
        with step("the exporter: what it cannot do ends in the dead-letter queue"):
            check_dead_letters(stack)
        with step("stack update: a setting, SnapStart off, explorer off"):
            check_update(stack)
        with step("stack update: an identity provider of one's own"):
            check_own_issuer(stack)
        with step("stack delete: the ledger's bucket and its objects stay"):
            check_removal(stack)


def main() -> int:
    """Run in a folder that stays when something failed."""
    scratch = Path(tempfile.mkdtemp(prefix="tally-deploy-check-"))
    begun = time.monotonic()
    try:
        run(scratch)
    except (CheckError, RuntimeError) as failure:
        say(f"FAILED    {failure}\n          logs: {scratch}")
        return 1
    shutil.rmtree(scratch)
    say(f"{time.monotonic() - begun:6.1f} s  in all: deployed, called, updated and removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
