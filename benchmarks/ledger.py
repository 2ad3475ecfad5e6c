"""What the ledger asks of S3 and of the vendor, for 1, 30 and 366 days, a page and a summary, cold and settled.

`python -m benchmarks.ledger` prints the table and writes `ledger.md`. Cold: nothing is held, and the vendor is asked.
Settled: everything is held, by a process that has not seen it. Requests and bytes count at both servers, so they are
the same on every machine; times are this machine's, and only the ratio to bare GETs lasts.
"""

import asyncio
import json
import os
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bucket import BUCKET, Bucket
from benchmarks.machine import described
from functions.settings import Settings
from functions.wiring import Parts
from ledger.credits.credit_log import CreditLog
from ledger.credits.selection import ROLLUPS_AT_ONCE, Selection, SummaryKey
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.openmarket import OpenMarketSimulator
from local.simulator import SimulatorRequest, SimulatorResponse
from runtime import telemetry
from runtime.clock import DAY, Period
from runtime.deadline import Deadline

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
END = NOW.replace(hour=0) - 4 * DAY
"""Up to here every day is settled when it is fetched."""
SPANS = (1, 30, 366)
ROWS_A_DAY = 2000
ROUNDS = 5
RESULT = Path(__file__).parent / "ledger.md"
HEAD = "| days | asked for | held | vendor calls | vendor kB | LIST | GET | PUT | kB from S3 | kB to S3 | ms |"

Wish = Callable[[Selection], Awaitable[object]]


class CountingVendor(OpenMarketSimulator):
    """The simulated vendor; knows how much it has sent."""

    sent = 0

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """Answer, and count."""
        answer = super().answer(request)
        self.sent += len(answer.body)
        return answer


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query took, as both servers saw it."""

    calls: int
    sent: int
    verbs: Counter[str]
    read: int
    written: int
    seconds: float

    def line(self, days: int, wish: str, state: str) -> str:
        """A line of the table."""
        requests = " | ".join(str(self.verbs[verb]) for verb in ("LIST", "GET", "PUT"))
        size = f"{self.read / 1000:,.0f} | {self.written / 1000:,.0f}"
        return (
            f"| {days} | {wish} | {state} | {self.calls} | {self.sent / 1000:,.0f} | {requests} | {size} "
            f"| {self.seconds * 1000:,.0f} |"
        )


class Bench:
    """A bucket and a vendor, and processes that are new to both."""

    def __init__(self, bucket: Bucket, vendor: CountingVendor) -> None:
        self.bucket, self.vendor = bucket, vendor
        patient = {"OPENMARKET_BASE_URL": vendor.base_url, "UPSTREAM_SECONDS": "300"}
        self.settings = Settings.read(bucket.environ | patient)

    async def started(self, tenant: str) -> CreditLog:
        """A new process, connected to S3 and to the vendor."""
        parts = Parts(self.settings, lambda: NOW, Store(S3Bucket(BUCKET, self.bucket.endpoint)))
        await parts.store.get("nothing")
        await parts.openmarket.outcome(tenant, END, END, None, Deadline.after(60))
        return parts.credit_log

    def tenant(self) -> str:
        """A tenant of whom nothing is held."""
        name = f"t{uuid.uuid4().hex[:8]}"
        self.bucket.secrets[f"tally/{name}/openmarket"] = json.dumps(self.vendor.secret)
        return name

    async def cost(self, tenant: str, days: int, wish: Wish) -> Cost:
        """Ask a new process, and see what that takes."""
        log, period = await self.started(tenant), Period(END - days * DAY, END)
        held_before = dict(self.bucket.objects)
        calls, sent, seen = len(self.vendor.requests), self.vendor.sent, len(self.bucket.seen)
        telemetry.current.set(counted := telemetry.Telemetry())
        began = time.perf_counter()
        held = await log.snapshot(tenant, None, period, Deadline.after(300))
        await wish(Selection(held, period, None))
        seconds = time.perf_counter() - began
        objects = self.bucket.objects
        return Cost(
            len(self.vendor.requests) - calls,
            self.vendor.sent - sent,
            Counter(verb for verb, _ in self.bucket.seen[seen:]),
            counted.counts["s3.bytes_read"],
            sum(len(body) for key, body in objects.items() if key not in held_before),
            seconds,
        )

    async def bare(self, tenant: str) -> float:
        """The seconds that reading the same rollups takes, as many at once, when nothing is done with them."""
        store, places = Store(S3Bucket(BUCKET, self.bucket.endpoint)), asyncio.Semaphore(ROLLUPS_AT_ONCE)
        await store.get("nothing")

        async def read(key: str) -> None:
            async with places:
                await store.get(key)

        keys = [key for key in self.bucket.objects if f"tenant={tenant}/" in key and "/_settled-" in key]
        began = time.perf_counter()
        await asyncio.gather(*map(read, keys))
        return time.perf_counter() - began


async def page(selection: Selection) -> object:
    """The first hundred rows and how many there are."""
    return await selection.page(100, None), await selection.count()


async def summary(selection: Selection) -> object:
    """Totals by day and outcome."""
    return await selection.summary(frozenset({SummaryKey.DAY, SummaryKey.OUTCOME}))


async def measure(bench: Bench) -> list[str]:
    """The whole result, line by line."""
    lines, tenant = [HEAD, "|---" * (HEAD.count("|") - 1) + "|"], bench.tenant()
    await bench.cost(tenant, 1, page)  # modules are slow to load the first time
    for name, wish in (("page of 100", page), ("summary by day, outcome", summary)):
        for days in SPANS:
            tenant = bench.tenant()
            lines.append((await bench.cost(tenant, days, wish)).line(days, name, "cold"))
            settled = [await bench.cost(tenant, days, wish) for _ in range(ROUNDS)]
            lines.append(sorted(settled, key=lambda cost: cost.seconds)[ROUNDS // 2].line(days, name, "settled"))
    ratios = [
        (await bench.cost(tenant, SPANS[-1], summary)).seconds / await bench.bare(tenant) for _ in range(2 * ROUNDS)
    ]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    median = statistics.median(ratios)
    return [*lines, "", f"{SPANS[-1]} settled days, summary: {median:.2f} times as long as bare GETs ({spread})."]


def main() -> None:
    """Measure, print and write."""
    with Bucket() as bucket, CountingVendor(rows_a_day=ROWS_A_DAY, history_days=500, clock=lambda: NOW) as vendor:
        os.environ.update(bucket.environ)
        vendor.credits_between(END - max(SPANS) * DAY, END)  # drawing up the data is no part of what is measured
        lines = asyncio.run(measure(Bench(bucket, vendor)))
    said = " ".join(__doc__.split("\n\n")[1].split())
    intro = ["# What the ledger asks for", "", f"{said} {ROWS_A_DAY:,} rows a day.", "", *described(), ""]
    RESULT.write_text("\n".join([*intro, *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
