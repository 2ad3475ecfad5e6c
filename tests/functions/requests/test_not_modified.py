"""A polling client gets an answer once: `ETag` on answers to GET, and 304 while the caller would get the same."""

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from deploy.expectations import ExpectedAnswer
from local.authorizer import Authorizer
from local.aws import Aws
from local.gateway import Gateway
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.clock import rfc3339
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, StartFrontend, http_event
from tests.support.moving_clock import MovingClock

SETTLED = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'
TODAY = 'from: "2019-12-05T00:00:00Z", to: "2019-12-06T00:00:00Z"'
TOTALS = f"{{ creditLog({TODAY}) {{ totalCount summary(by: []) {{ currency amount }} }} }}"
ROWS = f"{{ creditLog({SETTLED}) {{ nodes {{ creditId msisdn }} }} }}"
LINKS = '{ reports(from: "2019-11-05", to: "2019-12-03") { nodes { name downloadUrl } } }'


def get(frontend: Frontend, query: str, tag: str | None = None, **claims: Any) -> ExpectedAnswer:
    headers = {} if tag is None else {"if-none-match": tag}
    parameters = urlencode({"query": query})
    return frontend.send(
        http_event(
            "GET", "/graphql", query=parameters, headers=headers, claims={"sub": "d", "scope": EVERY_SCOPE} | claims
        )
    )


def tag_of(answer: ExpectedAnswer) -> str:
    assert answer.status == 200
    return answer.headers["etag"]


def test_what_the_client_has_is_not_sent_again(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    first = get(frontend, TOTALS)
    assert first.headers["cache-control"] == "private, max-age=60"
    for _ in range(2):  # once executed, once from memory
        again = get(frontend, TOTALS, tag_of(first))
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == "private, max-age=60"
        assert "authorization" in again.headers["vary"].lower()
        assert not {"content-type", "content-encoding"} & set(again.headers)
    assert openmarket_simulator.count("/csv/log") == 1


def test_from_memory_it_is_answered_without_reading_anything(frontend: Frontend, aws: Aws, bucket: str) -> None:
    tag = tag_of(get(frontend, TOTALS))
    get(frontend, TOTALS)  # this one is remembered
    aws.client("s3").delete_objects(
        Bucket=bucket,
        Delete={
            "Objects": [{"Key": each["Key"]} for each in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]]
        },
    )
    assert get(frontend, TOTALS, tag).status == 304


