"""Whatever S3 gives back instead of a block or an index of a large day is noticed, and the answer is right."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import orjson
import pytest

from ledger.credits.credit_log import CreditLog
from ledger.days.blocks import encode_day
from ledger.days.day_store import DayStore
from ledger.days.rollups import Detail, Rollup, encode
from ledger.days.rows import Rows
from ledger.days.rows import decode as decode_rows
from ledger.figures.filters import CreditFilter
from ledger.figures.selection import Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.storage.bucket import LedgerUnavailable
from local.vendors.credits import credits_of
from runtime.clock import DAY, Period
from runtime.compression import pack, unpack
from runtime.deadline import Deadline
from tests.support.processes.shared_ledger import MIDNIGHT, NOON, SharedLedger
from tests.support.s3.memory_store import Killed, MemoryStore
from upstreams.openmarket.client import LogRow

pytestmark = pytest.mark.anyio
A_DAY = 40
BLOCK_ROWS = 5
SETTLED = Period(NOON.replace(month=11, day=1, hour=0), NOON.replace(month=11, day=2, hour=0))
OPEN = Period(MIDNIGHT - DAY, MIDNIGHT)
PERIODS = pytest.mark.parametrize("period", [SETTLED, OPEN], ids=["settled", "open"])
FAILED = CreditFilter(outcome=frozenset({"FAILED"}))
ANY_NUMBER = CreditFilter(msisdn="447700900003")
Spoil = Callable[[bytes], bytes]
type Answer = list[object]


@pytest.fixture
async def large(start_shared: Callable[..., SharedLedger]) -> SharedLedger:
    """A ledger that is empty, with blocks so small that each day of the vendor's has eight."""
    shared = start_shared(FRESH_SECONDS="86400")
    shared.openmarket.rows_a_day, shared.block_rows = A_DAY, BLOCK_ROWS
    return shared


class Forgetful(Selection):
    """A selection as of very many rows: it remembers none, and searches blocks before it parses them."""

    rows_to_remember = 0


async def select(log: CreditLog, period: Period, where: CreditFilter | None = None) -> Selection:
    return Selection(await log.snapshot("default", None, period, Deadline.after(20)), period, where)


async def answers(shared: SharedLedger, period: Period) -> Answer:
    """Pages, counts and sums that read blocks, each by a process of its own."""
    cut = Period(period.start + timedelta(minutes=90), period.end - timedelta(minutes=90))
    middle = (period.start + timedelta(hours=12), 0)
    by_hour = SummaryRequest(frozenset({SummaryKey.HOUR, SummaryKey.OUTCOME}))

    def log() -> CreditLog:
        return shared.start().credit_log

    return [
        list((await (await select(log(), period)).page(3, None)).rows),
        list((await (await select(log(), period)).page(3, middle)).rows),
        list((await (await select(log(), period)).page(3, None, newest_first=True)).rows),
        list((await (await select(log(), period, FAILED)).page(100, None)).rows),
        await (await select(log(), cut)).count(),
        await (await select(log(), period, FAILED)).count(),
        await (await select(log(), cut)).summary(by_hour),
        await Forgetful(
            (await log().snapshot("default", None, period, Deadline.after(20))), period, ANY_NUMBER
        ).count(),
    ]


def object_of(shared: SharedLedger, period: Period, *endings: str) -> str:
    """The key of the day's only object with such a name."""
    day = f"/day={period.start.date()}/"
    (key,) = (key for key in shared.bucket.objects if day in key and key.endswith(endings))
    return key


def rows_key(shared: SharedLedger, period: Period) -> str:
    return object_of(shared, period, "rows.csv.gz", ".csv.gz.open")


def rollup_key(shared: SharedLedger, period: Period) -> str:
    return object_of(shared, period, ".json.gz")


async def spoil(shared: SharedLedger, key: str, spoiled: Spoil) -> None:
    known = shared.bucket.objects[key]
    body = spoiled(known.body)
    assert body != known.body
    await MemoryStore(shared.bucket).put(key, body, known.attributes)


