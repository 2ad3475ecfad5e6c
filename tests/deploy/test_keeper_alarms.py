"""The two alarms on the keeper, evaluated hour by hour: what they must notice, and what must not wake anyone."""

from collections.abc import Sequence

import pytest

from tests.support.alarm_evaluation import states
from tests.support.template_reading import resources

ALARMS = resources("AWS::CloudWatch::Alarm")
SILENT = None


def after(alarm: str, hours: Sequence[float | None]) -> list[str]:
    return list(states(ALARMS[alarm]["Properties"], hours))


@pytest.mark.parametrize("alarm", ["DaysUnsettled", "KeeperFailing"])
@pytest.mark.parametrize("hours", [[SILENT] * 6, [SILENT, 0, 0, 0], [0, 0, 0, 0]])
def test_a_healthy_first_deploy_raises_no_alarm(alarm: str, hours: list[float | None]) -> None:
    assert "ALARM" not in after(alarm, hours)


def test_days_that_the_first_run_settles_raise_no_alarm() -> None:
    assert "ALARM" not in after("DaysUnsettled", [SILENT, 117, 0, 0])


def test_a_day_that_stays_overdue_raises_the_alarm_until_it_is_settled() -> None:
    assert after("DaysUnsettled", [0, 0, 2, 2.1, 2.1, 0, 0]) == ["INSUFFICIENT_DATA", "OK", "OK", *["ALARM"] * 3, "OK"]


def test_a_keeper_that_falls_silent_raises_the_alarm_after_two_hours_and_for_as_long_as_it_lasts() -> None:
    found = after("DaysUnsettled", [0, 0, 0, *[SILENT] * 12])
    assert found[3:] == ["OK", *["ALARM"] * 11]


def test_one_silent_hour_raises_no_alarm() -> None:
    assert "ALARM" not in after("DaysUnsettled", [0, 0, SILENT, 0, 0])


def test_a_keeper_that_fails_for_two_hours_raises_the_alarm_and_one_good_run_ends_it() -> None:
    assert after("KeeperFailing", [0, 0, 1, 3, 0]) == ["OK", "OK", "OK", "ALARM", "OK"]


def test_a_keeper_that_fails_and_falls_silent_keeps_the_alarm() -> None:
    assert after("KeeperFailing", [0, 0, 1, SILENT, SILENT, SILENT])[-3:] == ["ALARM"] * 3


def test_a_keeper_that_falls_silent_after_a_good_run_is_not_failing() -> None:
    assert "ALARM" not in after("KeeperFailing", [0, 0, SILENT, SILENT])
