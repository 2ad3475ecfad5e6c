"""OpenMarket, the mobile credits: its two CSV reports (docs/vendors.md, "OpenMarket").

The reader of the files is imported with the first call: a query that S3 answers does not need it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from runtime.deadline import Deadline
from upstreams.auth import account_flow
from upstreams.errors import OPENMARKET
from upstreams.http import Call, VendorClient
from upstreams.openmarket.rows import CreditState, LogRow, OutcomeRow, state_of
from upstreams.secrets import SecretStore
from upstreams.transport import LARGEST_ANSWER

if TYPE_CHECKING:
    import httpx

__all__ = ["CreditState", "CsvAnswer", "LogRow", "OpenMarket", "OutcomeRow", "state_of"]


@dataclass(frozen=True, slots=True)
class CsvAnswer[R]:
    """The rows of one answer.

    `proven_whole` is false when nothing shows that the answer came to its end: an uncompressed body without a length,
    ended by the closing of the connection. Rows may be missing then, so a day must not be settled on it alone.
    """

    rows: list[R] = field(repr=False)
    proven_whole: bool


@dataclass(eq=False)
class OpenMarket:
    """The API at `base_url`; an answer larger than `max_bytes` is refused.

    `no_data` is the sentence that the vendor answers instead of a file when a period has no rows; empty: unknown.
    """

    _: KW_ONLY
    base_url: str
    upstream_seconds: float
    secrets: SecretStore
    max_bytes: int = LARGEST_ANSWER
    no_data: str = ""
    _client: VendorClient = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._client = VendorClient(OPENMARKET, self.upstream_seconds, max_bytes=self.max_bytes)

    async def log(
        self, tenant: str, start: dt.datetime, end: dt.datetime, brand: str | None, deadline: Deadline
    ) -> CsvAnswer[LogRow]:
        """The credits between two instants, in file order, duplicates included; whether the ends count is undocumented.

        Raises:
            UpstreamError: no usable answer.
        """
        from upstreams.openmarket.csv import read_log

        return await self._csv("log", read_log, tenant, _query(start, end, brand), deadline)

    async def outcome(
        self, tenant: str, start: dt.datetime, end: dt.datetime, brand: str | None, deadline: Deadline
    ) -> CsvAnswer[OutcomeRow]:
        """Counts and totals of the credits between two instants, by brand and value.

        Raises:
            UpstreamError: no usable answer.
        """
        from upstreams.openmarket.csv import read_outcome

        return await self._csv("outcome", read_outcome, tenant, _query(start, end, brand), deadline)

    async def _csv[R](
        self,
        report: str,
        read: Callable[[bytes, str | None, str], list[R]],
        tenant: str,
        query: str,
        deadline: Deadline,
    ) -> CsvAnswer[R]:
        flow = account_flow(self.secrets, tenant)
        call = Call(report, f"{self.base_url}/csv/{report}?{query}", flow, accepts=self._says_no_data)
        answer = await self._client.get(call, deadline)
        with self._client.parsing(call, answer):
            rows = read(answer.body, answer.content_type, self.no_data)
        return CsvAnswer(rows, proven_whole=answer.proven_whole)

    def _says_no_data(self, response: "httpx.Response") -> bool:
        """Whether a 404 is the vendor's answer to a period without rows."""
        from upstreams.openmarket.no_data import says_no_data, sentence_pattern

        content_type = response.headers.get("Content-Type")
        is_missing = response.status_code == HTTPStatus.NOT_FOUND
        return is_missing and says_no_data(response.content, content_type, sentence_pattern(self.no_data))


def _query(start: dt.datetime, end: dt.datetime, brand: str | None) -> str:
    parts = {"fromTime": _utc_text(start), "toTime": _utc_text(end)} | ({} if brand is None else {"brand": brand})
    # The vendor requires %20 for a space; httpx's own `params=` writes a plus.
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in parts.items())


def _utc_text(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(' ', 'seconds')} UTC"