def members(body: bytes) -> list[bytes]:
    ends = [end for end in range(1, len(body) + 1) if body[end : end + 3] == b"\x1f\x8b\x08" or end == len(body)]
    return [body[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def flipped(body: bytes) -> bytes:
    """One bit of the third block."""
    first, second, third, *rest = members(body)
    damaged = third[:30] + bytes([third[30] ^ 4]) + third[31:]
    return b"".join([first, second, damaged, *rest])


ROWS: dict[str, Spoil] = {
    "nothing": lambda _: b"",
    "the first block only": lambda body: members(body)[0],
    "a block too few": lambda body: b"".join(members(body)[1:]),
    "blocks in another order": lambda body: b"".join(reversed(members(body))),
    "a bit flipped": flipped,
    "noise": lambda body: bytes(reversed(body)),
    "cut off": lambda body: body[: len(body) * 2 // 3],
}


@PERIODS
@pytest.mark.parametrize("spoiled", ROWS.values(), ids=ROWS)
async def test_blocks_that_are_not_whole_are_fetched_again(spoiled: Spoil, period: Period, large: SharedLedger) -> None:
    truth = await answers(large, period)
    asked = large.openmarket.count("/csv/log")
    await spoil(large, rows_key(large, period), spoiled)
    assert await answers(large, period) == truth
    assert large.openmarket.count("/csv/log") > asked


async def test_a_lost_block_is_fetched_once_for_a_query_that_reads_many(large: SharedLedger) -> None:
    await answers(large, SETTLED)
    asked = large.openmarket.count("/csv/log")
    await spoil(large, rows_key(large, SETTLED), lambda _: b"")
    selection = await select(large.start().credit_log, SETTLED, CreditFilter(msisdn="1"))
    assert await selection.count() == 0
    assert large.openmarket.count("/csv/log") == asked + 1


@PERIODS
async def test_a_lost_block_whose_rows_have_changed_since_is_an_error(period: Period, large: SharedLedger) -> None:
    """Other rows would contradict the figures that the query has shown already."""
    await answers(large, period)
    large.openmarket.rows_a_day = A_DAY - 1
    await spoil(large, rows_key(large, period), flipped)
    failed = CreditFilter(msisdn="1")
    with pytest.raises(LedgerUnavailable, match="changed since"):
        await (await select(large.start().credit_log, period, failed)).count()


def line_with(change: Callable[[list[list[object]]], object]) -> Spoil:
    """A rollup whose index has been changed."""

    def spoiled(body: bytes) -> bytes:
        head, line, *rest = unpack(body).split(b"\n")
        entries = orjson.loads(line)
        change(entries)
        return pack(b"\n".join([head, orjson.dumps(entries), *rest]))

    return spoiled


def set_in(part: int, value: object) -> Spoil:
    return line_with(lambda entries: entries[2].__setitem__(part, value))


def moved(entries: list[list[object]]) -> None:
    """Every block one byte too early; their sum is right."""
    entries[0][0], entries[-1][0] = entries[0][0] - 1, entries[-1][0] + 1  # type: ignore[operator]


INDEXES: dict[str, Spoil] = {
    "nothing": lambda _: b"",
    "no rollup": lambda _: pack(b"null"),
    "no index": lambda body: pack(unpack(body).replace(unpack(body).split(b"\n")[1], b"null")),
    "no list": lambda body: pack(unpack(body).replace(unpack(body).split(b"\n")[1], b"{}")),
    "cut off": lambda body: body[: len(body) // 2],
    "a block too few": line_with(lambda entries: entries.pop()),
    "a block twice": line_with(lambda entries: entries.append(entries[-1])),
    "blocks in another order": line_with(lambda entries: entries.reverse()),
    "a length in words": set_in(0, "many"),
    "no rows": set_in(1, 0),
    "more rows": set_in(1, 6),
    "no position": set_in(3, None),
    "a time in words": set_in(3, ["noon", "1"]),
    "an outcome that is no list": set_in(5, "SUCCESS"),
}
WRONG_INDEXES: dict[str, Spoil] = {
    "another length": set_in(0, 9),
    "other offsets": line_with(moved),
    "another CRC": set_in(2, 7),
}


@PERIODS
@pytest.mark.parametrize("spoiled", (INDEXES | WRONG_INDEXES).values(), ids=INDEXES | WRONG_INDEXES)
async def test_an_index_that_is_unreadable_or_wrong_is_made_again_from_the_rows(
    spoiled: Spoil, period: Period, large: SharedLedger
) -> None:
    truth = await answers(large, period)
    key, asked = rollup_key(large, period), large.openmarket.count("/csv/log")
    right = large.bucket.objects[key].body
    await spoil(large, key, spoiled)
    assert await answers(large, period) == truth
    assert large.openmarket.count("/csv/log") == asked
    assert unpack(large.bucket.objects[key].body) == unpack(right), "it is stored again"


async def test_an_index_that_counts_other_rows_than_there_are_is_an_error_once(large: SharedLedger) -> None:
    """The query may have counted by it already; the next one has an index that was made again."""
    truth = await answers(large, SETTLED)

    def shifted(entries: list[list[object]]) -> None:
        entries[1][1], entries[2][1] = 4, 6

    await spoil(large, rollup_key(large, SETTLED), line_with(shifted))
    cursor = (SETTLED.start + timedelta(hours=12), 0)
    with pytest.raises(LedgerUnavailable, match="changed since"):
        await (await select(large.start().credit_log, SETTLED)).page(A_DAY, cursor, newest_first=True)
    assert await answers(large, SETTLED) == truth


@PERIODS
async def test_rows_that_something_else_has_packed_again_are_used(period: Period, large: SharedLedger) -> None:
    truth = await answers(large, period)
    asked = large.openmarket.count("/csv/log")
    await spoil(large, rows_key(large, period), lambda body: pack(unpack(body)))
    assert await answers(large, period) == truth
    assert large.openmarket.count("/csv/log") == asked


@PERIODS
async def test_a_day_whose_writer_died_before_the_index_is_read_by_a_new_one(
    period: Period, large: SharedLedger
) -> None:
    truth = await answers(large, period)
    rows, rollup = rows_key(large, period), rollup_key(large, period)
    asked, right = large.openmarket.count("/csv/log"), large.bucket.objects.pop(rollup).body
    large.bucket.ranges.clear()
    assert await answers(large, period) == truth
    assert {key for key, _, _ in large.bucket.ranges} == {rows}
    assert large.openmarket.count("/csv/log") == asked
    assert unpack(large.bucket.objects[rollup].body) == unpack(right)


async def test_a_process_that_dies_before_the_index_loses_nothing(large: SharedLedger) -> None:
    """It dies at its second write of a day, after the rows."""
    with pytest.raises(Killed):
        await _write_and_die(large)
    truth = await answers(large, SETTLED)
    assert large.openmarket.count("/csv/log") == 0
    assert len(truth[0]) == 3  # type: ignore[arg-type]


@PERIODS
@pytest.mark.parametrize("values", [True, False], ids=["format 2", "format 1"])
async def test_a_day_without_blocks_is_read_as_before(values: bool, period: Period, large: SharedLedger) -> None:
    """Older versions wrote one member, and a rollup without an index; the first one a rollup by hours only."""
    truth = await answers(large, period)
    asked = large.openmarket.count("/csv/log")
    stored = decode_rows(large.bucket.objects[rows_key(large, period)].body, period.start.date(), A_DAY)
    await spoil(large, rows_key(large, period), lambda _: encode_day(stored, A_DAY).body)
    await spoil(large, rollup_key(large, period), lambda _: old_rollup(stored, values=values))
    large.bucket.ranges.clear()
    assert await answers(large, period) == truth
    assert (large.openmarket.count("/csv/log"), large.bucket.ranges) == (asked, [])


def old_rollup(rows: Rows, *, values: bool) -> bytes:
    made = Rollup.of(rows)
    if values:
        return encode(made)
    by_hour = made.parsed(Detail.HOUR)
    assert by_hour is not None
    assert isinstance(by_hour.hours, Mapping)
    lines = [[[*key, n, str(total)] for key, (n, total) in part.items()] for part in (made.whole, by_hour.hours)]
    return pack(b"\n".join(map(orjson.dumps, lines)))


async def _write_and_die(large: SharedLedger) -> None:
    day = SETTLED.start.date()
    rows = Rows.of(
        LogRow(each.credit_id, each.time, each.msisdn, each.network, each.final, each.amount, each.currency)
        for each in credits_of("tally-account", day, A_DAY)
    )
    days = DayStore(MemoryStore(large.bucket, 1), "default", None, BLOCK_ROWS)
    await days.write(day, NOON, rows, settled=True)
