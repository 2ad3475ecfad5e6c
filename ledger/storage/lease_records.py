"""What a lease object says, and what a LIST shows of one: whether it is free, without reading it.

Where a LIST goes before the lease, one that is given back stays as an expired record of its holder. So each holder
leaves an object with an ETag of its own, and a conditional write that succeeds on what the LIST showed (this version,
or no object) proves that the lease has had no other holder since the LIST. The keeper deletes such records after
a quarter of an hour: longer than any caller is between its LIST and its lease.
"""

import logging
import time
from typing import NamedTuple, Self

import orjson

from ledger.storage.bucket import ListedObject
from upstreams.errors import BY_CODE, UpstreamError

LOG = logging.getLogger("tally.ledger")

LEASE = "_lease"
"""The name of every lease object, in the folder of what it protects."""
LONGEST_PLAUSIBLE_SECONDS = 3600.0
"""A lease that claims to run longer than this was not written by us; it must not block its data for good."""


class LeaseRecord(NamedTuple):
    """The content of a lease object: its holder, until when it runs (epoch seconds), and how its refresh failed."""

    holder: str
    until: float
    failed: UpstreamError | None = None

    def expired(self) -> bool:
        """Whether another caller may take the lease."""
        left = self.until - time.time()
        return self.failed is not None or left <= 0 or left > LONGEST_PLAUSIBLE_SECONDS

    @property
    def given_back(self) -> bool:
        """Whether its holder has ended without an error."""
        return self.until == 0 and self.failed is None

    def to_bytes(self) -> bytes:
        """The object's body."""
        failed = self.failed and {
            "code": self.failed.code,
            "upstream": self.failed.upstream,
            "reason": self.failed.reason,
            "status": self.failed.status,
            "correlationId": self.failed.correlation_id,
            "retryAfter": self.failed.retry_after,
        }
        return orjson.dumps({"holder": self.holder, "until": self.until, "failed": failed})

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read the object's body; an unreadable one counts as expired."""
        try:
            match orjson.loads(body):
                case {"holder": str(holder), "until": int() | float() as until, "failed": None}:
                    return cls(holder, until)
                case {"holder": str(holder), "until": int() | float() as until, "failed": {**failed}}:
                    return cls(holder, until, _error(failed))
        except (orjson.JSONDecodeError, LookupError):
            pass
        LOG.warning("a lease of %d bytes cannot be read and counts as expired", len(body))
        return cls("", 0.0)


def _error(failed: object) -> UpstreamError:
    """The error of a failed refresh.

    Raises:
        LookupError: it is not one.
    """
    match failed:
        case {"code": str(code), "upstream": str(upstream), "reason": str(reason), **more}:
            error = BY_CODE[code](upstream, reason)
        case _:
            raise LookupError
    # A process of an earlier version does not write the rest.
    match more:
        case {"status": int() | None as status, "correlationId": str() | None as correlation_id, "retryAfter": after}:
            error.status, error.correlation_id = status, correlation_id
            error.retry_after = after if isinstance(after, int | float) else None
    return error


GIVEN_BACK_BYTES = len(LeaseRecord("0" * 32, 0.0).to_bytes())
"""The size of a lease that was given back. The end of one that runs has more digits; one that failed has a reason."""


class FreeLease(NamedTuple):
    """A lease that a LIST showed to be free: the ETag of the object that its last holder left, None for no object."""

    e_tag: str | None = None


def is_given_back(item: ListedObject) -> bool:
    """Whether a listed lease has no holder any more."""
    return item.size == GIVEN_BACK_BYTES


def free_lease(item: ListedObject | None) -> FreeLease | None:
    """The free lease that a LIST showed, by the object there; None where only a read can tell."""
    if item is None:
        return FreeLease()
    return FreeLease(item.e_tag) if is_given_back(item) and item.e_tag else None
