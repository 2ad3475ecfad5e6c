from datetime import UTC, datetime, timedelta

import pytest

from ledger.answers.ageing import FOR_GOOD, Ageing

END = datetime(2019, 11, 6, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AGEING = Ageing(fresh=MINUTE, settle=72 * HOUR)


@pytest.mark.parametrize(
    ("after_end", "good_for"),
    [
        (-12 * HOUR, MINUTE),
        (timedelta(0), MINUTE),
        (9 * MINUTE, MINUTE),
        (10 * MINUTE, MINUTE),
        (20 * MINUTE, 2 * MINUTE),
        (10 * HOUR, HOUR),
        (60 * HOUR, 6 * HOUR),
        (72 * HOUR - timedelta.resolution, 6 * HOUR),
    ],
    ids=str,
)
def test_a_day_is_good_for_a_tenth_of_its_age_within_bounds(after_end: timedelta, good_for: timedelta) -> None:
    fetched = END + after_end
    assert AGEING.good_until(fetched, END) == fetched + good_for
    assert not AGEING.settled(fetched, END)


def test_what_was_fetched_settle_hours_after_the_end_is_good_for_good() -> None:
    assert AGEING.settled(END + 72 * HOUR, END)
    assert AGEING.good_until(END + 72 * HOUR, END) == FOR_GOOD


def test_with_fresh_zero_nothing_unsettled_is_ever_good() -> None:
    never = Ageing(fresh=timedelta(0), settle=72 * HOUR)
    for after_end in (-HOUR, HOUR, 71 * HOUR):
        assert never.good_until(END + after_end, END) == END + after_end
    assert never.good_until(END + 72 * HOUR, END) == FOR_GOOD


def test_with_settle_zero_a_day_that_is_over_is_settled() -> None:
    at_once = Ageing(fresh=MINUTE, settle=timedelta(0))
    assert at_once.settled(END, END)
    assert not at_once.settled(END - timedelta.resolution, END)


def test_fresh_may_be_longer_than_the_longest_age() -> None:
    slow = Ageing(fresh=24 * HOUR, settle=72 * HOUR)
    assert slow.good_until(END + HOUR, END) == END + 25 * HOUR
