"""The operator's page against the code: names exist, the cost table adds up, and S3 is asked as often as it says."""

import asyncio
import json
import re
from typing import Any

import pytest

from deploy.artifact import ROOT
from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from ledger.answers.answers import ANSWERS_PREFIX
from ledger.days.versions import CREDIT_LOG_PREFIX
from ledger.exports.export_log import EXPORTS_PREFIX
from ledger.keeper.reconciled_days import RECONCILED_PREFIX
from ledger.keeper.run import KeeperRun
from ledger.lake.month_files import LAKE_PREFIX
from ledger.reports.archive import ARCHIVE_PREFIX
from ledger.reports.idempotency import SCHEDULES_PREFIX
from ledger.storage.breakers import BREAKERS_PREFIX
from ledger.storage.persisted_queries import QUERIES_PREFIX
from runtime.deadline import Deadline
from runtime.metrics import UNITS
from schema.limits import cost
from schema.resolvers import access
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.template_reading import resources, template
from upstreams.rde.answers import UNREADABLE
from upstreams.rde.files import ReportLinkRefused

PAGE = (ROOT / "docs" / "operating.md").read_text()
PREFIXES = {
    ANSWERS_PREFIX,
    ARCHIVE_PREFIX,
    BREAKERS_PREFIX,
    CREDIT_LOG_PREFIX,
    EXPORTS_PREFIX,
    LAKE_PREFIX,
    QUERIES_PREFIX,
    RECONCILED_PREFIX,
    SCHEDULES_PREFIX,
}
"""A prefix without a name of its own in the code; the lifecycle has it."""
OPERATORS = {"as", "by", "and", "or", "not", "in", "like", "asc", "desc"}
"""The words that Logs Insights' query language has beside its commands and functions."""
NAMES_OF_AWS = {"Tally", "Code", "Upstream", "Globals", "Init"}
"""Our namespace and dimensions, a section of the template, and what Lambda writes."""
PAGES = """query ($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to, first: 100) { nodes { creditId time msisdn network outcome amount currency } }
}"""
SUMMARY = """query ($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to, first: 1) { totalCount summary(by: [DAY, OUTCOME]) { day outcome count amount } }
}"""
REPORTS = "query ($from: Date!, $to: Date!) { reports(from: $from, to: $to, first: 20) { nodes { name downloadUrl } } }"


def section(title: str) -> str:
    return re.split(r"^#+ ", PAGE.partition(f"# {title}\n")[2], flags=re.MULTILINE)[0]


