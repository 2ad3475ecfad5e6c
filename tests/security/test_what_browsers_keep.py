"""What a browser may keep of an answer, and the headers that guard every answer."""

import re

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from tests.support.api.frontend import EVERY_SCOPE, Frontend, StartFrontend, http_event
from tests.support.moving_clock import MovingClock

SETTLED = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
TODAY = 'from: "2019-12-05T00:00:00Z", to: "2019-12-06T00:00:00Z"'
SUMMARY = "summary(by: [DAY]) { count }"


REPORTS = 'reports(from: "2019-11-05", to: "2019-12-03")'


def kept(frontend: Frontend, query: str, scope: str = EVERY_SCOPE) -> str:
    return frontend.ask(query, scope=scope).answer.headers["cache-control"]


@pytest.mark.parametrize(
    "query",
    [
        f"{{ creditLog({SETTLED}) {{ nodes {{ msisdn }} }} }}",
        f"{{ creditLog({SETTLED}) {{ edges {{ node {{ creditId }} }} }} }}",
        f"{{ {REPORTS} {{ nodes {{ downloadUrl }} }} }}",
        f"{{ creditOutcome({SETTLED}) {{ rows {{ brand }} }} {REPORTS} {{ totalCount }} }}",
        f'{{ creditLog({SETTLED}) {{ totalCount }} creditLogExport(id: "{"0" * 32}") {{ id }} }}',
    ],
)
def test_links_and_phone_numbers_are_never_kept(query: str, frontend: Frontend) -> None:
    assert [kept(frontend, query) for _ in range(3)] == ["no-store"] * 3


@pytest.mark.parametrize(
    "query",
    [
        f"{{ creditLog({SETTLED}) {{ {SUMMARY} }} }}",
        f"{{ creditOutcome({SETTLED}) {{ rows {{ brand }} }} }}",
    ],
)
def test_what_is_settled_is_kept_for_an_hour(query: str, frontend: Frontend) -> None:
    assert kept(frontend, query) == "private, max-age=3600"


def test_a_whole_answer_that_may_change_is_kept_as_long_as_a_process_remembers_it(frontend: Frontend) -> None:
    assert kept(frontend, f"{{ creditOutcome({TODAY}) {{ rows {{ brand }} }} }}") == "private, max-age=60"


def test_what_may_change_is_kept_only_while_the_ledger_would_say_the_same(
    frontend: Frontend, clock: MovingClock
) -> None:
    query = f"{{ creditLog({TODAY}) {{ {SUMMARY} }} }}"
    assert kept(frontend, query) == "private, max-age=60"
    clock.advance(seconds=20)
    assert kept(frontend, query) == "private, max-age=40"
    clock.advance(seconds=15)
    assert kept(frontend, query) == "private, max-age=25"  # though it was rendered when it was good for 40
    both = f"{{ a: creditLog({TODAY}) {{ {SUMMARY} }} b: creditLog({SETTLED}) {{ {SUMMARY} }} }}"
    assert kept(frontend, both) == "private, max-age=25"


def test_with_no_freshness_nothing_is_kept(start: StartFrontend) -> None:
    assert kept(start(FRESH_SECONDS="0"), f"{{ creditLog({TODAY}) {{ {SUMMARY} }} }}") == "private, no-cache"


def test_a_stale_answer_is_asked_for_again(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    query = f"{{ creditLog({TODAY}) {{ {SUMMARY} freshness {{ stale }} }} }}"
    assert kept(frontend, query).startswith("private, max-age")
    clock.advance(minutes=10)
    openmarket_simulator.stop()
    reply = frontend.ask(query)
    assert reply.data is not None
    assert reply.data["creditLog"]["freshness"]["stale"]
    assert reply.answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "query",
    [
        "{ nothing }",
        "{ reports",
        '{ creditLog(from: "2019-12-01T00:00:00Z", to: "2019-11-01T00:00:00Z") { totalCount } }',
    ],
)
def test_an_error_is_not_kept(query: str, frontend: Frontend) -> None:
    assert kept(frontend, query) == "no-store"


def test_what_is_forbidden_is_not_kept(frontend: Frontend) -> None:
    assert kept(frontend, f"{{ creditLog({SETTLED}) {{ totalCount }} }}", scope="reports:read") == "no-store"


def test_nothing_is_ever_kept_for_others(frontend: Frontend) -> None:
    for query in (f"{{ creditLog({SETTLED}) {{ {SUMMARY} }} }}", "{ __typename }", "{ nothing }"):
        assert re.fullmatch(r"private, (no-cache|max-age=\d+)|no-store", kept(frontend, query))
        assert "authorization" in frontend.ask(query).answer.headers["vary"].lower()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/graphql"), ("GET", "/graphql"), ("GET", "/health"), ("GET", "/x"), ("GET", "/")]
)
def test_every_answer_is_guarded(method: str, path: str, frontend: Frontend) -> None:
    answer = frontend.send(http_event(method, path, claims={"scope": EVERY_SCOPE}))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    scripts = re.findall(r"(?:script-src|default-src) [^;]*", answer.headers["content-security-policy"])
    assert scripts
    assert "unsafe" not in "".join(scripts)
    assert int(answer.headers["strict-transport-security"].removeprefix("max-age=")) >= 31536000


def test_health_needs_no_token_and_says_nothing_more(frontend: Frontend) -> None:
    answer = frontend.send(http_event("GET", "/health"))
    assert (answer.status, answer.body) == (200, b'{"status":"up"}')
    assert answer.headers["cache-control"] == "no-store"
