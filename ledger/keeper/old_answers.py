"""Deletes stored answers that are no longer needed, invalidation markers without effect, and leases of dead processes.

An answer is deleted after a newer one has replaced it. The newest answer to a question stays while it is good or
settled, and longer, because it still answers when the vendor fails. It is deleted when it is too old even for that: a
dashboard that asks up to the present moment asks a new question each time. Nothing younger than the grace period is
deleted, because a reader may have listed it a moment ago.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from ledger.answers.ageing import FOR_GOOD, LONGEST_GOOD, Ageing
from ledger.answers.answers import ANSWERS_PREFIX, SUFFIX
from ledger.figures.outcomes import outcome_end, outcome_folder
from ledger.keeper.report_files import LISTED
from ledger.keeper.run import KeeperRun
from ledger.reports.listings import invalidation_markers, listing_end, listings
from ledger.reports.scheduled import single_reports
from ledger.storage.leases import LEASE
from ledger.storage.store import ListedObject, Store
from runtime.clock import unstamp

GRACE = timedelta(minutes=15)
MARKERS_COUNT = LONGEST_GOOD + GRACE
"""After this long, a listing from before a marker is too old by its age alone."""
OUTCOMES_ANSWER = timedelta(days=30)
"""How long an unsettled outcome may answer when the vendor fails: long enough for a report made once a month."""
SINGLE_REPORTS_ANSWER = timedelta(days=365)
"""An answer about one report is kept for this long after it was fetched; the vendor keeps the report for 90 days."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of question: its folder, the end of its period, and how long its answers serve when the vendor fails."""

    folder: str
    ended: Callable[[str], datetime]
    answers: timedelta


async def delete_old_answers(store: Store, tenant: str, ageing: Ageing, now: datetime, run: KeeperRun) -> None:
    """Delete a tenant's answers, markers and leases that are no longer needed.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    found = await store.listing(f"{ANSWERS_PREFIX}/tenant={tenant}")
    # A listing's links lead to files for the archive until the vendor deletes these.
    kinds = (
        _Kind(f"{outcome_folder(tenant)}/", outcome_end, OUTCOMES_ANSWER),
        _Kind(f"{listings(tenant)}/", listing_end, LISTED),
        _Kind(f"{single_reports(tenant)}/", lambda _: FOR_GOOD, SINGLE_REPORTS_ANSWER),
    )
    markers = invalidation_markers(tenant)
    old: list[str] = []
    for folder, items in groupby(found, lambda item: item.key.rpartition("/")[0]):
        if folder == markers:
            old += _replaced_before(list(items), now - MARKERS_COUNT)
        else:
            kind = next((kind for kind in kinds if folder.startswith(kind.folder)), None)
            old += _outdated(list(items), kind, ageing, now)
    await store.delete(old)
    run.deleted += len(old)


def _outdated(items: list[ListedObject], kind: _Kind | None, ageing: Ageing, now: datetime) -> list[str]:
    before = now - GRACE
    answers = [item for item in items if item.key.endswith(SUFFIX)]
    leases = [item for item in items if item.key.endswith(f"/{LEASE}")]
    newest = [item for item in answers[-1:] if kind and _is_useless(item.key, kind, ageing, now)]
    return [*_replaced_before(answers, before), *(item.key for item in _older([*newest, *leases], before))]


def _is_useless(key: str, kind: _Kind, ageing: Ageing, now: datetime) -> bool:
    """Whether an answer is no longer good and too old to answer when the vendor fails."""
    folder, _, name = key.rpartition("/")
    try:
        fetched, ended = unstamp(name.removesuffix(SUFFIX)), kind.ended(folder)
    except ValueError:
        return False  # the name is not one of ours
    return fetched + kind.answers <= now and ageing.good_until(fetched, ended) <= now


def _replaced_before(items: list[ListedObject], before: datetime) -> list[str]:
    """Keys of items that were replaced before a moment; names sort by time, so each item's successor comes next."""
    return [item.key for item, successor in pairwise(items) if successor.modified < before]


def _older(items: Iterable[ListedObject], before: datetime) -> Iterable[ListedObject]:
    return (item for item in items if item.modified < before)