def test_changed_data_change_the_tag(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    before = tag_of(get(frontend, TOTALS))
    clock.advance(minutes=2)
    assert get(frontend, TOTALS, before).status == 304  # fetched again, and still the same
    openmarket_simulator.rows_a_day += 1
    clock.advance(minutes=2)
    after = get(frontend, TOTALS, before)
    assert after.status == 200
    assert json.loads(after.body)["data"]["creditLog"]["totalCount"] > 0
    assert tag_of(after) != before
    assert get(frontend, TOTALS, before).status == 200
    assert get(frontend, TOTALS, tag_of(after)).status == 304


def test_any_of_several_tags_and_a_star_will_do(frontend: Frontend) -> None:
    tag = tag_of(get(frontend, TOTALS))
    for wanted in (f'"other", {tag}', tag.removeprefix("W/"), f'{tag},W/"other"', "*"):
        assert get(frontend, TOTALS, wanted).status == 304
    for wanted in ('"other"', "", tag[:-2], f"x{tag}"):
        assert get(frontend, TOTALS, wanted).status == 200


CREDIT_FIELDS = ("creditLog", "creditOutcome", "creditReconciliation")


def freshness_query(field: str, start: str, end: str) -> str:
    return f'{{ {field}(from: "{start}", to: "{end}") {{ freshness {{ asOf nextRefresh }} }} }}'


@pytest.mark.parametrize("field", CREDIT_FIELDS)
@pytest.mark.parametrize("end", ["2019-11-02T00:00:00Z", "2019-11-01T00:00:00Z"], ids=["settled", "empty"])
def test_what_can_no_longer_change_is_cached_as_long_as_anything(
    field: str, end: str, frontend: Frontend, clock: MovingClock
) -> None:
    query = freshness_query(field, "2019-11-01T00:00:00Z", end)
    first = get(frontend, query)
    assert json.loads(first.body)["data"][field]["freshness"]["nextRefresh"] is None
    for _ in range(2):
        again = get(frontend, query)
        assert (again.headers["cache-control"], tag_of(again)) == ("private, max-age=3600", tag_of(first))
        clock.advance(minutes=2)


@pytest.mark.parametrize("field", CREDIT_FIELDS)
def test_a_period_to_come_stays_as_it_is_until_it_begins(field: str, frontend: Frontend, clock: MovingClock) -> None:
    soon = clock() + timedelta(minutes=10)
    query = freshness_query(field, rfc3339(soon), rfc3339(soon + timedelta(days=2)))
    answer = get(frontend, query)
    assert json.loads(answer.body)["data"][field]["freshness"]["nextRefresh"] == rfc3339(soon)
    assert answer.headers["cache-control"] == "private, max-age=600"
    clock.advance(minutes=11)
    assert get(frontend, query, tag_of(answer)).status == 200


@pytest.mark.parametrize("query", [ROWS, LINKS])
def test_what_no_browser_may_store_still_has_a_tag_and_stays_no_store(query: str, frontend: Frontend) -> None:
    tags = {tag_of(get(frontend, query)) for _ in range(3)}
    assert len(tags) == 1
    again = get(frontend, query, tags.pop())
    assert (again.status, again.headers["cache-control"]) == (304, "no-store")


def test_other_scopes_never_get_a_304_for_what_they_may_not_see(frontend: Frontend) -> None:
    whole = get(frontend, ROWS)
    masked = get(frontend, ROWS, tag_of(whole), scope="credits:read")
    assert masked.status == 200
    assert b"****" in masked.body
    assert b"****" not in whole.body
    assert tag_of(masked) != tag_of(whole)
    refused = get(frontend, ROWS, tag_of(whole), scope="reports:read")
    assert (refused.status, refused.code(), refused.headers["cache-control"]) == (200, "FORBIDDEN", "no-store")
    assert "etag" not in refused.headers
    assert get(frontend, ROWS, "*", scope="reports:read").status == 200


def test_another_tenants_equal_answer_has_another_tag(start: StartFrontend, secret_prefix: str) -> None:
    frontend = start(TENANT_CLAIM="org", SECRET_PREFIX=secret_prefix)
    mine = get(frontend, "{ __typename }", org="acme")
    theirs = get(frontend, "{ __typename }", tag_of(mine), org="globex")
    assert (theirs.status, theirs.body) == (200, mine.body)
    assert tag_of(theirs) != tag_of(mine)
    assert get(frontend, "{ __typename }", tag_of(mine), org="acme").status == 304


def test_another_media_type_is_another_answer(frontend: Frontend) -> None:
    newer = http_event(
        "GET",
        "/graphql",
        query=urlencode({"query": TOTALS}),
        headers={"accept": RESPONSE_TYPE, "if-none-match": tag_of(get(frontend, TOTALS))},
        claims={"scope": EVERY_SCOPE},
    )
    assert frontend.send(newer).status == 200


def test_an_error_has_no_tag(frontend: Frontend) -> None:
    for query in ("{ nothing }", "{ reports", f"{{ creditLog({SETTLED}, first: 0) {{ totalCount }} }}"):
        answer = get(frontend, query, "*")
        assert answer.status in {200, 400}
        assert answer.headers["cache-control"] == "no-store"
        assert "etag" not in answer.headers


def test_a_stale_answer_is_asked_for_again_and_told_apart(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, clock: MovingClock
) -> None:
    query = f"{{ creditLog({TODAY}) {{ totalCount freshness {{ stale }} }} }}"
    fresh = tag_of(get(frontend, query))
    clock.advance(minutes=10)
    openmarket_simulator.stop()
    stale = get(frontend, query, fresh)
    assert json.loads(stale.body)["data"]["creditLog"]["freshness"]["stale"]
    assert (stale.status, stale.headers["cache-control"]) == (200, "private, no-cache")
    again = get(frontend, query, tag_of(stale))
    assert (again.status, again.headers["cache-control"]) == (304, "private, no-cache")


def test_posts_and_mutations_have_no_tag(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    tag = tag_of(get(frontend, TOTALS))
    headers = {"content-type": "application/json", "if-none-match": f"*, {tag}"}
    body = json.dumps({"query": TOTALS})
    claims = {"scope": EVERY_SCOPE}
    posted = frontend.send(http_event("POST", "/graphql", headers=headers, body=body, claims=claims))
    assert posted.status == 200
    assert json.loads(posted.body)["data"]["creditLog"]["totalCount"]
    assert "etag" not in posted.headers
    mutation = 'mutation { scheduleReport(input: {name: "r", startDate: "2019-11-07T00:00:00Z"}) { replayed } }'
    refused = get(frontend, mutation, "*")
    assert (refused.status, "etag" in refused.headers) == (405, False)
    assert rde_simulator.count("/reports") == 0


def test_over_http_a_page_of_another_origin_polls_by_the_tag(frontend: Frontend) -> None:
    authorizer = Authorizer()
    gateway = Gateway(frontend.handler, authorizer)
    asked = {"Authorization": f"Bearer {authorizer.token()}", "Origin": "https://dash.example.com"}
    try:
        with gateway.serve() as served, httpx.Client(base_url=served.url, headers=asked) as page:
            preflight = page.options(
                "/graphql",
                headers={"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"},
            )
            assert "if-none-match" in preflight.headers["access-control-allow-headers"].split(",")
            first = page.get("/graphql", params={"query": TOTALS}, headers={"Accept-Encoding": "gzip"})
            assert first.json()["data"]["creditLog"]["totalCount"]
            assert "etag" in first.headers["access-control-expose-headers"].split(",")
            tag = {"If-None-Match": first.headers["etag"]}
            for _ in range(3):
                again = page.get("/graphql", params={"query": TOTALS}, headers=tag)
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers["etag"] == first.headers["etag"]
            assert page.post("/graphql", json={"query": TOTALS}, headers=tag).status_code == 200
    finally:
        gateway.stop()
