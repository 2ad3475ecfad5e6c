"""The month objects that the keeper writes: of which logs, when again, and what a run that is cut off leaves."""

import contextlib
from datetime import UTC, datetime
from pathlib import PurePath

import pytest

from functions.settings import Settings
from ledger.days.day_store import DayStore
from ledger.days.months import Month, decode
from ledger.days.rollups import Detail
from ledger.keeper.months import CHECKED_MONTHS
from ledger.keeper.run import KeeperRun
from runtime.clock import DAY
from runtime.compression import pack, unpack
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import process
from tests.support.processes.short_months import LENGTH, ShortMonths, three_days
from tests.support.s3.memory_store import Killed, MemoryBucket, MemoryStore
from tests.support.s3.settled_days import settle

pytestmark = pytest.mark.anyio
SETTINGS = Settings.read({"LEDGER_BUCKET": "memory", "OPENMARKET_BASE_URL": "http://127.0.0.1:1"})
FIRST = datetime.combine(three_days(datetime(2019, 10, 3, tzinfo=UTC).date()).first, datetime.min.time(), UTC)
A_DAY = 6


class Logs:
    """A bucket with settled days from `FIRST` on, and keepers without a vendor."""

    def __init__(self) -> None:
        self.clock = MovingClock()
        self.bucket = MemoryBucket(self.clock)
        self.vendors = process(SETTINGS, self.clock, MemoryStore(self.bucket)).vendors

    async def settle(self, days: int, brand: str | None = None, *, from_day: int = 0, rows: int = A_DAY) -> None:
        await settle(MemoryStore(self.bucket), FIRST + from_day * DAY, days, rows, brand)

    def keeper(self, writes_left: int | None = None) -> ShortMonths:
        return ShortMonths(SETTINGS, self.clock, MemoryStore(self.bucket, writes_left), self.vendors)

    async def keep(self, keeper: ShortMonths | None = None, seconds: float = 60) -> KeeperRun:
        """One keeper's run over every brand's months, in a process of its own unless one is given."""
        run = KeeperRun(Deadline.after(seconds))
        keeper = keeper or self.keeper()
        for brand in [None, *await keeper.keeper.credit_days.brands("default")]:
            await keeper.keeper.months.write("default", brand, run)
        return run

    def months(self, brand: str = "__all__") -> list[str]:
        """The keys of the month objects, in order."""
        return sorted(key for key in self.bucket.objects if f"/brand={brand}/_months/" in key)

    def month(self, number: int) -> Month:
        """The stored month that is `number` months after the first."""
        month = three_days((FIRST + number * LENGTH * DAY).date())
        (key,) = [key for key in self.months() if month.name in key]
        return decode(self.bucket.objects[key].body, month)


@pytest.fixture
def logs() -> Logs:
    return Logs()


async def test_each_brand_gets_the_months_whose_every_day_is_settled(logs: Logs) -> None:
    await logs.settle(3 * LENGTH - 1)
    await logs.settle(LENGTH, "MyBrand")
    run = await logs.keep()
    assert (run.months, run.failed, run.complete) == (3, 0, True)
    assert (len(logs.months()), len(logs.months("MyBrand"))) == (2, 1)
    assert (await logs.keep()).months == 0
    await logs.settle(1, from_day=3 * LENGTH - 1)
    assert (await logs.keep()).months == 1


async def test_a_month_says_what_its_days_say(logs: Logs) -> None:
    await logs.settle(LENGTH - 1)
    await logs.settle(1, from_day=LENGTH - 1, rows=0)
    await logs.keep()
    month, days = logs.month(0), DayStore(MemoryStore(logs.bucket), "default", None)
    listed = (await days.list_versions([*month.versions])).versions
    assert month.versions == listed
    for day, version in listed.items():
        rollup = await days.rollup(version)
        assert rollup is not None
        known = month.rollup(day)
        assert known.parsed(Detail.HOUR) == rollup.parsed(Detail.HOUR) or not version.count
        assert (known.whole, known.values, month.whole(day)) == (rollup.whole, rollup.values, rollup.whole)


async def test_nobody_lists_a_month_for_the_lake(logs: Logs) -> None:
    await logs.settle(LENGTH)
    await logs.keep()
    (key,) = logs.months()
    assert any(part.startswith("_") for part in PurePath(key).parts)


async def test_an_open_day_makes_no_month(logs: Logs) -> None:
    await logs.settle(LENGTH - 1)
    days = DayStore(MemoryStore(logs.bucket), "default", None)
    last = (FIRST + (LENGTH - 1) * DAY).date()
    rows = await days.rows((await days.list_versions([last - DAY])).versions[last - DAY])
    assert rows is not None
    await days.write(last, logs.clock(), rows.slice(0, 0), settled=False)
    assert (await logs.keep()).months == 0


@pytest.mark.parametrize("number", [0, 1])
async def test_a_lost_month_is_written_again(logs: Logs, number: int) -> None:
    await logs.settle(2 * LENGTH)
    await logs.keep()
    before = dict(logs.bucket.objects)
    del logs.bucket.objects[logs.months()[number]]
    assert (await logs.keep()).months == 1
    assert logs.bucket.objects.keys() == before.keys()


