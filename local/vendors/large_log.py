"""OpenMarket with a day of a million credits and more: rows are made while they are sent, and none is kept.

The rows follow from the day and their number alone, and so does what they add up to.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http import HTTPStatus
from itertools import batched
from typing import Any

from local.vendors.credits import FIRST_MSISDN, NETWORKS, PRICE_POINTS
from local.vendors.openmarket import LOG_COLUMNS, OpenMarketSimulator, parsed_time
from local.vendors.simulator import SimulatorRequest, SimulatorResponse

ROWS_AT_ONCE = 2000
SECONDS = 86_400
SCATTER, ID_SCATTER = 48_271, 2_654_435_761
"""Odd and without a common divisor with what they are taken modulo of, so that no two rows get the same."""
OUTCOMES = ("SUCCESS", "FAILED", "confirmed", "SUCCESS", "SUCCESS")


class LargeLogSimulator(OpenMarketSimulator):
    """The simulated vendor with `rows` credits on one day, in the order of their times or `scattered`."""

    def __init__(self, *, day: date, rows: int, scattered: bool = False, **options: Any) -> None:  # noqa: ANN401 - Simulator's
        super().__init__(rows_a_day=0, **options)
        self.day = day
        self.rows = rows
        self.scattered = scattered

    def answer(self, request: SimulatorRequest) -> SimulatorResponse:
        """The response to one request; a log comes in pieces."""
        answer = super().answer(request)
        if request.path != "/csv/log" or answer.status != HTTPStatus.OK:
            return answer
        start, end = (parsed_time(request.query.get(name)) for name in ("fromTime", "toTime"))
        return replace(answer, pieces=self._pieces(start, end))

    def amount(self) -> Decimal:
        """What the day's credits add up to."""
        return sum((Decimal(PRICE_POINTS[number % len(PRICE_POINTS)]) for number in range(self.rows)), Decimal(0))

    def _pieces(self, start: datetime, end: datetime) -> Iterator[bytes]:
        yield (",".join(LOG_COLUMNS) + "\r\n").encode()
        yield from (b"".join(lines) for lines in batched(self._lines(start, end), ROWS_AT_ONCE, strict=False))

    def _lines(self, start: datetime, end: datetime) -> Iterator[bytes]:
        day = self.day
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        first, last = (int((moment - midnight).total_seconds()) for moment in (start, end))
        for number in range(self.rows):
            second = number * SCATTER % SECONDS if self.scattered else number * SECONDS // self.rows
            if first <= second <= last:
                yield (
                    b"%d,%s %02d:%02d:%02d,%d,%s,%s,%s,GBP\r\n"
                    % (
                        day.toordinal() << 32 | number * ID_SCATTER % 2**32,
                        str(day).encode(),
                        second // 3600,
                        second // 60 % 60,
                        second % 60,
                        FIRST_MSISDN + number % 23,
                        NETWORKS[number % len(NETWORKS)].encode(),
                        OUTCOMES[number // 7 % len(OUTCOMES)].encode(),
                        PRICE_POINTS[number % len(PRICE_POINTS)].encode(),
                    )
                )
