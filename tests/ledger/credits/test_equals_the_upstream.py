"""The answer through the ledger equals the answer straight from the upstream, whatever happens in between.

A machine of hypothesis drives GraphQL queries through several processes with one bucket, while time passes, outcomes
change, rows come late, reports are scheduled, S3 or a vendor fails, and processes die between two writes. After each
query every day of its answer has to be what the vendor said at one moment: not before `asOf`, and not before the age
rule allows, unless it says `stale`. Otherwise there has to be an error of the contract, and a reason for it.
"""

import asyncio
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from functions.settings import Settings
from functions.wiring import Parts
from ledger.keeper.run import KeeperRun
from local.aws import Aws
from local.credits import BRANDS, NETWORKS, SimulatedCredit
from local.openmarket import OpenMarketSimulator, parsed_time
from local.rde import RdeSimulator
from local.simulator import Simulator, answering_html, failing, without_column
from runtime.deadline import Deadline
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, process, vendors_of
from tests.support.s3.memory_store import Killed, MemoryBucket, MemoryStore
from tests.support.vendors.credit_oracle import comparable, summary
from tests.support.vendors.vendor_history import DAY, VendorHistory, days_of
from upstreams.secrets import SecretStore

NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
SINCE = NOON - timedelta(days=12)
PROCESSES = 3
PAUSE = timedelta(seconds=31)
"""A vendor that has failed is left alone for up to half a minute after it is well again."""

LOG = """query($from: DateTime!, $to: DateTime!, $brand: String, $where: CreditLogFilter, $first: Int, $after: String,
  $by: [CreditLogKey!]!) {
  creditLog(from: $from, to: $to, brand: $brand, where: $where, first: $first, after: $after) {
    edges { cursor node { creditId time msisdn network outcome rawOutcome amount currency } }
    pageInfo { hasNextPage hasPreviousPage }
    totalCount
    summary(by: $by) { day hour network outcome currency count amount }
    freshness { source asOf stale }
  }
}"""
OUTCOME = """query($from: DateTime!, $to: DateTime!, $brand: String) {
  creditOutcome(from: $from, to: $to, brand: $brand) {
    rows { brand amount currency success failed creditApplied } freshness { source asOf stale } } }"""
REPORTS = """query($from: Date!, $to: Date!) {
  reports(from: $from, to: $to, first: 10000) {
    nodes { name creationDate downloadUrl downloadUrlExpiresAt } totalCount freshness { source asOf stale } } }"""
SCHEDULE = """mutation($input: ScheduleReportInput!) { scheduleReport(input: $input) { report { name } } }"""

brands = st.sampled_from([None, None, None, *BRANDS[:2]])
processes = st.integers(0, PROCESSES - 1)
words = st.sampled_from(["SUCCESS", "failed", "Confirmed", "retrying", "refunded"])
keys = st.lists(st.sampled_from(["DAY", "HOUR", "NETWORK", "OUTCOME", "CURRENCY"]), max_size=5, unique=True)
wheres = st.one_of(
    st.none(),
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "outcome": st.lists(st.sampled_from(["SUCCESS", "FAILED", "PENDING", "UNKNOWN"]), unique=True),
            "network": st.lists(st.sampled_from(NETWORKS), min_size=1, unique=True),
            "currency": st.just(["GBP"]),
            "minAmount": st.sampled_from(["1", "2.50"]),
        },
    ),
)
faults = st.sampled_from([failing(500), answering_html(), without_column("Amount")])


@st.composite
def periods(draw: st.DrawFn) -> tuple[int, timedelta, timedelta]:
    """A query that was made before, counted back (0: a new one); else two distances from the last midnight, in whole
    days or cut at some second.
    """
    again = draw(st.sampled_from([0, 0, 1, 1, 2, 3]))
    begin, length = draw(st.integers(-6, 0)), draw(st.integers(0, 7))
    cuts = draw(st.tuples(*[st.one_of(st.just(0), st.integers(0, 86399))] * 2))
    start = timedelta(days=begin, seconds=cuts[0])
    return again, start, max(start, timedelta(days=begin + length, seconds=cuts[1]))


