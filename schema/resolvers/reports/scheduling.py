"""`scheduleReport` and `scheduledReport`: having a report made, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from ledger.reports.idempotency import KeyReused
from ledger.reports.identity import ReportId
from schema.errors import BadUserInput
from schema.resolvers.context import Context
from schema.resolvers.relay import node_ids
from schema.resolvers.reports.listing import KIND, ReportNode
from upstreams.rde.client import DOT_SEGMENTS, Report, ReportFormat, ScheduleRequest

LONGEST_KEY = 128
LONGEST_ID = 1024
LONGEST_NAME = 255
LONGEST_LINK = 4096


@dataclass(slots=True)
class ScheduledReportNode:
    """A scheduled report, as the schema declares it."""

    id: str
    name: str
    customization_name: str | None
    status: str
    type: str
    raw_format: str
    format: ReportFormat | None
    creation_date: datetime | None
    start_date: datetime
    end_date: datetime | None
    download_url: str | None = field(repr=False)
    download_url_expires_at: datetime | None
    report: ReportNode

    @classmethod
    def of(cls, context: Context, report: Report) -> Self:
        """The node of a scheduled report; status and type are the vendor's words, or ours where it has none."""
        return cls(
            report.report_id or node_ids.encode(KIND, *ReportId.of(report)),
            report.name,
            report.customization_name,
            report.raw_status or report.status.lower(),
            report.raw_type or report.type.lower(),
            report.raw_format,
            report.format,
            report.creation_date,
            report.start_date or report.date,
            report.end_date,
            report.download_url,
            report.download_url_expires_at,
            ReportNode(context, report, file_known=False),
        )


@dataclass(frozen=True, slots=True)
class SchedulePayload:
    """A scheduled report; `replayed`: an earlier call with the same key had scheduled it."""

    report: ScheduledReportNode
    replayed: bool


async def scheduled_report(context: Context, id: str) -> ScheduledReportNode | None:
    """A scheduled report by its id; None if there is none."""
    if not (id and len(id) <= LONGEST_ID and id.isprintable()) or id in DOT_SEGMENTS:
        raise BadUserInput(f"id takes 1 to {LONGEST_ID} printable characters, and not only a dot or two")
    context.private = True
    wanted = _report_id(id)
    found = await context.ledger.scheduled.get(context.tenant, wanted, context.deadline)
    if found is not None:
        context.used(found.freshness)
        return ScheduledReportNode.of(context, found.report)
    context.repeatable = False
    # The vendor has forgotten it, perhaps; the archive has not.
    row = await context.ledger.catalogue.find(context.tenant, wanted, context.deadline) if wanted.report_id else None
    return ScheduledReportNode.of(context, row.report) if row else None


async def schedule_report(context: Context, input: Mapping[str, Any]) -> SchedulePayload:
    """Schedule a report; once for each idempotency key."""
    request, key = _schedule_request(**input), input.get("idempotency_key")
    if key is not None and not (key and len(key) <= LONGEST_KEY and key.isprintable()):
        raise BadUserInput(f"idempotencyKey takes 1 to {LONGEST_KEY} printable characters")
    context.private = True
    try:
        scheduled = await context.ledger.schedules.schedule(context.tenant, request, key, context.deadline)
    except KeyReused:
        raise BadUserInput("idempotencyKey was used for another report; take a new key for this one") from None
    return SchedulePayload(ScheduledReportNode.of(context, scheduled.report), scheduled.replayed)


def _schedule_request(
    name: str,
    start_date: datetime,
    end_date: datetime | None = None,
    format: str | None = None,
    *,
    customization_name: str | None = None,
    download_url: str | None = None,
    idempotency_key: str | None = None,  # noqa: ARG001 - it is ours, not the vendor's
) -> ScheduleRequest:
    """The request to the vendor.

    Raises:
        BadUserInput: a name or a link is empty or too long, or the dates are in the wrong order.
    """
    for argument, value, longest in (
        ("name", name, LONGEST_NAME),
        ("customizationName", customization_name, LONGEST_NAME),
        ("downloadUrl", download_url, LONGEST_LINK),
    ):
        if value is not None and not (value.strip() and len(value) <= longest and value.isprintable()):
            raise BadUserInput(f"{argument} takes 1 to {longest} printable characters")
    if end_date is not None and start_date > end_date:
        raise BadUserInput("startDate is after endDate")
    return ScheduleRequest(
        name=name,
        start_date=start_date,
        end_date=end_date,
        format=ReportFormat[format] if format else None,
        customization_name=customization_name,
        download_url=download_url,
    )


def _report_id(text: str) -> ReportId:
    """The report that is meant: by one of our ids, or else by the vendor's."""
    try:
        kind, *parts = node_ids.decode(text)
        return ReportId.from_parts(parts) if kind == KIND else ReportId(text)
    except (BadUserInput, ValueError):
        return ReportId(text)
