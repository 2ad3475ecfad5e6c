"""Logs of the simulated OpenMarket that lose rows without a trace: the connection closes between two rows.

Without a length, a coding or chunks nothing shows that an answer came to its end (RFC 9112 §6.3).
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from operator import itemgetter

from local.vendors.csv_shapes import SHAPES
from local.vendors.openmarket import LOG_COLUMNS, OpenMarketSimulator
from local.vendors.simulator import Fault, SimulatorResponse, csv_bytes
from tests.support.vendors.vendor_history import DAY, VendorHistory

FINAL_WORDS = frozenset({"success", "confirmed", "failed"})
TIME, OUTCOME = LOG_COLUMNS.index("Time (UTC)"), LOG_COLUMNS.index("Outcome")


@dataclass(frozen=True, slots=True)
class LossyDay:
    """A day of a log that lost rows at a moment; `provable`: among them were credits in a final state."""

    brand: str | None
    over: datetime
    at: datetime
    provable: bool


@dataclass
class LossyLogs:
    """The days that a simulated vendor's logs have lost rows of."""

    openmarket: OpenMarketSimulator
    days: list[LossyDay] = field(default_factory=list)

    def losing(self, rows: int, since: date = date.min) -> Fault:
        """Send the first `rows` rows and close the connection; rows from before `since` are never lost.

        A log of another shape than the documented one is sent as it is.
        """

        def change(correct: SimulatorResponse) -> SimulatorResponse:
            if correct.status != 200 or self.openmarket.shape != SHAPES["documented"]:
                return correct
            table = list(csv.reader(io.StringIO(correct.body.decode(), newline="")))
            found = sorted(table[1:], key=itemgetter(TIME))
            start = max(rows, sum(row[TIME] < str(since) for row in found))
            self._note(self.openmarket.requests[-1].query, found[start:])
            return replace(correct, body=csv_bytes([table[0], *found[:start]]), framing="close")

        return Fault(change)

    def _note(self, query: Mapping[str, str], lost: list[list[str]]) -> None:
        final_days = {row[TIME][:10] for row in lost if row[OUTCOME].lower() in FINAL_WORDS}
        for day in {row[TIME][:10] for row in lost}:
            over = datetime.fromisoformat(day).replace(tzinfo=UTC) + DAY
            self.days.append(LossyDay(query.get("brand"), over, self.openmarket.clock(), day in final_days))

    def settle_without_a_report(self) -> None:
        """Without the outcome report, rows that came twice settle a day, even if both logs had lost some."""
        self.days = [replace(day, provable=False) for day in self.days]

    def may_answer(
        self, history: VendorHistory, brand: str | None, over: datetime, now: datetime, freshness: Mapping[str, object]
    ) -> bool:
        """Whether an answer about a day may lack rows: for as long as one that may still change, and not for good.

        The outcome report counts credits in a final state only: it cannot show that others were lost.
        """
        as_of = datetime.fromisoformat(str(freshness["asOf"]))
        return any(
            freshness["stale"] or day.at >= now or _good_until(history, day) > now
            for day in self.days
            if (day.brand, day.over) == (brand, over) and day.at >= as_of
        )


def _good_until(history: VendorHistory, day: LossyDay) -> datetime:
    good_until = history.good_until(day.at, day.over)
    longest = timedelta(hours=6 if history.fresh else 0)
    return min(good_until, day.at + longest) if day.provable else good_until
