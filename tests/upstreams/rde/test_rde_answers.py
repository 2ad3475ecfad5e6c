import datetime as dt
import json

import pytest

from runtime import telemetry
from runtime.telemetry import Telemetry
from upstreams.errors import UpstreamBadResponse
from upstreams.rde.answers import parse_listing, parse_report
from upstreams.rde.client import Report, ReportFormat, ReportStatus, ReportType, format_of, link_expiry
from upstreams.rde.links import link_start

LINK = (
    "https://drrde3.blob.core.windows.net/rdecontainer/withres2.0fb84e60...-0f2cd36236ce.2019-11-12.10-51-15.216+0100.xlsx"
    "?sig=rb8TTt...iUY%3D&api-version=2016-05-31&st=2019-11-12T09%3A...%3A15Z&sv=2016-05-31&sp=rwd&sr=b"
)
GARBLED = (
    "https://report-storage1.blob.core.windows.net/rdecontainer/Customer1.e1...12d.2019-11-21.14-02-20.551+0100.json"
    "?sig=4JbyvWJAUwwN7R...3D&api-version=2016-05-31&st=2019-11-21T12%3A52%&se=202...0-02-19T12=2016-05-31&sp=rwd&sr=b"
)
ROW = {"name": "withres2", "format": "XLSX", "creationDate": "2019-11-12T09:51:14Z", "downloadUrl": LINK}


UNCUT_EXPIRY = dt.datetime(2019, 11, 21, 12, 52, 20, tzinfo=dt.UTC) + dt.timedelta(days=90)
"""Of the only link that the vendor's documents print uncut: 90 days after its start, to the second."""


def listing(*rows: object) -> bytes:
    return json.dumps({"data": rows, "pagination": {"offset": 0, "limit": 1, "total": 1}}).encode()


def parsed(body: bytes) -> list[Report]:
    return list(parse_listing(body).reports)


def test_the_documented_report_is_read_field_by_field() -> None:
    [report] = parsed(listing(ROW))
    assert report.name == "withres2"
    assert (report.raw_format, report.format) == ("XLSX", ReportFormat.XLSX)
    assert report.creation_date == dt.datetime(2019, 11, 12, 9, 51, 14, tzinfo=dt.UTC)
    assert report.download_url == LINK
    assert report.download_url_expires_at is None


def test_half_a_character_becomes_a_whole_one() -> None:
    [report] = parsed(listing(ROW | {"name": "a\ud800b\U0001f4c8"}))
    assert report.name == "a\ufffdb\U0001f4c8"


def test_a_report_never_prints_its_link() -> None:
    [report] = parsed(listing(ROW))
    assert "sig" not in repr(report)
    assert "sig" not in str([report])


@pytest.mark.parametrize(
    ("text", "hour", "microsecond"),
    [
        ("2019-11-12T09:51:14Z", 9, 0),
        ("2019-11-12T09:51:14.216Z", 9, 216000),
        ("2019-11-12T09:51:14.216+01:00", 8, 216000),
        ("2019-11-12T09:51:14+0100", 8, 0),
        ("2019-11-12T09:51:14", 9, 0),
    ],
)
def test_dates_come_in_many_spellings_and_leave_in_utc(text: str, hour: int, microsecond: int) -> None:
    [report] = parsed(listing(ROW | {"creationDate": text}))
    assert report.creation_date == dt.datetime(2019, 11, 12, hour, 51, 14, microsecond, tzinfo=dt.UTC)
    assert report.creation_date.tzinfo is dt.UTC


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        ("XLSX", ReportFormat.XLSX),
        ("xslx", ReportFormat.XLSX),
        ("json", ReportFormat.JSON),
        ("Csv", ReportFormat.CSV),
        ("XML", ReportFormat.XML),
        ("parquet", None),
        ("", None),
    ],
)
def test_formats_are_known_in_any_case_and_otherwise_kept_raw(raw: str, known: ReportFormat | None) -> None:
    assert format_of(raw) is known
    [report] = parsed(listing(ROW | {"format": raw}))
    assert (report.raw_format, report.format) == (raw, known)


@pytest.mark.parametrize("link", ["", None, 7])
def test_a_report_may_have_no_link(link: object) -> None:
    [report] = parsed(listing(ROW | {"downloadUrl": link}))
    assert (report.download_url, report.download_url_expires_at) == (None, None)


@pytest.mark.parametrize(
    ("query", "expiry"),
    [
        ("st=2019-11-21T12%3A52%3A20Z&se=2020-02-19T12%3A52%3A20Z&sp=rwd", UNCUT_EXPIRY),
        ("se=2020-02-19T12%3A30%3A15Z&sp=rwd", dt.datetime(2020, 2, 19, 12, 30, 15, tzinfo=dt.UTC)),
        ("sp=r&se=2020-02-19T12:30Z", dt.datetime(2020, 2, 19, 12, 30, tzinfo=dt.UTC)),
        ("se=2020-02-19", dt.datetime(2020, 2, 19, tzinfo=dt.UTC)),
        ("se=2020-02-19T12:30:15+01:00", dt.datetime(2020, 2, 19, 11, 30, 15, tzinfo=dt.UTC)),
        ("SE=2020-02-19", dt.datetime(2020, 2, 19, tzinfo=dt.UTC)),
        ("%73e=2020-02-19", dt.datetime(2020, 2, 19, tzinfo=dt.UTC)),
        ("se=", None),
        ("se=soon", None),
        ("se=0001-01-01T00:00:00%2B14:00", None),
        ("se=0001-01-01T00:00:00Z", None),
        ("use=2020-02-19", None),
        ("", None),
    ],
)
def test_a_links_expiry_is_read_or_left_open(query: str, expiry: dt.datetime | None) -> None:
    assert link_expiry(f"https://a.blob.core.windows.net/c/x.json?{query}") == expiry


