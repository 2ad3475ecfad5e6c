"""Has days from the upstream, and keeps each by itself.

The credits of a request belong to days by their own time, whatever was asked for. Without S3 days are fetched all the
same: they answer the query, and nobody else.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from ledger.answers.ageing import Ageing
from ledger.credits.day_query import DayQuery, Refreshed
from ledger.credits.days import DayVersion
from ledger.credits.rows import Rows
from ledger.storage.breakers import Breakers
from ledger.storage.store import LedgerUnavailable
from runtime.clock import Clock, day_end, midnight
from upstreams.errors import UpstreamAnswerTooLarge
from upstreams.openmarket.client import LogRow, OpenMarket

LOG = logging.getLogger("tally.ledger")

UPSTREAM = "openmarket"
MARGIN = timedelta(seconds=1)
"""Whether the vendor's ends are inclusive is not documented: we ask for more and keep by each row's own time."""


@dataclass(frozen=True, slots=True)
class DayFetcher:
    """Fetches every tenant's days."""

    breakers: Breakers
    openmarket: OpenMarket
    ageing: Ageing
    clock: Clock

    async def fetch(self, query: DayQuery, run: Sequence[date]) -> Refreshed:
        """Ask the upstream for contiguous days, and keep each; days too many for one answer come in halves.

        One half after the other, and what S3 has of them is not carried along: memory holds one answer at a time.
        """
        try:
            return await self._fetch_at_once(query, run)
        except UpstreamAnswerTooLarge as error:
            if len(run) == 1:
                raise
            LOG.warning("asking for %s to %s in halves: %s", run[0], run[-1], error)
        halves = run[: len(run) // 2], run[len(run) // 2 :]
        fetched = [_light(version) for half in halves for version in (await self.fetch(query, half)).versions]
        return Refreshed(fetched, asked=True)

    async def _fetch_at_once(self, query: DayQuery, run: Sequence[date]) -> Refreshed:
        newest_held = [version.fetched + timedelta.resolution for version in query.held(run)]
        fetched = max([self.clock(), *newest_held])

        async def ask() -> list[LogRow]:
            start, end = midnight(run[0]) - MARGIN, day_end(run[-1]) + MARGIN
            return (await self.openmarket.log(query.tenant, start, end, query.brand, query.deadline)).rows

        # Without S3 nobody can say how the vendor fares, and each question to S3 would cost the time that is left.
        log = await (ask() if query.offline else self.breakers.guard(query.tenant, UPSTREAM, ask))
        by_day = _by_day(log, run)
        kept = await asyncio.gather(*(self._keep(query, day, fetched, Rows.of(by_day.pop(day))) for day in run))
        return Refreshed(kept, asked=True)

    async def _keep(self, query: DayQuery, day: date, fetched: datetime, rows: Rows) -> DayVersion:
        settled = self.ageing.settled(fetched, day_end(day))
        try:
            if not query.offline:
                return await query.days.keep(day, fetched, rows, settled=settled)
        except LedgerUnavailable as error:
            LOG.warning("a day was not kept: %s", error)
        return DayVersion(day, fetched, len(rows), settled, rows, kept=False)


def _by_day(log: Iterable[LogRow], run: Sequence[date]) -> dict[date, list[LogRow]]:
    """The credits of each day of a run; of several with one id the last counts, but only among those of the run.

    The seconds more that were asked for are cut off first: what lies in them must not take the place of what does not.
    """
    by_day: dict[date, list[LogRow]] = {day: [] for day in run}
    for credit in {credit.credit_id: credit for credit in log if credit.time.date() in by_day}.values():
        by_day[credit.time.date()].append(credit)
    return by_day


def _light(version: DayVersion) -> DayVersion:
    """The version without its rows, where S3 has them."""
    return replace(version, rows=None) if version.kept else version
