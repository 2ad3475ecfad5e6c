"""`exportCreditLog` and `creditLogExport`: whole periods of the credit log as one file."""

from dataclasses import dataclass, field
from datetime import datetime

from ledger.answers.freshness import Freshness
from ledger.exports.exports import NOT_READABLE
from ledger.exports.jobs import ExportFormat, ExportJob, ExportSnapshot, ExportStatus, UnreadableExport
from schema.errors import Forbidden
from schema.limits import arguments as inputs
from schema.resolvers.access import CREDITS_MSISDN
from schema.resolvers.context import Context


@dataclass(frozen=True, slots=True)
class Export:
    """An export; all but id, status and error is null until it is done."""

    id: str
    status: ExportStatus
    rows: int | None = None
    bytes: str | None = None
    url: str | None = field(default=None, repr=False)
    url_expires_at: datetime | None = None
    freshness: Freshness | None = None
    error: str | None = None


async def export_credit_log(
    context: Context, start: datetime, end: datetime, brand: str | None, written_as: ExportFormat
) -> Export:
    """Have a period exported; masked for whoever may not see whole phone numbers."""
    unmasked = context.identity.may(CREDITS_MSISDN)
    job = ExportJob(context.tenant, inputs.period(start, end), inputs.brand(brand), written_as, unmasked)
    return await _shown(context, await context.ledger.exports.ask(job))


async def credit_log_export(context: Context, export_id: str) -> Export | None:
    """An export of the asker's tenant; of others nothing is told, not even that they exist."""
    context.private = True  # an export that nobody knows may be begun in the next moment
    seen = await context.ledger.exports.find(context.tenant, export_id)
    if seen is None:
        return None
    if isinstance(seen, UnreadableExport):
        return Export(seen.id, ExportStatus.FAILED, error=NOT_READABLE)
    if seen.state.job.unmasked and not context.identity.may(CREDITS_MSISDN):
        raise Forbidden(f"an export made with the scope {CREDITS_MSISDN} can be read only with it")
    return await _shown(context, await context.ledger.exports.attended(seen))


async def _shown(context: Context, seen: ExportSnapshot) -> Export:
    state = seen.state
    link = await context.ledger.exports.link(seen)
    context.private = True
    if link is None:
        return Export(seen.id, state.status, error=state.error)
    return Export(
        seen.id,
        state.status,
        rows=state.rows,
        bytes=str(state.size),
        url=link.url,
        url_expires_at=link.expires_at,
        freshness=state.freshness,
    )