def first_column(text: str) -> set[str]:
    cells = re.findall(r"^\| ([^|]*) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def logged(capsys: pytest.CaptureFixture[str], message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.get("message") == message]


def test_its_table_of_fields_is_the_request_line(frontend: Frontend, capsys: pytest.CaptureFixture[str]) -> None:
    frontend.ask(PAGES, {"from": "2019-11-01T00:00:00Z", "to": "2019-11-02T00:00:00Z"})
    (line,) = logged(capsys, "request")
    assert first_column(section("Reading the logs")) == line.keys()
    assert line["upstreamCalls"][0].keys() == {"upstream", "operation", "status", "seconds"}


def test_its_queries_name_fields_that_are_logged(
    frontend: Frontend, settings_environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    frontend.ask(PAGES, {"from": "2019-11-01T00:00:00Z", "to": "2019-11-02T00:00:00Z"})
    (line,) = logged(capsys, "request")
    keeper = KeeperHandler(keeper_of(Settings.read(settings_environ)))
    keeper({}, None)
    keeper.close()
    (run,) = logged(capsys, "keeper run")
    assert set(run) - {"_aws", "level"} <= set(re.findall(r"`(\w+)`", PAGE)) | {"time", "message"}
    known = line.keys() | line["upstreamCalls"][0].keys() | run.keys() | {"logger", "exception"}
    queries = re.findall(r"^```insights\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(queries) >= 5
    for query in queries:
        assert fields_in(query) <= known, query


def fields_in(query: str) -> set[str]:
    """The logged fields that a query of Logs Insights reads, without its own words and the names that it gives."""
    stages = re.sub(r'"[^"]*"|/[^/]*/|@\w+', " ", query)  # without texts, patterns, and the fields of CloudWatch
    arguments = re.sub(r"(^|\|)\s*\w+", " ", stages)  # each stage begins with its command
    words = set(re.findall(r"(?<![\w.])[A-Za-z]\w*(?!\w|\s*\()", arguments))  # a function stands before a parenthesis
    given = set(re.findall(r"\bas (\w+)", stages)) | set(re.findall(r"\(\?<(\w+)>", query))
    return words - OPERATORS - given


def test_the_fields_of_a_query_are_found_among_its_language() -> None:
    query = """filter level = "request" and ispresent(errorCodes.0)
| parse @message /(?<lists>\\d+)/
| stats count(*) as failed, sum(lists) by tenant, bin(15m)
| sort failed desc"""
    assert fields_in(query) == {"level", "errorCodes", "tenant"}


def test_it_names_every_metric_alarm_and_prefix_and_none_else() -> None:
    assert UNITS.keys() <= set(re.findall(r"`(\w+)`", PAGE))
    assert first_column(section("Alarms")) == resources("AWS::CloudWatch::Alarm").keys()
    rules = template()["Resources"]["Ledger"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert first_column(section("What is in the bucket")) >= {f"{prefix}/" for prefix in PREFIXES}
    rows = re.findall(r"^\| `([a-z-]+/)` \|.*\| ([^|]+) \|$", section("What is in the bucket"), re.MULTILINE)
    assert {prefix for prefix, _ in rows} == {f"{prefix}/" for prefix in PREFIXES}
    days_kept = {prefix: int(expires.split()[0]) for prefix, expires in rows if not expires.startswith("never")}
    assert days_kept == expiring


CODES = {"RESULT_TOO_LARGE", ReportLinkRefused.code, UNREADABLE}


def test_its_settings_parameters_and_scopes_exist() -> None:
    settings = {name.upper() for name in Settings._fields}
    for name in re.findall(r"`\{?([A-Z]+_[A-Z_]+)\}?", PAGE):
        assert name in settings | CODES or name.startswith("UPSTREAM_"), name
    for name in re.findall(r"`([A-Z][A-Za-z]+)=?[^`]*`", PAGE):
        known = (
            template()["Parameters"].keys() | template()["Outputs"].keys() | resources("AWS::CloudWatch::Alarm").keys()
        )
        assert name in known | UNITS.keys() | NAMES_OF_AWS or name.isupper(), name
    for scope in (access.REPORTS_READ, access.REPORTS_SCHEDULE, access.CREDITS_READ, access.CREDITS_MSISDN):
        assert f"`{scope}`" in PAGE
    assert f"{cost.MOST_CELLS:,}" in PAGE


def costs() -> dict[str, list[float]]:
    rows = re.findall(r"^\| ([^|]+) ((?:\| [\d.,]+ )+)\|$", section("What it costs"), re.MULTILINE)
    return {kind: [float(cell.replace(",", "")) for cell in cells.split("|")[1:]] for kind, cells in rows}


NUMBERS = (
    "none",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
)


def test_its_alarms_and_metrics_are_as_many_as_it_bills() -> None:
    alarms = [alarm["Properties"] for alarm in resources("AWS::CloudWatch::Alarm").values()]
    billed = sum(sum("MetricStat" in each for each in alarm.get("Metrics", [{"MetricStat": {}}])) for alarm in alarms)
    metrics = len(UNITS.keys() - {"Errors"}) + 1  # the one with a dimension has two values, `Errors` as many as occur
    assert f"| alarms | {billed * 0.10:.2f}: {NUMBERS[len(alarms)]}, one of them over three metrics |" in PAGE
    assert f"| metrics | 0.30 each beyond ten: {NUMBERS[metrics]}, one more for each error code that occurs" in PAGE


def test_its_costs_are_what_its_formula_gives() -> None:
    assert len(costs()) == 7
    for kind, (cpu, waits, vendor, billed, puts, gets, log, out, dollars) in costs().items():
        assert billed == max(1, round(cpu / 0.58 + 20 * waits + vendor)), kind
        at_rest = 1.00 + 0.20
        moved = 0.0005 * (log + 840) + 0.00009 * (out + 600)
        assert dollars == pytest.approx(at_rest + 0.0133334 * billed + 5 * puts + 0.4 * gets + moved, abs=0.006), kind


def test_s3_is_asked_as_often_as_its_costs_say(
    start: StartFrontend, settings_environ: dict[str, str], clock: MovingClock, capsys: pytest.CaptureFixture[str]
) -> None:
    other, today, settled, month, later_other, later = (
        {"from": f"2019-{first}T00:00:00Z", "to": f"2019-{beyond}T00:00:00Z"}
        for first, beyond in (
            *(("09-01", "09-02"), ("12-05", "12-06"), ("10-20", "10-21")),
            *(("10-01", "11-01"), ("12-01", "12-02"), ("12-02", "12-03")),
        )
    )
    weeks = [{"from": "2019-11-05", "to": "2019-11-08"}, {"from": "2019-11-15", "to": "2019-11-18"}]
    asking, holding, summing = start(), start(), start()
    for query, variables in ((PAGES, other), (PAGES, later), (REPORTS, weeks[0]), (SUMMARY, month)):
        asking.data(query, variables)
    asyncio.run(write_months(settings_environ, clock))

    def requests(process: Frontend, query: str, variables: dict[str, str]) -> list[float]:
        capsys.readouterr()
        process.data(query, variables)
        (line,) = logged(capsys, "request")
        counts = line["counts"]
        return [counts.get("s3.put", 0) + counts.get("s3.list", 0), counts.get("s3.get", 0)]

    documented = [row[4:6] for row in costs().values()]
    missed = [requests(asking, PAGES, today), requests(asking, REPORTS, weeks[1])]
    # A process that has executed the operation before, but not for these periods.
    for query, variables in ((PAGES, month), (PAGES, later_other), (REPORTS, weeks[0])):
        holding.data(query, variables)
    summing.data(SUMMARY, later)
    stored = [
        *(requests(holding, PAGES, settled), requests(holding, PAGES, later), requests(holding, REPORTS, weeks[1])),
        requests(summing, SUMMARY, month),
    ]
    again = requests(holding, PAGES, settled)
    assert [again, *stored, *missed] == documented


async def write_months(environ: dict[str, str], clock: MovingClock) -> None:
    run = KeeperRun(Deadline.after(60))
    await keeper_of(Settings.read(environ), clock).months.write("default", None, run)
    assert run.months == 1
