"""`make deploy-check`: deploys the template into an emulator, calls every function, updates and deletes the stack.

The vendors are the simulators of `local/`. Each step prints what it checked and how long it took; the first failure
ends the run with exit code 1. It contacts loopback addresses only, and leaves no process behind.
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
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator

DOMAIN = "api.example.com"
CERTIFICATE = f"arn:aws:acm:{REGION}:000000000000:certificate/12345678-1234-1234-1234-123456789012"
ORIGIN = "https://dash.example.com"
SCOPES = "tally/reports:read tally/reports:schedule tally/reports:content tally/credits:read"
QUERY = """{
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
  creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z", first: 1) { nodes { msisdn } }
}"""
HANDLER = "functions.graphql_api.handler"
WARM_CALLS = 200
SECRET_FIELDS = {"password", "subscriptionKey"}


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
    """Both simulated vendors; the credit log reaches back to the dates of the sample events."""
    history = (datetime.now(UTC) - datetime(2019, 10, 1, tzinfo=UTC)).days
    with RdeSimulator() as rde, OpenMarketSimulator(rows_a_day=200, history_days=history) as openmarket:
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


def check_events(stack: Stack) -> None:
    """Send every sample event of the API with `lambda invoke`."""
    for name in EXPECTED:
        check(name, ExpectedAnswer.of_payload(stack.invoke("GraphqlApiFunction", event(name))))


def check_gateway(stack: Stack) -> None:
    """Check the routes, the authorizer, masking by scope and CORS, over HTTP."""
    body = json.dumps({"query": QUERY}).encode()
    post = {"content-type": "application/json", "origin": ORIGIN}
    for refused in (post, {**post, "authorization": "Bearer not.a.token"}):
        require(
            stack.http("POST", "/graphql", refused, body).status == 401, "a call without a valid token was accepted"
        )
    authorized = {**post, "authorization": f"Bearer {stack.token(SCOPES)}"}
    answer = stack.http("POST", "/graphql", authorized, body)
    require(answer.status == 200, answer)
    require(answer.data()["reports"]["totalCount"] == 7, answer.body)
    require(
        "****" in answer.data()["creditLog"]["nodes"][0]["msisdn"],
        "a phone number is not masked without credits:msisdn",
    )
    require(answer.headers["access-control-allow-origin"] == ORIGIN, answer.headers)
    for path, status in (
        ("/", 200),
        ("/overview", 200),
        ("/assets/react-18.2.0.min.js", 200),
        ("/health", 200),
        ("/nothing-here", 404),
    ):
        require(stack.http("GET", path).status == status, f"{path} is not {status}")
    check_preflight(stack)


def check_preflight(stack: Stack) -> None:
    """The gateway answers a preflight itself, for the listed origin only."""
    requested = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,traceparent",
    }
    mine = stack.http("OPTIONS", "/graphql", {**requested, "origin": ORIGIN})
    other = stack.http("OPTIONS", "/graphql", {**requested, "origin": "https://elsewhere.example.com"})
    require(mine.headers.get("access-control-allow-origin") == ORIGIN, mine)
    require("traceparent" in mine.headers["access-control-allow-headers"], mine)
    require("access-control-allow-origin" not in other.headers, other)
    rules = stack.emulator.client("s3").get_bucket_cors(Bucket=stack.bucket)["CORSRules"]
    require([rule["AllowedOrigins"] for rule in rules] == [[ORIGIN]], rules)


def check_sign_in(stack: Stack) -> None:
    """A browser has a public client of its own, which may come back to either page, and the page is given its id."""
    cognito = stack.emulator.client("cognito-idp")
    pool, client_id = stack.outputs["UserPoolId"], stack.outputs["SignInClientId"]
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)["UserPoolClient"]
    require("ClientSecret" not in client and client["AllowedOAuthFlows"] == ["code"], client)
    pages = {stack.outputs["ExplorerUrl"], stack.outputs["OverviewUrl"]}
    require(set(client["CallbackURLs"]) == set(client["LogoutURLs"]) == pages, client)
    require("tally/credits:msisdn" not in client["AllowedOAuthScopes"], client)
    settings = stack.environment("GraphqlApiFunction")
    seen = {name: settings[name] for name in ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_SCOPES")}
    expected = (stack.outputs["Issuer"], client_id, " ".join(client["AllowedOAuthScopes"]))
    require(tuple(seen.values()) == expected, f"{seen} instead of {expected}")


def check_update(stack: Stack) -> None:
    """A changed setting reaches the functions, and the gateway calls a new version."""
    client = stack.emulator.client("lambda")

    def serving() -> Mapping[str, str]:
        name = {"FunctionName": stack.outputs["GraphqlApiFunction"], "Qualifier": "live"}
        function = client.get_function_configuration(**name)
        return {"version": function["Version"], "fresh": function["Environment"]["Variables"]["FRESH_SECONDS"]}

    before = serving()
    stack.update(FreshSeconds="5")
    after = serving()
    require(after["fresh"] == "5" and after["version"] != before["version"], f"{before} became {after}")
    stack.update(SnapStart="off", Explorer="off")
    require(stack.http("GET", "/").status == 404, "the explorer is still served after it was turned off")
    require(stack.http("GET", "/health").status == 200, "no health without SnapStart")
    without = serving()
    stack.update(SnapStart="on")
    require(serving()["version"] != without["version"], "SnapStart was turned on without a new version")


def check_domain(stack: Stack) -> None:
    """The API under a path of another domain; the default address is not closed while there is no other."""
    try:
        stack.update(DisableDefaultEndpoint="yes")
    except ClientError as refused:
        require("DomainName" in str(refused), refused)
    else:
        raise CheckError("the only address of the API could be closed")
    stack.update(DomainName=DOMAIN, CertificateArn=CERTIFICATE, DomainPath="tally/")
    gateway = stack.emulator.client("apigatewayv2")
    mapping = gateway.get_api_mappings(DomainName=DOMAIN)["Items"][0]
    require((mapping["ApiMappingKey"], mapping["Stage"]) == ("tally", "$default"), mapping)


def check_own_issuer(stack: Stack) -> None:
    """The operator's own identity provider replaces the user pool, but only with an audience."""
    own = {"JwtIssuer": "https://login.example.com/", "JwtAudience": "tally,dashboard"}
    try:
        stack.update(JwtIssuer=own["JwtIssuer"])
    except ClientError as refused:
        require("JwtAudience" in str(refused), refused)
    else:
        raise CheckError("an issuer without an audience was accepted")
    stack.update(**own)
    gateway, pools = stack.emulator.client("apigatewayv2"), stack.emulator.client("cognito-idp")
    authorizer = gateway.get_authorizers(ApiId=gateway.get_apis()["Items"][0]["ApiId"])["Items"][0]
    expected = {"Issuer": own["JwtIssuer"], "Audience": own["JwtAudience"].split(",")}
    require(authorizer["JwtConfiguration"] == expected, authorizer)
    require(not pools.list_user_pools(MaxResults=1)["UserPools"], "the user pool is still there")


