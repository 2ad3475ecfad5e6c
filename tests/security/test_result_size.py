"""An answer that Lambda would not take is refused, and the message names the way out."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from local.lambda_runtime import MAX_RESULT
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator
from schema.errors import ResultTooLarge
from schema.limits.response_budget import LAMBDA_BYTES, PLAIN_BYTES, RENDERED_BYTES, ResponseBudget, refuse_beyond
from tests.support.api.frontend import EVERY_SCOPE, RESPONSE_TYPE, Frontend, http_event

NOON = datetime(2019, 11, 1, 12, tzinfo=UTC)
DAY = 'from: "2019-11-01T00:00:00Z", to: "2019-11-02T00:00:00Z"'


def test_the_limit_is_lambda_s_own() -> None:
    assert LAMBDA_BYTES == MAX_RESULT


@pytest.mark.parametrize(
    ("body", "compressed"),
    [
        (b"x" * 4_800_000, True),
        (b'"' * 3_200_000, False),
        (b"\\" * 3_200_000, False),
        (b"x" * 6_290_000, False),
        ("é".encode() * 1_100_000, False),
        ("😀".encode() * 600_000, False),
    ],
)
def test_bytes_count_as_lambda_counts_them(body: bytes, compressed: bool) -> None:
    as_lambda_sends_it = len(body) / 3 * 4 if compressed else len(json.dumps(body.decode()))
    assert as_lambda_sends_it > LAMBDA_BYTES - 8_192
    with pytest.raises(ResultTooLarge):
        refuse_beyond(body, compressed=compressed)


@pytest.mark.parametrize(
    ("body", "compressed"), [(b"x" * 4_700_000, True), (b'"' * 3_100_000, False), (b"x" * 6_200_000, False)]
)
def test_what_fits_is_sent(body: bytes, compressed: bool) -> None:
    refuse_beyond(body, compressed=compressed)


@pytest.mark.parametrize(("compressed", "space"), [(True, RENDERED_BYTES), (False, PLAIN_BYTES)])
def test_rows_are_counted_together_before_they_are_rendered(compressed: bool, space: int) -> None:
    room = ResponseBudget(compressed=compressed)
    room.take(space // 200, 100)
    room.take(space // 200, 100)
    with pytest.raises(ResultTooLarge, match=r"first.*exportCreditLog"):
        room.take(1, 200)


def test_an_answer_too_large_for_lambda_names_the_way_out(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    openmarket_simulator.add(*(credit(n, network="n" * 900) for n in range(8_000)))
    query = f"{{ creditLog({DAY}, first: 10000) {{ nodes {{ network }} totalCount }} }}"
    reply = frontend.ask(query)  # without gzip
    assert reply.codes == ["RESULT_TOO_LARGE"]
    assert "first" in reply.errors[0]["message"]
    assert "exportCreditLog" in reply.errors[0]["message"]
    assert reply.data is None
    assert reply.answer.headers["cache-control"] == "no-store"
    headers = {"content-type": "application/json", "accept": RESPONSE_TYPE, "accept-encoding": "gzip"}
    claims = {"sub": "dashboard", "scope": EVERY_SCOPE}
    event = http_event("POST", "/graphql", headers=headers, body=json.dumps({"query": query}), claims=claims)
    assert frontend.send(event).status == 200  # gzip makes it fit


def credit(number: int, network: str) -> SimulatedCredit:
    time = NOON + timedelta(seconds=number)
    return SimulatedCredit(
        10**12 + number, time, "447700900001", network, "1.5", "GBP", "MyBrand", "SUCCESS", "SUCCESS", time
    )
