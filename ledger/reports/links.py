"""When a report's link may be given out: from its start to its end, and never on the strength of an old answer."""

from dataclasses import replace
from datetime import datetime

from upstreams.rde.client import Report


def with_living_link(report: Report, undated_until: datetime, now: datetime) -> Report:
    """The report, without its link while that does not work; `undated_until` is the end of a link that states none."""
    starts = report.download_url_starts_at
    ends = report.download_url_expires_at or undated_until
    if now < ends and (starts is None or starts <= now):
        return report
    return replace(report, download_url=None)
