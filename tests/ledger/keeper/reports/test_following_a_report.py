"""A scheduled report is followed to its file: `scheduledReport`, and the keeper's run that archives it."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from ledger.storage.leases import LEASE
from local.vendors.simulator import failing
from tests.support.api.frontend import Frontend
from tests.support.processes.deployment import Deployment, downloaded

SCHEDULE = """
mutation Schedule($input: ScheduleReportInput!) {
  scheduleReport(input: $input) { report { id status creationDate endDate report { id status } } } }"""
SCHEDULED = """
query Scheduled($id: ID!) { scheduledReport(id: $id) {
  id name status type creationDate startDate endDate downloadUrl report { id reportId status archiveUrl } } }"""
LISTED = """
query Listed($from: Date!, $to: Date!) { reports(from: $from, to: $to) { nodes { id name status archiveUrl } } }"""
INPUT = {"name": "Monthly", "startDate": "2019-11-01T00:00:00Z"}


@pytest.fixture
def frontend(deployment: Deployment) -> Iterator[Frontend]:
    frontend = Frontend(deployment.environ, deployment.clock)
    with closing(frontend.handler):
        yield frontend


def scheduled(frontend: Frontend, report_id: str) -> dict[str, Any]:
    found: dict[str, Any] = frontend.data(SCHEDULED, {"id": report_id})["scheduledReport"]
    return found


def asked(deployment: Deployment, report_id: str) -> int:
    return deployment.rde.count(f"/reports/{report_id}")


def test_a_scheduled_report_is_followed_to_its_archived_file(deployment: Deployment, frontend: Frontend) -> None:
    deployment.rde.making = timedelta(minutes=10)
    report = frontend.data(SCHEDULE, {"input": INPUT})["scheduleReport"]["report"]
    assert (report["status"], report["creationDate"], report["endDate"]) == ("submitted", None, None)
    assert report["report"]["status"] == "SUBMITTED"
    assert (deployment.run_keeper()["archived"], deployment.run_keeper()["failed"]) == (0, 0)
    deployment.clock.advance(minutes=10)
    assert deployment.run_keeper()["archived"] == 1
    found = scheduled(frontend, report["id"])
    assert (found["status"], found["report"]["status"]) == ("completed", "COMPLETED")
    assert downloaded(found["report"]["archiveUrl"])[0] == deployment.rde.listing()[-1].content()
    nodes = frontend.data(LISTED, {"from": str(deployment.today), "to": str(deployment.today)})["reports"]["nodes"]
    [listed] = [node for node in nodes if node["name"] == "Monthly"]
    assert listed["id"] == found["report"]["id"] == report["report"]["id"]


def test_the_keeper_follows_it_though_no_listing_can_be_had(deployment: Deployment, frontend: Frontend) -> None:
    frontend.data(SCHEDULE, {"input": INPUT})
    deployment.clock.advance(minutes=2)
    deployment.rde.misbehave(failing(500), times=None, path="/reports")
    summary = deployment.run_keeper()
    assert (summary["archived"], summary["failed"]) == (1, 1)
    assert deployment.keys("answers/tenant=default/following/") == []


def test_an_answer_ages_until_the_report_is_finished_and_is_then_good_for_ever(
    deployment: Deployment, frontend: Frontend
) -> None:
    deployment.rde.making = timedelta(minutes=10)
    report_id = frontend.data(SCHEDULE, {"input": INPUT})["scheduleReport"]["report"]["id"]
    assert scheduled(frontend, report_id)["status"] == "submitted"
    assert asked(deployment, report_id) == 0, "the answer to scheduling is good for a minute"
    for minutes, status, calls in (
        (1, "submitted", 1),
        (0.5, "submitted", 1),
        (4, "processing", 2),
        (6, "completed", 3),
    ):
        deployment.clock.advance(minutes=minutes)
        assert (scheduled(frontend, report_id)["status"], asked(deployment, report_id)) == (status, calls)
    deployment.clock.advance(hours=24 * 30)
    finished = scheduled(frontend, report_id)
    assert (finished["status"], finished["downloadUrl"], asked(deployment, report_id)) == ("completed", None, 3)


def test_a_failed_report_is_followed_no_longer(deployment: Deployment, frontend: Frontend) -> None:
    deployment.rde.making = timedelta(minutes=1)
    report_id = frontend.data(SCHEDULE, {"input": INPUT})["scheduleReport"]["report"]["id"]
    [schedule] = deployment.rde.schedules
    deployment.rde.schedules[:] = [type(schedule)(schedule.report, schedule.submitted, schedule.making, fails=True)]
    deployment.clock.advance(minutes=2)
    deployment.run_keeper()
    before = asked(deployment, report_id)
    deployment.clock.advance(hours=1)
    deployment.run_keeper()
    assert (scheduled(frontend, report_id)["status"], asked(deployment, report_id)) == ("error", before)


@pytest.mark.parametrize("which", ["id", "reportId"])
def test_any_report_can_be_asked_for_by_either_of_its_ids(
    deployment: Deployment, frontend: Frontend, which: str
) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    wanted = deployment.rde.listing()[-1].report_id
    node = scheduled(frontend, wanted)["report"]
    assert scheduled(frontend, node[which])["name"] == "usage"


def test_a_report_that_does_not_exist_is_null_and_leaves_nothing_behind(
    deployment: Deployment, frontend: Frontend
) -> None:
    assert scheduled(frontend, "no-such-report") is None
    left = deployment.keys("answers/tenant=default/report/")
    assert [key for key in left if not key.endswith(LEASE)] == []
    assert frontend.ask(SCHEDULED, {"id": ""}).codes == ["BAD_USER_INPUT"]
    assert frontend.ask(SCHEDULED, {"id": "x"}, scope="credits:read").codes == ["FORBIDDEN"]


def test_a_vendor_that_gives_no_id_is_followed_by_its_listing(deployment: Deployment, frontend: Frontend) -> None:
    rde = deployment.rde
    rde.making, rde.described = timedelta(minutes=5), False
    scheduled_id = frontend.data(SCHEDULE, {"input": {**INPUT, "format": "CSV"}})["scheduleReport"]["report"]["id"]
    assert scheduled(frontend, scheduled_id)["creationDate"] is None
    deployment.clock.advance(minutes=6)
    found = scheduled(frontend, scheduled_id)
    assert (found["name"], found["report"]["status"]) == ("Monthly", "COMPLETED")
    assert deployment.run_keeper()["archived"] == 1
    deployment.clock.advance(minutes=1)
    link = scheduled(frontend, scheduled_id)["report"]["archiveUrl"]
    assert downloaded(link)[1] == 'attachment; filename="Monthly.csv"'


def test_a_report_that_the_vendor_has_forgotten_is_known_from_the_archive(
    deployment: Deployment, frontend: Frontend
) -> None:
    created = deployment.ago(days=1)
    deployment.rde.add_report("usage", "CSV", created, file=lambda: b"a,b\n")
    report_id = deployment.rde.listing()[-1].report_id
    deployment.run_keeper()
    deployment.rde.forget("usage", created)
    deployment.clock.advance(minutes=2)
    found = scheduled(frontend, report_id)
    assert (found["name"], found["status"], found["creationDate"]) == ("usage", "completed", created)
    assert downloaded(found["report"]["archiveUrl"])[0] == b"a,b\n"


def test_an_answer_about_one_report_goes_after_a_year(deployment: Deployment, frontend: Frontend) -> None:
    deployment.rde.add_report("usage", "CSV", deployment.ago(days=1))
    scheduled(frontend, deployment.rde.listing()[-1].report_id)
    for days, left in ((364, 1), (2, 0)):
        deployment.clock.advance(hours=24 * days)
        deployment.run_keeper()
        answers = [key for key in deployment.keys("answers/tenant=default/report/") if not key.endswith(LEASE)]
        assert len(answers) == left
