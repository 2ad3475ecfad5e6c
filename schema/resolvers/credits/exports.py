"""`exportCreditLog` and `creditLogExport`: whole periods of the credit log as one file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ledger.answers.freshness import Freshness
from ledger.exports.export_log import ExportSnapshot, UnreadableExport
from ledger.exports.exports import NOT_READABLE
from ledger.exports.jobs import ExportFormat, ExportJob, ExportStatus
from schema.errors import Forbidden
from schema.limits import arguments
from schema.resolvers.access import CREDITS_MSISDN
from schema.resolvers.context import Context
from schema.resolvers.credits.credit_log import OLDEST_FIRST, wanted_credits


@dataclass(frozen=True, slots=True)
class Export:
    """An export; all fields but id, status and error are null until it is done."""

    id: str
    status: ExportStatus
    rows: int | None = None
    bytes: str | None = None
    url: str | None = field(default=None, repr=False)
    url_expires_at: datetime | None = None
    freshness: Freshness | None = None
    error: str | None = None


async def export_credit_log(context: Context, input: Mapping[str, Any]) -> Export:
    """Start an export of credits; phone numbers are masked in it unless the caller may read them."""
    unmasked, where = context.identity.may(CREDITS_MSISDN), wanted_credits(input.get("where"), context.identity)
    period, brand = arguments.period(input["from_"], input["to"]), arguments.brand(input.get("brand"))
    newest_first = input["order"] != OLDEST_FIRST
    job = ExportJob(context.tenant, period, brand, ExportFormat[input["format"]], unmasked, where, newest_first)
    return await _shown(context, await context.ledger.exports.request(job))


async def credit_log_export(context: Context, id: str) -> Export | None:
    """An export of the caller's tenant; another tenant's is not found, whether it exists or not."""
    context.private = True  # an export that is not found now may be started in the next moment
    export = await context.ledger.exports.find(context.tenant, id)
    if export is None:
        return None
    if isinstance(export, UnreadableExport):
        return Export(export.id, ExportStatus.FAILED, error=NOT_READABLE)
    if export.state.job.unmasked and not context.identity.may(CREDITS_MSISDN):
        raise Forbidden(f"an export made with the scope {CREDITS_MSISDN} can be read only with it")
    return await _shown(context, await context.ledger.exports.restart_if_stalled(export))


async def _shown(context: Context, export: ExportSnapshot) -> Export:
    state = export.state
    link = await context.ledger.exports.link(export)
    context.private = True
    if link is None:
        return Export(export.id, state.status, error=state.error)
    return Export(
        export.id,
        state.status,
        rows=state.rows,
        bytes=str(state.size),
        url=link.url,
        url_expires_at=link.expires_at,
        freshness=state.freshness,
    )
