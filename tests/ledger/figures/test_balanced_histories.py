"""Whatever is asked for, and whenever credits change, log and outcome report are found to add up to each other.

A machine of hypothesis asks several processes for one report or the other, lets credits end, change and come late in
between, and compares. Nothing fails and nothing is lost, so each difference would be a false alarm.
"""

import logging
import uuid
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from local.aws import Aws
from local.vendors.credits import BRANDS
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from tests.support.processes.checked_ledger import NIGHTLY, PROCESSES, CheckedLedger, midnight_of
from upstreams.openmarket.client import IN_MEMORY
from upstreams.secrets import SecretStore

ARGUMENTS = "(from: $from, to: $to, brand: $brand)"
LOG = f"query($from: DateTime!, $to: DateTime!, $brand: String) {{ creditLog{ARGUMENTS} {{ totalCount }} }}"
OUTCOME = (
    f"query($from: DateTime!, $to: DateTime!, $brand: String) {{ creditOutcome{ARGUMENTS} {{ rows {{ brand }} }} }}"
)
BALANCE = f"""query($from: DateTime!, $to: DateTime!, $brand: String) {{ creditReconciliation{ARGUMENTS} {{
  balanced freshness {{ stale }}
  rows {{ value logSuccess outcomeSuccess logFailed outcomeFailed difference }} }} }}"""

processes = st.integers(0, PROCESSES - 1)
brands = st.sampled_from([None, None, BRANDS[0]])
periods = st.sampled_from([(-1, 1), (-1, 0), (-3, 0), (-2, -1), (-5, -3), (0, 1)])
"""First day and the day beyond the last, counted from today: open, settled, and still going on."""
words = st.sampled_from(["SUCCESS", "failed", "Confirmed", "retrying"])


class ComparedReports(CheckedLedger, RuleBasedStateMachine):
    environ: ClassVar[dict[str, str]]
    secrets: ClassVar[SecretStore]

    @initialize(fresh=st.sampled_from([60, 600, 0]), ends_inclusive=st.booleans())
    def begin(self, fresh: int, *, ends_inclusive: bool) -> None:
        self.begin_at_noon(self.environ, self.secrets, fresh, IN_MEMORY)
        self.openmarket.ends_inclusive = ends_inclusive

    @rule(
        seconds=st.sampled_from([1, 30, 61, 3600, 43_200]),
        changes=st.lists(st.tuples(st.integers(0, 1000), words), max_size=3),
        late=st.lists(st.tuples(st.integers(0, 100), st.sampled_from(BRANDS)), max_size=2),
    )
    def time_passes(self, seconds: int, changes: list[tuple[int, str]], late: list[tuple[int, str]]) -> None:
        self.let_time_pass(seconds, changes, late)

    @rule(at=st.sampled_from([-1, 0]), brand=st.sampled_from(BRANDS))
    def a_credit_comes_at_midnight(self, at: int, brand: str) -> None:
        self.add_late_credit(midnight_of(self.clock()) + timedelta(days=at), brand)

    @rule(number=processes, period=periods, brand=brands, query=st.sampled_from([LOG, OUTCOME]))
    def one_report_is_asked_for(self, number: int, period: tuple[int, int], brand: str | None, query: str) -> None:
        name = "creditLog" if query is LOG else "creditOutcome"
        assert self.ask(number, query, self.asked(period, brand), name) is not None

    @rule(number=processes)
    def the_keeper_runs(self, number: int) -> None:
        self.tick()
        assert not self.run_keeper(number).unbalanced

    @rule(number=processes, period=periods, brand=brands)
    def both_are_compared(self, number: int, period: tuple[int, int], brand: str | None) -> None:
        answer = self.ask(number, BALANCE, self.asked(period, brand), "creditReconciliation")
        assert answer is not None
        assert not answer["freshness"]["stale"]
        assert answer["balanced"], answer["rows"]

    def asked(self, period: tuple[int, int], brand: str | None) -> dict[str, str | None]:
        start, end = (f"{midnight_of(self.clock()) + timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}" for day in period)
        return {"from": start, "to": end, "brand": brand}

    def teardown(self) -> None:
        self.end()


@pytest.mark.slow
@pytest.mark.timeout(3600 if NIGHTLY else 300)
def test_no_history_raises_a_false_alarm(aws: Aws, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    prefix = f"tally-{uuid.uuid4().hex}"
    aws.put_secret(f"{prefix}/default/rde", RdeSimulator().secret)
    aws.put_secret(f"{prefix}/default/openmarket", OpenMarketSimulator().secret)
    ComparedReports.environ = aws.environ | {
        "LEDGER_BUCKET": "memory",
        "SECRET_PREFIX": prefix,
        "REPORT_HOSTS": "127.0.0.1",
    }
    ComparedReports.secrets = SecretStore(prefix, aws.environ["AWS_ENDPOINT_URL"])
    run_state_machine_as_test(
        ComparedReports,
        settings=settings(
            max_examples=300 if NIGHTLY else 25,
            stateful_step_count=30 if NIGHTLY else 15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
