"""Exports as a frontend asks for them: who may, what it gets to see, and a link that downloads the file."""

import asyncio
import csv
import gzip
import io
import json
import time
from contextlib import closing
from typing import Any

import httpx
import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from functions.exporter_handler import ExporterHandler
from functions.settings import Settings
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import failing
from tests.support.api.frontend import Frontend, InvocationContext, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.processes.exporting_process import ExportingProcess, job

EXPORT = "{ id status rows bytes url urlExpiresAt error freshness { source stale } }"
ASK = f"mutation Ask($input: ExportCreditLogInput!) {{ exportCreditLog(input: $input) {EXPORT} }}"
LOOK = f"query Look($id: ID!) {{ creditLogExport(id: $id) {EXPORT} }}"
PERIOD = {"from": "2019-11-12T06:00:00Z", "to": "2019-11-14T18:30:00Z"}
WITHOUT_NUMBERS = "credits:read"
LOG = """query Log($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to, first: 10000) {
    nodes { creditId time msisdn network outcome rawOutcome amount currency }
  }
}"""


def ask(frontend: Frontend, **options: Any) -> dict[str, Any]:
    """Ask for an export; `input` keys come on top of the period, `scope` and `claims` as they are."""
    identity = {name: options.pop(name) for name in ("scope", "claims") if name in options}
    export: dict[str, Any] = frontend.data(ASK, {"input": PERIOD | options}, **identity)["exportCreditLog"]
    return export


def finished(frontend: Frontend, export: dict[str, Any], **identity: Any) -> dict[str, Any]:
    """Ask for an export until it is over."""
    for _ in range(300):
        if export["status"] in {"DONE", "FAILED"}:
            return export
        time.sleep(0.1)
        export = frontend.data(LOOK, {"id": export["id"]}, **identity)["creditLogExport"]
    raise AssertionError(export)


def downloaded(export: dict[str, Any]) -> bytes:
    """What the link gives, read as a browser would."""
    body = httpx.get(export["url"], trust_env=False).raise_for_status().content
    assert str(len(body)) == export["bytes"]
    return gzip.decompress(body)


@pytest.mark.parametrize("scope", ["credits:read credits:msisdn", WITHOUT_NUMBERS])
def test_the_file_holds_what_the_same_asker_s_credit_log_shows(frontend: Frontend, scope: str) -> None:
    export = finished(frontend, ask(frontend, scope=scope), scope=scope)
    nodes = frontend.data(LOG, PERIOD, scope=scope)["creditLog"]["nodes"]
    _, *rows = csv.reader(io.StringIO(downloaded(export).decode(), newline=""))
    assert rows == [list(node.values()) for node in nodes]
    assert (export["rows"], export["error"]) == (len(nodes), None)
    assert export["freshness"] == {"source": "UPSTREAM", "stale": False}


WANTED = {"network": ["O2", "Vodafone"], "minAmount": "1", "msisdn": "+44 7700 900011"}


@pytest.mark.parametrize("order", ["OLDEST_FIRST", "NEWEST_FIRST"])
def test_the_file_holds_the_credits_of_a_filter_in_the_order_that_was_asked_for(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, capsys: pytest.CaptureFixture[str], order: str
) -> None:
    openmarket_simulator.rows_a_day = 400
    export = finished(frontend, ask(frontend, where=WANTED, order=order))
    query = LOG.replace("first: 10000", f"where: $where, order: {order}, first: 10000")
    query = query.replace("$to: DateTime!", "$to: DateTime!, $where: CreditLogFilter")
    nodes = frontend.data(query, PERIOD | {"where": WANTED})["creditLog"]["nodes"]
    _, *rows = csv.reader(io.StringIO(downloaded(export).decode(), newline=""))
    assert rows == [list(node.values()) for node in nodes] != []
    assert "447700900011" not in capsys.readouterr().out, "no log line holds the number"


def test_a_filter_by_phone_number_needs_the_scope_for_an_export_too(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator
) -> None:
    reply = frontend.ask(ASK, {"input": PERIOD | {"where": {"msisdn": "447700900011"}}}, scope=WITHOUT_NUMBERS)
    assert reply.codes == ["FORBIDDEN"]
    assert openmarket_simulator.requests == []