@pytest.mark.parametrize("link", [None, GARBLED, "https://[broken/?se=2020-02-19"])
def test_a_garbled_link_has_no_expiry(link: str | None) -> None:
    assert link_expiry(link) is None


@pytest.mark.parametrize("body", [listing(), b'{"data": null}', b'{"data": []}'])
def test_no_reports_are_an_empty_list(body: bytes) -> None:
    assert parsed(body) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b"[]",
        b"null",
        b"{}",
        b'{"data": {}}',
        b'{"data": false}',
        b'{"data": 0}',
        b'{"error": "x"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"data": [], "pagination": {"offset": 0, "limit": 10, "total": -1}}',
    ],
    ids=lambda body: str(body[:40]),
)
def test_an_answer_that_is_not_a_listing_is_refused_without_quoting_it(body: bytes) -> None:
    with pytest.raises(UpstreamBadResponse) as caught:
        parse_listing(body)
    assert "sig" not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "withres2",
        {key: value for key, value in ROW.items() if key != "name"},
        {key: value for key, value in ROW.items() if key != "creationDate"},
        ROW | {"name": ""},
        ROW | {"name": 5},
        ROW | {"name": None},
        ROW | {"creationDate": None},
        ROW | {"creationDate": "yesterday"},
        ROW | {"creationDate": 1573552274},
        ROW | {"creationDate": "0001-01-01T00:00:00+14:00"},
    ],
    ids=str,
)
def test_one_unreadable_element_is_left_out_counted_and_logged_and_the_others_are_shown(
    bad: object, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Telemetry()
    telemetry.current.set(seen)
    page = parse_listing(listing(ROW, bad, ROW | {"name": "other"}))
    assert [report.name for report in page.reports] == ["withres2", "other"]
    assert (page.unreadable, len(page.fingerprints), dict(seen.failures())) == (1, 3, {"UNREADABLE_REPORT": 1})
    assert "report 2 of the answer" in caplog.text
    assert "sig" not in caplog.text


DESCRIBED = {
    "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
    "name": "Daily report",
    "customizationName": "mine",
    "status": "submitted",
    "type": "on_invoice",
    "format": "xlsx",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59Z",
}
"""A report as the description 1.15 has it while it is being made."""


def test_a_report_that_is_still_being_made_is_read_field_by_field() -> None:
    [report] = parsed(listing(DESCRIBED))
    assert (report.report_id, report.name, report.customization_name) == (DESCRIBED["id"], "Daily report", "mine")
    assert (report.status, report.type) == (ReportStatus.SUBMITTED, ReportType.ON_INVOICE)
    assert (report.format, report.creation_date, report.download_url) == (ReportFormat.XLSX, None, None)
    assert report.start_date == report.date == dt.datetime(2019, 11, 7, 17, 2, 59, tzinfo=dt.UTC)
    assert report.end_date == dt.datetime(2019, 12, 7, 17, 2, 59, tzinfo=dt.UTC)


def test_a_name_and_a_start_date_are_enough() -> None:
    report = parse_report(b'{"name": "x", "startDate": "2019-11-07T17:02:59Z"}')
    assert (report.status, report.type, report.raw_format) == (ReportStatus.UNKNOWN, ReportType.UNKNOWN, "")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"status": "COMPLETED"}, ReportStatus.COMPLETED),
        ({"status": "Processing"}, ReportStatus.PROCESSING),
        ({"status": "error"}, ReportStatus.ERROR),
        ({"status": "unknown"}, ReportStatus.UNKNOWN),
        ({"status": "archived"}, ReportStatus.UNKNOWN),
        ({"status": None, "creationDate": "2019-11-12"}, ReportStatus.COMPLETED),
        ({"status": "", "downloadUrl": LINK}, ReportStatus.COMPLETED),
        ({"status": 7}, ReportStatus.UNKNOWN),
    ],
    ids=str,
)
def test_a_status_is_known_in_any_case_and_a_file_without_one_is_completed(
    given: dict[str, object], status: ReportStatus
) -> None:
    [report] = parsed(listing(DESCRIBED | given))
    assert report.status is status


def test_an_end_date_that_cannot_be_read_costs_nothing_else() -> None:
    [report] = parsed(listing(ROW | {"endDate": "next week"}))
    assert (report.name, report.end_date) == ("withres2", None)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "//host/x", "x"])
def test_a_link_that_is_not_http_is_not_shown(link: str) -> None:
    [report] = parsed(listing(ROW | {"downloadUrl": link}))
    assert report.download_url is None


@pytest.mark.parametrize(
    ("query", "start"),
    [
        (
            "st=2019-11-21T12%3A52%3A20Z&se=2020-02-19T12%3A52%3A20Z",
            dt.datetime(2019, 11, 21, 12, 52, 20, tzinfo=dt.UTC),
        ),
        ("ST=2019-11-21", dt.datetime(2019, 11, 21, tzinfo=dt.UTC)),
        ("sr=b", None),
    ],
)
def test_a_links_start_is_read_or_left_open(query: str, start: dt.datetime | None) -> None:
    assert link_start(f"https://a.blob.core.windows.net/c/x.json?{query}") == start


def test_a_fingerprint_survives_a_newly_signed_link() -> None:
    first, second = (parse_listing(listing(ROW | {"downloadUrl": f"https://h/x?sig={number}"})) for number in (1, 2))
    assert first.fingerprints == second.fingerprints


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"name": "x"}', b'{"startDate": "2019-11-07"}'])
def test_an_answer_that_is_not_a_report_is_refused(body: bytes) -> None:
    with pytest.raises(UpstreamBadResponse):
        parse_report(body)
