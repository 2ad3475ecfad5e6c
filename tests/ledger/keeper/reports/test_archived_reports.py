"""What a frontend sees of the archive: reports that the vendor lists no more, and links to our copies."""

import hashlib
import hmac
import logging
import time
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
from ledger.reports.catalogue import EVERYTHING, ReportCatalogue
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from local.aws import REGION
from local.vendors.simulator import failing
from runtime import telemetry
from runtime.deadline import Deadline
from tests.support.api.frontend import Frontend
from tests.support.processes.deployment import REPORTS_WITH_FILES, Deployment, downloaded

CONTENT = b"day,amount\n2026-11-01,1.50\n"


def test_a_report_that_the_vendor_has_dropped_is_still_there_byte_for_byte(deployment: Deployment) -> None:
    created = deployment.ago(days=30)
    deployment.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    deployment.run_keeper()
    deployment.rde.forget("usage", created)
    deployment.clock.advance(hours=7)
    listed = deployment.reports()
    [node] = listed["nodes"]
    assert (node["name"], node["rawFormat"], node["creationDate"]) == ("usage", "csv", created)
    assert (node["format"], node["downloadUrl"], listed["totalCount"]) == ("CSV", None, 1)
    assert listed["freshness"]["source"] == "ARCHIVE"
    assert downloaded(node["archiveUrl"]) == (CONTENT, 'attachment; filename="usage.csv"', "text/csv")


def test_a_listed_report_has_the_vendors_link_at_once_and_ours_once_it_is_archived(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    before = deployment.reports()
    deployment.run_keeper()
    after = deployment.reports()
    assert before["nodes"][0]["archiveUrl"] is None
    assert downloaded(after["nodes"][0]["archiveUrl"])[0] == CONTENT
    assert after["nodes"][0]["downloadUrl"].startswith(deployment.rde.origin)
    assert [listed["freshness"]["source"] for listed in (before, after)] == ["UPSTREAM", "CACHE"]


def test_listing_and_archive_are_one_list_newest_first_without_doubles(deployment: Deployment) -> None:
    made = {f"report-{days}": deployment.ago(days=days) for days in (3, 5, 1, 4)}
    for name, created in made.items():
        deployment.rde.add_report(name, "JSON", created)
    deployment.run_keeper()
    deployment.rde.forget("report-5", made["report-5"])
    deployment.rde.forget("report-3", made["report-3"])
    deployment.rde.add_report("report-0", "JSON", deployment.ago(days=0))
    deployment.clock.advance(minutes=5)
    listed = deployment.reports()
    assert [node["name"] for node in listed["nodes"]] == ["report-0", "report-1", "report-3", "report-4", "report-5"]
    assert [node["downloadUrl"] is None for node in listed["nodes"]] == [False, False, True, False, True]
    assert [node["archiveUrl"] is None for node in listed["nodes"]] == [True, False, False, False, False]


def test_the_archive_is_cut_to_the_period_and_the_format(deployment: Deployment) -> None:
    for days in (0, 1, 2, 3):
        deployment.rde.add_report(f"day-{days}", "XLSX" if days == 2 else "CSV", deployment.ago(days=days))
    deployment.run_keeper()
    for days in (0, 1, 2, 3):
        deployment.rde.forget(f"day-{days}", deployment.ago(days=days))
    deployment.clock.advance(minutes=5)

    def names(first: int, last: int, **variables: Any) -> list[str]:
        days: dict[str, Any] = {
            "from": str(deployment.today - timedelta(days=first)),
            "to": str(deployment.today - timedelta(days=last)),
        }
        return [node["name"] for node in deployment.reports(**days, **variables)["nodes"]]

    assert names(2, 1) == ["day-1", "day-2"]
    assert names(3, 0, format="CSV") == ["day-0", "day-1", "day-3"]
    assert names(3, 0, format="XLSX") == ["day-2"]
    assert names(3, 0, format="XML") == []


def test_files_of_one_name_and_moment_differ_by_their_format(deployment: Deployment) -> None:
    created = deployment.ago(days=1)
    deployment.rde.add_report("usage", "CSV", created, file=lambda: CONTENT)
    deployment.rde.add_report("usage", "XML", created, file=lambda: b"<usage/>")
    deployment.run_keeper()
    assert {record["rawFormat"] for record in deployment.records()} == {"csv", "xml"}
    for _ in range(2):
        for wanted, content in (("CSV", CONTENT), ("XML", b"<usage/>")):
            [node] = deployment.reports(format=wanted)["nodes"]
            assert downloaded(node["archiveUrl"])[0] == content
        assert sorted(node["format"] for node in deployment.reports()["nodes"]) == ["CSV", "XML"]
        deployment.rde.forget("usage", created)
        deployment.clock.advance(minutes=5)
    assert deployment.reports()["freshness"]["source"] == "ARCHIVE"


@pytest.fixture
def archived(deployment: Deployment) -> Iterator[Frontend]:
    """A frontend of a deployment with one archived report."""
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1), file=lambda: CONTENT)
    deployment.run_keeper()
    frontend = Frontend(deployment.environ, deployment.clock)
    with closing(frontend.handler):
        yield frontend


def link(frontend: Frontend, deployment: Deployment, **variables: Any) -> str:
    period = {"from": str(deployment.today - timedelta(days=9)), "to": str(deployment.today)}
    url: str = frontend.data(REPORTS_WITH_FILES, period | variables)["reports"]["nodes"][0]["archiveUrl"]
    return url


