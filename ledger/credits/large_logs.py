"""A log that is too large for memory, read from disk and put into order on disk, before any of it is stored.

Its last line may show that it is cut off, and a later row may replace an earlier one of any day. So all of it is read
before the first day is stored. The event loop gets its turn every few thousand rows: a lease has to be renewed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from datetime import date
from itertools import batched, compress

from ledger.days.blocks import BlockWriter, EncodedDay
from ledger.days.rows import Rows
from ledger.days.sorted_rows import NoRoomError, RowSorter
from ledger.days.superseded_rows import SupersededRows
from runtime.clock import Period, day_end, midnight
from runtime.deadline import Deadline
from upstreams.errors import OPENMARKET, UpstreamAnswerTooLarge, UpstreamTimeout
from upstreams.openmarket.client import LogRow, SpooledLog

BATCH_ROWS = 4096

type Batches = Iterator[list[LogRow]]


class OrderedLog:
    """The rows of some days in the order of the log, on disk until it is closed."""

    def __init__(self, rows: RowSorter, days: Sequence[date], *, proven_whole: bool) -> None:
        self._rows = rows
        self._days = days
        self.proven_whole = proven_whole

    async def encoded(
        self, writer: Callable[[], BlockWriter], deadline: Deadline
    ) -> AsyncIterator[tuple[date, EncodedDay]]:
        """Each of the days in order, as it is stored.

        Raises:
            UpstreamTimeout: the deadline has passed.
        """
        pieces = _split_by_day(self._rows.sorted())
        piece = next(pieces, None)
        for day in self._days:
            blocks = writer()
            while piece is not None and piece[0] == day:
                blocks.add(piece[1])
                await _turn(deadline)
                piece = next(pieces, None)
            yield day, blocks.finish()

    def close(self) -> None:
        """Delete the rows."""
        self._rows.close()


async def ordered(
    log: SpooledLog,
    days: Sequence[date],
    deadline: Deadline,
    *,
    batch_rows: int = BATCH_ROWS,
    new_sorter: Callable[[], RowSorter] = RowSorter,
) -> OrderedLog:
    """The rows of some contiguous days of a log; of several rows with one credit id, the last one counts.

    The log is read `batch_rows` at a time, once, or twice if rows in it replace each other, and then closed.

    Raises:
        UpstreamError: the log is not whole or not understood, the deadline has passed, or the disk is full.
    """
    period = Period(midnight(days[0]), day_end(days[-1]))
    with closing(log):
        superseded = SupersededRows()
        batches = _noted(_wanted(log, period, batch_rows), superseded)
        rows = await _sorted(batches, new_sorter, deadline)
        if (marks := superseded.found()) is not None:
            rows.close()
            rows = await _sorted(_unmarked(_wanted(log, period, batch_rows), marks), new_sorter, deadline)
    return OrderedLog(rows, days, proven_whole=log.proven_whole)


async def _sorted(batches: Batches, new_sorter: Callable[[], RowSorter], deadline: Deadline) -> RowSorter:
    try:
        rows = new_sorter()
        try:
            for batch in batches:
                rows.add(batch)
                await _turn(deadline)
            rows.finish()
        except BaseException:
            rows.close()
            raise
    except NoRoomError as error:
        raise UpstreamAnswerTooLarge(OPENMARKET, f"the answer does not fit on the disk ({error})") from error
    return rows


def _wanted(log: SpooledLog, period: Period, batch_rows: int) -> Batches:
    """Rows of other days are dropped before duplicates are, as for a small log."""
    start, end = period
    for batch in batched(log.read(), batch_rows, strict=False):
        yield [row for row in batch if start <= row.time < end]


def _noted(batches: Batches, superseded: SupersededRows) -> Batches:
    for batch in batches:
        superseded.add(row.credit_id for row in batch)
        yield batch


def _unmarked(batches: Batches, marks: bytearray) -> Batches:
    place = 0
    for batch in batches:
        yield [*compress(batch, (not mark for mark in marks[place : place + len(batch)]))]
        place += len(batch)


def _split_by_day(pieces: Iterator[Rows]) -> Iterator[tuple[date, Rows]]:
    for piece in pieces:
        rest = piece
        while rest:
            day = rest.position(0)[0].date()
            own = rest.slice(0, rest.first_at((day_end(day), -1)))
            yield day, own
            rest = rest.slice(len(own), len(rest))


async def _turn(deadline: Deadline) -> None:
    """Let other tasks run.

    Raises:
        UpstreamTimeout: the deadline has passed. It is not the vendor that was slow.
    """
    await asyncio.sleep(0)
    if not deadline.remaining():
        late = UpstreamTimeout(OPENMARKET, "the deadline passed before the answer was read")
        late.hurried = True
        raise late
