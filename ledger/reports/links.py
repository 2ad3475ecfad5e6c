"""Drops a report's link while it does not work: before its start, and from its expiry on.

A link that states no expiry counts as working for `FRESH_SECONDS` after its answer was fetched.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ledger.answers.ageing import FOR_GOOD
from ledger.answers.answers import CachedAnswer
from ledger.answers.freshness import Source
from upstreams.rde.client import Report


def with_living_link(report: Report, undated_until: datetime, now: datetime) -> Report:
    """The report, without its link while that does not work; `undated_until` is the end of a link that states none."""
    starts = report.download_url_starts_at
    ends = report.download_url_expires_at or undated_until
    if now < ends and (starts is None or starts <= now):
        return report
    return replace(report, download_url=None)


def undated_links_until(answer: CachedAnswer, fresh: timedelta) -> datetime:
    """Until when an answer's links without an expiry count as working; in an answer fetched just now they do."""
    return FOR_GOOD if answer.source is Source.UPSTREAM else answer.fetched + fresh
