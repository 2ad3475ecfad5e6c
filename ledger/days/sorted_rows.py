"""Puts any number of a vendor's rows into the order of the log, in little memory.

Rows are sorted some ten thousand at a time. Sorted or nearly sorted rows stay one run, which is read back as it was
written; rows in another order become several runs, which are merged page by page. The runs lie compressed in a file
without a name, which is deleted with the process at the latest.
"""

import os
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import batched, chain
from operator import itemgetter

import orjson

from ledger.days.rows import CREDIT_ID, TIME, WIDTH, Rows
from upstreams.bodies import write_all
from upstreams.openmarket.rows import LogRow

RUN_ROWS = 32_768
"""The most rows that are sorted at once, and so in memory before they are written."""
PAGE_ROWS = 512
"""While runs are merged, this many rows of each are in memory."""
type RowPlace = tuple[int, int]
"""Offset and length of a page in the file."""

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ID_BITS = 64


class NoRoomError(Exception):
    """The disk is full."""


class RowSorter:
    """Takes rows in any order, and gives them back in the order of the log until it is closed.

    Raises:
        NoRoomError: the disk is full.
    """

    def __init__(self, run_rows: int = RUN_ROWS, page_rows: int = PAGE_ROWS) -> None:
        self._run_rows = run_rows
        self._page_rows = page_rows
        self._waiting: list[LogRow] = []
        self._pages = _Pages()
        self._runs: list[list[RowPlace]] = []
        self._last = -1

    def add(self, rows: Sequence[LogRow]) -> None:
        """Take more rows.

        Raises:
            NoRoomError: the disk is full.
        """
        self._waiting += rows
        if len(self._waiting) >= self._run_rows:
            self._write(keep=self._run_rows // 2)

    def finish(self) -> None:
        """Take no more rows.

        Raises:
            NoRoomError: the disk is full.
        """
        if self._waiting:
            self._write(keep=0)

    def sorted(self) -> Iterator[Rows]:
        """All rows in the order of the log, some hundred at a time; it may be called again."""
        if len(self._runs) == 1:
            return (Rows(self._pages.read(place)) for place in self._runs[0])
        return _merged([_RunReader(self._pages, run) for run in self._runs])

    def close(self) -> None:
        """Delete the rows."""
        self._pages.close()

    def _write(self, keep: int) -> None:
        """Write what waits: all but the last rows to the run so far, if all belong behind it, else all to a new run."""
        keys = [_moment_key(row.time) | row.credit_id for row in self._waiting]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        rows = [self._waiting[index] for index in order]
        if not self._runs or keys[order[0]] < self._last:
            keep = keep if not self._runs else 0
            self._runs.append([])
        written = len(rows) - keep
        self._waiting = rows[written:]
        self._last = keys[order[written - 1]]
        pages = batched(rows[:written], self._page_rows, strict=False)
        self._runs[-1] += [self._pages.write(Rows.of(page).cells) for page in pages]


class _Pages:
    """Cells in a file, compressed."""

    def __init__(self) -> None:
        self._size = 0
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by `close`
        except OSError as error:
            raise NoRoomError(error.strerror) from error

    def write(self, cells: Sequence[str]) -> RowPlace:
        from isal import isal_zlib

        packed = isal_zlib.compress(orjson.dumps(cells), 1)
        try:
            write_all(self._file, packed)
        except OSError as error:
            raise NoRoomError(error.strerror) from error
        place = self._size, len(packed)
        self._size += len(packed)
        return place

    def read(self, place: RowPlace) -> list[str]:
        from isal import isal_zlib

        offset, length = place
        cells: list[str] = orjson.loads(isal_zlib.decompress(os.pread(self._file.fileno(), length, offset)))
        return cells

    def close(self) -> None:
        self._file.close()


class _RunReader:
    """The rows of one run and their keys, a page at a time."""

    def __init__(self, pages: _Pages, places: Sequence[RowPlace]) -> None:
        self._pages = pages
        self._places = iter(places)
        self._pages_left = len(places)
        self.keys: list[int] = []
        self._rows: list[tuple[str, ...]] = []

    @property
    def has_more(self) -> bool:
        """Whether there are pages behind the present one."""
        return self._pages_left > 0

    def read_on(self) -> bool:
        """Have some rows ready; false at the end of the run."""
        if not self._rows and self._pages_left:
            self._pages_left -= 1
            self._rows = list(batched(self._pages.read(next(self._places)), WIDTH, strict=True))
            self.keys = [_spelled_key(row[TIME]) | int(row[CREDIT_ID]) for row in self._rows]
        return bool(self._rows)

    def take(self, bound: int | None) -> Iterator[tuple[int, tuple[str, ...]]]:
        """The rows up to a key, with their keys; without a bound all of the page."""
        count = len(self._rows) if bound is None else bisect_right(self.keys, bound)
        taken = zip(self.keys[:count], self._rows[:count], strict=True)
        self.keys, self._rows = self.keys[count:], self._rows[count:]
        return taken


def _merged(readers: list[_RunReader]) -> Iterator[Rows]:
    """Up to the smallest of the pages' last keys, nothing can come in between from pages that were not read yet."""
    while readers := [reader for reader in readers if reader.read_on()]:
        bound = min((reader.keys[-1] for reader in readers if reader.has_more), default=None)
        found = [pair for reader in readers for pair in reader.take(bound)]
        found.sort(key=itemgetter(0))
        yield Rows([*chain.from_iterable(row for _, row in found)])


@lru_cache(8192)  # most rows share their second with others
def _moment_key(moment: datetime) -> int:
    """A number that sorts by time, with room for a credit id below: one number is compared faster than a pair."""
    return ((moment - _BEGINNING) // _MICROSECOND) << _ID_BITS


@lru_cache(8192)
def _spelled_key(time: str) -> int:
    return _moment_key(datetime.fromisoformat(time))
