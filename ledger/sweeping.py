"""Deletes whole answers that newer ones have replaced, marks that count no more, and leases whose holders died.

The newest answer to each question stays, however old: it is what answers when the upstream fails. Nothing younger than
the grace goes, because somebody may have listed it a moment ago and be about to read it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from ledger.ageing import LONGEST
from ledger.answers import ROOT, SUFFIX
from ledger.reports import marks
from ledger.run import Run
from ledger.store import Found, Store

GRACE = timedelta(minutes=15)
MARKS_COUNT = LONGEST + GRACE
"""A listing from before a mark is too old by its age alone after this long."""
LEASE = "_lease"


async def sweep_answers(store: Store, tenant: str, now: datetime, run: Run) -> None:
    """Delete what no question needs any more.

    Raises:
        LedgerUnavailable: S3 could not serve.
    """
    found = await store.listing(f"{ROOT}/tenant={tenant}")
    scheduled = marks(tenant)
    old: list[str] = []
    for folder, items in groupby(found, lambda item: item.key.rpartition("/")[0]):
        if folder == scheduled:
            old += _replaced(list(items), now - MARKS_COUNT)
        else:
            old += _outdated(list(items), now - GRACE)
    await store.delete(old)
    run.deleted += len(old)


def _outdated(items: list[Found], before: datetime) -> list[str]:
    leases = [item for item in items if item.key.endswith(f"/{LEASE}")]
    answers = [item for item in items if item.key.endswith(SUFFIX)]
    return [*_replaced(answers, before), *(item.key for item in _older(leases, before))]


def _replaced(items: list[Found], before: datetime) -> list[str]:
    """Those whose successor has been there long enough for nobody to read them still; names sort as time does."""
    return [item.key for item, successor in pairwise(items) if successor.modified < before]


def _older(items: Iterable[Found], before: datetime) -> Iterable[Found]:
    return (item for item in items if item.modified < before)
