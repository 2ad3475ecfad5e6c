"""Processes over one ledger in memory; each of their answers has to be the vendors' own of some allowed moment.

The base of the state machines in `test_equals_the_upstream.py` and `test_balanced_histories.py`, which decide what
happens and what is asked.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from functions.settings import Settings
from functions.wiring import Parts
from ledger.keeper.run import KeeperRun
from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator, parsed_time
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, vendors_of
from tests.support.processes.short_months import ShortMonths
from tests.support.s3.memory_store import MemoryBucket, MemoryStore
from tests.support.vendors.credit_oracle import comparable, summary
from tests.support.vendors.lossy_logs import LossyLogs
from tests.support.vendors.vendor_history import DAY, Moment, VendorHistory, days_of
from upstreams.secrets import SecretStore

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
PROCESSES = 3
BLOCK_ROWS = 5
"""So few that days of sixteen rows are read block by block."""
PAUSE = timedelta(seconds=31)
"""A vendor that has failed is left alone for up to half a minute after it is well again."""

LOG = """query($from: DateTime!, $to: DateTime!, $brand: String, $where: CreditLogFilter, $first: Int, $after: String,
  $by: [CreditLogKey!]!) {
  creditLog(from: $from, to: $to, brand: $brand, where: $where, first: $first, after: $after) {
    edges { cursor node { creditId time msisdn network outcome rawOutcome amount currency } }
    pageInfo { hasNextPage hasPreviousPage }
    totalCount
    summary(by: $by) { day hour network outcome currency count amount }
    freshness { source asOf stale finalUntil }
  }
}"""


class CheckedLedger:
    """Three processes, both vendors and their history, and the checks that every answer has to pass."""

    since = NOON - timedelta(days=12)

    def begin_at_noon(self, environ: dict[str, str], secrets: SecretStore, fresh: int, in_memory: int) -> None:
        """Start the processes and the vendors; `fresh` is FRESH_SECONDS, larger answers than `in_memory` go to disk."""
        self.runner = asyncio.Runner()
        self.clock = MovingClock(NOON)
        self.openmarket = OpenMarketSimulator(rows_a_day=16, clock=self.clock).__enter__()
        self.rde = RdeSimulator(generated=False, clock=self.clock).__enter__()
        addresses = {"RDE_BASE_URL": self.rde.base_url, "OPENMARKET_BASE_URL": self.openmarket.base_url}
        self.settings = Settings.read(environ | addresses | {"FRESH_SECONDS": str(fresh)})
        self.bucket = MemoryBucket(self.clock)
        self.vendors = vendors_of(Parts(self.settings, self.clock, MemoryStore(self.bucket)), secrets)
        self.vendors = replace(self.vendors, openmarket=replace(self.vendors.openmarket, in_memory=in_memory))
        self.processes = [self.start_process() for _ in range(PROCESSES)]
        ages = timedelta(seconds=fresh), timedelta(hours=72)
        self.history = VendorHistory(self.openmarket, self.rde, self.since, *ages)
        self.failing: set[str] = set()
        self.failed_at = {"openmarket": NOON - DAY, "rde": NOON - DAY}
        self.scheduled: list[tuple[datetime, LedgerProcess]] = []
        self.fetched: dict[tuple[str | None, datetime], datetime] = {}
        self.stored: set[tuple[str | None, datetime]] = set()
        self.lossy_logs = LossyLogs(self.openmarket)
        self.past: list[dict[str, Any]] = []
        self.added = 0

    def check_log(self, answer: dict[str, Any], asked: dict[str, Any]) -> list[dict[str, Any]]:
        """Each day has the vendor's rows of one allowed moment, and every figure is that of the rows."""
        entries = [edge["node"] for edge in answer["edges"]]
        freshness = answer["freshness"]
        keep, left = filter_of(asked["where"]), list(entries)
        for start, end, over in days_of(parsed(asked["from"]), min(parsed(asked["to"]), self.clock())):
            rows = [entry for entry in left if start <= parsed(entry["time"]) < end]
            left = [entry for entry in left if entry not in rows]
            fetched = self.fetched[asked["brand"], over]
            final = fetched - over >= self.history.settle
            about_the_day = freshness | {"asOf": f"{over:%Y-%m-%dT%H:%M:%SZ}"} if final else freshness
            moments = self.allowed_moments(answer | {"freshness": about_the_day}, over)
            assert final or parsed(freshness["asOf"]) <= fetched, "older than it says"
            assert final or not freshness["finalUntil"] or parsed(freshness["finalUntil"]) <= start, "not final"
            possible = [moment.log(start, end, asked["brand"], keep) for moment in moments]
            if not self.lossy_logs.may_answer(self.history, asked["brand"], over, self.clock(), about_the_day):
                assert rows in possible, (f"{start:%d %H:%M}", rows, possible, freshness)
        assert left == [], "rows of days that were not asked for"
        assert answer["totalCount"] == len(entries)
        assert comparable(answer["summary"]) == summary(entries, asked["by"])
        assert [(entry["time"], int(entry["creditId"])) for entry in entries] == sorted(
            (entry["time"], int(entry["creditId"])) for entry in entries
        )
        return entries

    def check_page(
        self, number: int, asked: dict[str, Any], whole: dict[str, Any], entries: list[Any], page: tuple[int, int]
    ) -> None:
        """A page is a part of the whole."""
        at, size = page[0] % len(entries), page[1] + 1
        failures = len(self.bucket.failed)
        reply = self.run(
            self.processes[number].ask(LOG, asked | {"first": size, "after": whole["edges"][at]["cursor"]})
        )
        some = self.answered(reply, "creditLog", failures)
        if some is None or len(self.bucket.failed) > failures:
            return
        rows = entries[at + 1 : at + 1 + size]
        assert [edge["node"] for edge in some["edges"]] == rows
        assert some["pageInfo"] == {"hasNextPage": at + 1 + size < len(entries), "hasPreviousPage": True}
        assert (some["totalCount"], some["summary"]) == (whole["totalCount"], whole["summary"])

    def allowed_moments(self, answer: dict[str, Any], end: datetime) -> list[Moment]:
        """The moments of which an answer about a period that ended at `end` may tell, by what it says of itself."""
        as_of = parsed(answer["freshness"]["asOf"])
        assert as_of <= self.clock()
        moments = self.history.allowed(end, self.clock(), as_of, stale=answer["freshness"]["stale"])
        # While the vendor fails, nothing can have been fetched just now.
        failing = ("openmarket" if "summary" in answer or "rows" in answer else "rde") in self.failing
        return [moment for moment in moments if not failing or moment.at < self.clock()]

    def ask(self, number: int, query: str, variables: dict[str, Any], name: str) -> dict[str, Any] | None:
        """One process's answer for a root field; None for an error that there is a reason for."""
        self.tick()
        failures = len(self.bucket.failed)
        return self.answered(self.run(self.processes[number].ask(query, variables)), name, failures)

    def answered(self, reply: dict[str, Any], name: str, failures: int) -> dict[str, Any] | None:
        """The field's data; None for an error that there is a reason for."""
        self.note_failing_vendors()
        codes = {error["extensions"]["code"] for error in reply.get("errors", [])}
        troubled = self.failed_at["openmarket" if name.startswith("credit") else "rde"]
        may = set()
        if self.clock() - troubled <= PAUSE:
            may = {"UPSTREAM_UNAVAILABLE", "UPSTREAM_BAD_RESPONSE"}
        if len(self.bucket.failed) > failures:
            may |= {"LEDGER_UNAVAILABLE"}
        assert codes <= may, reply["errors"]
        answer: dict[str, Any] | None = (reply.get("data") or {}).get(name)
        assert answer is not None or codes
        assert not (answer and answer.get("freshness", {}).get("stale")) or self.clock() - troubled <= PAUSE
        return None if codes else answer

    def arguments(self, period: tuple[int, timedelta, timedelta], brand: str | None) -> dict[str, Any]:
        """A query's arguments: those of an earlier one, or a period by its distances from the last midnight."""
        again, *distances = period
        if 0 < again <= len(self.past):
            return self.past[-again]
        midnight = midnight_of(self.clock())
        start, end = (f"{midnight + distance:%Y-%m-%dT%H:%M:%SZ}" for distance in distances)
        self.past.append({"from": start, "to": end, "brand": brand})
        return self.past[-1]

    def has_stored(self, asked: dict[str, Any]) -> bool:
        """Whether every day that is asked for was stored once."""
        days = days_of(parsed(asked["from"]), min(parsed(asked["to"]), self.clock()))
        return {(asked["brand"], over) for _, _, over in days} <= self.stored

    def tick(self) -> None:
        """No two queries at one instant: the moment of a fetch identifies it."""
        self.clock.advance(milliseconds=1)
        self.history.note(self.clock())

    def note_failing_vendors(self) -> None:
        """Write down that the vendors that fail now have failed until now."""
        for vendor in self.failing:
            self.failed_at[vendor] = self.clock()

    def let_time_pass(self, seconds: float, changes: list[tuple[int, str]], late: list[tuple[int, str]]) -> None:
        """Let open credits get other outcomes, by their index, and add credits of some hours ago, by their brand."""
        self.clock.advance(seconds=seconds)
        held = self.openmarket.credits_between(self.since, self.clock())
        open_now = [credit for credit in held if self.may_change(credit.time)]
        for index, word in changes:
            if open_now:
                self.openmarket.change_outcome(open_now[index % len(open_now)].credit_id, word)
        for hours, brand in late:
            self.add_late_credit((self.clock() - timedelta(hours=hours)).replace(microsecond=0), brand)

    def add_late_credit(self, time: datetime, brand: str) -> None:
        """Add a credit of some time ago, if its day may still change."""
        if self.may_change(time):
            self.added += 1
            late = SimulatedCredit(
                self.added, time, "447700900001", 'O"2, "x"', "0.10", "GBP", brand, "pending", "failed", time
            )
            self.openmarket.add(late)

    def may_change(self, time: datetime) -> bool:
        """Whether the vendor may still change the credits of that day."""
        return time > self.since and self.clock() - (midnight_of(time) + DAY) < self.history.settle

    def start_process(self, writes_left: int | None = None) -> LedgerProcess:
        """Start one more process, with months of three days; it dies after so many writes."""
        store = MemoryStore(self.bucket, writes_left)
        return ShortMonths(self.settings, self.clock, store, self.vendors, BLOCK_ROWS)

    def run_keeper(self, number: int) -> KeeperRun:
        """One run of a process's keeper; by day it looks after the days about which anything is asked, else after all.

        Most of the time of such a test goes into days that nothing is asked about.
        """
        keeper = self.processes[number].keeper
        if not NIGHTLY:
            keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=(NOON - self.since).days + 2))
        run = KeeperRun(Deadline.after(120))
        self.run(keeper.work(run))
        return run

    def run(self, coroutine: Any) -> Any:
        """Let something happen, and write down which days the vendor was asked for with success."""
        seen, failures = len(self.openmarket.requests), len(self.bucket.failed)
        try:
            return self.runner.run(coroutine)
        finally:
            if "openmarket" not in self.failing:
                for request in self.openmarket.requests[seen:]:
                    if request.path == "/csv/log":
                        self._fetched(request.query, stored=len(self.bucket.failed) == failures)

    def _fetched(self, query: Mapping[str, str], *, stored: bool) -> None:
        start, end = (parsed_time(query[name]) for name in ("fromTime", "toTime"))
        for _, _, over in days_of(start + timedelta(seconds=1), end - timedelta(seconds=1)):
            day = query.get("brand"), over
            self.fetched[day] = self.clock()
            if stored:
                self.stored.add(day)

    def end(self) -> None:
        """Stop the vendors and close the event loop."""
        self.runner.close()
        self.openmarket.stop()
        self.rde.stop()


def filter_of(where: dict[str, Any] | None) -> Callable[[dict[str, Any]], bool]:
    """Whether an entry passes a `CreditLogFilter`."""
    where = where or {}

    def keep(entry: dict[str, Any]) -> bool:
        return (
            entry["outcome"] in where.get("outcome", [entry["outcome"]])
            and entry["network"] in where.get("network", [entry["network"]])
            and entry["currency"] in where.get("currency", [entry["currency"]])
            and float(entry["amount"]) >= float(where.get("minAmount", 0))
        )

    return keep


def midnight_of(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def parsed(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
