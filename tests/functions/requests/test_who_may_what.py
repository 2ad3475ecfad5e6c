"""Scopes field by field, masked phone numbers, and tenants that never meet."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.credit_log import START, credit
from tests.support.api.frontend import EVERY_SCOPE, Frontend, StartFrontend, http_event
from tests.support.api.operations import DAYS, INPUT, LOG, OUTCOME, REPORTS, SCHEDULE, TIMES

EVERY = frozenset(EVERY_SCOPE.split())
NEEDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "reports": ("reports:read", REPORTS, DAYS),
    "creditLog": ("credits:read", LOG, TIMES),
    "creditOutcome": ("credits:read", OUTCOME, TIMES),
    "scheduleReport": ("reports:schedule", SCHEDULE, {"input": INPUT}),
}
NUMBERS = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z", first: 10000) {
  nodes { msisdn creditId } edges { node { msisdn } } } }"""
BY_NUMBER = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z", where: {msisdn: "447700900007"}) {
  totalCount } }"""


@pytest.mark.parametrize("field", NEEDS)
def test_a_field_needs_its_scope_and_no_other(frontend: Frontend, field: str) -> None:
    scope, query, variables = NEEDS[field]
    assert frontend.ask(query, variables, scope=scope).errors == []


@pytest.mark.parametrize("field", NEEDS)
def test_without_its_scope_a_field_is_forbidden_and_no_vendor_is_called(
    frontend: Frontend, rde_simulator: RdeSimulator, openmarket_simulator: OpenMarketSimulator, field: str
) -> None:
    scope, query, variables = NEEDS[field]
    reply = frontend.ask(query, variables, scope=" ".join(EVERY - {scope}))
    assert (reply.codes, reply.answer.status) == (["FORBIDDEN"], 200)
    assert reply.errors[0]["path"] == [field]
    assert reply.data in (None, {field: None})
    assert rde_simulator.requests == openmarket_simulator.requests == []


def test_a_forbidden_field_leaves_the_others(frontend: Frontend) -> None:
    query = """{ reports(from: "2019-11-05", to: "2019-12-03") { totalCount }
      creditOutcome(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { rows { brand } } }"""
    reply = frontend.ask(query, scope="reports:read")
    assert reply.data == {"reports": {"totalCount": 7}, "creditOutcome": None}
    assert reply.codes == ["FORBIDDEN"]


def test_what_is_inside_report_files_needs_a_scope_of_its_own(frontend: Frontend) -> None:
    query = """{ reports(from: "2019-11-19", to: "2019-11-19") { nodes { name bytes preview { state } } } }"""
    reply = frontend.ask(query, scope="reports:read")
    assert reply.data == {"reports": {"nodes": [{"name": "sample1", "bytes": None, "preview": None}]}}
    assert (reply.codes, reply.answer.status) == (["FORBIDDEN"], 200)
    assert reply.errors[0]["path"] == ["reports", "nodes", 0, "preview"]
    assert "reports:content" in reply.errors[0]["message"]
    reply = frontend.ask(query, scope="reports:read reports:content")
    assert (reply.errors, reply.data) == (
        [],
        {"reports": {"nodes": [{"name": "sample1", "bytes": None, "preview": {"state": "PENDING"}}]}},
    )


def test_what_was_asked_with_a_scope_is_not_given_without_it(frontend: Frontend) -> None:
    """The answer is stored by then: the scope is checked before stored data are shown as well."""
    assert frontend.ask(REPORTS, DAYS).errors == []
    assert frontend.ask(REPORTS, DAYS, scope="credits:read").codes == ["FORBIDDEN"]


@pytest.mark.parametrize("scope", ["", "reports:readx", "REPORTS:READ", "reports", "reports:read,credits:read", "*"])
def test_a_scope_is_a_whole_word(frontend: Frontend, scope: str) -> None:
    assert frontend.ask(REPORTS, DAYS, scope=scope).codes == ["FORBIDDEN"]


def test_numbers_are_masked_but_for_four_digits_at_each_end(frontend: Frontend) -> None:
    answered = frontend.data(NUMBERS)["creditLog"]
    masked = frontend.data(NUMBERS, scope="credits:read")["creditLog"]
    shown = [(node["creditId"], f"4477****{node['msisdn'][-4:]}") for node in answered["nodes"]]
    assert [(node["creditId"], node["msisdn"]) for node in masked["nodes"]] == shown
    assert [edge["node"]["msisdn"] for edge in masked["edges"]] == [number for _, number in shown]


@pytest.mark.parametrize(
    ("number", "seen"),
    [
        ("447700900765", "4477****0765"),
        ("123456789", "1234*6789"),
        ("12345678", "********"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_a_short_number_is_masked_whole(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, number: str, seen: str
) -> None:
    openmarket_simulator.rows_a_day = 0
    openmarket_simulator.add(credit(1, START, msisdn=number))
    assert frontend.data(NUMBERS, scope="credits:read")["creditLog"]["nodes"][0]["msisdn"] == seen


def test_a_search_by_number_needs_the_number_s_scope(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    assert frontend.ask(BY_NUMBER, scope="credits:read").codes == ["FORBIDDEN"]
    assert openmarket_simulator.requests == []
    assert frontend.data(BY_NUMBER)["creditLog"]["totalCount"] > 0


@pytest.mark.parametrize("claims", [None, {}])
def test_without_claims_a_caller_is_unauthenticated(frontend: Frontend, claims: Mapping[str, Any] | None) -> None:
    headers = {"content-type": "application/json", "accept": "application/json"}
    body = '{"query": "{ __typename }"}'
    answer = frontend.send(http_event("POST", "/graphql", headers=headers, body=body, claims=claims))
    assert (answer.status, answer.code()) == (401, "UNAUTHENTICATED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/", "/overview", "/health", "/assets/react-18.2.0.min.js"])
def test_the_pages_and_the_sign_of_life_need_no_token(frontend: Frontend, path: str) -> None:
    assert frontend.send(http_event("GET", path, headers={"accept-encoding": "gzip"})).status == 200


@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "br"}, {"accept-encoding": "gzip;q=0, *"}], ids=str)
def test_an_asset_is_never_sent_uncompressed(frontend: Frontend, headers: dict[str, str]) -> None:
    answer = frontend.send(http_event("GET", "/assets/react-18.2.0.min.js", headers=headers))
    assert (answer.status, answer.headers["vary"]) == (406, "Accept-Encoding")
    assert len(answer.body) < 200
    assert frontend.send(http_event("GET", "/", headers=headers)).status == 200  # the page itself is small


@pytest.fixture(scope="module")
def tenants_secrets(aws: Aws) -> str:
    """The prefix of the secrets of tenants `acme` and `globex`, which every test of this module only reads."""
    prefix = f"tally-{uuid.uuid4().hex}"
    for tenant in ("acme", "globex"):
        aws.put_secret(
            f"{prefix}/{tenant}/openmarket", {"accountId": f"{tenant}-account", "password": f"s3cret-{tenant}"}
        )
        aws.put_secret(f"{prefix}/{tenant}/rde", RdeSimulator().secret)
    return prefix


@pytest.fixture
def two_tenants(start: StartFrontend, tenants_secrets: str, openmarket_simulator: OpenMarketSimulator) -> Frontend:
    """Tenants `acme` and `globex`, each with an account of its own at OpenMarket and the same at RDE."""
    openmarket_simulator.accounts = {"acme-account": "s3cret-acme", "globex-account": "s3cret-globex"}
    return start(TENANT_CLAIM="custom:tenant", SECRET_PREFIX=tenants_secrets)


def ids(frontend: Frontend, tenant: str, **variables: Any) -> list[str]:
    answered = frontend.data(LOG, {**TIMES, "first": 10_000, **variables}, claims={"custom:tenant": tenant})
    return [node["creditId"] for node in answered["creditLog"]["nodes"]]


def test_each_tenant_has_its_own_rows(two_tenants: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    acme, globex, again = (ids(two_tenants, tenant) for tenant in ("acme", "globex", "acme"))
    assert acme == again
    assert set(acme).isdisjoint(globex)
    accounts = {request.headers["authorization"] for request in openmarket_simulator.requests}
    assert len(accounts) == 2


def test_one_tenant_s_cursor_is_not_valid_for_another(two_tenants: Frontend) -> None:
    query = LOG.replace("nodes", "pageInfo { endCursor } nodes")
    answered = two_tenants.data(query, {**TIMES, "first": 1}, claims={"custom:tenant": "acme"})
    cursor = answered["creditLog"]["pageInfo"]["endCursor"]
    reply = two_tenants.ask(LOG, {**TIMES, "after": cursor}, claims={"custom:tenant": "globex"})
    assert reply.codes == ["BAD_USER_INPUT"]


def test_one_tenant_s_reports_are_asked_for_again_for_another(
    two_tenants: Frontend, rde_simulator: RdeSimulator
) -> None:
    for tenant in ("acme", "globex", "acme"):
        assert two_tenants.data(REPORTS, DAYS, claims={"custom:tenant": tenant})["reports"]["totalCount"] == 7
    assert rde_simulator.count("/reports") == 2


def test_a_tenant_without_secrets_is_refused_by_the_vendor(two_tenants: Frontend) -> None:
    reply = two_tenants.ask(LOG, TIMES, claims={"custom:tenant": "initech"})
    assert reply.codes == ["UPSTREAM_UNAUTHORIZED"]


def test_a_token_that_names_no_tenant_is_unauthenticated(two_tenants: Frontend) -> None:
    reply = two_tenants.ask(LOG, TIMES)
    assert (reply.codes, reply.answer.status) == (["UNAUTHENTICATED"], 401)


@pytest.mark.parametrize(
    "tenant", ["", "a/b", "../default", "acme\n", "a b", "\u00e4", "a" * 65, "*", "default/rde", 7, ["acme"], {"a": 1}]
)
def test_a_malformed_tenant_is_forbidden_and_touches_nothing(
    two_tenants: Frontend, openmarket_simulator: OpenMarketSimulator, tenant: Any
) -> None:
    reply = two_tenants.ask(LOG, TIMES, claims={"custom:tenant": tenant})
    assert (reply.codes, reply.answer.status) == (["FORBIDDEN"], 403)
    assert openmarket_simulator.requests == []


def test_without_a_tenant_claim_there_is_one_tenant(frontend: Frontend) -> None:
    ours = ids(frontend, "acme")
    assert ours == ids(frontend, "globex")
