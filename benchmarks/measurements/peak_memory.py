"""Peak memory of a function's process, runtime included: the kernel's high-water mark (`VmHWM`)."""

import time

from benchmarks.contenders.lambda_process import LambdaProcess
from benchmarks.contenders.programs import TALLY, Function
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Goal, Section, number
from benchmarks.world import queries
from benchmarks.world.data import LARGE_BRAND, MONTH_FROM, ROWS_FROM, World, days_from
from benchmarks.world.queries import LARGEST_PAGE, SMALL, Body
from deploy.artifact import ROOT

EXPORT_DAYS = 30
EXPORT_SECONDS = 300
TIMES = 50
METHOD = """Each in a process of its own under its runtime, on the built artifact. The small query is called fifty
times, the page once. The export runs in the API's process here; in AWS it runs in the exporter's. The limits are the
figures before graphql-core became the only executor."""


def measure(world: World, pace: Pace, tally: Function, textbook: Function) -> Section:
    """Call each function, and read how large its process grew."""
    world.settle([ROWS_FROM], LARGEST_PAGE)
    small, large = queries.reports(SMALL), queries.log(ROWS_FROM, 1)
    both = [function for function in (tally, textbook) if not function.missing]
    rows, goals = [], []
    for what, body, times, limit in (
        (f"cached small query, {TIMES} times", small, TIMES, 42),
        (f"page of {LARGEST_PAGE:,} rows", large, 1, 53),
    ):
        peaks = {function.name: _peak(world, function, body, times) for function in both}
        rows.append((what, *(number(peaks.get(function.name)) for function in (tally, textbook))))
        goals.append(Goal(f"peak memory, {what}", " MB", peaks[TALLY], limit))
    if "exportCreditLog" in (ROOT / "schema" / "schema.graphql").read_text():
        what = f"export of {EXPORT_DAYS * pace.export_rows_a_day:,} rows"
        peak, seconds = _export(world, pace, tally)
        rows.append((f"{what}, in {seconds:.1f} s", number(peak), number(None)))
        goals.append(Goal(f"peak memory, {what}", " MB", peak, 125))
        missing = []
    else:
        missing = ["exports"]
    return Section("Peak memory", METHOD, ("MB", TALLY, "textbook"), rows, goals, missing)


def _peak(world: World, function: Function, body: Body, times: int) -> float:
    with LambdaProcess(function, world.environ) as process:
        for _ in range(times):
            queries.data(process.invoke(queries.event(body)).answer)
        return process.peak_bytes() / 1e6


def _export(world: World, pace: Pace, tally: Function) -> tuple[float, float]:
    """Peak megabytes and seconds of one export, from its request until it is done."""
    world.settle(days_from(MONTH_FROM, EXPORT_DAYS), pace.export_rows_a_day, LARGE_BRAND)
    with LambdaProcess(tally, world.environ) as process:
        started = time.monotonic()
        answer = process.invoke(queries.event(queries.export(MONTH_FROM, EXPORT_DAYS, LARGE_BRAND)), EXPORT_SECONDS)
        job = queries.data(answer.answer)["exportCreditLog"]
        while job["status"] in {"QUEUED", "RUNNING"} and time.monotonic() - started < EXPORT_SECONDS:
            polled = process.invoke(queries.event(queries.exported(job["id"])), EXPORT_SECONDS)
            job = queries.data(polled.answer)["creditLogExport"]
        if job["status"] != "DONE" or job["rows"] != EXPORT_DAYS * pace.export_rows_a_day:
            raise RuntimeError(f"the export failed: {job}")
        return process.peak_bytes() / 1e6, time.monotonic() - started
