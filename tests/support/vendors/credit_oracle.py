"""The right answer of the credit log, computed in the slow and obvious way from the simulated vendor's data."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from local.vendors.credits import SimulatedCredit
from local.vendors.openmarket import OpenMarketSimulator

STATES = {
    "success": "SUCCESS",
    "confirmed": "SUCCESS",
    "failed": "FAILED",
    "pending": "PENDING",
    "retrying": "PENDING",
}


def in_period(
    vendor: OpenMarketSimulator, start: datetime, end: datetime, keep: Callable[[dict[str, Any]], bool] = lambda _: True
) -> list[dict[str, Any]]:
    """The entries of `[start, end)` in order, with whole phone numbers."""
    credits_ = [credit for credit in vendor.credits_between(start, end) if start <= credit.time < end]
    ordered = sorted(credits_, key=lambda credit: (credit.time, credit.credit_id))
    return [entry for entry in (shown(vendor, credit) for credit in ordered) if keep(entry)]


def shown(vendor: OpenMarketSimulator, credit: SimulatedCredit) -> dict[str, Any]:
    word = vendor.outcome_of(credit)
    return {
        "creditId": str(credit.credit_id),
        "time": credit.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "msisdn": credit.msisdn,
        "network": credit.network,
        "outcome": STATES.get(word.lower(), "UNKNOWN"),
        "rawOutcome": word,
        "amount": credit.amount,
        "currency": credit.currency,
    }


def summary(entries: Iterable[dict[str, Any]], by: Collection[str]) -> list[dict[str, Any]]:
    """Counts and sums by any keys and always by currency, in the order of `comparable`."""
    counted: dict[tuple[Any, ...], int] = defaultdict(int)
    summed: dict[tuple[Any, ...], Decimal] = defaultdict(Decimal)
    for entry in entries:
        split = (
            entry["time"][:10] if "DAY" in by else None,
            entry["time"][:13] + ":00:00Z" if "HOUR" in by else None,
            entry["network"] if "NETWORK" in by else None,
            entry["outcome"] if "OUTCOME" in by else None,
            entry["currency"],
        )
        counted[split] += 1
        summed[split] += Decimal(entry["amount"])
    names = ("day", "hour", "network", "outcome", "currency")
    buckets = [
        {**dict(zip(names, split, strict=True)), "count": count, "amount": summed[split]}
        for split, count in counted.items()
    ]
    return comparable(buckets)


def comparable(buckets: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Buckets in one order, their amounts as numbers, since a summary promises no order."""
    read = [{**bucket, "amount": Decimal(bucket["amount"])} for bucket in buckets]
    return sorted(read, key=lambda bucket: [str(value) for value in bucket.values()])
