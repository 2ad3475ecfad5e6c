"""The answer through the ledger equals the answer straight from the upstream, whatever happens in between.

A machine of hypothesis drives GraphQL queries through several processes with one bucket, while time passes, outcomes
change, rows come late, reports are scheduled, S3 or a vendor fails, and processes die between two writes. After each
query every day of its answer has to be what the vendor had at one moment: not before `asOf`, and not before the age
rule allows, unless it says `stale`. Otherwise there has to be an error of the contract, and a reason for it.
"""

import asyncio
import logging
import uuid
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

from local.aws import Aws
from local.vendors.credits import BRANDS, NETWORKS
from local.vendors.csv_shapes import SHAPES
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import Simulator, answering_html, breaking_off, failing, without_column
from tests.support.processes.checked_ledger import LOG, NIGHTLY, PAUSE, PROCESSES, CheckedLedger, midnight_of, parsed
from tests.support.s3.memory_store import Killed
from tests.support.vendors.vendor_history import DAY
from upstreams.openmarket.client import IN_MEMORY
from upstreams.secrets import SecretStore

OUTCOME = """query($from: DateTime!, $to: DateTime!, $brand: String) {
  creditOutcome(from: $from, to: $to, brand: $brand) {
    rows { brand amount currency success failed creditApplied } freshness { source asOf stale } } }"""
BALANCE = """query($from: DateTime!, $to: DateTime!, $brand: String) {
  creditReconciliation(from: $from, to: $to, brand: $brand) {
    balanced rows { value logSuccess outcomeSuccess logFailed outcomeFailed difference }
    freshness { source asOf stale } } }"""
REPORTS = """query($from: Date!, $to: Date!) {
  reports(from: $from, to: $to, first: 10000) {
    nodes { reportId name status creationDate downloadUrl downloadUrlExpiresAt } totalCount unreadable
    freshness { source asOf stale } } }"""
type Installation = tuple[bool, bool, timedelta]
INSTALLATIONS: list[Installation] = [
    (True, True, timedelta(0)),
    (True, True, timedelta(seconds=45)),
    (True, False, timedelta(hours=2)),
    (False, True, timedelta(0)),
    (False, False, timedelta(0)),
]
"""Of RDE: whether it reads pages and has ids, whether it says how many reports there are, how long it makes one."""
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
faults = st.sampled_from(
    [failing(500), answering_html(), without_column("Amount"), breaking_off(0.5), breaking_off(0.9, "deflate")]
)


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