@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 900), ({"expiresIn": None}, 900), ({"expiresIn": 1}, 1), ({"expiresIn": 43200}, 43200)]
)
def test_a_link_lives_as_long_as_was_asked_for(
    archived: Frontend, deployment: Deployment, given: dict[str, Any], seconds: int
) -> None:
    assert parse_qs(urlsplit(link(archived, deployment, **given)).query)["X-Amz-Expires"] == [str(seconds)]


@pytest.mark.parametrize("seconds", [0, -1, 43201])
def test_a_life_out_of_bounds_is_refused_for_that_field_alone(
    archived: Frontend, deployment: Deployment, seconds: int
) -> None:
    period = {"from": str(deployment.today - timedelta(days=9)), "to": str(deployment.today), "expiresIn": seconds}
    for _ in range(2):  # graphql-core's way, then the plan's
        reply = archived.ask(REPORTS_WITH_FILES, period)
        assert reply.codes == ["BAD_USER_INPUT"]
        assert reply.errors[0]["path"] == ["reports", "nodes", 0, "archiveUrl"]
        assert reply.data is not None
        assert reply.data["reports"]["nodes"][0]["name"] == "usage"


def test_a_link_can_only_read(archived: Frontend, deployment: Deployment) -> None:
    """Its signature is the one of a GET (AWS's Signature Version 4), so S3 refuses any other method."""
    parts = urlsplit(link(archived, deployment))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    signature = query.pop("X-Amz-Signature")
    canonical = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(query.items()))
    request = f"GET\n{parts.path}\n{canonical}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    day = query["X-Amz-Date"][:8]
    scope = f"{day}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    to_sign = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    key = deployment.environ["AWS_SECRET_ACCESS_KEY"].join(("AWS4", "")).encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert hmac.digest(key, to_sign.encode(), "sha256").hex() == signature


def test_no_answer_with_a_link_is_given_again(archived: Frontend, deployment: Deployment) -> None:
    period = {"from": str(deployment.today - timedelta(days=9)), "to": str(deployment.today), "expiresIn": 60}
    signed = set()
    for _ in range(3):
        time.sleep(1.01)  # a signature's time has whole seconds
        reply = archived.ask(REPORTS_WITH_FILES, period)
        assert reply.data is not None
        assert reply.answer.headers["cache-control"] == "no-store"
        signed.add(parse_qs(urlsplit(reply.data["reports"]["nodes"][0]["archiveUrl"]).query)["X-Amz-Date"][0])
    assert len(signed) == 3


def test_the_archive_does_not_replace_a_listing_that_is_not_stored(archived: Frontend, deployment: Deployment) -> None:
    deployment.rde.misbehave(failing(500), times=None)
    reply = archived.ask(
        REPORTS_WITH_FILES, {"from": str(deployment.today - timedelta(days=20)), "to": str(deployment.today)}
    )
    assert reply.data == {"reports": None}
    assert reply.codes == ["UPSTREAM_UNAVAILABLE"]


@pytest.mark.anyio
async def test_without_the_archive_the_listing_answers_alone_and_the_log_says_so(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    settings = Settings.read(deployment.environ)
    parts = Parts(settings, deployment.clock, store_of(settings))
    nowhere = Archive(Store(S3Bucket("gone", "http://127.0.0.1:9")), deployment.clock, timedelta(seconds=60))
    listing = await ReportCatalogue(parts.reports, nowhere).listing(
        "default", deployment.today - timedelta(days=9), deployment.today, EVERYTHING, Deadline.after(29)
    )
    assert [(kept.report.name, kept.archived) for kept in listing.reports] == [("usage", None)]
    assert listing.freshness.source is Source.UPSTREAM
    assert [record.levelno for record in caplog.records if "without the archive" in record.message] == [logging.WARNING]


@pytest.mark.anyio
async def test_a_warm_process_lists_neither_answers_nor_archive_again(deployment: Deployment) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    settings = Settings.read(deployment.environ)
    library = Parts(settings, deployment.clock, store_of(settings)).catalogue
    period = deployment.today - timedelta(days=9), deployment.today

    async def counted() -> dict[str, int]:
        seen = telemetry.Telemetry()
        telemetry.current.set(seen)
        listing = await library.listing("default", *period, EVERYTHING, Deadline.after(29))
        assert len(listing.reports) == 1
        return {name: count for name, count in seen.counts.items() if name.startswith("s3.")}

    cold, warm = await counted(), await counted()
    assert cold["s3.list"] >= 2
    assert warm == {}
    deployment.clock.advance(seconds=61)
    assert (await counted())["s3.list"] >= 2


def test_no_tenant_sees_what_is_archived_of_another(deployment: Deployment) -> None:
    deployment.give_credentials("other", "rde")
    created = deployment.ago(days=1)
    deployment.rde.add_report("usage", "CSV", created)
    deployment.run_keeper()
    theirs = set(deployment.keys("archive/tenant=other/"))
    assert len(theirs) == len(deployment.keys("archive/tenant=default/")) == 5
    for key in theirs:
        deployment.aws.client("s3").delete_object(Bucket=deployment.environ["LEDGER_BUCKET"], Key=key)
    deployment.rde.forget("usage", created)
    deployment.clock.advance(hours=7)
    frontend = Frontend({**deployment.environ, "TENANT_CLAIM": "tenant"}, deployment.clock)
    with closing(frontend.handler):
        period = {"from": str(deployment.today - timedelta(days=9)), "to": str(deployment.today)}
        seen = {
            tenant: frontend.data(REPORTS_WITH_FILES, period, claims={"tenant": tenant})["reports"]["totalCount"]
            for tenant in ("other", "default")
        }
    assert seen == {"other": 0, "default": 1}