def test_a_workbook_is_not_compressed_again(frontend: Frontend) -> None:
    export = finished(frontend, ask(frontend, format="XLSX"))
    file = httpx.get(export["url"], trust_env=False).raise_for_status()
    assert file.headers["content-disposition"].endswith('-all-brands.xlsx"')
    assert str(len(file.content)) == export["bytes"]
    sheet = openpyxl.load_workbook(io.BytesIO(file.content), read_only=True)["Credits"]
    nodes = frontend.data(LOG, PERIOD)["creditLog"]["nodes"]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == [node["creditId"] for node in nodes]


def test_json_lines_have_the_columns_of_the_table(frontend: Frontend) -> None:
    lines = downloaded(finished(frontend, ask(frontend, format="JSONL"))).splitlines()
    columns = ["credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency"]
    assert [list(json.loads(line)) for line in lines] == [columns] * len(lines)
    assert lines


def test_the_same_request_is_the_same_export_and_other_eyes_get_another(frontend: Frontend) -> None:
    first = ask(frontend)
    assert ask(frontend)["id"] == first["id"]
    assert ask(frontend, **{"from": "2019-11-12T07:00:00+01:00"})["id"] == first["id"]
    assert ask(frontend, scope=WITHOUT_NUMBERS)["id"] != first["id"]


def test_an_export_with_whole_numbers_is_refused_without_the_scope_to_see_them(frontend: Frontend) -> None:
    export = finished(frontend, ask(frontend))
    reply = frontend.ask(LOOK, {"id": export["id"]}, scope=WITHOUT_NUMBERS)
    assert reply.data == {"creditLogExport": None}
    assert reply.codes == ["FORBIDDEN"]
    assert "http" not in reply.answer.body.decode()


def test_a_masked_export_is_anybody_s_of_the_tenant(frontend: Frontend) -> None:
    masked = ask(frontend, scope=WITHOUT_NUMBERS)
    assert frontend.data(LOOK, {"id": masked["id"]})["creditLogExport"]["id"] == masked["id"]


