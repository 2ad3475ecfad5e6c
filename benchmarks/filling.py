"""Large days: what it takes to fill, read and export one, in the processes of the real functions.

`make bench-filling` prints the table and writes `filling.md`. The vendor and S3 are simulated on this machine, in a
process of their own. Peak memory is the kernel's high-water mark (`VmHWM`), CPU time is that of the function's process
alone, so neither depends on what else the machine does.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.results.machine import described
from benchmarks.world import queries
from deploy.artifact import ROOT
from ledger.exports.jobs import ExportFormat, ExportJob
from local.aws import Aws
from local.vendors.large_log import LargeLogSimulator
from runtime.clock import DAY, Period, midnight, now
from tests.support.processes.exporting_process import ExportingProcess, printed_by_program

RESULT = Path(__file__).parent / "filling.md"
BUCKET = "filling"
API_ROWS, KEEPER_ROWS = (100_000, 1_000_000), 3_000_000
MUST_MIB = 256
QUERY = """query($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to, first: 100) {
    totalCount nodes { creditId time amount } summary(by: [NETWORK, OUTCOME]) { network outcome count amount }
  }
}"""
HOW = f"""# Large days

`make bench-filling` writes this page. A day is filled by a query for its first page and its summary (the API's
function) or by a run of the keeper, from a vendor that sends its rows in the order of their times or scattered over the
day. Then another process of the API reads the same page and summary, and the exporter writes the day into one file.
Memory is the process's peak, runtime and imports included; the aim is at most {MUST_MIB} MiB.
"""
HEAD = "| rows | as sent | filled by | peak MiB filling | CPU µs a row | MB stored | peak MiB reading | exporting |"


@dataclass(frozen=True, slots=True)
class Filled:
    """What one day took."""

    rows: int
    scattered: bool
    by: str
    filling: int
    cpu: float
    stored: int
    reading: int
    exporting: int

    def line(self) -> str:
        """A line of the table."""
        order = "scattered" if self.scattered else "in order"
        return (
            f"| {self.rows:,} | {order} | {self.by} | {self.filling} | {self.cpu / self.rows * 1e6:.1f} "
            f"| {self.stored / 1e6:.1f} | {self.reading} | {self.exporting} |"
        )


class Deployed:
    """A bucket, a vendor with one large day, and the environment of the functions."""

    def __init__(self, aws: Aws, vendor: LargeLogSimulator) -> None:
        self._aws = aws
        self.vendor = vendor
        self.bucket = f"{BUCKET}-{vendor.rows}-{vendor.scattered}".lower()
        aws.create_bucket(self.bucket)
        prefix = f"tally-{self.bucket}"
        aws.put_secret(f"{prefix}/default/openmarket", vendor.secret)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            **aws.environ,
            "LEDGER_BUCKET": self.bucket,
            "SECRET_PREFIX": prefix,
            "OPENMARKET_BASE_URL": vendor.base_url,
            "UPSTREAM_SECONDS": "600",
            "BACKGROUND_UPSTREAM_SECONDS": "600",
        }

    def query(self) -> tuple[int, float]:
        """Peak and CPU time of a process of the API that answers the query, and is right."""
        day = self.vendor.day
        variables = {"from": f"{day}T00:00:00Z", "to": f"{day + DAY}T00:00:00Z"}
        event = json.dumps(queries.event({"query": QUERY, "variables": variables}))
        with tempfile.TemporaryDirectory() as folder:
            result = Path(folder) / "result"
            self._run("measured_api_program", str(result), input_text=event)
            measured = json.loads(result.read_text())
        log = queries.data(measured["answers"][0])["creditLog"]
        if log["totalCount"] != self.vendor.rows or len(log["nodes"]) != 100:
            raise RuntimeError(f"a wrong answer: {log['totalCount']} rows")
        return measured["peak"], measured["cpu"]

    def keep(self) -> tuple[int, float]:
        """Peak and CPU time of a run of the keeper."""
        _, peak, cpu = self._run("measured_keeper_program").split()
        return int(peak), float(cpu)

    async def export(self) -> int:
        """Peak of a process of the exporter that writes the day into a file."""
        start = midnight(self.vendor.day)
        exporting = ExportingProcess(self.environ, now)
        job = ExportJob("default", Period(start, start + DAY), None, ExportFormat.CSV, unmasked=True)
        export = await exporting.exports.request(job)
        peak = int(await printed_by_program(self.environ, "measure", export.id))
        seen = await exporting.finish(export.id)
        if sum(part.rows for part in seen.state.parts) != self.vendor.rows:
            raise RuntimeError("the file has another number of rows")
        return peak

    def stored(self) -> int:
        """The size of the day's rows."""
        listed = self._aws.client("s3").list_objects_v2(Bucket=self.bucket)["Contents"]
        return sum(found["Size"] for found in listed if found["Key"].endswith("/rows.csv.gz"))

    def _run(self, program: str, *arguments: str, input_text: str = "") -> str:
        command = [sys.executable, "-m", f"tests.support.processes.{program}", *arguments]
        ended = subprocess.run(
            command, env=self.environ, cwd=ROOT, input=input_text, check=True, stdout=subprocess.PIPE, text=True
        )
        return ended.stdout


@contextmanager
def deployed(aws: Aws, rows: int, *, scattered: bool) -> Iterator[Deployed]:
    """A deployment with one large day, which is settled when it is fetched."""
    with LargeLogSimulator(day=now().date() - 10 * DAY, rows=rows, scattered=scattered) as vendor:
        yield Deployed(aws, vendor)


def measure(aws: Aws, rows: int, by: str, *, scattered: bool) -> Filled:
    """Fill one day, read it, and export it."""
    with deployed(aws, rows, scattered=scattered) as deployment:
        filling, cpu = deployment.keep() if by == "keeper" else deployment.query()
        reading, _ = deployment.query()
        exporting = asyncio.run(deployment.export())
        return Filled(rows, scattered, by, filling, cpu, deployment.stored(), reading, exporting)


def main(rows_at_most: int) -> None:
    """Measure, print and write the page."""
    runs = [(rows, "API", scattered) for rows in API_ROWS for scattered in (False, True)]
    runs.append((KEEPER_ROWS, "keeper", True))
    lines = []
    with Aws() as aws:
        os.environ |= aws.environ
        for rows, by, scattered in runs:
            if rows <= rows_at_most:
                lines.append(measure(aws, rows, by, scattered=scattered).line())
                print(lines[-1], flush=True)
    about = "\n".join(f"- {line}" for line in described())
    RESULT.write_text(f"{HOW}\n{about}\n\n{HEAD}\n{'|---' * HEAD.count(' | ')}|---|\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else KEEPER_ROWS)
