"""Deletes whole answers that nobody needs, marks that count no more, and leases whose holders died.

What a newer answer has replaced goes. The newest one to a question stays, as it answers when the upstream fails, until
it is far too old for that: a dashboard that asks up to the present moment asks a new question each time, and never one
of them again. What is settled, or good by its age, stays. Nothing younger than the grace goes, because somebody may
have listed it a moment ago and be about to read it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from ledger.answers.ageing import LONGEST, Ageing
from ledger.answers.answers import ROOT, SUFFIX
from ledger.credits.outcomes import outcome_end, outcome_folder
from ledger.keeper.collecting import LISTED
from ledger.keeper.run import KeeperRun
from ledger.reports.listings import listing_end, listings, marks
from ledger.storage.leases import LEASE
from ledger.storage.store import ListedObject, Store
from runtime.clock import unstamp

GRACE = timedelta(minutes=15)
MARKS_COUNT = LONGEST + GRACE
"""A listing from before a mark is too old by its age alone after this long."""
OUTCOMES_ANSWER = timedelta(days=30)
"""For so long an unsettled outcome answers when the vendor fails: also for somebody who asks once a month."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """Questions of one kind: in which folder theirs lie, when what one asks about ended, how long an answer may do."""

    folder: str
    ended: Callable[[str], datetime]
    answers: timedelta


async def sweep_answers(store: Store, tenant: str, ageing: Ageing, now: datetime, run: KeeperRun) -> None:
    """Delete what no question needs any more.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    found = await store.listing(f"{ROOT}/tenant={tenant}")
    # The links in a listing lead to files for the archive for as long as the vendor keeps those.
    kinds = (
        _Kind(f"{outcome_folder(tenant)}/", outcome_end, OUTCOMES_ANSWER),
        _Kind(f"{listings(tenant)}/", listing_end, LISTED),
    )
    scheduled = marks(tenant)
    old: list[str] = []
    for folder, items in groupby(found, lambda item: item.key.rpartition("/")[0]):
        if folder == scheduled:
            old += _replaced(list(items), now - MARKS_COUNT)
        else:
            kind = next((kind for kind in kinds if folder.startswith(kind.folder)), None)
            old += _outdated(list(items), kind, ageing, now)
    await store.delete(old)
    run.deleted += len(old)


def _outdated(items: list[ListedObject], kind: _Kind | None, ageing: Ageing, now: datetime) -> list[str]:
    before = now - GRACE
    answers = [item for item in items if item.key.endswith(SUFFIX)]
    leases = [item for item in items if item.key.endswith(f"/{LEASE}")]
    done = [item for item in answers[-1:] if kind and _done_for(item.key, kind, ageing, now)]
    return [*_replaced(answers, before), *(item.key for item in _older([*done, *leases], before))]


def _done_for(key: str, kind: _Kind, ageing: Ageing, now: datetime) -> bool:
    """Whether an answer is neither good any more nor young enough for bad times."""
    folder, _, name = key.rpartition("/")
    try:
        fetched, ended = unstamp(name.removesuffix(SUFFIX)), kind.ended(folder)
    except ValueError:
        return False  # whatever it is, it is none of ours
    return fetched + kind.answers <= now and ageing.good_until(fetched, ended) <= now


def _replaced(items: list[ListedObject], before: datetime) -> list[str]:
    """Those whose successor has been there long enough for nobody to read them still; names sort as time does."""
    return [item.key for item, successor in pairwise(items) if successor.modified < before]


def _older(items: Iterable[ListedObject], before: datetime) -> Iterable[ListedObject]:
    return (item for item in items if item.modified < before)
