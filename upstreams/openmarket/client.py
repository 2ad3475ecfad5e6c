"""OpenMarket, the mobile credits: its two CSV reports (docs/vendors.md, "OpenMarket").

What calls the vendor and reads its files is imported with the first call: a query that S3 answers does not need it.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote

from runtime.deadline import Deadline
from upstreams.errors import OPENMARKET
from upstreams.openmarket.rows import CreditState, LogRow, OutcomeRow, state_of

if TYPE_CHECKING:
    import httpx

    from upstreams.bodies import Body, SpooledBody
    from upstreams.http import Call, VendorAnswer, VendorClient
    from upstreams.secrets import SecretStore

__all__ = ["CreditState", "CsvAnswer", "LogRow", "OpenMarket", "OutcomeRow", "SpooledLog", "state_of"]

IN_MEMORY = 4 * 2**20
"""The largest answer that is read into memory, in bytes: some 45,000 credits. A larger one is read from disk."""
LARGEST_ANSWER = 2**30
"""In bytes: some ten million credits. The disk sets a limit as well (`upstreams.bodies`)."""


@dataclass(frozen=True, slots=True)
class CsvAnswer[R]:
    """The rows of one answer.

    `proven_whole` is false when nothing shows that the answer came to its end: an uncompressed body without a length,
    ended by the closing of the connection. Rows may be missing then, so a day must not be settled on it alone.
    """

    rows: list[R] = field(repr=False)
    proven_whole: bool


class SpooledLog:
    """A log that is too large for memory: its rows are on disk until it is closed."""

    def __init__(
        self, body: "SpooledBody", read: "Callable[[SpooledBody], Iterator[LogRow]]", proven_whole: bool
    ) -> None:
        self._body = body
        self._read = read
        self.proven_whole = proven_whole

    def read(self) -> Iterator[LogRow]:
        """The rows in file order, each time from the beginning. They count only when all of them have been read.

        Raises:
            UpstreamBadResponse: while they are read, see `OpenMarket.log`.
        """
        return self._read(self._body)

    def close(self) -> None:
        """Delete the rows."""
        self._body.close()


@dataclass(eq=False)
class OpenMarket:
    """The API at `base_url`; an answer larger than `max_bytes` is refused, a log larger than `in_memory` is on disk.

    `no_data` is the sentence that the vendor answers instead of a file when a period has no rows; empty: unknown.
    """

    _: KW_ONLY
    base_url: str
    upstream_seconds: float
    secrets: "SecretStore"
    max_bytes: int = LARGEST_ANSWER
    in_memory: int = IN_MEMORY
    no_data: str = ""

    @cached_property
    def _client(self) -> "VendorClient":
        from upstreams.http import VendorClient

        return VendorClient(OPENMARKET, self.upstream_seconds, max_bytes=self.max_bytes, in_memory=self.in_memory)

    async def log(
        self,
        tenant: str,
        start: dt.datetime,
        end: dt.datetime,
        brand: str | None,
        deadline: Deadline,
        *,
        max_bytes: int | None = None,
    ) -> CsvAnswer[LogRow] | SpooledLog:
        """The credits between two instants, in file order, duplicates included; whether the ends count is undocumented.

        The caller closes a log that is on disk. A larger answer than `max_bytes` is refused, if that is given.

        Raises:
            UpstreamError: no usable answer.
        """
        from upstreams.openmarket.csv import read_log

        call, answer = await self._get("log", tenant, _query(start, end, brand), deadline, max_bytes)
        if answer.spooled is not None:
            return SpooledLog(answer.spooled, lambda body: self._log_rows(call, answer, body), answer.proven_whole)
        return self._read(read_log, call, answer, answer.body)

    def _log_rows(self, call: "Call", answer: "VendorAnswer", body: "SpooledBody") -> Iterator[LogRow]:
        from upstreams.openmarket.csv import log_rows

        with self._client.parsing(call, answer):
            yield from log_rows(body, answer.content_type, self.no_data)

    async def outcome(
        self, tenant: str, start: dt.datetime, end: dt.datetime, brand: str | None, deadline: Deadline
    ) -> CsvAnswer[OutcomeRow]:
        """Counts and totals of the credits between two instants, by brand and value.

        Raises:
            UpstreamError: no usable answer.
        """
        from upstreams.openmarket.csv import read_outcome

        call, answer = await self._get("outcome", tenant, _query(start, end, brand), deadline)
        if answer.spooled is None:
            return self._read(read_outcome, call, answer, answer.body)
        with closing(answer.spooled):
            return self._read(read_outcome, call, answer, answer.spooled)

    async def _get(
        self, report: str, tenant: str, query: str, deadline: Deadline, max_bytes: int | None = None
    ) -> "tuple[Call, VendorAnswer]":
        from upstreams.auth import account_flow
        from upstreams.http import Call

        url, flow = f"{self.base_url}/csv/{report}?{query}", account_flow(self.secrets, tenant)
        call = Call(report, url, flow, accepts=self._says_no_data, max_bytes=max_bytes)
        return call, await self._client.get(call, deadline)

    def _read[R](
        self, read: "Callable[[Body, str | None, str], list[R]]", call: "Call", answer: "VendorAnswer", body: "Body"
    ) -> CsvAnswer[R]:
        with self._client.parsing(call, answer):
            return CsvAnswer(read(body, answer.content_type, self.no_data), proven_whole=answer.proven_whole)

    def _says_no_data(self, response: "httpx.Response") -> bool:
        """Whether a 404 is the vendor's answer to a period without rows."""
        from http import HTTPStatus

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