class World:
    """What all examples share, because it is slow to make."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.secrets = SecretStore(environ["SECRET_PREFIX"], environ["AWS_ENDPOINT_URL"])


class LedgerMachine(RuleBasedStateMachine):
    world: ClassVar[World]

    @initialize(fresh=st.sampled_from([60, 60, 600, 0]))
    def begin(self, fresh: int) -> None:
        self.runner = asyncio.Runner()
        self.clock = MovingClock(NOON)
        self.openmarket = OpenMarketSimulator(rows_a_day=16, clock=self.clock).__enter__()
        self.rde = RdeSimulator(generated=False, clock=self.clock).__enter__()
        addresses = {"RDE_BASE_URL": self.rde.base_url, "OPENMARKET_BASE_URL": self.openmarket.base_url}
        self.settings = Settings.read(self.world.environ | addresses | {"FRESH_SECONDS": str(fresh)})
        self.bucket = MemoryBucket(self.clock)
        self.vendors = vendors_of(Parts(self.settings, self.clock, MemoryStore(self.bucket)), self.world.secrets)
        self.processes = [self._start() for _ in range(PROCESSES)]
        self.history = VendorHistory(self.openmarket, self.rde, SINCE, timedelta(seconds=fresh), timedelta(hours=72))
        self.failing: set[str] = set()
        self.failed_at = {"openmarket": NOON - DAY, "rde": NOON - DAY}
        self.scheduled: list[tuple[datetime, LedgerProcess]] = []
        self.fetched: dict[tuple[str | None, datetime], datetime] = {}
        self.kept: set[tuple[str | None, datetime]] = set()
        self.past: list[dict[str, Any]] = []
        self.added = 0

    # ── What happens around the ledger ──

    @rule(
        by=st.sampled_from([1, 30, 59, 61, 600, 3600, 25_000, 86_400, 300_000]),
        changes=st.lists(st.tuples(st.integers(0, 1000), words), max_size=3),
        late=st.lists(st.tuples(st.integers(0, 100), st.sampled_from(BRANDS)), max_size=2),
    )
    def time_passes(self, by: int, changes: list[tuple[int, str]], late: list[tuple[int, str]]) -> None:
        self.clock.advance(seconds=by)
        open_now = [
            each for each in self.openmarket.credits_between(SINCE, self.clock()) if self._may_change(each.time)
        ]
        for index, word in changes:
            if open_now:
                self.openmarket.change_outcome(open_now[index % len(open_now)].credit_id, word)
        for hours, brand in late:
            self._come_late((self.clock() - timedelta(hours=hours)).replace(microsecond=0), brand)

    @rule(fault=st.one_of(st.none(), faults))
    def openmarket_fares(self, fault: Any) -> None:
        self._fares("openmarket", self.openmarket, fault, "")

    @rule(fault=st.sampled_from([None, failing(500), answering_html()]))
    def rde_fares(self, fault: Any) -> None:
        self._fares("rde", self.rde, fault, "/reports")

    def _fares(self, name: str, vendor: Simulator, fault: Any, path: str) -> None:
        self._trouble()
        self.failing.discard(name)
        vendor.behave()
        if fault:
            self.failing.add(name)
            vendor.misbehave(fault, times=None, path=path)

    @rule(down=st.booleans(), turns=st.one_of(st.just([]), st.lists(st.booleans(), max_size=25)))
    def s3_fares(self, down: bool, turns: list[bool]) -> None:
        self.bucket.down = down and not turns
        self.bucket.turns = turns

    @rule(number=processes)
    def a_process_is_replaced(self, number: int) -> None:
        self.processes[number] = self._start()

    @precondition(lambda self: not self.bucket.down and not self.bucket.turns)
    @rule(number=processes)
    def the_keeper_runs(self, number: int) -> None:
        self._tick()
        run = KeeperRun(Deadline.after(120))
        self._run(self.processes[number].keeper.keep(run))
        assert run.complete

    # ── What is asked, and what has to come ──

    @rule(
        number=processes,
        period=periods(),
        brand=brands,
        where=wheres,
        by=keys,
        page=st.tuples(*[st.integers(0, 9)] * 2),
    )
    def the_log_is_asked_for(
        self, number: int, period: Any, brand: str | None, where: Any, by: list[str], page: tuple[int, int]
    ) -> None:
        asked = self._asked(period, brand) | {"where": where, "by": by, "first": 10_000}
        failures = len(self.bucket.failed)
        whole = self._ask(number, LOG, asked, "creditLog")
        if whole is None:
            assert failures < len(self.bucket.failed) or not self._kept(asked), "it was held, and could have answered"
            return
        entries = self._check_log(whole, asked)
        if entries:
            self._check_page(number, asked, whole, entries, page)

    @rule(period=periods(), brand=brands, by=keys)
    def several_processes_ask_at_once(self, period: Any, brand: str | None, by: list[str]) -> None:
        asked = self._asked(period, brand) | {"where": None, "by": by, "first": 10_000}

        async def all_at_once() -> list[dict[str, Any]]:
            return await asyncio.gather(*(each.ask(LOG, asked) for each in self.processes))

        self._tick()
        failures = len(self.bucket.failed)
        for said in self._run(all_at_once()):
            answer = self._answered(said, "creditLog", failures)
            if answer is not None:
                self._check_log(answer, asked)

    @rule(number=processes, period=periods(), brand=brands, writes=st.integers(0, 8))
    def a_process_dies_as_it_answers(self, number: int, period: Any, brand: str | None, writes: int) -> None:
        self.processes[number] = self._start(writes)
        kept = set(self.kept)
        asked = self._asked(period, brand) | {"where": None, "by": ["DAY"], "first": 10_000}
        try:
            answer = self._ask(number, LOG, asked, "creditLog")
        except Killed:
            answer, self.kept = None, kept  # what it had fetched, nobody may have
        if answer is not None:
            self._check_log(answer, asked)
        self.processes[number] = self._start()

    @rule(number=processes, period=periods(), brand=brands)
    def the_outcome_is_asked_for(self, number: int, period: Any, brand: str | None) -> None:
        asked = self._asked(period, brand)
        answer = self._ask(number, OUTCOME, asked, "creditOutcome")
        if answer is None:
            return
        start, end = _parsed(asked["from"]), _parsed(asked["to"])
        end = min(end, _midnight(self.clock()) + DAY)
        rows = sorted(tuple(row.values()) for row in answer["rows"])
        if start >= end or start > self.clock():
            assert rows == []
            return
        moments = self._allowed(answer, end)
        assert any(rows == moment.outcome(start, end, asked["brand"]) for moment in moments), (
            rows,
            answer["freshness"],
        )

    @rule(number=processes, days=st.sampled_from([(-30, 0), (-30, 0), (-1, 1), (-35, -1), (-40, -20)]))
    def reports_are_asked_for(self, number: int, days: tuple[int, int]) -> None:
        start, last = (self.clock().date() + DAY * distance for distance in days)
        answer = self._ask(number, REPORTS, {"from": start.isoformat(), "to": last.isoformat()}, "reports")
        if answer is None:
            return
        listed = sorted((node["name"], node["creationDate"]) for node in answer["nodes"])
        assert len(listed) == answer["totalCount"] == len(set(listed))
        for node in answer["nodes"]:
            ends = node["downloadUrlExpiresAt"]
            assert node["downloadUrl"] is None or ends is None or _parsed(ends) > self.clock(), "a dead link"
        moments = self._allowed(answer, _midnight(datetime(last.year, last.month, last.day, tzinfo=UTC)) + DAY)
        if not answer["freshness"]["stale"]:
            asker, long_ago = self.processes[number], self.clock() - self.history.fresh
            seen = [at for at, by in self.scheduled if by is asker or at <= long_ago]
            known = [at for at in seen if last >= at.date() - DAY]
            moments = [moment for moment in moments if moment.at >= max(known, default=moment.at)]
        wanted = [sorted((n, c) for n, c, day in moment.reports if start <= day <= last) for moment in moments]
        assert listed in wanted, (listed, wanted, answer["freshness"])

    @precondition(lambda self: not self.bucket.down and not self.bucket.turns)
    @rule(number=processes, name=st.sampled_from(["daily", "weekly"]))
    def a_report_is_scheduled(self, number: int, name: str) -> None:
        window = {"startDate": "2019-11-01T00:00:00Z", "endDate": "2019-11-02T00:00:00Z"}
        before = self.rde.count("/reports", "POST")
        self._ask(number, SCHEDULE, {"input": {"name": name, "format": "JSON", **window}}, "scheduleReport")
        if self.rde.count("/reports", "POST") > before:
            self.scheduled.append((self.clock(), self.processes[number]))
        self.reports_are_asked_for(number, (-30, 0))

    # ── How it is checked ──

    def _check_log(self, answer: dict[str, Any], asked: dict[str, Any]) -> list[dict[str, Any]]:
        """Every day as the vendor said it at one allowed moment, and all figures those of the rows."""
        entries = [edge["node"] for edge in answer["edges"]]
        freshness = answer["freshness"]
        keep, left = _keeper(asked["where"]), list(entries)
        for start, end, over in days_of(_parsed(asked["from"]), min(_parsed(asked["to"]), self.clock())):
            rows = [entry for entry in left if start <= _parsed(entry["time"]) < end]
            left = [entry for entry in left if entry not in rows]
            moments = self._allowed(answer, over)
            assert _parsed(freshness["asOf"]) <= self.fetched[asked["brand"], over], "older than it says"
            said = [moment.log(start, end, asked["brand"], keep) for moment in moments]
            assert rows in said, (f"{start:%d %H:%M}", rows, said, freshness)
        assert left == [], "rows of no day that was asked for"
        assert answer["totalCount"] == len(entries)
        assert comparable(answer["summary"]) == summary(entries, asked["by"])
        assert [(entry["time"], int(entry["creditId"])) for entry in entries] == sorted(
            (entry["time"], int(entry["creditId"])) for entry in entries
        )
        return entries

    def _check_page(
        self, number: int, asked: dict[str, Any], whole: dict[str, Any], entries: list[Any], page: tuple[int, int]
    ) -> None:
        """A page is a part of the whole."""
        at, size = page[0] % len(entries), page[1] + 1
        failures = len(self.bucket.failed)
        said = self._run(
            self.processes[number].ask(LOG, asked | {"first": size, "after": whole["edges"][at]["cursor"]})
        )
        some = self._answered(said, "creditLog", failures)
        if some is None or len(self.bucket.failed) > failures:
            return
        rows = entries[at + 1 : at + 1 + size]
        assert [edge["node"] for edge in some["edges"]] == rows
        assert some["pageInfo"] == {"hasNextPage": at + 1 + size < len(entries), "hasPreviousPage": True}
        assert (some["totalCount"], some["summary"]) == (whole["totalCount"], whole["summary"])

    def _allowed(self, answer: dict[str, Any], end: datetime) -> list[Any]:
        as_of = _parsed(answer["freshness"]["asOf"])
        assert as_of <= self.clock()
        moments = self.history.allowed(end, self.clock(), as_of, stale=answer["freshness"]["stale"])
        # While the vendor fails, nothing can have been fetched just now.
        failing = ("openmarket" if "summary" in answer or "rows" in answer else "rde") in self.failing
        return [moment for moment in moments if not failing or moment.at < self.clock()]

    def _ask(self, number: int, query: str, variables: dict[str, Any], name: str) -> dict[str, Any] | None:
        self._tick()
        failures = len(self.bucket.failed)
        return self._answered(self._run(self.processes[number].ask(query, variables)), name, failures)

    def _answered(self, said: dict[str, Any], name: str, failures: int) -> dict[str, Any] | None:
        """The field's data; None for an error that there is a reason for."""
        self._trouble()
        codes = {error["extensions"]["code"] for error in said.get("errors", [])}
        troubled = self.failed_at["openmarket" if name.startswith("credit") else "rde"]
        may = set()
        if self.clock() - troubled <= PAUSE:
            may = {"UPSTREAM_UNAVAILABLE", "UPSTREAM_BAD_RESPONSE"}
        if len(self.bucket.failed) > failures:
            may |= {"LEDGER_UNAVAILABLE"}
        assert codes <= may, said["errors"]
        answer: dict[str, Any] | None = (said.get("data") or {}).get(name)
        assert answer is not None or codes
        assert not (answer and answer.get("freshness", {}).get("stale")) or self.clock() - troubled <= PAUSE
        return None if codes else answer

    def _asked(self, period: tuple[int, timedelta, timedelta], brand: str | None) -> dict[str, Any]:
        again, *distances = period
        if 0 < again <= len(self.past):
            return self.past[-again]
        midnight = _midnight(self.clock())
        start, end = (f"{midnight + distance:%Y-%m-%dT%H:%M:%SZ}" for distance in distances)
        self.past.append({"from": start, "to": end, "brand": brand})
        return self.past[-1]

    def _kept(self, asked: dict[str, Any]) -> bool:
        """Whether every day that is asked for was once kept."""
        days = days_of(_parsed(asked["from"]), min(_parsed(asked["to"]), self.clock()))
        return {(asked["brand"], over) for _, _, over in days} <= self.kept

    def _tick(self) -> None:
        """No two queries at one instant: fetches are told apart by their moment."""
        self.clock.advance(milliseconds=1)
        self.history.note(self.clock())

    def _trouble(self) -> None:
        for vendor in self.failing:
            self.failed_at[vendor] = self.clock()

    def _come_late(self, time: datetime, brand: str) -> None:
        if self._may_change(time):
            self.added += 1
            late = SimulatedCredit(
                self.added, time, "447700900001", 'O"2, "x"', "0.10", "GBP", brand, "pending", "failed", time
            )
            self.openmarket.add(late)

    def _may_change(self, time: datetime) -> bool:
        return time > SINCE and self.clock() - (_midnight(time) + DAY) < self.history.settle

    def _start(self, writes_left: int | None = None) -> LedgerProcess:
        return process(self.settings, self.clock, MemoryStore(self.bucket, writes_left), self.vendors)

    def _run(self, coroutine: Any) -> Any:
        """Let something happen, and write down which days the vendor was asked for with success."""
        seen, failures = len(self.openmarket.requests), len(self.bucket.failed)
        try:
            return self.runner.run(coroutine)
        finally:
            if "openmarket" not in self.failing:
                for request in self.openmarket.requests[seen:]:
                    if request.path == "/csv/log":
                        self._fetched(request.query, kept=len(self.bucket.failed) == failures)

    def _fetched(self, query: Mapping[str, str], *, kept: bool) -> None:
        start, end = (parsed_time(query[name]) for name in ("fromTime", "toTime"))
        for _, _, over in days_of(start + timedelta(seconds=1), end - timedelta(seconds=1)):
            day = query.get("brand"), over
            self.fetched[day] = self.clock()
            if kept:
                self.kept.add(day)

    def teardown(self) -> None:
        self.runner.close()
        self.openmarket.stop()
        self.rde.stop()


