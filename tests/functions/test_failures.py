"""When something behind us fails, the answer says so with the right code, and what did not fail still answers."""

from typing import Any

import pytest

from ledger.storage.breakers import OPENS_AT
from local.aws import Aws
from local.vendors import simulator
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Fault
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock

BOTH = """{
  reports(from: "2019-11-05", to: "2019-12-03") { totalCount freshness { source stale } }
  creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { totalCount freshness { source stale } }
  creditOutcome(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") { rows { brand } freshness { source stale } }
}"""
REPORTS = '{ reports(from: "2019-11-05", to: "2019-12-03") { totalCount freshness { source asOf stale } } }'
LOG = """{ creditLog(from: "2019-11-12T00:00:00Z", to: "2019-11-14T00:00:00Z") {
  totalCount freshness { source asOf stale } } }"""
JUST_NOW = {"source": "UPSTREAM", "stale": False}


@pytest.fixture
def secret_prefix(own_secrets: str) -> str:
    return own_secrets


def test_rde_down_leaves_the_credits(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    rde_simulator.stop()
    reply = frontend.ask(BOTH)
    assert reply.data is not None
    assert reply.data["reports"] is None
    assert (reply.data["creditLog"]["totalCount"], bool(reply.data["creditOutcome"]["rows"])) == (80, True)
    (error,) = reply.errors
    assert error["path"] == ["reports"]
    assert (error["extensions"]["code"], error["extensions"]["upstream"]) == ("UPSTREAM_UNAVAILABLE", "rde")
    assert reply.answer.status == 200


def test_openmarket_down_leaves_the_reports(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.stop()
    reply = frontend.ask(BOTH)
    assert reply.data is not None
    assert reply.data["reports"] == {"totalCount": 7, "freshness": JUST_NOW}
    assert sorted(error["path"][0] for error in reply.errors) == ["creditLog", "creditOutcome"]
    assert {error["extensions"]["upstream"] for error in reply.errors} == {"openmarket"}
    assert set(reply.codes) == {"UPSTREAM_UNAVAILABLE"}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (simulator.failing(401), "UPSTREAM_UNAUTHORIZED"),
        (simulator.failing(403), "UPSTREAM_UNAUTHORIZED"),
        (simulator.failing(404), "UPSTREAM_BAD_RESPONSE"),
        (simulator.failing(429, 600), "UPSTREAM_UNAVAILABLE"),
        (simulator.failing(500), "UPSTREAM_UNAVAILABLE"),
        (simulator.failing(503), "UPSTREAM_UNAVAILABLE"),
        (simulator.answering_html(), "UPSTREAM_BAD_RESPONSE"),
        (simulator.cut_off(), "UPSTREAM_UNAVAILABLE"),
        (simulator.hanging_up(), "UPSTREAM_UNAVAILABLE"),
        (simulator.without_column("MSISDN"), "UPSTREAM_BAD_RESPONSE"),
        (simulator.shortened(0.501), "UPSTREAM_BAD_RESPONSE"),
        (simulator.breaking_off(0.4), "UPSTREAM_BAD_RESPONSE"),
        (simulator.breaking_off(0), "UPSTREAM_BAD_RESPONSE"),
        (simulator.breaking_off(1, "deflate"), "UPSTREAM_BAD_RESPONSE"),
    ],
    ids=[
        "401",
        "403",
        "404",
        "429",
        "500",
        "503",
        "html",
        "cut-off",
        "hang-up",
        "no-column",
        "short",
        "gzip",
        "empty-gzip",
        "deflate",
    ],
)
def test_each_way_of_failing_has_its_code_and_nothing_of_it_is_kept(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, fault: Fault, code: str
) -> None:
    openmarket_simulator.misbehave(fault, times=None)
    reply = frontend.ask(LOG)
    assert (reply.codes, reply.data) == ([code], {"creditLog": None})
    openmarket_simulator.behave()
    assert frontend.data(LOG)["creditLog"]["freshness"]["source"] == "UPSTREAM"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (simulator.failing(500), "UPSTREAM_UNAVAILABLE"),
        (simulator.failing(400), "UPSTREAM_BAD_RESPONSE"),
        (simulator.answering_html(), "UPSTREAM_BAD_RESPONSE"),
        (simulator.shortened(), "UPSTREAM_BAD_RESPONSE"),
    ],
    ids=["500", "400", "html", "short"],
)
def test_rde_s_ways_of_failing_have_their_codes(
    frontend: Frontend, rde_simulator: RdeSimulator, fault: Fault, code: str
) -> None:
    rde_simulator.misbehave(fault, times=None, path="/reports")
    assert frontend.ask(REPORTS).codes == [code]


