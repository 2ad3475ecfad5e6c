"""The keeper copies and compares versions of a day without taking it apart, and never settles what cannot be read."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.days.versions import DayVersion
from ledger.keeper.settling import have_equal_rows, settle
from runtime.compression import pack, unpack
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from upstreams.openmarket.rows import LogRow

pytestmark = pytest.mark.anyio

DAY = date(2019, 11, 12)
FETCHED = datetime(2019, 11, 16, tzinfo=UTC)
LATER = FETCHED + timedelta(hours=1)
ROWS = Rows.of(
    LogRow(number, datetime(2019, 11, 12, 0, number, tzinfo=UTC), "4477", 'O2 "UK"\n', "SUCCESS", "1.5", "GBP")
    for number in range(30)
)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def days_of(bucket: MemoryBucket, block_rows: int = 7) -> DayStore:
    return DayStore(MemoryStore(bucket), "default", None, block_rows)


async def opened(
    bucket: MemoryBucket, rows: Rows = ROWS, fetched: datetime = FETCHED, block_rows: int = 7
) -> DayVersion:
    written = await days_of(bucket, block_rows).write(DAY, fetched, rows, settled=False)
    return replace(written, rows=None)


def object_of(bucket: MemoryBucket, version: DayVersion) -> str:
    return next(key for key in bucket.objects if version.id in key and key.endswith(".open"))


async def test_a_settled_day_has_the_very_bytes_of_its_open_version(bucket: MemoryBucket) -> None:
    version = await opened(bucket)
    await settle(days_of(bucket), version)
    listed = (await days_of(bucket).list_versions([DAY])).versions[DAY]
    assert (listed.settled, listed.fetched, listed.count) == (True, FETCHED, 30)
    rows = next(found for key, found in bucket.objects.items() if key.endswith("rows.csv.gz"))
    assert rows.body == bucket.objects[object_of(bucket, version)].body
    assert await days_of(bucket).rows(listed) == ROWS
    rollup = await days_of(bucket).rollup(listed)
    assert rollup is not None
    assert rollup.blocks is not None


@pytest.mark.parametrize(
    "damage", [lambda body: body[:-9], lambda _: pack(b"other"), lambda body: body[: len(body) // 2]]
)
async def test_open_rows_that_cannot_be_read_settle_nothing(bucket: MemoryBucket, damage: object) -> None:
    version = await opened(bucket)
    key = object_of(bucket, version)
    bucket.objects[key] = replace(bucket.objects[key], body=damage(bucket.objects[key].body))  # type: ignore[operator]
    await settle(days_of(bucket), version)
    del bucket.objects[key]
    await settle(days_of(bucket), version)
    assert not any("rows.csv.gz" in key for key in bucket.objects)


async def test_open_rows_of_another_number_than_their_name_says_settle_nothing(bucket: MemoryBucket) -> None:
    version, fewer = await opened(bucket), await opened(bucket, ROWS.slice(0, 29), LATER)
    bucket.objects[object_of(bucket, version)] = bucket.objects[object_of(bucket, fewer)]
    await settle(days_of(bucket), version)
    assert not any("rows.csv.gz" in key for key in bucket.objects)


async def test_versions_with_the_same_rows_are_equal_however_they_are_packed(bucket: MemoryBucket) -> None:
    one, other = await opened(bucket), await opened(bucket, fetched=LATER, block_rows=4)
    assert bucket.objects[object_of(bucket, one)].body != bucket.objects[object_of(bucket, other)].body
    assert await have_equal_rows(days_of(bucket), one, other)
    whole = bucket.objects[object_of(bucket, other)]
    bucket.objects[object_of(bucket, other)] = replace(whole, body=pack(unpack(whole.body)))
    assert await have_equal_rows(days_of(bucket), one, other)


async def test_versions_that_differ_in_one_cell_or_cannot_be_read_are_not_equal(bucket: MemoryBucket) -> None:
    cells = [*ROWS.cells]
    cells[-3] = "failed"
    one, other = await opened(bucket), await opened(bucket, Rows(cells), LATER)
    assert not await have_equal_rows(days_of(bucket), one, other)
    fewer = await opened(bucket, ROWS.slice(0, 29), LATER + timedelta(hours=1))
    assert not await have_equal_rows(days_of(bucket), one, fewer)
    key = object_of(bucket, other)
    bucket.objects[key] = replace(bucket.objects[key], body=b"not gzip")
    assert not await have_equal_rows(days_of(bucket), one, other)
    del bucket.objects[key]
    assert not await have_equal_rows(days_of(bucket), one, other)