def check_removal(stack: Stack) -> None:
    """Deleting the stack leaves the ledger's bucket and its objects."""
    s3 = stack.emulator.client("s3")
    before = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    stack.delete()
    after = s3.list_objects_v2(Bucket=stack.bucket)["KeyCount"]
    require(after == before > 0, f"{before} objects before, {after} after")


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


def logged(stack: Stack) -> list[str]:
    """Every line that the functions have logged."""
    logs = stack.emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    pages = (page for group in groups for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group))
    return [line["message"].rstrip() for page in pages for line in page["events"]]


def save_logs(stack: Stack, file: Path) -> None:
    """Save the functions' log lines, so that a failure can be explained."""
    file.write_text("\n".join(logged(stack)))


def check_logs(stack: Stack, *secrets: Mapping[str, str]) -> None:
    """No access was denied, not even where a function carries on; no secret and no full phone number was logged."""
    lines = logged(stack)
    require(any("REPORT" in line for line in lines), "nothing was logged at all")
    forbidden = [value for secret in secrets for name, value in secret.items() if name in SECRET_FIELDS]
    for line in lines:
        require(not any(word in line for word in ("PermissionDenied", "AccessDenied", "Traceback")), line)
        require(not any(value in line for value in forbidden), "a secret is in the log")
        require("447700900" not in line, "a full phone number is in the log")


def run(scratch: Path) -> None:
    """Run all steps, in the order in which an operator meets them."""
    for name, reason in LEFT_OUT.items():
        say(f"left out  {name}: {reason}")
    with ExitStack() as until_the_end:
        rde, openmarket = until_the_end.enter_context(vendors())
        aws = until_the_end.enter_context(emulator(scratch / "emulator.log"))
        with step("sam build: the artifact, for this machine's processor"):
            template = build(scratch / "build")
        with step("sam deploy: every resource of the template but those left out"):
            stack = deployed(aws, template, parameters(rde, openmarket))
        until_the_end.callback(save_logs, stack, scratch / "functions.log")
        put_secrets(aws, rde, openmarket)
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
        with step(f"Lambda's own runtime: every event, {WARM_CALLS} warm calls"):
            figures = check_runtime(scratch / "build" / "GraphqlApi", stack, scratch / "runtime.log")
        say(f"          {figures}")
        with step("Lambda's own runtime: without keys in the environment, as under SnapStart"):
            check_snapshot(scratch / "build" / "GraphqlApi", stack, scratch / "snapshot.log")
        with step("logs: no access denied, no exception, no secret"):
            check_logs(stack, rde.secret, openmarket.secret)
        with step("exporter: an event that it cannot process ends in the dead-letter queue"):
            check_dead_letters(stack)
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
        run(scratch)
    except (CheckError, RuntimeError) as failure:
        say(f"FAILED    {failure}\n          logs: {scratch}")
        return 1
    shutil.rmtree(scratch)
    say(f"{time.monotonic() - started:6.1f} s  in all: deployed, called, updated and removed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
