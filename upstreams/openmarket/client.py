"""OpenMarket, the mobile credits: its two CSV reports (docs/vendors.md, "OpenMarket")."""

import datetime as dt
from dataclasses import KW_ONLY, dataclass, field
from urllib.parse import quote

from runtime.deadline import Deadline
from upstreams.auth import account_flow
from upstreams.http import Call, VendorClient
from upstreams.openmarket.csv import UPSTREAM, CreditState, LogRow, OutcomeRow, read_log, read_outcome, state_of
from upstreams.secrets import SecretStore
from upstreams.transport import LARGEST_ANSWER

__all__ = ["CreditState", "LogRow", "OpenMarket", "OutcomeRow", "state_of"]


@dataclass(eq=False)
class OpenMarket:
    """The API at `base_url`; an answer may have `max_bytes`."""

    _: KW_ONLY
    base_url: str
    upstream_seconds: float
    secrets: SecretStore
    max_bytes: int = LARGEST_ANSWER
    _caller: VendorClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._caller = VendorClient(UPSTREAM, self.upstream_seconds, max_bytes=self.max_bytes)

    async def log(
        self, tenant: str, start: dt.datetime, end: dt.datetime, brand: str | None, deadline: Deadline
    ) -> list[LogRow]:
        """The credits between two instants, as often as they come; whether the ends belong to it nobody knows.

        Raises:
            UpstreamError: no usable answer.
        """
        return read_log(await self._csv("log", tenant, _query(start, end, brand), deadline))

    async def outcome(
        self, tenant: str, start: dt.datetime, end: dt.datetime, brand: str | None, deadline: Deadline
    ) -> list[OutcomeRow]:
        """How the credits between two instants went, counted by brand and value.

        Raises:
            UpstreamError: no usable answer.
        """
        return read_outcome(await self._csv("outcome", tenant, _query(start, end, brand), deadline))

    async def _csv(self, report: str, tenant: str, query: str, deadline: Deadline) -> bytes:
        flow = account_flow(self.secrets, tenant)
        return await self._caller.get(Call(report, f"{self.base_url}/csv/{report}?{query}", flow), deadline)


def _query(start: dt.datetime, end: dt.datetime, brand: str | None) -> str:
    parts = {"fromTime": _spelled(start), "toTime": _spelled(end)} | ({} if brand is None else {"brand": brand})
    # The vendor wants a space as %20, where an HTTP client's own encoding may write a plus.
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())


def _spelled(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(' ', 'seconds')} UTC"
