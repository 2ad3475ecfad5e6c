"""`make load`: 200 concurrent queries for a minute, through several local gateways, while a fifth of all calls to
OpenMarket fail. Every answer is compared with the simulator's own data; the result is `load.md`.

A gateway is a process with one execution environment, so 200 queries wait for a few environments: this shows whether
answers stay right under load, and nothing about latency in Lambda, which gives each call an environment of its own.
"""

import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from benchmarks.results import machine
from deploy.artifact import ROOT
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator

PAGE = ROOT / "benchmarks" / "load.md"
GATEWAYS, AT_ONCE, SECONDS = 3, 200, 60.0
FAILING = 0.2
ROWS_A_DAY = 300
DAYS = range(5, 30)
"""Days ago; outcomes this old are final, so the right answer does not change within the minute."""
GATEWAY_TIMEOUT = 503
DOCUMENTED = {"UPSTREAM_UNAVAILABLE", "UPSTREAM_TIMEOUT"}
BUCKET, PREFIX = "tally-load", "tally"
HOW = f"""# Under load

`make load` writes this page: {AT_ONCE} queries at once for {SECONDS:.0f} s, through {GATEWAYS} local gateways in
processes of their own, while {FAILING:.0%} of the calls to OpenMarket fail with 503. Each query asks for a page, a
summary and an outcome of one or two of {len(DAYS)} days; none of that is stored when the minute begins. An environment
answers one query at a time, so the seconds are mostly waiting in line; one that waits 30 s gets the gateway's own 503.
"""
QUERY = """query Load($from: DateTime!, $to: DateTime!, $first: Int) {
  creditLog(from: $from, to: $to, first: $first) {
    totalCount nodes { creditId amount currency } summary(by: [CURRENCY]) { currency count amount } freshness { stale }
  }
  creditOutcome(from: $from, to: $to) { rows { brand amount currency success failed } }
}"""
GATEWAY = """
import logging, signal, sys, threading
from functions.graphql_api import handler
from local.authorizer import Authorizer
from local.gateway import Gateway
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
authorizer = Authorizer()
gateway = Gateway(handler, authorizer)
with gateway.serve() as server:
    print(server.url, authorizer.token(), file=sys.stderr, flush=True)
    stopping.wait()
gateway.stop()
"""


@dataclass
class LoadResult:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    compared: int = 0
    stale: int = 0
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class GatewayProcess:
    """A gateway's process, its URL, and a token that it accepts."""

    process: subprocess.Popen[str]
    url: str
    token: str

    def megabytes(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class Truth:
    """The right answers for a period by OpenMarket's own data, computed once."""

    def __init__(self, vendor: OpenMarketSimulator) -> None:
        self._vendor = vendor
        self._computed: dict[tuple[datetime, datetime], tuple[list[str], dict[str, tuple[int, Decimal]], set[Any]]] = {}

    def wrong(self, data: dict[str, Any], start: datetime, end: datetime, first: int) -> str | None:
        """The field of an answer that is wrong; None when every field that has data is right."""
        ids, sums, outcome = self._of(start, end)
        if (log := data["creditLog"]) is not None:
            summary = {line["currency"]: (line["count"], Decimal(line["amount"])) for line in log["summary"]}
            if (
                log["totalCount"] != len(ids)
                or [row["creditId"] for row in log["nodes"]] != ids[:first]
                or summary != sums
            ):
                return f"creditLog {start}..{end}"
        if (found := data["creditOutcome"]) is not None and {tuple(row.values()) for row in found["rows"]} != outcome:
            return f"creditOutcome {start}..{end}"
        return None

    def _of(self, start: datetime, end: datetime) -> tuple[list[str], dict[str, tuple[int, Decimal]], set[Any]]:
        if (start, end) not in self._computed:
            rows = [credit for credit in self._vendor.credits_between(start, end) if credit.time < end]
            rows.sort(key=lambda credit: (credit.time, credit.credit_id))
            sums: dict[str, tuple[int, Decimal]] = {}
            outcome: dict[tuple[str, str, str], list[int]] = {}
            for credit in rows:
                count, amount = sums.get(credit.currency, (0, Decimal(0)))
                sums[credit.currency] = (count + 1, amount + Decimal(credit.amount))
                counts = outcome.setdefault((credit.brand, credit.amount, credit.currency), [0, 0])
                word = self._vendor.outcome_of(credit).lower()
                counts[0] += word in {"success", "confirmed"}
                counts[1] += word == "failed"
            expected = {(*key, *counts) for key, counts in outcome.items()}
            self._computed[start, end] = [str(credit.credit_id) for credit in rows], sums, expected
        return self._computed[start, end]


@contextmanager
def gateways(environ: dict[str, str]) -> Iterator[list[GatewayProcess]]:
    """Gateways in processes of their own; their log lines are discarded."""
    with ExitStack() as stack:
        running = []
        for _ in range(GATEWAYS):
            process = subprocess.Popen(
                [sys.executable, "-c", GATEWAY],
                env=environ,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.send_signal, signal.SIGTERM)
            assert process.stderr is not None
            url, token = process.stderr.readline().split()
            threading.Thread(target=process.stderr.read, daemon=True).start()
            running.append(GatewayProcess(process, url, token))
        yield running


async def client(
    http: httpx.AsyncClient, gateway: GatewayProcess, dice: random.Random, truth: Truth, result: LoadResult
) -> None:
    """Query one random period after the other until the time is over."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        start = today - timedelta(days=dice.choice(DAYS))
        end, first = start + timedelta(days=dice.choice((1, 1, 1, 2))), dice.choice((10, 100, 500))
        variables = {"from": start.isoformat(), "to": end.isoformat(), "first": first}
        started = time.monotonic()
        answer = await http.post(
            f"{gateway.url}/graphql",
            json={"query": QUERY, "variables": variables},
            headers={"authorization": f"Bearer {gateway.token}", "accept": "application/graphql-response+json"},
        )
        result.seconds.append(time.monotonic() - started)
        result.statuses[answer.status_code] += 1
        if answer.status_code != 200:
            continue
        parsed = answer.json()
        result.codes.update(error["extensions"]["code"] for error in parsed.get("errors", ()))
        result.stale += bool((parsed["data"]["creditLog"] or {}).get("freshness", {}).get("stale"))
        result.compared += 1
        if wrong := truth.wrong(parsed["data"], start, end, first):
            result.wrong.append(wrong)


async def watch(running: list[GatewayProcess], sizes: list[list[float]]) -> None:
    """Note each process's memory twice a second."""
    while True:
        sizes.append([gateway.megabytes() for gateway in running])
        await asyncio.sleep(0.5)


async def drive(running: list[GatewayProcess], truth: Truth) -> tuple[LoadResult, list[list[float]]]:
    """Run all clients concurrently."""
    result, sizes = LoadResult(), list[list[float]]()
    watching = asyncio.create_task(watch(running, sizes))
    # A connection for each query: the server may close an idle one just when it is reused, and the query would fail.
    limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=40, limits=limits, trust_env=False) as http:
        await asyncio.gather(
            *(
                client(http, running[number % GATEWAYS], random.Random(number), truth, result)
                for number in range(AT_ONCE)
            )
        )
    watching.cancel()
    return result, sizes


