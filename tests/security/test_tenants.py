"""No sequence of calls by one tenant reads or writes what is another's: not a key, not a secret, not an answer."""

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, StartFrontend, http_event
from tests.support.s3.recorded_aws import Targets, listening

# One begins as the other does; a folder of the one must not be a prefix of the other's.
TENANTS = ("acme", "acme-2")
INSTANTS = 'from: "2019-11-01T00:00:00Z", to: "2019-11-03T00:00:00Z"'
PERSISTED = "query P { __typename }"
EXTENSIONS = {
    "persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(PERSISTED.encode()).hexdigest()},
}
TRICKS = ("../tenant=acme", "tenant=acme-2", "..", "x/../../acme", "acme%2F..", "__all__", "MyBrand", "\x00", "*")

queries = st.one_of(
    st.just('{ reports(from: "2019-11-05", to: "2019-12-03") { nodes { name downloadUrl archiveUrl } } }'),
    st.just(f"{{ creditLog({INSTANTS}) {{ nodes {{ creditId msisdn }} summary(by: [DAY]) {{ count }} }} }}"),
    st.sampled_from(TRICKS).map(
        lambda brand: f"{{ creditLog({INSTANTS}, brand: {json.dumps(brand)}) {{ nodes {{ creditId }} }} }}"
    ),
    st.sampled_from(TRICKS).map(
        lambda brand: f"{{ creditOutcome({INSTANTS}, brand: {json.dumps(brand)}) {{ rows {{ brand success }} }} }}"
    ),
    st.sampled_from(TRICKS).map(lambda id_: f"{{ creditLogExport(id: {json.dumps(id_)}) {{ status url }} }}"),
    st.sampled_from(TRICKS).map(
        lambda key: (
            'mutation { scheduleReport(input: {name: "r", format: JSON, startDate: "2019-11-01T00:00:00Z",'
            f' endDate: "2019-11-02T00:00:00Z", idempotencyKey: {json.dumps(key)}}}) {{ replayed }} }}'
        )
    ),
)
calls = st.tuples(st.sampled_from(TENANTS), st.one_of(queries, st.just(None)))


@pytest.fixture
def secret_prefix(own_secrets: str) -> str:
    return own_secrets


@pytest.fixture
def targets(aws: Aws) -> Iterator[Targets]:
    with listening(aws.endpoint) as found:
        yield found


@pytest.fixture
def frontend(
    targets: Targets,
    start: StartFrontend,
    settings_environ: dict[str, str],
    aws: Aws,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
) -> Frontend:
    """Two tenants, each with an account of its own, and AWS behind a listener."""
    for tenant in TENANTS:
        openmarket_simulator.accounts[f"account-of-{tenant}"] = "s3cret"
        credits_secret = {"accountId": f"account-of-{tenant}", "password": "s3cret"}
        aws.put_secret(f"{settings_environ['SECRET_PREFIX']}/{tenant}/openmarket", credits_secret)
        aws.put_secret(f"{settings_environ['SECRET_PREFIX']}/{tenant}/rde", rde_simulator.secret)
    return start(TENANT_CLAIM="org", AWS_ENDPOINT_URL=targets.url)


