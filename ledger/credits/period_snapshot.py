"""What the credit log answers a query with: the versions of a period's days, and the way to read them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.answers.freshness import Freshness
from ledger.credits.day_query import DayQuery
from ledger.credits.day_reader import DayReader
from ledger.days.blocks import Block, DayIndex
from ledger.days.rollups import Detail, Rollup
from ledger.days.rows import Rows
from ledger.days.versions import DayVersion


@dataclass(frozen=True, slots=True)
class PeriodSnapshot:
    """The versions that answer for a period, in day order, how fresh they are, and the way to read them."""

    query: DayQuery
    versions: Sequence[DayVersion]
    freshness: Freshness
    reader: DayReader

    async def rows(self, version: DayVersion) -> Rows:
        """See `DayReader.rows`."""
        return await self.reader.rows(self.query, version)

    def is_large(self, version: DayVersion) -> bool:
        """See `DayReader.is_large`."""
        return self.reader.is_large(self.query, version)

    def is_searched_whole(self, version: DayVersion) -> bool:
        """See `DayReader.is_searched_whole`."""
        return self.reader.is_searched_whole(self.query, version)

    async def index(self, version: DayVersion) -> DayIndex | None:
        """See `DayReader.index`."""
        return await self.reader.index(self.query, version)

    def known_index(self, version: DayVersion) -> DayIndex | None:
        """See `DayReader.known_index`."""
        return self.reader.known_index(self.query, version)

    async def block(self, version: DayVersion, block: Block, *, remember: bool = True) -> Rows:
        """See `DayReader.block`."""
        return await self.reader.block(self.query, version, block, remember=remember)

    async def rows_having(self, version: DayVersion, block: Block, part: bytes) -> Rows:
        """See `DayReader.rows_having`."""
        return await self.reader.rows_having(self.query, version, block, part)

    def known_totals(self, version: DayVersion) -> Rollup | None:
        """See `DayReader.known_totals`."""
        return self.reader.known_totals(self.query, version)

    async def rollup(self, version: DayVersion, detail: Detail = Detail.DAY) -> Rollup:
        """See `DayReader.rollup`."""
        return await self.reader.rollup(self.query, version, detail)
