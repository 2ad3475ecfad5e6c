"""What a frontend sees of the archive: reports that the vendor lists no more, and links to our copies."""

import hashlib
import hmac
import logging
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from functions.settings import Settings
from functions.wiring import Parts, store_of
from ledger.answers.freshness import Source
from ledger.reports.archive import Archive
from ledger.reports.catalogue import ReportCatalogue
from ledger.storage.store import Store
from local.aws import REGION
from local.simulator import failing
from runtime import telemetry
from runtime.deadline import Deadline
from tests.functions.frontend import Frontend
from tests.keeper.house import QUERY, House

CONTENT = b"day,amount\n2026-11-01,1.50\n"


def downloaded(link: str) -> tuple[bytes, str, str]:
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - our own link to the embedded AWS
        return answer.read(), answer.headers["Content-Disposition"], answer.headers["Content-Type"]


def test_a_report_that_the_vendor_has_dropped_is_still_there_byte_for_byte(house: House) -> None:
    created = house.ago(days=30)
    house.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    house.keep()
    house.rde.forget("usage", created)
    house.clock.advance(hours=7)
    listed = house.reports()
    [node] = listed["nodes"]
    assert (node["name"], node["rawFormat"], node["creationDate"]) == ("usage", "CSV", created)
    assert (node["format"], node["downloadUrl"], listed["totalCount"]) == ("CSV", None, 1)
    assert listed["freshness"]["source"] == "ARCHIVE"
    assert downloaded(node["archiveUrl"]) == (CONTENT, 'attachment; filename="usage.csv"', "text/csv")


def test_a_listed_report_has_the_vendors_link_at_once_and_ours_once_it_is_archived(house: House) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1), file=lambda: CONTENT)
    before = house.reports()
    house.keep()
    after = house.reports()
    assert before["nodes"][0]["archiveUrl"] is None
    assert downloaded(after["nodes"][0]["archiveUrl"])[0] == CONTENT
    assert after["nodes"][0]["downloadUrl"].startswith(house.rde.origin)
    assert [listed["freshness"]["source"] for listed in (before, after)] == ["UPSTREAM", "CACHE"]


def test_listing_and_archive_are_one_list_newest_first_without_doubles(house: House) -> None:
    made = {f"report-{days}": house.ago(days=days) for days in (3, 5, 1, 4)}
    for name, created in made.items():
        house.rde.add_report(name, "JSON", created)
    house.keep()
    house.rde.forget("report-5", made["report-5"])
    house.rde.forget("report-3", made["report-3"])
    house.rde.add_report("report-0", "JSON", house.ago(days=0))
    house.clock.advance(minutes=5)
    listed = house.reports()
    assert [node["name"] for node in listed["nodes"]] == ["report-0", "report-1", "report-3", "report-4", "report-5"]
    assert [node["downloadUrl"] is None for node in listed["nodes"]] == [False, False, True, False, True]
    assert [node["archiveUrl"] is None for node in listed["nodes"]] == [True, False, False, False, False]


def test_the_archive_is_cut_to_the_period_and_the_format(house: House) -> None:
    for days in (0, 1, 2, 3):
        house.rde.add_report(f"day-{days}", "XLSX" if days == 2 else "CSV", house.ago(days=days))
    house.keep()
    for days in (0, 1, 2, 3):
        house.rde.forget(f"day-{days}", house.ago(days=days))
    house.clock.advance(minutes=5)

    def names(first: int, last: int, **variables: Any) -> list[str]:
        days: dict[str, Any] = {
            "from": str(house.today - timedelta(days=first)),
            "to": str(house.today - timedelta(days=last)),
        }
        return [node["name"] for node in house.reports(**days, **variables)["nodes"]]

    assert names(2, 1) == ["day-1", "day-2"]
    assert names(3, 0, format="CSV") == ["day-0", "day-1", "day-3"]
    assert names(3, 0, format="XLSX") == ["day-2"]
    assert names(3, 0, format="XML") == []


def test_files_of_one_name_and_moment_are_told_apart_by_their_format(house: House) -> None:
    created = house.ago(days=1)
    house.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    house.rde.add_report("usage", "XML", created, file=lambda: b"<usage/>")
    house.keep()
    assert {record["rawFormat"] for record in house.records()} == {"CSV", "XML"}
    for _ in range(2):
        for wanted, content in (("CSV", CONTENT), ("XML", b"<usage/>")):
            [node] = house.reports(format=wanted)["nodes"]
            assert downloaded(node["archiveUrl"])[0] == content
        assert sorted(node["format"] for node in house.reports()["nodes"]) == ["CSV", "XML"]
        house.rde.forget("usage", created)
        house.clock.advance(minutes=5)
    assert house.reports()["freshness"]["source"] == "ARCHIVE"


@pytest.fixture
def archived(house: House) -> Iterator[Frontend]:
    """A frontend of a house with one archived report."""
    house.rde.add_report("usage", "CSV", house.ago(days=1), file=lambda: CONTENT)
    house.keep()
    frontend = Frontend(house.environ, house.clock)
    with closing(frontend.handler):
        yield frontend


