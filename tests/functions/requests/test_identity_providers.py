"""Tokens of the usual identity providers, with their claims as an HTTP API hands them on."""

import json
from typing import Any

import pytest

from deploy.expectations import EVENTS
from schema.resolvers.access import ClaimNames, Identity, scopes_in
from tests.support.api.frontend import StartFrontend

TOKENS = {
    "cognito-application": {},
    "cognito-user": {},
    "entra-id-user": {},
    "entra-id-application": {"SCOPE_CLAIMS": "scope scp roles"},
    "okta": {},
    "auth0": {},
    "keycloak": {},
}
"""By the name of the sample event, what has to be set for it."""


def token(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EVENTS / "tokens" / f"{name}.json").read_text())
    return loaded


def test_every_sample_token_is_tried() -> None:
    assert {path.stem for path in (EVENTS / "tokens").glob("*.json")} == TOKENS.keys()


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_with_the_scopes_for_reading_reads_with_masked_numbers(name: str, start: StartFrontend) -> None:
    answer = start(**TOKENS[name]).send(token(name))
    assert answer.status == 200
    data = answer.data()
    assert data["reports"]["totalCount"] == 7
    assert "****" in data["creditLog"]["nodes"][0]["msisdn"]


def test_roles_count_only_where_a_setting_says_so(start: StartFrontend) -> None:
    errors = json.loads(start().send(token("entra-id-application")).body)["errors"]
    assert {error["extensions"]["code"] for error in errors} == {"FORBIDDEN"}


@pytest.mark.parametrize(
    ("claim", "scopes"),
    [
        ("reports:read credits:read", {"reports:read", "credits:read"}),
        ("[reports:read credits:read]", {"reports:read", "credits:read"}),
        ("[reports:read]", {"reports:read"}),
        ("tally/reports:read", {"reports:read"}),
        ("api://tally/v1/reports:read", {"reports:read"}),
        ("[https://tally.example.com/reports:read openid]", {"reports:read", "openid"}),
        ("", set()),
        ("[]", set()),
    ],
)
def test_a_claim_s_scopes(claim: str, scopes: set[str]) -> None:
    assert scopes_in(claim) == scopes


def test_scopes_of_all_named_claims_count_together() -> None:
    claims = {"scope": "reports:read", "scp": "[credits:read]", "permissions": "[credits:msisdn]"}
    assert Identity.of_claims(claims, ClaimNames()).scopes == {"reports:read", "credits:read"}
    assert Identity.of_claims(claims, ClaimNames(scopes=("permissions",))).scopes == {"credits:msisdn"}


@pytest.mark.parametrize("claims", [{"sub": "ada"}, {"sub": "ada", "scope": None}, {"sub": "ada", "scope": ""}])
def test_a_token_without_a_scope_claim_has_no_scopes(claims: dict[str, str | None]) -> None:
    assert Identity.of_claims(claims, ClaimNames()).scopes == set()
