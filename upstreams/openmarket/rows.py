"""OpenMarket's rows as typed values, apart from the reader, which a query from S3 does not need."""

import datetime as dt
import enum
from typing import NamedTuple


class CreditState(enum.StrEnum):
    """What became of a credit."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"


_STATES = {
    "success": CreditState.SUCCESS,
    "confirmed": CreditState.SUCCESS,
    "failed": CreditState.FAILED,
    "pending": CreditState.PENDING,
    "retrying": CreditState.PENDING,
}


class LogRow(NamedTuple):
    """One credit. The amount is a plain decimal with the vendor's digits, the currency upper case, the time UTC."""

    credit_id: int
    time: dt.datetime
    msisdn: str
    network: str
    raw_outcome: str
    amount: str
    currency: str

    def __repr__(self) -> str:
        """The credit's id only: phone numbers are not printed."""
        return f"LogRow({self.credit_id})"


class OutcomeRow(NamedTuple):
    """The counts and the total of a brand's credits of one value; amounts are plain decimals."""

    brand: str
    amount: str
    currency: str
    success: int
    failed: int
    credit_applied: str


def state_of(raw: str) -> CreditState:
    """The state for the vendor's outcome word, in any case."""
    return _STATES.get(raw.strip().lower(), CreditState.UNKNOWN)
