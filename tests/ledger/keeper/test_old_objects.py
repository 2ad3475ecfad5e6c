"""What the keeper deletes: versions and answers that newer ones have replaced, and nothing else."""

import gzip
from collections.abc import Collection
from datetime import timedelta

from ledger.answers.answers import SUFFIX
from local.vendors.simulator import failing
from runtime.clock import DAY, rfc3339, stamp
from tests.support.processes.deployment import Deployment

OUTCOME = "query($f: DateTime!, $t: DateTime!) { creditOutcome(from: $f, to: $t) { freshness { asOf stale } } }"
SETTLED_AFTER = 72


def test_versions_that_newer_ones_have_replaced_go_after_a_grace_and_the_newest_stay(both: Deployment) -> None:
    both.run_keeper(days=2)
    both.clock.advance(minutes=10)
    assert both.run_keeper(days=2)["deleted"] == 0
    both.clock.advance(minutes=10)
    assert both.run_keeper(days=2)["deleted"] > 0
    both.go_to_noon(days=7)
    both.run_keeper(days=9)
    both.clock.advance(minutes=16)
    both.run_keeper(days=9)
    days: dict[str, list[str]] = {}
    for key in both.keys("credit-log/"):
        day, _, name = key.split("/day=")[1].partition("/")
        days.setdefault(day, []).append(name.partition("-")[0])
    for age in range(4, 8):
        assert sorted(days[str(both.today - age * DAY)]) == ["_settled", "rows.csv.gz"]
    assert {"_open", "_rollup"} <= set(days[str(both.today)])


def answers(deployment: Deployment, kind: str, like: Collection[str] = ()) -> list[str]:
    """The keys of stored answers, without the leases beside them; of `like`, only those to the same questions.

    The keeper has questions of its own: it compares each settled day with the outcome report of that day.
    """
    keys = [key for key in deployment.keys(f"answers/tenant=default/{kind}/") if key.endswith(SUFFIX)]
    folders = {key.rpartition("/")[0] for key in like}
    return [key for key in keys if not folders or key.rpartition("/")[0] in folders]


def test_answers_that_newer_ones_have_replaced_go_and_the_newest_stay(both: Deployment) -> None:
    period = {"f": rfc3339(both.clock() - DAY), "t": rfc3339(both.clock())}
    for _ in range(3):
        both.ask(OUTCOME, **period)
        both.clock.advance(minutes=6)
    kept = answers(both, "outcome")
    assert len(kept) == 3
    both.run_keeper()
    assert answers(both, "outcome", kept) == kept[-1:]


def test_an_outcome_up_to_the_moment_of_asking_answers_for_a_month_and_then_goes(both: Deployment) -> None:
    asked = [{"f": rfc3339(both.clock() - DAY), "t": rfc3339(both.clock() + timedelta(minutes=n))} for n in range(3)]
    for period in asked:
        both.ask(OUTCOME, **period)
    kept = answers(both, "outcome")
    both.clock.advance(days=29)
    both.run_keeper()
    assert answers(both, "outcome", kept) == kept
    both.openmarket.misbehave(failing(500), path="/csv/outcome")
    assert both.ask(OUTCOME, **asked[0])["creditOutcome"]["freshness"]["stale"] is True
    both.clock.advance(days=1)
    assert both.run_keeper()["deleted"] >= len(kept) == 3
    assert answers(both, "outcome", kept) == []


def test_an_outcome_that_was_asked_for_again_answers_for_a_month_from_then_on(both: Deployment) -> None:
    period = {"f": rfc3339(both.clock() - DAY), "t": rfc3339(both.clock())}
    both.ask(OUTCOME, **period)
    both.clock.advance(days=2)
    both.ask(OUTCOME, **period)
    _, newest = answers(both, "outcome")
    both.clock.advance(days=29)
    both.run_keeper()
    assert answers(both, "outcome", [newest]) == [newest]
    both.clock.advance(days=1)
    both.run_keeper()
    assert answers(both, "outcome", [newest]) == []


def test_a_settled_outcome_is_kept_and_never_asked_for_again(both: Deployment) -> None:
    settling = both.clock() - timedelta(hours=SETTLED_AFTER)
    nearly, settled = (
        {"f": rfc3339(both.clock() - 5 * DAY), "t": rfc3339(settling + timedelta(seconds=by))} for by in (60, -1)
    )
    for period in (nearly, settled):
        both.ask(OUTCOME, **period)
    asked_for = answers(both, "outcome")
    earlier, _ = asked_for
    both.clock.advance(days=400)
    both.run_keeper()
    assert answers(both, "outcome", asked_for) == [earlier]
    asked = both.openmarket.count("/csv/outcome")
    assert both.ask(OUTCOME, **settled)["creditOutcome"]["freshness"]["stale"] is False
    assert both.openmarket.count("/csv/outcome") == asked


def test_an_outcome_that_is_good_by_the_settings_stays(both: Deployment) -> None:
    both.ask(OUTCOME)
    kept = answers(both, "outcome")
    both.clock.advance(days=40)
    both.run_keeper(FRESH_SECONDS=str(41 * 86_400))
    assert answers(both, "outcome", kept) == kept != []
    both.run_keeper()
    assert answers(both, "outcome", kept) == []


def test_a_listing_goes_when_the_vendor_has_no_file_of_it_any_more_unless_it_is_settled(deployment: Deployment) -> None:
    deployment.reports(days=5)
    [unsettled] = answers(deployment, "reports")
    settled = f"answers/tenant=default/reports/{deployment.today - 9 * DAY}_{deployment.today - 4 * DAY}_any/"
    deployment.put(f"{settled}{stamp(deployment.clock())}.json.gz", gzip.compress(b"[]"))
    deployment.clock.advance(days=89)
    deployment.run_keeper()
    assert deployment.keys(unsettled) == [unsettled]
    deployment.clock.advance(days=1)
    deployment.run_keeper()
    assert (deployment.keys(unsettled), len(deployment.keys(settled))) == ([], 1)


def test_marks_of_scheduling_and_dead_leases_go_and_the_newest_mark_stays(deployment: Deployment) -> None:
    marks = [f"answers/tenant=default/scheduled/{stamp(deployment.clock() - timedelta(days=age))}" for age in (3, 2, 1)]
    leases = [
        "answers/tenant=default/reports/2026-11-01_2026-11-02_any/_lease",
        f"credit-log/tenant=default/brand=__all__/day={deployment.today - DAY}/_lease",
    ]
    for key in (*marks, *leases):
        deployment.put(key, b"{}")
    assert deployment.run_keeper()["deleted"] == 0
    deployment.clock.advance(minutes=16)
    deployment.run_keeper()
    assert set(deployment.keys()) & {*marks, *leases} == set(marks)
    deployment.clock.advance(hours=7)
    deployment.run_keeper()
    assert set(deployment.keys()) & set(marks) == set(marks[-1:])


def test_the_archive_and_the_lake_are_never_deleted_from(both: Deployment) -> None:
    both.rde.add_report("usage", "CSV", both.ago(days=1))
    both.run_keeper()
    for_good = both.keys("archive/") + [key for key in both.keys("credit-log/") if key.endswith("/rows.csv.gz")]
    assert len(for_good) == 7  # the file, its record, and what is known of its content; the rows of two days
    both.clock.advance(days=100)
    both.run_keeper()
    assert set(for_good) <= set(both.keys())
