"""What one request did, gathered where it happens and logged once at the end.

A context variable carries the record, so that no signature between the handler and a vendor's module has to name it.
"""

from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

HIDDEN = "hidden."
"""Before the code of a failure that no answer shows, in the name of its counter."""


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One attempt at one vendor call; `status` is None when no answer came."""

    upstream: str
    operation: str
    status: int | None
    seconds: float


@dataclass(slots=True)
class Telemetry:
    """Everything worth saying about one request.

    Upstream calls, counters by name (`s3.list`, `ledger.hit`, …), facts by name (`tenant`, `operation`, …), and the
    code of each error in its answer.
    """

    upstream_calls: list[UpstreamCall] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, object] = field(default_factory=dict)
    error_codes: list[str] = field(default_factory=list)

    def failures(self) -> Counter[str]:
        """How often each code occurred, in the answer or hidden from it."""
        found = Counter(self.error_codes)
        for name, times in self.counts.items():
            if name.startswith(HIDDEN):
                found[name.removeprefix(HIDDEN)] += times
        return found


current: ContextVar[Telemetry] = ContextVar("telemetry")


def count(name: str, amount: int = 1) -> None:
    """Add to a counter of the running request; outside of a request nothing is counted."""
    if (telemetry := current.get(None)) is not None:
        telemetry.counts[name] += amount


def note(name: str, fact: object) -> None:
    """Keep a fact about the running request; it is logged, so it may hold nothing that nobody should read."""
    if (telemetry := current.get(None)) is not None:
        telemetry.facts[name] = fact


def note_all(facts: Mapping[str, object]) -> None:
    """Keep several facts about the running request."""
    if (telemetry := current.get(None)) is not None:
        telemetry.facts.update(facts)


def facts() -> dict[str, object]:
    """The facts about the running request so far."""
    telemetry = current.get(None)
    return {} if telemetry is None else dict(telemetry.facts)


def failed(code: str) -> None:
    """Keep the code of an error in the running request's answer."""
    if (telemetry := current.get(None)) is not None:
        telemetry.error_codes.append(code)


def hidden(code: str) -> None:
    """Count a failure that no answer shows: an older answer went out, or nobody waits for the work that failed."""
    count(f"{HIDDEN}{code}")


def record(call: UpstreamCall) -> None:
    """Keep an upstream call of the running request."""
    if (telemetry := current.get(None)) is not None:
        telemetry.upstream_calls.append(call)
