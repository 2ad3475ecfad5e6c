"""The credits behind the simulated OpenMarket: made up, but the same for a given account and day whenever asked for.

A day is drawn in one go from a generator seeded with the account and the day; only what of it has happened yet, and
which outcome shows, depends on the clock. Credit ids come in three sizes, so that sorting them as text is wrong.
"""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import NamedTuple

NETWORKS = ("Vodafone", "O2", "Three", "Orange", "T-Mobile")
PRICE_POINTS = ("0.5", "1", "1.5", "2", "2.5", "3", "4.5", "5", "7.5", "10")
BRANDS = ("MyBrand", "Chat & Win", "Smith, Jones Radio", "Late Show")
FIRST_MSISDN, LAST_MSISDN = 447700900000, 447700900022
LATEST_SETTLING = timedelta(days=2)
LATE_SHARE = 0.05
"""Of the credits that settle later than at once, those that take one to two days."""

_HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 6, 7, 6, 6, 6, 7, 8, 9, 9, 8, 7, 5, 3)
# What a credit shows at first, what in the end, and how often of 100. The words are those of the vendor's documents.
_COURSES = (
    (("SUCCESS", "SUCCESS"), 80),
    (("FAILED", "FAILED"), 8),
    (("pending", "confirmed"), 7),
    (("retrying", "confirmed"), 2),
    (("retrying", "failed"), 3),
)


class SimulatedCredit(NamedTuple):
    """One credit as the vendor knows it; from `settles` on it shows `final`, before that `first`."""

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
        """The outcome that shows at `now`."""
        return self.final if now >= self.settles else self.first


@lru_cache(maxsize=512)
def credits_of(account: str, day: date, count: int) -> tuple[SimulatedCredit, ...]:
    """All credits of a UTC day, in no order."""
    dice = Random(f"{account}/{day.isoformat()}/{count}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    hours = dice.choices(range(24), _HOUR_WEIGHTS, k=count)
    courses = dice.choices([words for words, _ in _COURSES], [weight for _, weight in _COURSES], k=count)
    networks = dice.choices(NETWORKS, (30, 28, 18, 14, 10), k=count)
    amounts = dice.choices(PRICE_POINTS, k=count)
    currencies = dice.choices(("GBP", "EUR"), (97, 3), k=count)
    brands = dice.choices(BRANDS, (50, 25, 15, 10), k=count)
    sizes = dice.choices((_small_id, _large_id, _top_id), (1, 6, 1), k=count)
    drawn = []
    for index in range(count):
        time = midnight + timedelta(seconds=hours[index] * 3600 + int(dice.random() * 3600))
        first, final = courses[index]
        drawn.append(
            SimulatedCredit(
                sizes[index](day, index, dice),
                time,
                str(FIRST_MSISDN + int(dice.random() * (LAST_MSISDN - FIRST_MSISDN + 1))),
                networks[index],
                amounts[index],
                currencies[index],
                brands[index],
                first,
                final,
                time if first == final else time + _settling(dice),
            )
        )
    return tuple(drawn)


def _settling(dice: Random) -> timedelta:
    if dice.random() < LATE_SHARE:
        return timedelta(seconds=int(dice.uniform(0.5, 1) * LATEST_SETTLING.total_seconds()))
    return timedelta(seconds=int(dice.uniform(600, 8 * 3600)))


def _small_id(day: date, index: int, _dice: Random) -> int:
    return day.toordinal() << 12 | index


def _large_id(day: date, index: int, dice: Random) -> int:
    return day.toordinal() << 40 | dice.getrandbits(28) << 12 | index


def _top_id(day: date, index: int, dice: Random) -> int:
    return 1 << 63 | _large_id(day, index, dice)
