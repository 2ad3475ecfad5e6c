"""The credits behind the simulated OpenMarket: random, but always the same for a given account and day.

A whole day is generated at once, seeded with the account and the day. The clock decides only which of its credits
have happened and which outcome they show. Credit ids come in three lengths, so that sorting them as text is wrong.

A lively account is one to look at: its days differ as those of a week do, cheap credits are more usual than dear ones,
and every 19 days one network fails for an afternoon.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import sin
from random import Random
from typing import NamedTuple

NETWORKS = ("Vodafone", "O2", "Three", "Orange", "T-Mobile")
PRICE_POINTS = ("0.5", "1", "1.5", "2", "2.5", "3", "4.5", "5", "7.5", "10")
BRANDS = ("MyBrand", "Chat & Win", "Smith, Jones Radio", "Late Show")
FIRST_MSISDN, LAST_MSISDN = 447700900000, 447700900022
LATEST_SETTLING = timedelta(days=2)
LATE_SHARE = 0.05
"""Share of the credits with a delayed outcome that take one to two days; the others take hours."""

BAD_NETWORK = "Orange"
BAD_HOURS = range(11, 20)

_WEEKDAYS = (0.92, 0.9, 0.94, 1.0, 1.16, 1.3, 1.1)
"""How busy the days of a lively account are, from Monday on."""
_PRICE_WEIGHTS = (10, 22, 17, 12, 10, 9, 8, 6, 4, 2)
_HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 6, 7, 6, 6, 6, 7, 8, 9, 9, 8, 7, 5, 3)
# First and final outcome, and the weight in percent. The words are the vendor's.
_OUTCOME_COURSES = (
    (("SUCCESS", "SUCCESS"), 80),
    (("FAILED", "FAILED"), 8),
    (("pending", "confirmed"), 7),
    (("retrying", "confirmed"), 2),
    (("retrying", "failed"), 3),
)


class SimulatedCredit(NamedTuple):
    """One credit of the vendor: its outcome is `first` until `settles`, then `final`."""

    credit_id: int
    time: datetime
    msisdn: str
    network: str
    amount: str
    currency: str
    brand: str
    first: str
    final: str
    settles: datetime

    def outcome(self, now: datetime) -> str:
        """The outcome that the vendor reports at `now`."""
        return self.final if now >= self.settles else self.first


def lively_count(day: date, usual: int) -> int:
    """How many credits a lively account has on a day, where `usual` is how many others have on each."""
    return round(usual * _WEEKDAYS[day.weekday()] * (1.06 + 0.06 * sin(day.toordinal() / 9)))


def is_bad(day: date) -> bool:
    """Whether the network fails for an afternoon."""
    return day.toordinal() % 19 == 5  # noqa: PLR2004 - one of 19


@lru_cache(maxsize=512)
def credits_of(account: str, day: date, count: int, *, lively: bool = False) -> tuple[SimulatedCredit, ...]:
    """All credits of a UTC day, unordered."""
    rng = Random(f"{account}/{day.isoformat()}/{count}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hours = rng.choices(range(24), _HOUR_WEIGHTS, k=count)
    courses = rng.choices([words for words, _ in _OUTCOME_COURSES], [weight for _, weight in _OUTCOME_COURSES], k=count)
    networks = rng.choices(NETWORKS, (30, 28, 18, 14, 10), k=count)
    amounts = rng.choices(PRICE_POINTS, _PRICE_WEIGHTS if lively else None, k=count)
    currencies = rng.choices(("GBP", "EUR"), (97, 3), k=count)
    brands = rng.choices(BRANDS, (50, 25, 15, 10), k=count)
    sizes = rng.choices((_small_id, _large_id, _top_id), (1, 6, 1), k=count)
    generated = []
    for index in range(count):
        time = midnight + timedelta(seconds=hours[index] * 3600 + int(rng.random() * 3600))
        first, final = courses[index]
        if lively and is_bad(day) and networks[index] == BAD_NETWORK and hours[index] in BAD_HOURS:
            first = final = "FAILED"
        generated.append(
            SimulatedCredit(
                sizes[index](day, index, rng),
                time,
                str(FIRST_MSISDN + int(rng.random() * (LAST_MSISDN - FIRST_MSISDN + 1))),
                networks[index],
                amounts[index],
                currencies[index],
                brands[index],
                first,
                final,
                time if first == final else time + _settling_delay(rng),
            )
        )
    return tuple(generated)


def _settling_delay(rng: Random) -> timedelta:
    if rng.random() < LATE_SHARE:
        return timedelta(seconds=int(rng.uniform(0.5, 1) * LATEST_SETTLING.total_seconds()))
    return timedelta(seconds=int(rng.uniform(600, 8 * 3600)))


def _small_id(day: date, index: int, _rng: Random) -> int:
    return day.toordinal() << 12 | index


def _large_id(day: date, index: int, rng: Random) -> int:
    return day.toordinal() << 40 | rng.getrandbits(28) << 12 | index


def _top_id(day: date, index: int, rng: Random) -> int:
    return 1 << 63 | _large_id(day, index, rng)
