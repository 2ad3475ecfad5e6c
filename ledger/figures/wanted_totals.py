"""The part of a day's totals that a query wants, where its rollup tells it without the rows.

A rollup counts by hour, network, outcome, currency and amount. So it answers a filter by those, and a period that cuts
the day at whole hours, as the days of another time zone do. A filter by phone number or credit id, and a cut at another
moment, need the rows.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.days.rollups import DayKey, Detail, Rollup, Total, add
from ledger.days.versions import DayVersion
from ledger.figures.filters import CreditFilter
from runtime.clock import Period, midnight

HOUR = timedelta(hours=1)
WHOLE_DAY = range(24)


class WantedTotals(NamedTuple):
    """What a period and a filter want of the rollups of its days."""

    period: Period
    where: CreditFilter | None

    def needed(self, version: DayVersion, detail: Detail) -> Detail | None:
        """The detail with which a day's rollup has to be read to be summed up to `detail`; None if rows are needed."""
        hours = self._hours(version)
        if hours is None or version.count is None or (self.where is not None and self.where.detail is None):
            return None
        by_filter = (self.where and self.where.detail) or Detail.DAY
        by_period = Detail.DAY if hours == WHOLE_DAY else Detail.HOUR
        return detail.joined(by_filter).joined(by_period)

    def wanted(self, version: DayVersion, rollup: Rollup, detail: Detail) -> Rollup:
        """The wanted part of a rollup that was read with the needed detail, parsed to `detail`."""
        hours = self._hours(version)
        if hours is None or (self.where is None and hours == WHOLE_DAY):
            return rollup
        needed = self.needed(version, detail)
        if needed is Detail.VALUE and isinstance(rollup.values, Mapping):
            values = {
                key: count
                for key, count in rollup.values.items()
                if key[0] in hours and self._matches(key[1:4], key[4])
            }
            return Rollup.of_values(values).parsed(detail) or rollup
        if needed is Detail.DAY_VALUE and rollup.day_values is not None:
            return Rollup.of_day_values(
                {key: count for key, count in rollup.day_values.items() if self._matches(key[:3], key[3])}
            )
        if needed is Detail.HOUR and isinstance(rollup.hours, Mapping):
            by_hour = {k: total for k, total in rollup.hours.items() if k[0] in hours and self._matches(k[1:], None)}
            whole: dict[DayKey, Total] = {}
            for (_, network, outcome, currency), total in by_hour.items():
                add(whole, (network, outcome, currency), total)
            return Rollup(whole, None, by_hour)
        return Rollup({key: total for key, total in rollup.whole.items() if self._matches(key, None)}, None)

    def _matches(self, key: DayKey, value: str | None) -> bool:
        return self.where is None or self.where.matches(*key, value)

    def _hours(self, version: DayVersion) -> range | None:
        """The hours of a day that lie in the period; None if it cuts the day at another moment."""
        begin = midnight(version.day)
        first, beyond = (_hours_after(begin, moment) for moment in (self.period.start, self.period.end))
        return None if first is None or beyond is None else range(first, beyond)


def _hours_after(begin: datetime, moment: datetime) -> int | None:
    """How many whole hours of a day lie before a moment; None if it lies within an hour of the day."""
    hours, rest = divmod(moment - begin, HOUR)
    inside = 0 <= hours < len(WHOLE_DAY)
    return None if inside and rest else min(max(hours, 0), len(WHOLE_DAY))