def _keeper(where: dict[str, Any] | None) -> Callable[[dict[str, Any]], bool]:
    where = where or {}

    def keep(entry: dict[str, Any]) -> bool:
        return (
            entry["outcome"] in where.get("outcome", [entry["outcome"]])
            and entry["network"] in where.get("network", [entry["network"]])
            and entry["currency"] in where.get("currency", [entry["currency"]])
            and float(entry["amount"]) >= float(where.get("minAmount", 0))
        )

    return keep


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _parsed(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


@pytest.fixture(scope="module")
def world(aws: Aws) -> World:
    prefix = f"tally-{uuid.uuid4().hex}"
    aws.put_secret(f"{prefix}/default/rde", RdeSimulator().secret)
    aws.put_secret(f"{prefix}/default/openmarket", OpenMarketSimulator().secret)
    return World(aws.environ | {"LEDGER_BUCKET": "memory", "SECRET_PREFIX": prefix, "REPORT_HOSTS": "127.0.0.1"})


@pytest.mark.timeout(7200 if NIGHTLY else 600)  # a failure is made small for minutes
def test_the_answer_equals_the_upstreams_own(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # it fails on purpose, thousands of times
    LedgerMachine.world = world
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=500 if NIGHTLY else 50,
            stateful_step_count=60 if NIGHTLY else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
