"""Checks of the deployed API: its events, what the gateway lets in, and signing in."""

import json

from deploy.expectations import EXPECTED, ExpectedAnswer, check, event, require
from deploy.stack import Stack

ORIGIN = "https://dash.example.com"


SCOPES = "tally/reports:read tally/reports:schedule tally/reports:content tally/credits:read"


QUERY = """{
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
  creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z", first: 1) { nodes { msisdn } }
}"""


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
