"""The exporter's invocation: `{"tenant", "id"}` in, a shift of work, and one more invocation when there is more."""

import asyncio
from typing import Any

from functions.export_starts import LambdaStart, finish
from functions.request_log import write_by_dimension
from functions.settings import Settings
from functions.wiring import exporter_of, store_of
from ledger.exports.exports import EXPORT_ID
from ledger.storage.store import Store
from runtime import telemetry
from runtime.clock import Clock, now
from runtime.deadline import Deadline, current
from runtime.tenants import is_tenant

ENDING_SECONDS = 1.0


class ExporterHandler:
    """What Lambda calls, on one event loop for the life of the process."""

    def __init__(self, settings: Settings, clock: Clock = now, store: Store | None = None) -> None:
        self._exporter = exporter_of(settings, clock, store or store_of(settings))
        function, endpoint = settings.exporter_function, settings.aws_endpoint_url
        self._next = LambdaStart(function, endpoint) if function else None
        self._runner = asyncio.Runner()

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Work on the export that the event names.

        Raises:
            ValueError: the event does not name one.
        """
        tenant, export_id = str(event.get("tenant")), str(event.get("id"))
        if not is_tenant(tenant) or not EXPORT_ID.fullmatch(export_id):
            raise ValueError("the event has to name a tenant and an export's id")
        return {"id": export_id, "finished": self._runner.run(self._observed(tenant, export_id, context))}

    def close(self) -> None:
        """Close connections and the loop; Lambda never does, tests and tools do."""
        self._runner.close()

    async def _observed(self, tenant: str, export_id: str, context: object) -> bool:
        record = telemetry.Telemetry()
        telemetry.current.set(record)
        try:
            return await self._work(tenant, export_id, context)
        finally:
            write_by_dimension(record)

    async def _work(self, tenant: str, export_id: str, context: object) -> bool:
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        if self._next is None or remaining is None:
            await finish(self._exporter, tenant, export_id)
            return True
        shift = Deadline.after(remaining() / 1000 - ENDING_SECONDS)
        current.set(shift)
        more = await self._exporter.write(tenant, export_id, shift)
        if more:
            await self._next(tenant, export_id)
        return not more
