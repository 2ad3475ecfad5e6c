"""Requests to the simulated vendors as their documents describe them, without any code of the product."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import quote

import httpx

from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator

SECONDS = 30.0
"""More than a busy machine needs; the default of five is not."""


def written(time: datetime, zone: str = "UTC") -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} {zone}"


def credit_report(
    vendor: OpenMarketSimulator, report: str, start: str | None, end: str | None, **extra: str
) -> httpx.Response:
    given = {"fromTime": start, "toTime": end, **extra}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items() if value is not None)
    account, password = vendor.secret["accountId"], vendor.secret["password"]
    return httpx.get(f"{vendor.base_url}/csv/{report}?{query}", auth=(account, password), timeout=SECONDS)


def token_response(vendor: RdeSimulator, **changed: str) -> httpx.Response:
    account = {**vendor.secret, **changed}
    return httpx.post(
        f"{vendor.base_url}/{vendor.token_path}",
        headers={"X-Subscription-Key": account["subscriptionKey"]},
        auth=(account["username"], account["password"]),
        json={"marketplace": account["marketplace"]},
        timeout=SECONDS,
    )


@contextmanager
def signed_in(vendor: RdeSimulator) -> Iterator[httpx.Client]:
    token = token_response(vendor).json()["token"]
    headers = {"X-Subscription-Key": vendor.secret["subscriptionKey"], "Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=SECONDS) as client:
        yield client


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