def report(result: LoadResult, sizes: list[list[float]], calls: int) -> str:
    """The page."""
    seconds = sorted(result.seconds)
    third = len(sizes) // 3
    memory = [
        (
            max(row[at] for row in sizes[:third]),
            max(row[at] for row in sizes[third : 2 * third]),
            max(row[at] for row in sizes[2 * third :]),
        )
        for at in range(GATEWAYS)
    ]
    rows = [
        ("queries answered", f"{sum(result.statuses.values()):,}"),
        ("by status", json.dumps(dict(sorted(result.statuses.items())))),
        ("answers compared with the vendor's own data", f"{result.compared:,}"),
        ("wrong answers", str(len(result.wrong))),
        ("stale answers", f"{result.stale:,}"),
        ("errors by code", json.dumps(dict(sorted(result.codes.items())))),
        ("calls to OpenMarket, failed ones too", f"{calls:,}"),
        (
            "seconds, median / 99 of 100 / longest",
            f"{statistics.median(seconds):.2f} / {seconds[len(seconds) * 99 // 100]:.2f} / {seconds[-1]:.2f}",
        ),
        *(
            (
                f"largest memory of gateway {at + 1}, MB, by third of the time",
                " / ".join(f"{size:.0f}" for size in thirds),
            )
            for at, thirds in enumerate(memory)
        ),
    ]
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    about = "\n".join(f"- {line}" for line in machine.described())
    return f"{HOW}\n{about}\n\n| what | |\n|---|---|\n{table}\n"


def main() -> int:
    """Measure, write the page; 1 if an answer was wrong or an error unexpected."""
    with Aws() as aws, RdeSimulator(generated=False) as rde, OpenMarketSimulator(rows_a_day=ROWS_A_DAY) as openmarket:
        aws.create_bucket(BUCKET)
        aws.put_secret(f"{PREFIX}/default/openmarket", openmarket.secret)
        openmarket.failure_rate = FAILING
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **aws.environ,
            "LEDGER_BUCKET": BUCKET,
            "SECRET_PREFIX": PREFIX,
            "RDE_BASE_URL": rde.base_url,
            "OPENMARKET_BASE_URL": openmarket.base_url,
        }
        with gateways(environ) as running:
            result, sizes = asyncio.run(drive(running, Truth(openmarket)))
        page = report(result, sizes, openmarket.count())
    PAGE.write_text(page)
    print(page)
    unknown = set(result.codes) - DOCUMENTED
    for wrong in (*result.wrong[:10], *unknown):
        print(f"WRONG: {wrong}")
    return 1 if result.wrong or unknown or set(result.statuses) - {200, GATEWAY_TIMEOUT} else 0


if __name__ == "__main__":
    sys.exit(main())
