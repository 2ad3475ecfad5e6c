import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.credits.day_ranges import LONGEST_RANGE, contiguous_ranges
from ledger.days.blocks import encode_day
from ledger.days.day_objects import FETCHED
from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.days.versions import DayVersion, newest_version, partition, superseded
from runtime.clock import DAY, day_end
from runtime.compression import members
from tests.support.moving_clock import MovingClock
from tests.support.s3.memory_store import Killed, MemoryBucket, MemoryStore
from upstreams.openmarket.client import LogRow

pytestmark = pytest.mark.anyio
TODAY = date(2019, 11, 5)
NOON = datetime(2019, 11, 5, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
SETTLED = NOON + timedelta(days=5)
UNCOUNTED = DayVersion(TODAY, day_end(TODAY), None, settled=True)


def some(count: int, day: date = TODAY) -> Rows:
    time = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    return Rows.of([LogRow(number, time, "447700900001", "O2", "SUCCESS", "1.5", "GBP") for number in range(count)])


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock(NOON)


@pytest.fixture
def store(clock: MovingClock) -> MemoryStore:
    return MemoryStore(MemoryBucket(clock))


@pytest.fixture
def days(store: MemoryStore) -> DayStore:
    return DayStore(store, "acme", None)


def names(store: MemoryStore) -> list[str]:
    return sorted(key.rpartition("/")[2] for key in store.bucket.objects)


async def test_a_list_of_one_day_does_not_go_on_to_later_days(days: DayStore, store: MemoryStore) -> None:
    """S3 answers with a thousand objects where there are as many, whatever the caller needs of them."""
    for number in range(3):
        await days.write(TODAY + number * DAY, LATER, some(1), settled=False)
    store.bucket.seen.clear()
    assert list((await days.list_versions([TODAY])).versions) == [TODAY]
    assert list((await days.list_versions([TODAY, TODAY + DAY])).versions) == [TODAY, TODAY + DAY]
    assert store.bucket.asked("LIST") == [f"{days.folder}/day={TODAY}", days.folder]


@pytest.mark.parametrize(
    ("brand", "folder"),
    [
        (None, "__all__"),
        ("__all__", "%5F%5Fall%5F%5F"),
        ("MyBrand", "MyBrand"),
        ("Chat & Win", "Chat%20%26%20Win"),
        ("a/b=c", "a%2Fb%3Dc"),
        ("Käse 📱", "K%C3%A4se%20%F0%9F%93%B1"),
    ],
)
def test_a_brand_is_one_folder_and_no_brand_another(brand: str | None, folder: str) -> None:
    assert partition(brand) == folder


async def test_a_day_that_may_change_is_kept_where_the_lake_does_not_look(days: DayStore, store: MemoryStore) -> None:
    await days.write(TODAY, NOON, some(3), settled=False)
    assert names(store) == ["_open-20191105T120000.000000Z-3.csv.gz.open", "_rollup-20191105T120000.000000Z-3.json.gz"]


async def test_a_settled_day_is_one_object_for_the_lake(days: DayStore, store: MemoryStore) -> None:
    await days.write(TODAY, SETTLED, some(3), settled=True)
    assert names(store) == ["_settled-20191110T120000.000000Z-3.json.gz", "rows.csv.gz"]
    assert all(key.startswith("credit-log/tenant=acme/brand=__all__/day=2019-11-05/") for key in store.bucket.objects)


async def test_one_list_plans_a_run_of_days(days: DayStore, store: MemoryStore) -> None:
    await days.write(TODAY - DAY, SETTLED, some(3, TODAY - DAY), settled=True)
    await days.write(TODAY, NOON, some(3), settled=False)
    await days.write(TODAY, LATER, some(4), settled=False)
    await days.write(TODAY + DAY, LATER, some(0), settled=False)
    await DayStore(store, "acme", "MyBrand").write(TODAY, LATER, some(9), settled=False)
    store.bucket.seen.clear()
    plan = await days.list_versions([TODAY - DAY, TODAY])
    assert {day: (version.count, version.fetched, version.settled) for day, version in plan.versions.items()} == {
        TODAY - DAY: (3, SETTLED, True),
        TODAY: (4, LATER, False),
    }
    assert [verb for verb, _ in store.bucket.seen] == ["LIST"]


async def test_an_empty_day_is_held_too(days: DayStore) -> None:
    await days.write(TODAY, NOON, some(0), settled=False)
    version = (await days.list_versions([TODAY])).versions[TODAY]
    assert version.count == 0
    rows = await days.rows(version)
    assert rows is not None
    assert len(rows) == 0


async def test_a_lease_says_where_a_run_should_end(days: DayStore, store: MemoryStore) -> None:
    await store.put(days.key(TODAY, "_lease"), b"")
    plan = await days.list_versions([TODAY, TODAY + DAY])
    assert plan.leased(NOON - timedelta(seconds=10)) == {TODAY}
    assert plan.leased(NOON) == frozenset()
    assert plan.versions == {}


async def test_a_second_settler_gets_what_the_first_one_wrote(days: DayStore, store: MemoryStore) -> None:
    first, second = await asyncio.gather(
        days.write(TODAY, SETTLED, some(3), settled=True),
        days.write(TODAY, SETTLED + timedelta(seconds=1), some(4), settled=True),
    )
    assert second == first
    assert names(store) == ["_settled-20191110T120000.000000Z-3.json.gz", "rows.csv.gz"]


async def test_damaged_settled_rows_are_written_over(days: DayStore, store: MemoryStore) -> None:
    await store.put(days.key(TODAY, "rows.csv.gz"), b"damaged")
    written = await days.write(TODAY, SETTLED, some(3), settled=True)
    assert await days.rows((await days.list_versions([TODAY])).versions[TODAY]) == written.rows


@pytest.mark.parametrize("writes", [0, 1])
async def test_a_day_whose_writer_died_is_held_whole_or_not_at_all(writes: int, store: MemoryStore) -> None:
    dying = DayStore(MemoryStore(store.bucket, writes), "acme", None)
    with pytest.raises(Killed):
        await dying.write(TODAY, NOON, some(3), settled=False)
    plan = await DayStore(store, "acme", None).list_versions([TODAY])
    assert len(plan.versions) == writes
    for version in plan.versions.values():
        assert await DayStore(store, "acme", None).rows(version) == some(3)
        assert await DayStore(store, "acme", None).rollup(version) is None


async def test_a_settled_day_that_lost_its_rollup_is_mended_from_its_rows(days: DayStore, store: MemoryStore) -> None:
    with pytest.raises(Killed):
        await DayStore(MemoryStore(store.bucket, 1), "acme", None).write(TODAY, SETTLED, some(3), settled=True)
    stored = (await days.list_versions([TODAY])).versions[TODAY]
    assert (stored.settled, stored.count) == (True, None)
    rebuilt = await days.rebuild_rollup(UNCOUNTED)
    assert rebuilt is not None
    assert (rebuilt.fetched, rebuilt.count) == (SETTLED, 3)
    assert (await days.list_versions([TODAY])).versions[TODAY].count == 3


async def test_rows_that_were_cut_off_between_two_blocks_are_not_counted_as_the_day(store: MemoryStore) -> None:
    """Their rollup is lost too; what is left is a gzip file like any other."""
    days = DayStore(store, "acme", None, block_rows=2)
    await days.write(TODAY, SETTLED, some(5), settled=True)
    key = days.key(TODAY, "rows.csv.gz")
    stored = store.bucket.objects[key]
    _, first_end = next(members(stored.body))
    await store.put(key, stored.body[:first_end], stored.attributes)
    assert await days.rebuild_rollup(UNCOUNTED) is None
    await store.put(key, stored.body, stored.attributes)
    assert await days.rebuild_rollup(UNCOUNTED) is not None


async def test_what_cannot_be_read_is_not_held(days: DayStore, store: MemoryStore) -> None:
    written = await days.write(TODAY, NOON, some(3), settled=False)
    for key in list(store.bucket.objects):
        await store.put(key, b"damaged", {FETCHED: "no time"})
    stored = (await days.list_versions([TODAY])).versions[TODAY]
    assert (stored.fetched, stored.count) == (written.fetched, 3)
    assert (await days.rows(stored), await days.rollup(stored), await days.rebuild_rollup(UNCOUNTED)) == (
        None,
        None,
        None,
    )
    await store.put(days.key(TODAY, "rows.csv.gz"), encode_day(some(1)).body)
    assert await days.rebuild_rollup(UNCOUNTED) is None, "when these were fetched is unknown"


async def test_a_version_goes_once_a_newer_one_has_been_there_for_a_while(
    days: DayStore, store: MemoryStore, clock: MovingClock
) -> None:
    await days.write(TODAY, NOON, some(3), settled=False)
    clock.advance(hours=1)
    await days.write(TODAY, LATER, some(4), settled=False)
    clock.advance(minutes=1)
    found = (await days.list_versions([TODAY])).objects[TODAY]
    assert superseded(TODAY, found, LATER) == [], "a reader may have seen only the older one a moment ago"
    await store.delete(superseded(TODAY, found, LATER + timedelta(seconds=1)))
    assert names(store) == ["_open-20191105T130000.000000Z-4.csv.gz.open", "_rollup-20191105T130000.000000Z-4.json.gz"]


async def test_settled_rows_replace_every_other_version(days: DayStore, store: MemoryStore, clock: MovingClock) -> None:
    await days.write(TODAY, NOON, some(3), settled=False)
    await days.write(TODAY, SETTLED, some(3), settled=False)
    await days.write(TODAY, SETTLED, some(3), settled=True)
    await store.put(days.key(TODAY, "_lease"), b"")
    clock.advance(hours=1)
    await store.delete(superseded(TODAY, (await days.list_versions([TODAY])).objects[TODAY], clock()))
    assert names(store) == ["_settled-20191110T120000.000000Z-3.json.gz", "rows.csv.gz"]


async def test_the_newest_of_several_counts_in_any_order_of_names(days: DayStore) -> None:
    for fetched, count in ((LATER, 4), (NOON, 300), (NOON + timedelta(minutes=1), 2)):
        await days.write(TODAY, fetched, some(count), settled=False)
    found = (await days.list_versions([TODAY])).objects[TODAY]
    for order in (found, found[::-1]):
        version = newest_version(TODAY, order)
        assert version is not None
        assert version.count == 4


def test_runs_are_contiguous_at_most_31_days_and_end_before_a_lease() -> None:
    month = [TODAY + DAY * number for number in range(40)]
    assert contiguous_ranges([], frozenset()) == []
    assert contiguous_ranges(month, frozenset()) == [month[:LONGEST_RANGE], month[LONGEST_RANGE:]]
    assert contiguous_ranges([month[0], month[1], month[3]], frozenset()) == [month[:2], [month[3]]]
    assert contiguous_ranges(month[:6], frozenset({month[0], month[4]})) == [month[:4], month[4:6]]


@pytest.mark.parametrize(("lost", "count"), [("_open-", 3), ("_rollup-", 4)])
async def test_of_open_rows_and_their_rollup_each_may_be_there_without_the_other(
    lost: str, count: int, days: DayStore, store: MemoryStore
) -> None:
    """They are written side by side, so a crash or an early reader may see either alone.

    A rollup alone is no version, and the one before it counts; rows alone are counted by their name and summed by hand.
    """
    await days.write(TODAY, NOON, some(3), settled=False)
    await days.write(TODAY, LATER, some(4), settled=False)
    (key,) = [key for key in store.bucket.objects if f"/{lost}20191105T13" in key]
    del store.bucket.objects[key]
    version = (await days.list_versions([TODAY])).versions[TODAY]
    assert version.count == count
    rows = await days.rows(version)
    assert rows is not None
    assert len(rows) == count