def test_a_slow_upstream_is_a_timeout_that_leaves_time_to_say_so(
    start: StartFrontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.latency = 5
    assert start(UPSTREAM_SECONDS="0.3").ask(LOG).codes == ["UPSTREAM_TIMEOUT"]
    assert start().ask(LOG, seconds=1.3).codes == ["UPSTREAM_TIMEOUT"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("upstream_seconds", "left", "codes_after"), [("0.3", 20, ["UPSTREAM_TIMEOUT"]), ("20", 1.3, [])]
)
def test_a_vendor_is_left_alone_when_it_is_slow_and_not_when_we_are(
    start: StartFrontend,
    openmarket_simulator: OpenMarketSimulator,
    upstream_seconds: str,
    left: float,
    codes_after: list[str],
) -> None:
    frontend = start(UPSTREAM_SECONDS=upstream_seconds)
    openmarket_simulator.latency = 5
    assert [frontend.ask(LOG, seconds=left).codes for _ in range(OPENS_AT)] == [["UPSTREAM_TIMEOUT"]] * OPENS_AT
    openmarket_simulator.latency = 0
    assert frontend.ask(LOG).codes == codes_after


@pytest.mark.parametrize(("query", "field"), [(REPORTS, "reports"), (LOG, "creditLog")])
def test_an_older_answer_is_given_and_says_that_it_is_stale(
    frontend: Frontend,
    rde_simulator: RdeSimulator,
    openmarket_simulator: OpenMarketSimulator,
    clock: MovingClock,
    query: str,
    field: str,
) -> None:
    clock.moment = clock.moment.replace(year=2019, month=11, day=14, hour=1)
    fresh = frontend.data(query)[field]
    assert fresh["freshness"] == {"source": "UPSTREAM", "asOf": "2019-11-14T01:00:00Z", "stale": False}
    clock.advance(hours=7)
    rde_simulator.misbehave(simulator.failing(503), times=None)
    openmarket_simulator.misbehave(simulator.failing(503), times=None)
    stale = frontend.data(query)[field]
    assert stale["totalCount"] == fresh["totalCount"]
    assert stale["freshness"] == {"source": "CACHE", "asOf": "2019-11-14T01:00:00Z", "stale": True}


def test_without_s3_the_answer_comes_from_the_upstream_and_the_log_says_so(
    start: StartFrontend, caplog: pytest.LogCaptureFixture
) -> None:
    frontend = start(LEDGER_BUCKET="no-such-bucket")
    data = frontend.data(BOTH)
    assert data["reports"] == {"totalCount": 7, "freshness": JUST_NOW}
    assert data["creditLog"] == {"totalCount": 80, "freshness": JUST_NOW}
    assert data["creditOutcome"]["freshness"] == JUST_NOW
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any("without the ledger" in warning for warning in warnings)


def test_an_s3_that_goes_away_takes_no_answer_with_it(start: StartFrontend, settings_environ: dict[str, str]) -> None:
    """Refused connections, as in an outage; the secrets were read before."""
    with Aws() as going:
        going.create_bucket("ledger")
        for upstream, vendor in (("rde", RdeSimulator()), ("openmarket", OpenMarketSimulator())):
            going.put_secret(f"{settings_environ['SECRET_PREFIX']}/default/{upstream}", vendor.secret)
        frontend = start(AWS_ENDPOINT_URL=going.endpoint, LEDGER_BUCKET="ledger")
        frontend.data(BOTH)
    longer = BOTH.replace("2019-11-14", "2019-11-15").replace("2019-12-03", "2019-12-04")
    data = frontend.data(longer)
    assert data["reports"] == {"totalCount": 7, "freshness": JUST_NOW}
    assert data["creditLog"] == {"totalCount": 120, "freshness": JUST_NOW}
    assert data["creditOutcome"]["freshness"] == JUST_NOW


def test_without_s3_pages_and_summaries_are_whole(start: StartFrontend) -> None:
    query = """{ creditLog(from: "2019-11-12T06:00:00Z", to: "2019-11-15T00:00:00Z", first: 3) {
      totalCount nodes { creditId time } summary(by: [DAY, OUTCOME]) { day outcome currency count amount } } }"""
    assert start(LEDGER_BUCKET="no-such-bucket").data(query) == start().data(query)


@pytest.mark.parametrize(
    ("upstream", "value"),
    [
        ("rde", None),
        ("rde", "not JSON: s3cret-in-it"),
        ("rde", '{"username": "s3cret-in-it"}'),
        ("rde", '["s3cret-in-it"]'),
        ("openmarket", None),
        ("openmarket", '{"accountId": [7], "password": "s3cret-in-it"}'),
        ("openmarket", '{"accountId": "", "password": "s3cret-in-it"}'),
    ],
)
def test_a_missing_or_malformed_secret_is_named_in_the_log_and_never_shown(
    settings_environ: dict[str, str],
    frontend: Frontend,
    aws: Aws,
    caplog: pytest.LogCaptureFixture,
    upstream: str,
    value: str | None,
) -> None:
    name = f"{settings_environ['SECRET_PREFIX']}/default/{upstream}"
    if value is None:
        aws.client("secretsmanager").delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    else:
        aws.put_secret(name, value)
    reply = frontend.ask(BOTH)
    assert set(reply.codes) == {"UPSTREAM_UNAUTHORIZED"}
    assert {error["extensions"]["upstream"] for error in reply.errors} == {upstream}
    assert reply.data is not None
    assert any(reply.data.values())
    logged = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(name in line for line in logged)
    assert "s3cret-in-it" not in caplog.text + reply.answer.body.decode()


def test_every_error_carries_the_request_s_id(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    rde_simulator.stop()
    replies: list[Any] = [
        frontend.ask(REPORTS),
        frontend.ask("{ nothing }"),
        frontend.ask("{"),
        frontend.ask(LOG, scope=""),
    ]
    for reply in replies:
        assert {error["extensions"]["requestId"] for error in reply.errors} == {"JKJaXmPLvHcESHA="}
