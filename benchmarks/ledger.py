"""The ledger's requests to S3 and to the vendor, for 1, 30 and 366 days, a page and a summary, cold and settled.

`make bench-ledger` prints the table and writes `ledger.md`. Cold: no day is stored, so the vendor is called. Settled:
every day is stored, no month is, and the process has read neither before. Months: the keeper has written the months of
these days as well. Requests and bytes are counted at both servers, so they are the same on every machine; times are
this machine's, and only the ratio to bare GETs can be compared.
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

from benchmarks.results.machine import described
from benchmarks.world.bucket import BUCKET, BucketServer
from benchmarks.world.data import month_writer
from functions.settings import Settings
from functions.wiring import Parts
from ledger.credits.credit_log import CreditLog
from ledger.figures.selection import ROLLUPS_AT_ONCE, Selection
from ledger.figures.summaries import SummaryKey, SummaryRequest
from ledger.keeper.run import KeeperRun
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import SimulatorRequest, SimulatorResponse
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
HEAD = "| days | query | state | vendor calls | vendor kB | LIST | GET | PUT | kB from S3 | kB to S3 | ms |"

Query = Callable[[Selection], Awaitable[object]]


class CountingVendor(OpenMarketSimulator):
    """The simulated vendor; counts the bytes that it sends."""

    sent = 0

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """Answer, and count."""
        answer = super().answer(request)
        self.sent += len(answer.body)
        return answer


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one query, as both servers saw it."""

    calls: int
    sent: int
    verbs: Counter[str]
    read: int
    written: int
    seconds: float

    def line(self, days: int, query: str, state: str) -> str:
        """A line of the table."""
        requests = " | ".join(str(self.verbs[verb]) for verb in ("LIST", "GET", "PUT"))
        size = f"{self.read / 1000:,.0f} | {self.written / 1000:,.0f}"
        return (
            f"| {days} | {query} | {state} | {self.calls} | {self.sent / 1000:,.0f} | {requests} | {size} "
            f"| {self.seconds * 1000:,.0f} |"
        )


class Bench:
    """A bucket and a vendor, and processes that have used neither before."""

    def __init__(self, bucket: BucketServer, vendor: CountingVendor) -> None:
        self.bucket, self.vendor = bucket, vendor
        own = {"OPENMARKET_BASE_URL": vendor.base_url, "UPSTREAM_SECONDS": "300"}
        self.settings = Settings.read(bucket.environ | own)

    async def started(self, tenant: str) -> CreditLog:
        """A new process, connected to S3 and to the vendor."""
        parts = Parts(self.settings, lambda: NOW, Store(S3Bucket(BUCKET, self.bucket.endpoint)))
        await parts.store.get("nothing")
        await parts.openmarket.outcome(tenant, END, END, None, Deadline.after(60))
        return parts.credit_log

    def tenant(self) -> str:
        """A tenant without stored objects."""
        name = f"t{uuid.uuid4().hex[:8]}"
        self.bucket.secrets[f"tally/{name}/openmarket"] = json.dumps(self.vendor.secret)
        return name

    async def cost(self, tenant: str, days: int, query: Query) -> Cost:
        """Run a query in a new process, and count."""
        log, period = await self.started(tenant), Period(END - days * DAY, END)
        stored_before = dict(self.bucket.objects)
        calls, sent, requests = len(self.vendor.requests), self.vendor.sent, len(self.bucket.requests)
        telemetry.current.set(counted := telemetry.Telemetry())
        started = time.perf_counter()
        snapshot = await log.snapshot(tenant, None, period, Deadline.after(300))
        await query(Selection(snapshot, period, None))
        seconds = time.perf_counter() - started
        objects = self.bucket.objects
        return Cost(
            len(self.vendor.requests) - calls,
            self.vendor.sent - sent,
            Counter(verb for verb, _ in self.bucket.requests[requests:]),
            counted.counts["s3.bytes_read"],
            sum(len(body) for key, body in objects.items() if key not in stored_before),
            seconds,
        )

    async def bare(self, tenant: str) -> float:
        """The seconds for reading the same rollups and discarding them, with as many reads at once."""
        store, semaphore = Store(S3Bucket(BUCKET, self.bucket.endpoint)), asyncio.Semaphore(ROLLUPS_AT_ONCE)
        await store.get("nothing")

        async def read(key: str) -> None:
            async with semaphore:
                await store.get(key)

        keys = [key for key in self.bucket.objects if f"tenant={tenant}/" in key and "/_settled-" in key]
        started = time.perf_counter()
        await asyncio.gather(*map(read, keys))
        return time.perf_counter() - started


async def page(selection: Selection) -> object:
    """The first hundred rows and the number of all rows."""
    return await selection.page(100, None), await selection.count()


async def summary(selection: Selection) -> object:
    """Totals by day and outcome."""
    return await selection.summary(SummaryRequest(frozenset({SummaryKey.DAY, SummaryKey.OUTCOME})))


async def measure(bench: Bench) -> list[str]:
    """The whole result, line by line."""
    lines, tenant = [HEAD, "|---" * (HEAD.count("|") - 1) + "|"], bench.tenant()
    await bench.cost(tenant, 1, page)  # loads the modules
    for name, query in (("page of 100", page), ("summary by day, outcome", summary)):
        for days in SPANS:
            tenant = bench.tenant()
            lines.append((await bench.cost(tenant, days, query)).line(days, name, "cold"))
            settled = [await bench.cost(tenant, days, query) for _ in range(ROUNDS)]
            lines.append(_middle(settled).line(days, name, "settled"))
        await month_writer(bench.bucket.endpoint).write(tenant, None, KeeperRun(Deadline.after(300)))
        for days in SPANS:
            by_month = [await bench.cost(tenant, days, query) for _ in range(ROUNDS)]
            lines.append(_middle(by_month).line(days, name, "months"))
    ratios = [
        (await bench.cost(tenant, SPANS[-1], summary)).seconds / await bench.bare(tenant) for _ in range(2 * ROUNDS)
    ]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    median = statistics.median(ratios)
    return [*lines, "", f"{SPANS[-1]} settled days, summary: {median:.2f} times as long as bare GETs ({spread})."]


def _middle(costs: list[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.seconds)[len(costs) // 2]


def main() -> None:
    """Measure, print and write."""
    with BucketServer() as bucket, CountingVendor(rows_a_day=ROWS_A_DAY, history_days=500, clock=lambda: NOW) as vendor:
        os.environ.update(bucket.environ)
        vendor.credits_between(END - max(SPANS) * DAY, END)  # generated now, so that it is not measured
        lines = asyncio.run(measure(Bench(bucket, vendor)))
    method = __doc__.split("\n\n")[1].strip()
    intro = ["# The requests of the ledger", "", f"{method} {ROWS_A_DAY:,} rows a day.", "", *described(), ""]
    RESULT.write_text("\n".join([*intro, *lines, ""]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
