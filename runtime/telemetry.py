"""What one request did, gathered where it happens and logged once at the end.

A context variable carries the record, so that no function between the handler and a vendor's module has to pass it on.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import NamedTuple

HIDDEN = "hidden."
"""Prefix of a counter's name: failures with this code that are not visible in the answer."""


class UpstreamCall(NamedTuple):
    """One attempt at a vendor call; `status` is None when there was no answer."""

    upstream: str
    operation: str
    status: int | None
    seconds: float


class Counts(dict[str, int]):
    """Counters by name; one that was never counted is 0. Made faster than a `Counter`, and there are two a request."""

    def __missing__(self, name: str) -> int:
        return 0


class Telemetry:
    """What is logged about one request.

    Upstream calls, counters by name (`s3.list`, `ledger.hit`, …), facts by name (`tenant`, `operation`, …), and the
    code of each error in its answer.
    """

    def __init__(self) -> None:
        self.upstream_calls: list[UpstreamCall] = []
        self.counts = Counts()
        self.facts: dict[str, object] = {}
        self.error_codes: list[str] = []

    def failures(self) -> Counts:
        """How often each code occurred, in the answer or hidden from it."""
        found = Counts()
        for code in self.error_codes:
            found[code] += 1
        for name, times in self.counts.items():
            if name.startswith(HIDDEN):
                found[name.removeprefix(HIDDEN)] += times
        return found


current: ContextVar[Telemetry] = ContextVar("telemetry")


def count(name: str, amount: int = 1) -> None:
    """Add to a counter of the running request; outside a request this does nothing."""
    if (telemetry := current.get(None)) is not None:
        telemetry.counts[name] += amount


def note(name: str, fact: object) -> None:
    """Note a fact about the running request. It is logged as it is, so it must not hold a secret or a phone number."""
    if (telemetry := current.get(None)) is not None:
        telemetry.facts[name] = fact


def note_all(facts: Mapping[str, object]) -> None:
    """Note several facts about the running request."""
    if (telemetry := current.get(None)) is not None:
        telemetry.facts.update(facts)


def facts() -> dict[str, object]:
    """The facts about the running request so far."""
    telemetry = current.get(None)
    return {} if telemetry is None else dict(telemetry.facts)


def failed(code: str) -> None:
    """Note the code of an error in the running request's answer."""
    if (telemetry := current.get(None)) is not None:
        telemetry.error_codes.append(code)


def hidden(code: str) -> None:
    """Count a failure that is not visible in the answer: an older answer was given, or it was background work."""
    count(f"{HIDDEN}{code}")


def record(call: UpstreamCall) -> None:
    """Note an upstream call of the running request."""
    if (telemetry := current.get(None)) is not None:
        telemetry.upstream_calls.append(call)
