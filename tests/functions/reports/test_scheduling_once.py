"""`scheduleReport` with an `idempotencyKey`, as a frontend sees it."""

from typing import Any

import pytest

from local.vendors.rde import RdeSimulator
from local.vendors.simulator import hanging_up
from tests.support.api.frontend import Frontend, Reply, StartFrontend

MUTATION = """mutation Schedule($input: ScheduleReportInput!) {
  scheduleReport(input: $input) { replayed report { id name downloadUrl } }
}"""
INPUT = {"name": "daily", "format": "JSON", "startDate": "2019-11-07T00:00:00Z", "endDate": "2019-11-08T00:00:00Z"}


def schedule(frontend: Frontend, **given: Any) -> Reply:
    return frontend.ask(MUTATION, {"input": INPUT | {"idempotencyKey": "key"} | given})


def posts(rde: RdeSimulator) -> int:
    return rde.count("/reports", "POST")


def test_a_replay_says_so_and_gives_the_same_report(start: StartFrontend, rde_simulator: RdeSimulator) -> None:
    first, second = schedule(start()).data, schedule(start()).data
    assert first is not None
    assert second is not None
    assert [first["scheduleReport"].pop("replayed"), second["scheduleReport"].pop("replayed")] == [False, True]
    assert first == second
    assert posts(rde_simulator) == 1


def test_a_key_that_stands_for_another_report_is_bad_input(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    schedule(frontend)
    assert schedule(frontend, name="weekly").codes == ["BAD_USER_INPUT"]
    assert posts(rde_simulator) == 1


def test_a_key_may_have_128_characters_of_any_script(frontend: Frontend) -> None:
    for key in ("k", "k" * 128, "\u20ac" * 128, "a key with spaces/and slashes"):
        assert schedule(frontend, idempotencyKey=key).errors == []


@pytest.mark.parametrize("key", ["", "k" * 129, "line\nbreak", "\u0000"])
def test_other_keys_are_bad_input(frontend: Frontend, rde_simulator: RdeSimulator, key: str) -> None:
    assert schedule(frontend, idempotencyKey=key).codes == ["BAD_USER_INPUT"]
    assert rde_simulator.requests == []


def test_no_key_and_null_are_the_same(frontend: Frontend, rde_simulator: RdeSimulator) -> None:
    for _ in range(2):
        assert schedule(frontend, idempotencyKey=None).errors == []
    assert posts(rde_simulator) == 2


def test_an_unknown_outcome_is_reported_every_time_with_the_way_out(
    start: StartFrontend, rde_simulator: RdeSimulator
) -> None:
    rde_simulator.misbehave(hanging_up(), path="/reports")
    replies = [schedule(start()) for _ in range(2)]
    for reply in replies:
        assert reply.codes == ["UPSTREAM_UNAVAILABLE"]
        assert reply.errors[0]["extensions"]["upstream"] == "rde"
        assert "may have been scheduled all the same: look at `reports`" in reply.errors[0]["message"]
    assert posts(rde_simulator) == 1


def test_without_the_ledger_a_keyed_call_is_refused_and_another_is_not(
    start: StartFrontend, rde_simulator: RdeSimulator
) -> None:
    broken = start(LEDGER_BUCKET="no-such-bucket")
    assert schedule(broken).codes == ["LEDGER_UNAVAILABLE"]
    assert posts(rde_simulator) == 0
    assert schedule(broken, idempotencyKey=None).errors == []
