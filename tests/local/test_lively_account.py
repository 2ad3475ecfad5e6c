"""What `make run` shows: days that differ, and now and then an afternoon on which a network fails."""

from collections import Counter
from datetime import date, timedelta

from local.vendors.credits import BAD_NETWORK, credits_of, is_bad, lively_count

FIRST = date(2026, 9, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(38)]


def failures(day: date) -> dict[str, float]:
    """The share of failures by network."""
    sent = credits_of("shown", day, lively_count(day, 2000), lively=True)
    networks = Counter(credit.network for credit in sent)
    failed = Counter(credit.network for credit in sent if credit.final.lower() == "failed")
    return {network: failed[network] / count for network, count in networks.items()}


def test_two_of_38_days_have_an_afternoon_on_which_one_network_fails() -> None:
    bad, usual = [day for day in DAYS if is_bad(day)], next(day for day in DAYS if not is_bad(day))
    assert len(bad) == 2
    assert failures(bad[0])[BAD_NETWORK] > 3 * failures(usual)[BAD_NETWORK]
    others = failures(bad[0]).keys() - {BAD_NETWORK}
    assert max(failures(bad[0])[network] for network in others) < 0.2


def test_a_saturday_is_busier_than_the_monday_after_it() -> None:
    saturdays = [day for day in DAYS[:-2] if day.weekday() == 5]
    assert all(lively_count(day, 2000) > 1.2 * lively_count(day + timedelta(days=2), 2000) for day in saturdays)


def test_cheap_credits_are_more_usual_than_dear_ones() -> None:
    amounts = Counter(credit.amount for credit in credits_of("shown", FIRST, 2000, lively=True))
    assert amounts["1"] > 2 * amounts["5"] > 2 * amounts["10"]
