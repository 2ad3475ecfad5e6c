"""OpenMarket as its document describes it: `/csv/log` and `/csv/outcome`, over HTTP.

It follows the document to the letter, whatever our client sends: both times are required with a zone, a plus sign is
not a space, account and password are case-sensitive. What the document leaves open is an attribute of the simulator.
"""

import base64
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from re import compile as pattern
from typing import Any

from local.vendors.credits import SimulatedCredit, credits_of, lively_count
from local.vendors.csv_shapes import SHAPES
from local.vendors.simulator import Simulator, SimulatorRequest, SimulatorResponse

LOG_COLUMNS = ("Credit ID", "Time (UTC)", "MSISDN", "Network", "Outcome", "Amount", "Currency")
OUTCOME_COLUMNS = ("Brand", "Amount", "Currency", "Success", "Failed", "Credit Applied")
SUCCESS_WORDS = frozenset({"success", "confirmed"})
FAILED_WORDS = frozenset({"failed"})
ZONES = {"UTC": 0, "GMT": 0, "Z": 0, "BST": 60}
"""Zone names that the simulator knows, as minutes ahead of UTC."""

_TIME = pattern(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:([A-Z]+)|([+-])(\d\d):?(\d\d))")


class BadTimeError(ValueError):
    """A time is missing or not in the documented format."""


class OpenMarketSimulator(Simulator):
    """The simulated vendor.

    `accounts` maps account ids to passwords; each account has its own credits. `ends_inclusive`: a credit at exactly
    `toTime` is included. `shape` is how its files are written. `lively`: days, prices and networks differ.
    """

    def __init__(self, *, rows_a_day: int = 2000, history_days: int = 90, **options: Any) -> None:  # noqa: ANN401 - Simulator's
        super().__init__(**options)
        self.accounts = {"tally-account": "s3cret-Credit"}
        self.rows_a_day = rows_a_day
        self.history_days = history_days
        self.ends_inclusive = True
        self.lively = False
        self.shape = SHAPES["documented"]
        self._added: list[SimulatedCredit] = []
        self._changed: dict[int, str] = {}

    @property
    def base_url(self) -> str:
        """The value for `OPENMARKET_BASE_URL`."""
        return self.origin

    @property
    def secret(self) -> dict[str, str]:
        """The first account in the form of the product's secret."""
        account, password = next(iter(self.accounts.items()))
        return {"accountId": account, "password": password}

    def add(self, *extra: SimulatedCredit) -> None:
        """Add credits at any time to every account's log, after the generated ones."""
        self._added.extend(extra)

    def change_outcome(self, credit_id: int, outcome: str) -> None:
        """Change the outcome that the vendor reports for a credit."""
        self._changed[credit_id] = outcome

    def outcome_of(self, credit: SimulatedCredit) -> str:
        """The outcome that the vendor reports for a credit now."""
        return self._changed.get(credit.credit_id) or credit.outcome(self.clock())

    def credits_between(
        self, start: datetime, end: datetime, brand: str | None = None, account: str | None = None
    ) -> list[SimulatedCredit]:
        """The credits of the period that have happened by now, in file order; `ends_inclusive` decides about `end`."""
        now = self.clock()
        account = account or next(iter(self.accounts))
        last = end if self.ends_inclusive else end - timedelta.resolution
        return [
            credit
            for credit in self._known(account, start, min(end, now))
            if start <= credit.time <= last and credit.time <= now and brand in (None, credit.brand)
        ]

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """The response to one request."""
        account = self._account(request)
        if account is None:
            return SimulatorResponse(401, b"Unauthorized", headers=(("www-authenticate", 'Basic realm="OpenMarket"'),))
        report = {"/csv/log": self._log, "/csv/outcome": self._outcome}.get(request.path)
        if report is None:
            return SimulatorResponse(404, b"Not Found")
        if request.method != "GET":
            return SimulatorResponse(405, b"Method Not Allowed", headers=(("allow", "GET"),))
        try:
            start, end = parsed_time(request.query.get("fromTime")), parsed_time(request.query.get("toTime"))
        except BadTimeError as error:
            return SimulatorResponse(400, str(error).encode())
        return self.shape.response(
            report(self.credits_between(start, end, request.query.get("brand") or None, account))
        )

    def _account(self, request: SimulatorRequest) -> str | None:
        for account, password in self.accounts.items():
            expected = base64.b64encode(f"{account}:{password}".encode()).decode()
            if request.headers.get("authorization") == f"Basic {expected}":
                return account
        return None

    def _known(self, account: str, start: datetime, end: datetime) -> Iterator[SimulatedCredit]:
        day = max(start.astimezone(UTC).date(), self.clock().date() - timedelta(days=self.history_days))
        while day <= end.astimezone(UTC).date():
            count = lively_count(day, self.rows_a_day) if self.lively else self.rows_a_day
            yield from credits_of(account, day, count, lively=self.lively)
            day += timedelta(days=1)
        yield from self._added

    def _log(self, reported: Iterable[SimulatedCredit]) -> list[list[str]]:
        now, changed = self.clock(), self._changed
        rows = [
            [
                str(credit.credit_id),
                str(credit.time)[:19],
                credit.msisdn,
                credit.network,
                changed.get(credit.credit_id) or credit.outcome(now),
                credit.amount,
                credit.currency,
            ]
            for credit in reported
        ]
        return [list(LOG_COLUMNS), *rows]

    def _outcome(self, reported: Iterable[SimulatedCredit]) -> list[list[str]]:
        counts: dict[tuple[str, str, str], list[int]] = {}
        for credit in reported:
            succeeded_failed = counts.setdefault((credit.brand, credit.amount, credit.currency), [0, 0])
            word = self.outcome_of(credit).lower()
            succeeded_failed[0] += word in SUCCESS_WORDS
            succeeded_failed[1] += word in FAILED_WORDS
        rows = [
            [brand, amount, currency, str(success), str(failed), f"{Decimal(amount) * success:.4f}"]
            for (brand, amount, currency), (success, failed) in counts.items()
        ]
        return [list(OUTCOME_COLUMNS), *rows]


def parsed_time(raw: str | None) -> datetime:
    """A time in the documented format, `YYYY-MM-DD HH:MM:SS Z`, converted to UTC.

    Raises:
        BadTimeError: it is missing, its zone is missing or unknown, or it is not a valid time.
    """
    match = _TIME.fullmatch(raw or "")
    if match is None:
        raise BadTimeError("fromTime and toTime are required, as YYYY-MM-DD HH:MM:SS Z")
    clock, zone, sign, hours, minutes = match.groups()
    if zone is not None and zone not in ZONES:
        raise BadTimeError("unknown time zone")
    east = ZONES[zone] if zone is not None else int(f"{sign}{int(hours) * 60 + int(minutes)}")
    try:
        return datetime.fromisoformat(clock).replace(tzinfo=timezone(timedelta(minutes=east))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTimeError("not a valid time") from None
