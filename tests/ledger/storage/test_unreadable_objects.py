"""An object that does not hold what its key promises counts as lost, and the log says so; it is never half used."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from ledger.answers.answers import Answers, Question
from ledger.answers.freshness import Source
from ledger.figures.outcomes import is_outcome
from ledger.reports.stored import is_listing
from ledger.storage.breakers import Breakers, BreakerState
from ledger.storage.leases import LeaseRecord, Leases
from ledger.storage.persisted_queries import PersistedQueries
from runtime.clock import stamp
from runtime.compression import pack
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from upstreams.errors import UpstreamTimeout

pytestmark = pytest.mark.anyio
NOW = datetime(2019, 12, 5, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
REPORT = {
    "name": "daily",
    "rawFormat": "JSON",
    "format": "JSON",
    "creationDate": "2019-11-05T00:00:00+00:00",
    "downloadUrl": None,
    "downloadUrlExpiresAt": None,
}
OUTCOME_ROW = ["MyBrand", "1.5", "GBP", 3, 1, "4.5"]
BREAKER = orjson.loads(BreakerState(5, "UPSTREAM_TIMEOUT", "slow", NOW, LATER).to_bytes())
LEASE = {"holder": "other", "until": 4e9, "failed": None}
RUBBISH: dict[str, bytes] = {
    "nothing": b"",
    "an empty object": b"{}",
    "an empty list": b"[]",
    "null": b"null",
    "a number": b"7",
    "text": b"not JSON",
    "not UTF-8": b"\xff\xfe\x00",
    "a gzip header": b"\x1f\x8b\x08\x00",
}


def changed(record: dict[str, Any], **fields: Any) -> bytes:
    return orjson.dumps(record | fields)


def without(record: dict[str, Any], field: str) -> bytes:
    return orjson.dumps({name: value for name, value in record.items() if name != field})


LEASES = RUBBISH | {
    **{f"no {field}": without(LEASE, field) for field in LEASE},
    "a holder of another type": changed(LEASE, holder=7),
    "an end of another type": changed(LEASE, until="tomorrow"),
    "an end that never comes": changed(LEASE, until=1e300),
    "an unknown error": changed(LEASE, failed={"code": "?", "upstream": "rde", "reason": "x"}),
    "an error of another type": changed(LEASE, failed=["UPSTREAM_TIMEOUT"]),
    "half a record": changed(LEASE)[:-9],
}
BREAKERS = RUBBISH | {
    **{f"no {field}": without(BREAKER, field) for field in BREAKER},
    "a count of another type": changed(BREAKER, failures="5"),
    "an unknown code": changed(BREAKER, code="?"),
    "an end without an offset": changed(BREAKER, until="2019-12-06T12:00:00"),
    "an end of another type": changed(BREAKER, until=7),
    "half a record": changed(BREAKER)[:-9],
}
OUTCOMES = {
    "a row of another width": [OUTCOME_ROW[:5]],
    "a count of another type": [[*OUTCOME_ROW[:3], "3", *OUTCOME_ROW[4:]]],
    "an amount of another type": [["MyBrand", 1.5, *OUTCOME_ROW[2:]]],
    "a row that is an object": [{"brand": "MyBrand"}],
    "one good row and one that is not": [OUTCOME_ROW, None],
    "an object": {},
    "a listing": [REPORT],
}
LISTINGS = {
    **{f"no {field}": [orjson.loads(without(REPORT, field))] for field in REPORT},
    "a name of another type": [REPORT | {"name": 7}],
    "an unknown format": [REPORT | {"format": "PDF"}],
    "a date that is not one": [REPORT | {"creationDate": "yesterday"}],
    "a date without an offset": [REPORT | {"creationDate": "2019-11-05T00:00:00"}],
    "one good report and one that is not": [REPORT, []],
    "an object": {},
    "an outcome": [OUTCOME_ROW],
}


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket(MovingClock(NOW))


async def put(bucket: MemoryBucket, key: str, body: bytes) -> None:
    await MemoryStore(bucket).put(key, body)


@pytest.mark.parametrize("body", LEASES.values(), ids=LEASES.keys())
async def test_a_lease(body: bytes, bucket: MemoryBucket) -> None:
    await put(bucket, "x/_lease", body)
    async with Leases(MemoryStore(bucket)).hold("x/_lease") as mine:
        assert mine, "it counts as expired"


async def test_a_lease_that_is_whole_is_respected(bucket: MemoryBucket) -> None:
    await put(bucket, "x/_lease", LeaseRecord("other", datetime.now(UTC).timestamp() + 5).to_bytes())
    async with Leases(MemoryStore(bucket)).hold("x/_lease") as mine:
        assert not mine


@pytest.mark.parametrize("body", BREAKERS.values(), ids=BREAKERS.keys())
async def test_a_breaker(body: bytes, bucket: MemoryBucket, caplog: pytest.LogCaptureFixture) -> None:
    await put(bucket, "breakers/tenant=acme/rde.json", body)
    assert await Breakers(MemoryStore(bucket), MovingClock(NOW)).guard("acme", "rde", answering("well")) == "well"
    assert "cannot be read" in caplog.text


async def test_a_breaker_that_is_whole_is_open(bucket: MemoryBucket) -> None:
    await put(bucket, "breakers/tenant=acme/rde.json", orjson.dumps(BREAKER))
    with pytest.raises(UpstreamTimeout, match="slow"):
        await Breakers(MemoryStore(bucket), MovingClock(NOW)).guard("acme", "rde", answering("well"))


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH.keys())
async def test_a_persisted_query(body: bytes, bucket: MemoryBucket, caplog: pytest.LogCaptureFixture) -> None:
    digest = hashlib.sha256(b"{ __typename }").hexdigest()
    await put(bucket, f"persisted-queries/tenant=acme/{digest}.graphql", body)
    assert await PersistedQueries(MemoryStore(bucket)).get("acme", digest) is None
    assert "another hash" in caplog.text


async def test_a_persisted_query_that_is_not_utf8(bucket: MemoryBucket, caplog: pytest.LogCaptureFixture) -> None:
    digest = hashlib.sha256(b"\xff").hexdigest()
    await put(bucket, f"persisted-queries/tenant=acme/{digest}.graphql", b"\xff")
    assert await PersistedQueries(MemoryStore(bucket)).get("acme", digest) is None
    assert "cannot be used" in caplog.text


def answering[T](answer: T) -> Callable[[], Awaitable[T]]:
    async def answered() -> T:
        return answer

    return answered


async def asked(bucket: MemoryBucket, body: bytes, is_valid: Callable[[object], bool], value: object) -> Any:
    """The answer to a question whose newest stored answer has that body; `value` is the vendor's."""
    clock, store = MovingClock(NOW), MemoryStore(bucket)
    await store.put(f"answers/tenant=acme/x/{stamp(NOW - timedelta(minutes=1))}.json.gz", body)
    answers = Answers(store, Leases(store), Breakers(store, clock), clock, timedelta(0))
    question = Question("acme", "answers/tenant=acme/x", "rde", answering(value), is_valid, lambda *_: LATER)
    answer = await answers.get(question, Deadline.after(5))
    return answer.value, answer.source


