import datetime as dt
import json

import pytest

from upstreams.errors import UpstreamBadResponse
from upstreams.rde.client import ReportFormat, format_of, link_expiry
from upstreams.rde.reports import read_listing, read_scheduled

LINK = (
    "https://drrde3.blob.core.windows.net/rdecontainer/withres2.0fb84e60...-0f2cd36236ce.2019-11-12.10-51-15.216+0100.xlsx"
    "?sig=rb8TTt...iUY%3D&api-version=2016-05-31&st=2019-11-12T09%3A...%3A15Z&sv=2016-05-31&sp=rwd&sr=b"
)
GARBLED = (
    "https://report-storage1.blob.core.windows.net/rdecontainer/Customer1.e1...12d.2019-11-21.14-02-20.551+0100.json"
    "?sig=4JbyvWJAUwwN7R...3D&api-version=2016-05-31&st=2019-11-21T12%3A52%&se=202...0-02-19T12=2016-05-31&sp=rwd&sr=b"
)
ROW = {"name": "withres2", "format": "XLSX", "creationDate": "2019-11-12T09:51:14Z", "downloadUrl": LINK}


def listing(*rows: object) -> bytes:
    return json.dumps({"data": rows, "pagination": {"offset": 0, "limit": 1, "total": 1}}).encode()


def test_the_documented_report_is_read_field_by_field() -> None:
    [report] = read_listing(listing(ROW))
    assert report.name == "withres2"
    assert (report.raw_format, report.format) == ("XLSX", ReportFormat.XLSX)
    assert report.creation_date == dt.datetime(2019, 11, 12, 9, 51, 14, tzinfo=dt.UTC)
    assert report.download_url == LINK
    assert report.download_url_expires_at is None


def test_half_a_character_becomes_a_whole_one() -> None:
    [report] = read_listing(listing(ROW | {"name": "a\ud800b\U0001f4c8"}))
    assert report.name == "a\ufffdb\U0001f4c8"


def test_a_report_never_prints_its_link() -> None:
    [report] = read_listing(listing(ROW))
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
    [report] = read_listing(listing(ROW | {"creationDate": text}))
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
    [report] = read_listing(listing(ROW | {"format": raw}))
    assert (report.raw_format, report.format) == (raw, known)


@pytest.mark.parametrize("link", ["", None, 7])
def test_a_report_may_have_no_link(link: object) -> None:
    [report] = read_listing(listing(ROW | {"downloadUrl": link}))
    assert (report.download_url, report.download_url_expires_at) == (None, None)


@pytest.mark.parametrize(
    ("query", "expiry"),
    [
        ("se=2020-02-19T12%3A30%3A15Z&sp=rwd", dt.datetime(2020, 2, 19, 12, 30, 15, tzinfo=dt.UTC)),
        ("sp=r&se=2020-02-19T12:30Z", dt.datetime(2020, 2, 19, 12, 30, tzinfo=dt.UTC)),
        ("se=2020-02-19", dt.datetime(2020, 2, 19, tzinfo=dt.UTC)),
        ("se=2020-02-19T12:30:15+01:00", dt.datetime(2020, 2, 19, 11, 30, 15, tzinfo=dt.UTC)),
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


def test_no_reports_are_an_empty_list() -> None:
    assert read_listing(listing()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b"[]",
        b"null",
        b"{}",
        b'{"data": null}',
        b'{"data": {}}',
        b'{"data": [null]}',
        b'{"data": ["withres2"]}',
        b"\xff\xfe",
        b"[" * 100_000,
        listing({key: value for key, value in ROW.items() if key != "name"}),
        listing({key: value for key, value in ROW.items() if key != "creationDate"}),
        listing(ROW | {"name": ""}),
        listing(ROW | {"creationDate": "yesterday"}),
        listing(ROW | {"creationDate": 1573552274}),
        listing(ROW, ROW | {"name": None}),
    ],
    ids=lambda body: str(body[:40]),
)
def test_an_answer_that_is_no_listing_is_refused_without_quoting_it(body: bytes) -> None:
    with pytest.raises(UpstreamBadResponse) as caught:
        read_listing(body)
    assert "sig" not in str(caught.value)


@pytest.mark.parametrize("missing", ["id", "name", "status", "type", "creationDate", "startDate", "endDate"])
def test_a_scheduled_report_needs_what_the_vendor_promises(missing: str) -> None:
    whole = ROW | {"id": "1", "status": "x", "type": "y", "startDate": "2019-11-12", "endDate": "2019-11-12"}
    assert read_scheduled(json.dumps(whole).encode()).status == "x"
    del whole[missing]
    with pytest.raises(UpstreamBadResponse, match=missing):
        read_scheduled(json.dumps(whole).encode())