def test_without_the_scope_nothing_is_exported(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    for query, variables in ((ASK, {"input": PERIOD}), (LOOK, {"id": "0" * 32})):
        assert frontend.ask(query, variables, scope="reports:read credits:msisdn").codes == ["FORBIDDEN"]
    assert openmarket_simulator.requests == []


@pytest.mark.parametrize("unknown", ["no-such-export", "0" * 32, "", "../../../secrets", "\u00e9" * 32])
def test_an_unknown_id_is_null(frontend: Frontend, unknown: str) -> None:
    assert frontend.data(LOOK, {"id": unknown}) == {"creditLogExport": None}


def test_another_tenant_s_export_is_unknown(start: StartFrontend) -> None:
    frontend = start(TENANT_CLAIM="tenant")
    export = ask(frontend, claims={"tenant": "default"})
    assert frontend.data(LOOK, {"id": export["id"]}, claims={"tenant": "other"}) == {"creditLogExport": None}
    finished(frontend, export, claims={"tenant": "default"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "2019-11-15T00:00:00Z"},
        {"to": "2021-11-15T00:00:00Z"},
        {"brand": 'quoted "brand"'},
        {"brand": ""},
        {"from": "2019-11-12T06:00:00"},
        {"format": "XLS"},
        {"order": "SHUFFLED"},
        {"where": {"colour": "red"}},
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    frontend: Frontend, openmarket_simulator: OpenMarketSimulator, wrong: dict[str, str]
) -> None:
    reply = frontend.ask(ASK, {"input": PERIOD | wrong})
    assert reply.data is None
    assert reply.codes == ["BAD_USER_INPUT"]
    assert openmarket_simulator.requests == []


def test_an_answer_with_a_link_is_not_stored(frontend: Frontend) -> None:
    export = finished(frontend, ask(frontend))
    reply = frontend.ask(LOOK, {"id": export["id"]})
    assert reply.answer.headers["cache-control"] == "no-store"
    assert export["url"].startswith("http")
    assert "X-Amz-Expires=900" in export["url"]


def test_a_failed_export_says_why(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    openmarket_simulator.misbehave(failing(403), times=None)
    failed = finished(frontend, ask(frontend))
    assert (failed["status"], failed["rows"], failed["url"]) == ("FAILED", None, None)
    assert failed["error"].startswith("UPSTREAM_UNAUTHORIZED: ")


@pytest.mark.parametrize("scope", ["credits:read credits:msisdn", WITHOUT_NUMBERS])
def test_an_export_that_cannot_be_read_has_failed_and_can_be_asked_for_again(
    start: StartFrontend, aws: Aws, bucket: str, scope: str
) -> None:
    export_id = ask(start(EXPORTER_FUNCTION="tally-exporter"), scope=scope)["id"]
    s3, folder = aws.client("s3"), f"exports/tenant=default/{export_id}/"
    newest = s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}state-")["Contents"][-1]["Key"]
    s3.put_object(Bucket=bucket, Key=newest, Body=b"no JSON")
    frontend = start()
    failed = frontend.data(LOOK, {"id": export_id}, scope=scope)["creditLogExport"]
    message = "INTERNAL_SERVER_ERROR: the stored state of the export cannot be read; request the export again"
    assert (failed["status"], failed["error"], failed["url"]) == ("FAILED", message, None)
    again = ask(frontend, scope=scope)
    assert again["id"] == export_id
    assert finished(frontend, again, scope=scope)["status"] == "DONE"


def test_without_the_ledger_exports_are_unavailable(start: StartFrontend) -> None:
    frontend = start(LEDGER_BUCKET="no-such-bucket")
    assert frontend.ask(ASK, {"input": PERIOD}).codes == ["LEDGER_UNAVAILABLE"]


def test_an_exporter_that_cannot_be_invoked_fails_the_export_with_a_way_out(start: StartFrontend) -> None:
    export = ask(start(EXPORTER_FUNCTION="tally-exporter"))
    assert export["status"] == "FAILED"
    assert export["error"] == "INTERNAL_SERVER_ERROR: the exporter could not be started; request the export again"
    assert finished(start(), ask(start()))["status"] == "DONE"


def test_the_exporter_function_takes_the_event_that_the_api_sends(
    start: StartFrontend, settings_environ: dict[str, str], clock: MovingClock
) -> None:
    export_id = ask(start(EXPORTER_FUNCTION="tally-exporter"))["id"]
    assert ask(start())["id"] == export_id
    handler = ExporterHandler(Settings.read(settings_environ), clock)
    try:
        for _ in range(2):
            result = handler({"tenant": "default", "id": export_id}, InvocationContext(900))
            assert result == {"id": export_id, "finished": True}
        with pytest.raises(ValueError, match="has to name a tenant"):
            handler({"tenant": "../other", "id": export_id}, InvocationContext(900))
    finally:
        handler.close()


@pytest.mark.parametrize("status", [200, 403])
def test_the_exporter_s_calls_and_failures_are_metrics_too(
    settings_environ: dict[str, str],
    clock: MovingClock,
    openmarket_simulator: OpenMarketSimulator,
    capsys: pytest.CaptureFixture[str],
    status: int,
) -> None:
    asked = asyncio.run(ExportingProcess(settings_environ, clock).exports.request(job()))
    if status != 200:
        openmarket_simulator.misbehave(failing(status), times=None)
    with closing(ExporterHandler(Settings.read(settings_environ), clock)) as handler:
        handler({"tenant": "default", "id": asked.id}, InvocationContext(900))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    seconds = [line["UpstreamSeconds"] for line in lines if line.get("Upstream") == "openmarket"]
    assert [len(each) for each in seconds] == [openmarket_simulator.count()]
    errors = [(line["Code"], line["Errors"]) for line in lines if "Errors" in line]
    assert errors == ([] if status == 200 else [("UPSTREAM_UNAUTHORIZED", 1)])


def test_asking_for_an_export_reads_back_nothing_that_it_has_just_written(
    frontend: Frontend, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    frontend.data(
        'mutation { exportCreditLog(input: {from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z"}) { id status } }'
    )
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (counts,) = [line["counts"] for line in lines if line.get("message") == "request"]
    assert counts["s3.list"] == 2, "this hour's export and the last one's"
    assert counts.get("s3.get", 0) == 0
    assert counts["s3.put"] == 1
