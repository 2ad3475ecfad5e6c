"""What the first sheet of a workbook says about an export: period, brand, filter, order, and how fresh its rows are."""

from collections.abc import Iterator
from datetime import UTC

from ledger.exports.filter_records import record_of
from ledger.exports.jobs import ExportState
from ledger.exports.workbook import Fact


def facts_of(state: ExportState) -> list[Fact]:
    """The lines of the sheet; its totals are counted where the rows are written."""
    job, freshness = state.job, state.freshness
    return [
        ("from (UTC)", job.period.start.astimezone(UTC)),
        ("to, not included", job.period.end.astimezone(UTC)),
        ("brand", job.brand or "all brands"),
        *_conditions(state),
        ("order", "newest first" if job.newest_first else "oldest first"),
        ("phone numbers", "whole" if job.unmasked else "masked"),
        ("as of (UTC)", freshness.as_of if freshness else state.asked),
        (
            "stale",
            "yes: the vendor failed, these are the newest data there are" if freshness and freshness.stale else "no",
        ),
    ]


def _conditions(state: ExportState) -> Iterator[Fact]:
    if state.job.where is None:
        yield "only", "every credit of the period"
        return
    for name, value in record_of(state.job.where).items():
        yield f"only {name}", value if isinstance(value, str) else ", ".join(value) or "none: the list is empty"
