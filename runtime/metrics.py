"""CloudWatch metrics as log lines in the Embedded Metric Format: no call, no client, no agent.

The template's alarms and dashboard read these names; a test compares the two. A metric without
dimensions has one empty dimension set.
"""

import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from runtime.logs import rendered, write

DEFAULT_NAMESPACE = "Tally"
MOST_VALUES = 100
"""The most values that one metric may have in one line."""

UNITS = {
    "Requests": "Count",
    "LedgerHits": "Count",
    "StaleAnswers": "Count",
    "Errors": "Count",
    "UpstreamSeconds": "Seconds",
    "SettledDayLagDays": "None",
    "KeeperFailures": "Count",
    "LakeDays": "Count",
    "UnbalancedDays": "Count",
}

type MetricValue = float | Sequence[float]


class _Publishing:
    """The namespace of this process: each stack has its own, or the alarms of one would look at another's metrics."""

    namespace = DEFAULT_NAMESPACE


def set_up(namespace: str) -> None:
    """Publish under this namespace from now on."""
    _Publishing.namespace = namespace
    _directive.cache_clear()


def embedded(values: Mapping[str, MetricValue], dimensions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The part that makes a log line a metric line: the directive, the dimensions and the values."""
    named = dimensions or {}
    directive = _directive(tuple(values), tuple(named))
    return {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}, **named, **values}


@cache
def _directive(metrics: tuple[str, ...], dimensions: tuple[str, ...]) -> dict[str, Any]:
    units = [{"Name": name, "Unit": UNITS[name]} for name in metrics]
    return {"Namespace": _Publishing.namespace, "Dimensions": [dimensions], "Metrics": units}


def emit(values: Mapping[str, MetricValue], dimensions: Mapping[str, str] | None = None) -> None:
    """Write a line of metrics and nothing else."""
    write(rendered(embedded(values, dimensions)))