def call(frontend: Frontend, tenant: object, query: str | None) -> dict[str, Any]:
    """One call; None asks for a persisted query by its hash, and sends it if it is not known."""
    headers = {"content-type": "application/json", "accept": RESPONSE_TYPE}
    claims = {"scope": EVERY_SCOPE, "org": tenant}
    body: dict[str, Any] = {"query": query} if query is not None else {"extensions": EXTENSIONS}
    event = http_event("POST", "/graphql", headers=headers, body=json.dumps(body), claims=claims)
    content: dict[str, Any] = json.loads(frontend.send(event).body)
    if query is None and "errors" in content:
        body["query"] = PERSISTED
        frontend.send({**event, "body": json.dumps(body)})
    return content


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(calls, min_size=2, max_size=6))
def test_every_key_and_secret_that_a_call_touches_is_its_own_tenant_s(
    made: list[tuple[str, str | None]],
    frontend: Frontend,
    targets: Targets,
    openmarket_simulator: OpenMarketSimulator,
    settings_environ: dict[str, str],
) -> None:
    for tenant, query in made:
        targets.forget()
        openmarket_simulator.requests.clear()
        call(frontend, tenant, query)
        for key in targets.keys:
            assert f"tenant={tenant}/" in f"{key}/", (tenant, query)
            assert ".." not in key.split("/")
        own = f"{settings_environ['SECRET_PREFIX']}/{tenant}/"
        assert all(name.startswith(own) for name in targets.secrets)
        account = base64.b64encode(f"account-of-{tenant}:s3cret".encode()).decode()
        assert all(seen.headers["authorization"] == f"Basic {account}" for seen in openmarket_simulator.requests)


def test_the_listener_hears_what_the_product_asks(
    frontend: Frontend, targets: Targets, settings_environ: dict[str, str]
) -> None:
    call(frontend, "acme", f"{{ creditLog({INSTANTS}) {{ totalCount }} }}")
    assert any(key.startswith("credit-log/tenant=acme/") for key in targets.keys)
    assert f"{settings_environ['SECRET_PREFIX']}/acme/openmarket" in targets.secrets


def test_one_tenant_s_answer_is_not_given_to_another(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    query = f"{{ creditLog({INSTANTS}) {{ nodes {{ creditId }} }} }}"
    start, end = datetime(2019, 11, 1, tzinfo=UTC), datetime(2019, 11, 3, tzinfo=UTC)
    for tenant in (*TENANTS, *TENANTS):
        rows = {int(row["creditId"]) for row in call(frontend, tenant, query)["data"]["creditLog"]["nodes"]}
        theirs = openmarket_simulator.credits_between(start, end, account=f"account-of-{tenant}")
        assert rows == {credit.credit_id for credit in theirs if credit.time < end}


def test_one_tenant_s_cursor_and_export_are_nothing_to_another(frontend: Frontend) -> None:
    query = f"{{ creditLog({INSTANTS}, first: 1) {{ pageInfo {{ endCursor }} }} }}"
    cursor = call(frontend, "acme", query)["data"]["creditLog"]["pageInfo"]["endCursor"]
    follow = f"{{ creditLog({INSTANTS}, after: {json.dumps(cursor)}) {{ totalCount }} }}"
    assert "errors" not in call(frontend, "acme", follow)
    assert call(frontend, "acme-2", follow)["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    export = call(frontend, "acme", f"mutation {{ exportCreditLog(input: {{{INSTANTS}}}) {{ id }} }}")
    ask = f"{{ creditLogExport(id: {json.dumps(export['data']['exportCreditLog']['id'])}) {{ id }} }}"
    assert call(frontend, "acme", ask)["data"]["creditLogExport"] is not None
    assert call(frontend, "acme-2", ask) == {"data": {"creditLogExport": None}}


@pytest.mark.parametrize(
    "tenant",
    [
        "",
        "..",
        "../acme",
        "acme/",
        "acme/../acme-2",
        "a b",
        "ac\nme",
        "acme\n",
        "é",
        "٣",
        "x" * 65,
        "tenant=acme",
        "*",
        7,
        ["acme"],
        {"a": 1},
        True,
    ],
)
def test_a_malformed_tenant_touches_nothing(tenant: object, frontend: Frontend, targets: Targets) -> None:
    content = call(frontend, tenant, f"{{ creditLog({INSTANTS}) {{ totalCount }} }}")
    assert content["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert "data" not in content
    assert (targets.keys, targets.secrets) == ([], [])


def test_a_token_without_a_tenant_is_unauthenticated(frontend: Frontend, targets: Targets) -> None:
    content = call(frontend, None, "{ __typename }")
    assert content["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (targets.keys, targets.secrets) == ([], [])
