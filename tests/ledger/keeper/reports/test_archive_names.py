"""A report may be called anything: its key is safe, says everything, and the download has a name that opens."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.reports.archive import LONGEST_KEY, Archive, file_key, record_key
from ledger.reports.file_names import attributes, disposition, file_name
from ledger.reports.identity import ReportKey
from ledger.storage.bucket import StoredObject
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.vendors.rde import RdeSimulator
from tests.support.processes.deployment import Deployment, downloaded
from upstreams.rde.client import Report

CREATED = datetime(2026, 11, 20, 20, 15, 1, 5, tzinfo=UTC)
SAFE_KEY = re.compile(r"archive/tenant=acme/(reports|files)/day=[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9.]+![A-Za-z0-9_.~%!-]*")
ODD = (
    "../../../etc/passwd",
    "..",
    "/",
    "a/b\\c:d",
    "day=2026-11-21/000000.000000!CSV!other",
    "100 % rés+umé?.csv",
    "日本語 📈",
    'with "quotes"; filename=evil.exe',
    "line\r\nSet-Cookie: a=b",
    "x" * 3000,
    "ü" * 400,
)


@settings(deadline=None)
@given(
    st.text(alphabet=st.characters(), min_size=1),
    st.text(alphabet=st.characters(), max_size=20),
    st.datetimes(timezones=st.just(UTC)),
)
def test_a_record_s_key_is_safe_and_says_everything_or_is_a_digest(name: str, form: str, created: datetime) -> None:
    report = Report(name=name, raw_format=form, creation_date=created)
    for key in (record_key("acme", report), file_key("acme", ReportKey.of(report))):
        assert SAFE_KEY.fullmatch(key)
        assert len(key) <= LONGEST_KEY
        assert f"day={created.date()}/" in key


reports = st.builds(
    Report,
    name=st.text(),
    raw_format=st.text(max_size=5),
    creation_date=st.datetimes(timezones=st.just(UTC)),
    report_id=st.none() | st.text(min_size=1, max_size=5),
)


@settings(deadline=None)
@given(st.lists(reports, max_size=6))
def test_two_reports_never_share_a_key(some: list[Report]) -> None:
    different = {ReportKey.of(report): report for report in some}
    assert len({record_key("acme", report) for report in different.values()}) == len(different)
    assert len({file_key("acme", key) for key in different}) == len(different)


@pytest.mark.parametrize("name", ODD)
def test_a_report_of_any_name_is_archived_listed_and_downloaded(deployment: Deployment, name: str) -> None:
    created = deployment.ago(days=2)
    deployment.rde.add_report(name, "CSV", created, link=plain_link(deployment.rde, name), file=lambda: b"a,b\n")
    deployment.run_keeper()
    deployment.rde.forget(name, created)
    deployment.clock.advance(hours=7)
    [node] = deployment.reports()["nodes"]
    assert (node["name"], node["rawFormat"], node["creationDate"]) == (name, "csv", created)
    body, header, _ = downloaded(node["archiveUrl"])
    assert body == b"a,b\n"
    assert header.startswith("attachment; ")


def plain_link(rde: RdeSimulator, name: str) -> str:
    """A link whose path does not depend on the report's name: what is tried here is our side."""
    blob = f"{hash(name)}.csv"
    rde.blobs.keep(blob, lambda: b"a,b\n")
    return rde.blobs.link(rde.origin, blob, timedelta(hours=48))


def test_only_a_name_too_long_for_a_key_is_read_from_its_record(deployment: Deployment) -> None:
    for name in ("short", "x" * 3000):
        deployment.rde.add_report(name, "CSV", deployment.ago(days=2), link=plain_link(deployment.rde, name))
    deployment.run_keeper()
    gets: list[str] = []

    class CountedGets(S3Bucket):
        async def get(self, key: str) -> StoredObject | None:
            gets.append(key)
            return await super().get(key)

    bucket = CountedGets(deployment.environ["LEDGER_BUCKET"], deployment.environ["AWS_ENDPOINT_URL"])
    archive = Archive(Store(bucket), deployment.clock, recheck=timedelta(0))
    shelf = asyncio.run(archive.reports("default", deployment.today - timedelta(days=3), deployment.today))
    assert sorted(len(each.report.name) for each in shelf.reports) == [5, 3000]
    assert len(gets) == 1


@pytest.mark.parametrize(
    ("name", "form", "compressed", "expected"),
    [
        ("daily-dr1", "JSON", True, "daily-dr1.json.gz"),
        ("daily-dr1", "JSON", False, "daily-dr1.json"),
        ("usage", "CSV", False, "usage.csv"),
        ("usage.csv", "CSV", False, "usage.csv"),
        ("usage.csv", "CSV", True, "usage.csv.gz"),
        ("usage.csv.gz", "CSV", True, "usage.csv.gz"),
        ("book", "XSLX", False, "book.xlsx"),
        ("odd", "PDF", False, "odd"),
        ("..", "CSV", False, "report.csv"),
        ("../../etc/passwd", "CSV", False, "_.._etc_passwd.csv"),
        ("\ud800\u202efdp", "CSV", False, "__fdp.csv"),
        ("x" * 500, "CSV", False, "x" * 150 + ".csv"),
    ],
)
def test_a_download_is_called_after_the_report_with_the_ending_of_its_format(
    name: str, form: str, compressed: bool, expected: str
) -> None:
    assert file_name(ReportKey(name, form, CREATED), compressed=compressed) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("usage.csv", 'attachment; filename="usage.csv"'),
        ("résumé.csv", "attachment; filename=\"r_sum_.csv\"; filename*=UTF-8''r%C3%A9sum%C3%A9.csv"),
        ("50%.csv", "attachment; filename=\"50_.csv\"; filename*=UTF-8''50%25.csv"),
        ('a";b.csv', "attachment; filename=\"a__b.csv\"; filename*=UTF-8''a%22%3Bb.csv"),
    ],
)
def test_a_name_that_is_not_plain_travels_twice(name: str, expected: str) -> None:
    assert disposition(name) == expected


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), min_size=1), st.booleans())
def test_no_name_leaves_the_header_or_the_folder(name: str, compressed: bool) -> None:
    shown = file_name(ReportKey(name, "CSV", CREATED), compressed=compressed)
    assert not set(shown) & set('/\\\r\n\0"')
    assert shown.strip(". ")
    disposition(shown).encode("ascii")


@pytest.mark.parametrize(
    ("form", "compressed", "expected"),
    [
        ("JSON", True, "application/gzip"),
        ("JSON", False, "application/json"),
        ("XML", False, "application/xml"),
        ("CSV", False, "text/csv"),
        ("XLSX", False, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("PDF", False, "application/octet-stream"),
    ],
)
def test_the_content_type_follows_the_format_and_the_compression(form: str, compressed: bool, expected: str) -> None:
    assert attributes(ReportKey("usage", form, CREATED), compressed=compressed)["Content-Type"] == expected


def test_a_coding_that_is_left_on_the_bytes_is_an_attribute_of_the_object() -> None:
    assert attributes(ReportKey("usage", "CSV", CREATED), compressed=False, coding="br")["Content-Encoding"] == "br"