GZIPPED = {name: pack(body) for name, body in RUBBISH.items() if body != b"[]"}
ANSWERS = {
    **RUBBISH,
    **{f"{name}, compressed": body for name, body in GZIPPED.items()},
    "compressed and cut off": pack(orjson.dumps([OUTCOME_ROW]))[:-5],
}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_answer(body: bytes, bucket: MemoryBucket, caplog: pytest.LogCaptureFixture) -> None:
    assert await asked(bucket, body, is_outcome, []) == ([], Source.UPSTREAM)
    assert "answers/tenant=acme/x/" in caplog.text


@pytest.mark.parametrize("value", OUTCOMES.values(), ids=OUTCOMES.keys())
async def test_an_outcome(value: object, bucket: MemoryBucket) -> None:
    assert await asked(bucket, pack(orjson.dumps(value)), is_outcome, []) == ([], Source.UPSTREAM)


@pytest.mark.parametrize("value", LISTINGS.values(), ids=LISTINGS.keys())
async def test_a_listing(value: object, bucket: MemoryBucket) -> None:
    assert await asked(bucket, pack(orjson.dumps(value)), is_listing, []) == ([], Source.UPSTREAM)


@pytest.mark.parametrize(("is_valid", "value"), [(is_outcome, [OUTCOME_ROW]), (is_listing, [REPORT])])
async def test_an_answer_that_is_whole_is_given(
    is_valid: Callable[[object], bool], value: list[object], bucket: MemoryBucket
) -> None:
    assert await asked(bucket, pack(orjson.dumps(value)), is_valid, []) == (value, Source.CACHE)


async def test_an_older_answer_stands_in_for_an_unreadable_one(bucket: MemoryBucket) -> None:
    older = f"answers/tenant=acme/x/{stamp(NOW - timedelta(minutes=2))}.json.gz"
    await put(bucket, older, pack(orjson.dumps([OUTCOME_ROW])))
    assert await asked(bucket, b"{}", is_outcome, []) == ([OUTCOME_ROW], Source.CACHE)


async def test_an_answer_without_a_date_in_its_name_is_passed_over(bucket: MemoryBucket) -> None:
    await put(bucket, "answers/tenant=acme/x/zzz.json.gz", pack(orjson.dumps([])))
    assert await asked(bucket, pack(orjson.dumps([OUTCOME_ROW])), is_outcome, []) == ([OUTCOME_ROW], Source.CACHE)