def link(frontend: Frontend, house: House, **variables: Any) -> str:
    period = {"from": str(house.today - timedelta(days=9)), "to": str(house.today)}
    url: str = frontend.data(QUERY, period | variables)["reports"]["nodes"][0]["archiveUrl"]
    return url


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 900), ({"expiresIn": None}, 900), ({"expiresIn": 1}, 1), ({"expiresIn": 43200}, 43200)]
)
def test_a_link_lives_as_long_as_was_asked_for(
    archived: Frontend, house: House, given: dict[str, Any], seconds: int
) -> None:
    assert parse_qs(urlsplit(link(archived, house, **given)).query)["X-Amz-Expires"] == [str(seconds)]


@pytest.mark.parametrize("seconds", [0, -1, 43201])
def test_a_life_out_of_bounds_is_refused_for_that_field_alone(archived: Frontend, house: House, seconds: int) -> None:
    period = {"from": str(house.today - timedelta(days=9)), "to": str(house.today), "expiresIn": seconds}
    for _ in range(2):  # graphql-core's way, then the plan's
        reply = archived.ask(QUERY, period)
        assert reply.codes == ["BAD_USER_INPUT"]
        assert reply.errors[0]["path"] == ["reports", "nodes", 0, "archiveUrl"]
        assert reply.data is not None
        assert reply.data["reports"]["nodes"][0]["name"] == "usage"


def test_a_link_can_only_read(archived: Frontend, house: House) -> None:
    """Its signature is the one of a GET (AWS's Signature Version 4), so S3 refuses any other method."""
    parts = urlsplit(link(archived, house))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    signature = query.pop("X-Amz-Signature")
    canonical = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
    request = f"GET\n{parts.path}\n{canonical}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    day = query["X-Amz-Date"][:8]
    scope = f"{day}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    key = house.environ["AWS_SECRET_ACCESS_KEY"].join(("AWS4", "")).encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert hmac.digest(key, to_sign.encode(), "sha256").hex() == signature


def test_no_answer_with_a_link_is_given_again(archived: Frontend, house: House) -> None:
    period = {"from": str(house.today - timedelta(days=9)), "to": str(house.today), "expiresIn": 60}
    signed = set()
    for _ in range(3):
        time.sleep(1.01)  # a signature's time has whole seconds
        reply = archived.ask(QUERY, period)
        assert reply.data is not None
        assert reply.answer.headers["cache-control"] == "no-store"
        signed.add(parse_qs(urlsplit(reply.data["reports"]["nodes"][0]["archiveUrl"]).query)["X-Amz-Date"][0])
    assert len(signed) == 3


def test_the_archive_is_no_substitute_for_a_listing_that_nobody_has(archived: Frontend, house: House) -> None:
    house.rde.misbehave(failing(500), times=None)
    reply = archived.ask(QUERY, {"from": str(house.today - timedelta(days=20)), "to": str(house.today)})
    assert reply.data == {"reports": None}
    assert reply.codes == ["UPSTREAM_UNAVAILABLE"]


@pytest.mark.anyio
async def test_without_the_archive_the_listing_answers_alone_and_the_log_says_so(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    settings = Settings.read(house.environ)
    parts = Parts(settings, house.clock, store_of(settings))
    nowhere = Archive(Store("gone", "http://127.0.0.1:9"), house.clock, timedelta(seconds=60))
    listing = await ReportCatalogue(parts.reports, nowhere).listing(
        "default", house.today - timedelta(days=9), house.today, None, Deadline.after(29)
    )
    assert [(kept.report.name, kept.archived) for kept in listing.reports] == [("usage", None)]
    assert listing.freshness.source is Source.UPSTREAM
    assert [record.levelno for record in caplog.records if "without the archive" in record.message] == [logging.WARNING]


@pytest.mark.anyio
async def test_a_warm_process_lists_neither_answers_nor_archive_again(house: House) -> None:
    house.rde.add_report("usage", "CSV", house.ago(days=1))
    settings = Settings.read(house.environ)
    library = Parts(settings, house.clock, store_of(settings)).ledger.catalogue
    period = house.today - timedelta(days=9), house.today

    async def counted() -> dict[str, int]:
        seen = telemetry.Telemetry()
        telemetry.current.set(seen)
        listing = await library.listing("default", *period, None, Deadline.after(29))
        assert len(listing.reports) == 1
        return {name: count for name, count in seen.counts.items() if name.startswith("s3.")}

    cold, warm = await counted(), await counted()
    assert cold["s3.list"] >= 2
    assert warm == {}
    house.clock.advance(seconds=61)
    assert (await counted())["s3.list"] >= 2


def test_no_tenant_sees_what_is_archived_of_another(house: House) -> None:
    house.give_credentials("other", "rde")
    created = house.ago(days=1)
    house.rde.add_report("usage", "CSV", created)
    house.keep()
    theirs = set(house.keys("archive/tenant=other/"))
    assert len(theirs) == len(house.keys("archive/tenant=default/")) == 2
    for key in theirs:
        house.aws.client("s3").delete_object(Bucket=house.environ["LEDGER_BUCKET"], Key=key)
    house.rde.forget("usage", created)
    house.clock.advance(hours=7)
    frontend = Frontend({**house.environ, "TENANT_CLAIM": "tenant"}, house.clock)
    with closing(frontend.handler):
        period = {"from": str(house.today - timedelta(days=9)), "to": str(house.today)}
        seen = {
            tenant: frontend.data(QUERY, period, claims={"tenant": tenant})["reports"]["totalCount"]
            for tenant in ("other", "default")
        }
    assert seen == {"other": 0, "default": 1}