class ExampleSetup:
    """What all examples share, because it is slow to make."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = environ
        self.secrets = SecretStore(environ["SECRET_PREFIX"], environ["AWS_ENDPOINT_URL"])


class LedgerMachine(CheckedLedger, RuleBasedStateMachine):
    shared_setup: ClassVar[ExampleSetup]

    @initialize(
        fresh=st.sampled_from([60, 60, 600, 0]),
        installation=st.sampled_from(INSTALLATIONS),
        largest_page=st.sampled_from([None, 1, 2, 3, 5]),
        in_memory=st.sampled_from([IN_MEMORY, IN_MEMORY, 2000, 0]),
    )
    def begin(self, fresh: int, installation: Installation, largest_page: int | None, in_memory: int) -> None:
        self.begin_at_noon(self.shared_setup.environ, self.shared_setup.secrets, fresh, in_memory)
        self.rde.described, self.rde.says_total, self.rde.making = installation
        self.rde.largest_page = largest_page

    # ── What happens around the ledger ──

    @rule(
        by=st.sampled_from([1, 30, 59, 61, 600, 3600, 25_000, 86_400, 300_000]),
        changes=st.lists(st.tuples(st.integers(0, 1000), words), max_size=3),
        late=st.lists(st.tuples(st.integers(0, 100), st.sampled_from(BRANDS)), max_size=2),
    )
    def time_passes(self, by: int, changes: list[tuple[int, str]], late: list[tuple[int, str]]) -> None:
        self.let_time_pass(by, changes, late)

    @rule(fault=st.one_of(st.none(), faults))
    def openmarket_fares(self, fault: Any) -> None:
        self.openmarket.shape = SHAPES["documented"]  # which the faults change
        self._fares("openmarket", self.openmarket, fault, "")

    @precondition(lambda self: "openmarket" not in self.failing)
    @rule(shape=st.sampled_from(list(SHAPES)))
    def openmarket_writes_its_files_in_another_way(self, shape: str) -> None:
        self.openmarket.shape = SHAPES[shape]

    @precondition(lambda self: "openmarket" not in self.failing)
    @rule(rows=st.sampled_from([None, 0, 1, 7, 30, 60]))
    def openmarket_loses_rows(self, rows: int | None) -> None:
        """A log ends by the closing of the connection, and may have lost rows by then."""
        self.openmarket.behave()
        if rows is not None:
            self.openmarket.shape = SHAPES["documented"]
            self.openmarket.misbehave(self.lossy_logs.losing(rows), times=None, path="/csv/log")

    @rule(fault=st.sampled_from([None, failing(500), answering_html()]))
    def rde_fares(self, fault: Any) -> None:
        self._fares("rde", self.rde, fault, "/reports")

    def _fares(self, name: str, vendor: Simulator, fault: Any, path: str) -> None:
        self.note_failing_vendors()
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
        self.processes[number] = self.start_process()

    @precondition(lambda self: not self.bucket.down and not self.bucket.turns)
    @rule(number=processes)
    def the_keeper_runs(self, number: int) -> None:
        self.tick()
        self.note_failing_vendors()
        if self.clock() - self.failed_at["openmarket"] <= PAUSE:
            self.lossy_logs.settle_without_a_report()
        run = self.run_keeper(number)
        assert run.complete
        assert not run.unbalanced or self.lossy_logs.days, "a settled day that lost nothing differs from its report"

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
        asked = self.arguments(period, brand) | {"where": where, "by": by, "first": 10_000}
        failures = len(self.bucket.failed)
        whole = self.ask(number, LOG, asked, "creditLog")
        if whole is None:
            s3_failed = failures < len(self.bucket.failed)
            assert s3_failed or not self.has_stored(asked), "every day was stored, and could have answered"
            return
        entries = self.check_log(whole, asked)
        if entries:
            self.check_page(number, asked, whole, entries, page)

    @precondition(lambda self: "openmarket" not in self.failing)
    @rule(numbers=st.tuples(processes, processes), period=periods(), brand=brands, rows=st.sampled_from([0, 7, 30]))
    def the_log_is_asked_for_while_it_loses_rows_and_again_later(
        self, numbers: tuple[int, int], period: Any, brand: str | None, rows: int
    ) -> None:
        """By itself, chance hardly ever brings these steps together."""
        self.openmarket_loses_rows(rows)
        self.the_log_is_asked_for(numbers[0], period, brand, None, [], (0, 0))
        self.openmarket_loses_rows(None)
        self.clock.advance(hours=7)
        if self.past:
            self.the_log_is_asked_for(numbers[1], (1, *period[1:]), brand, None, [], (0, 0))

    @rule(period=periods(), brand=brands, by=keys)
    def several_processes_ask_at_once(self, period: Any, brand: str | None, by: list[str]) -> None:
        asked = self.arguments(period, brand) | {"where": None, "by": by, "first": 10_000}

        async def all_at_once() -> list[dict[str, Any]]:
            return await asyncio.gather(*(each.ask(LOG, asked) for each in self.processes))

        self.tick()
        failures = len(self.bucket.failed)
        for reply in self.run(all_at_once()):
            answer = self.answered(reply, "creditLog", failures)
            if answer is not None:
                self.check_log(answer, asked)

    @rule(number=processes, period=periods(), brand=brands, writes=st.integers(0, 8))
    def a_process_dies_as_it_answers(self, number: int, period: Any, brand: str | None, writes: int) -> None:
        self.processes[number] = self.start_process(writes)
        stored = set(self.stored)
        asked = self.arguments(period, brand) | {"where": None, "by": ["DAY"], "first": 10_000}
        try:
            answer = self.ask(number, LOG, asked, "creditLog")
        except Killed:
            answer, self.stored = None, stored  # it may have fetched days without storing them
        if answer is not None:
            self.check_log(answer, asked)
        self.processes[number] = self.start_process()

    @rule(number=processes, period=periods(), brand=brands)
    def the_outcome_is_asked_for(self, number: int, period: Any, brand: str | None) -> None:
        asked = self.arguments(period, brand)
        answer = self.ask(number, OUTCOME, asked, "creditOutcome")
        if answer is None:
            return
        start, end = parsed(asked["from"]), parsed(asked["to"])
        end = min(end, midnight_of(self.clock()) + DAY)
        rows = sorted(tuple(row.values()) for row in answer["rows"])
        if start >= end or start > self.clock():
            assert rows == []
            return
        moments = self.allowed_moments(answer, end)
        assert any(rows == moment.outcome(start, end, asked["brand"]) for moment in moments), (
            rows,
            answer["freshness"],
        )

    @rule(number=processes, period=periods(), brand=brands)
    def log_and_outcome_are_compared(self, number: int, period: Any, brand: str | None) -> None:
        answer = self.ask(number, BALANCE, self.arguments(period, brand), "creditReconciliation")
        if answer is not None and not answer["freshness"]["stale"] and not self.lossy_logs.days:
            assert answer["balanced"], "neither report has lost anything"

    @rule(number=processes, days=st.sampled_from([(-30, 0), (-30, 0), (-1, 1), (-35, -1), (-40, -20)]))
    def reports_are_asked_for(self, number: int, days: tuple[int, int]) -> None:
        start, last = (self.clock().date() + DAY * distance for distance in days)
        answer = self.ask(number, REPORTS, {"from": start.isoformat(), "to": last.isoformat()}, "reports")
        if answer is None:
            return
        listed = {
            (node["reportId"], node["name"], node["creationDate"], node["status"].lower()) for node in answer["nodes"]
        }
        assert (len(answer["nodes"]), answer["unreadable"]) == (answer["totalCount"], 0)
        assert len(listed) == answer["totalCount"], "a report is there twice"
        for node in answer["nodes"]:
            ends = node["downloadUrlExpiresAt"]
            assert node["downloadUrl"] is None or ends is None or parsed(ends) > self.clock(), "a dead link"
        moments = self.allowed_moments(answer, datetime(last.year, last.month, last.day, tzinfo=UTC) + DAY)
        if not answer["freshness"]["stale"]:
            asker, long_ago = self.processes[number], self.clock() - self.history.fresh
            seen = [at for at, by in self.scheduled if by is asker or at <= long_ago]
            known = [at for at in seen if last >= at.date() - DAY]
            moments = [moment for moment in moments if moment.at >= max(known, default=moment.at)]
        wanted = [{row for row, day in moment.reports if start <= day <= last} for moment in moments]
        assert listed in wanted, (listed, wanted, answer["freshness"])

    @precondition(lambda self: not self.bucket.down and not self.bucket.turns)
    @rule(number=processes, name=st.sampled_from(["daily", "weekly"]))
    def a_report_is_scheduled(self, number: int, name: str) -> None:
        window = {"startDate": "2019-11-01T00:00:00Z", "endDate": "2019-11-02T00:00:00Z"}
        before = self.rde.count("/reports", "POST")
        self.ask(number, SCHEDULE, {"input": {"name": name, "format": "JSON", **window}}, "scheduleReport")
        if self.rde.count("/reports", "POST") > before:
            self.scheduled.append((self.clock(), self.processes[number]))
        self.reports_are_asked_for(number, (-30, 0))

    def teardown(self) -> None:
        self.end()


@pytest.fixture(scope="module")
def shared_setup(aws: Aws) -> ExampleSetup:
    prefix = f"tally-{uuid.uuid4().hex}"
    aws.put_secret(f"{prefix}/default/rde", RdeSimulator().secret)
    aws.put_secret(f"{prefix}/default/openmarket", OpenMarketSimulator().secret)
    return ExampleSetup(aws.environ | {"LEDGER_BUCKET": "memory", "SECRET_PREFIX": prefix, "REPORT_HOSTS": "127.0.0.1"})


@pytest.mark.slow
@pytest.mark.timeout(7200 if NIGHTLY else 600)  # a failure is made small for minutes
def test_the_answer_equals_the_upstreams_own(shared_setup: ExampleSetup, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)  # it fails on purpose, thousands of times
    LedgerMachine.shared_setup = shared_setup
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=500 if NIGHTLY else 30,
            stateful_step_count=60 if NIGHTLY else 30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