@pytest.mark.parametrize("months", [1, CHECKED_MONTHS + 2])
async def test_an_unreadable_month_is_replaced_by_one_of_the_next_runs(logs: Logs, months: int) -> None:
    await logs.settle(months * LENGTH)
    await logs.keep()
    logs.clock.advance(minutes=15)
    oldest = logs.months()[0]
    await MemoryStore(logs.bucket).put(oldest, b"not a month")
    written = 0
    for _ in range(2):
        written += (await logs.keep()).months
        logs.clock.advance(minutes=15)
    assert written == 1
    assert logs.month(0).versions


@pytest.mark.parametrize("from_end", [4, 60])
async def test_a_month_of_which_a_part_is_unreadable_is_replaced(logs: Logs, from_end: int) -> None:
    await logs.settle(LENGTH)
    await logs.keep()
    (key,) = logs.months()
    body = logs.bucket.objects[key].body
    damaged = body[:-from_end] + bytes([body[-from_end] ^ 0xFF]) + body[-from_end + 1 :]
    await MemoryStore(logs.bucket).put(key, damaged)
    assert (await logs.keep()).months == 1
    logs.month(0).check()
    assert (await logs.keep()).months == 0


async def test_a_month_that_contradicts_one_of_its_days_is_replaced(logs: Logs) -> None:
    await logs.settle(LENGTH)
    await logs.keep()
    for key in [key for key in logs.bucket.objects if f"/day={FIRST.date()}/" in key]:
        del logs.bucket.objects[key]
    logs.clock.advance(minutes=1)
    await logs.settle(1, rows=A_DAY + 1)
    assert (await logs.keep()).months == 1
    assert logs.month(0).versions[FIRST.date()].count == A_DAY + 1
    assert (await logs.keep()).months == 0


async def test_a_month_waits_for_a_day_that_cannot_be_read_and_the_run_goes_on(logs: Logs) -> None:
    await logs.settle(2 * LENGTH)
    for key in [key for key in logs.bucket.objects if f"/day={FIRST.date()}/" in key]:
        await MemoryStore(logs.bucket).put(key, b"damaged")
    run = await logs.keep()
    assert (run.months, run.failed) == (1, 1)


async def test_a_lost_rollup_is_made_again_for_the_month(logs: Logs) -> None:
    await logs.settle(LENGTH)
    for key in [key for key in logs.bucket.objects if "/_settled-" in key]:
        del logs.bucket.objects[key]
    assert (await logs.keep()).months == 1
    assert [version.count for version in logs.month(0).versions.values()] == [A_DAY] * LENGTH


async def test_a_rollup_that_does_not_add_up_is_made_again_for_the_month(logs: Logs) -> None:
    await logs.settle(LENGTH)
    key = next(key for key in logs.bucket.objects if f"/day={FIRST.date()}/_settled-" in key)
    *head, values = unpack(logs.bucket.objects[key].body).split(b"\n")
    await MemoryStore(logs.bucket).put(key, pack(b"\n".join([*head, values.replace(b",1]", b",2]", 1)])))
    run = await logs.keep()
    assert (run.months, run.failed) == (1, 0)
    rollup = logs.month(0).rollup(FIRST.date()).parsed(Detail.VALUE)
    assert rollup is not None
    assert sum(count for count, _ in rollup.whole.values()) == A_DAY


async def test_a_run_without_time_writes_no_month_and_the_next_one_writes_the_newest_first(logs: Logs) -> None:
    await logs.settle(2 * LENGTH)
    run = await logs.keep(seconds=0)
    assert (run.months, run.complete, logs.months()) == (0, False, [])
    with pytest.raises(Killed):
        await logs.keep(logs.keeper(writes_left=1))
    assert [three_days((FIRST + LENGTH * DAY).date()).name in key for key in logs.months()] == [True]


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
async def test_killed_at_any_write_the_next_run_ends_where_an_undisturbed_one_does(logs: Logs, writes: int) -> None:
    await logs.settle(2 * LENGTH)
    with contextlib.suppress(Killed):
        await logs.keep(logs.keeper(writes_left=writes))
    assert len(logs.months()) == min(writes, 2)
    run = await logs.keep()
    assert (len(logs.months()), run.failed) == (2, 0)
    assert [logs.month(number).versions.keys() for number in (0, 1)]
    assert (await logs.keep()).months == 0


async def test_two_keepers_at_once_write_each_month_once(logs: Logs) -> None:
    await logs.settle(2 * LENGTH)
    first, second = logs.keeper(), logs.keeper()
    await logs.keep(first)
    months = {key: logs.bucket.objects[key].e_tag for key in logs.months()}
    run = KeeperRun(Deadline.after(60))
    await second.keeper.months.write("default", None, run)
    assert {key: logs.bucket.objects[key].e_tag for key in logs.months()} == months
    assert run.months == 0


async def test_what_a_month_has_superseded_is_deleted_with_it(logs: Logs) -> None:
    await logs.settle(LENGTH)
    days = DayStore(MemoryStore(logs.bucket), "default", None)
    await MemoryStore(logs.bucket).put(days.key(FIRST.date(), "_lease"), b"")
    logs.clock.advance(hours=1)
    run = await logs.keep()
    assert (run.months, run.deleted) == (1, 1)
    assert not [key for key in logs.bucket.objects if key.endswith("_lease")]
