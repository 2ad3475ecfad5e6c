"""Logging for all three functions: one JSON object a line on stdout, redacted on the way out.

The formatter is the boundary: what a library puts into a message or an exception passes `redacted`. Powertools is not
used: importing its Logger takes as long as ten thousand lines take here.
"""

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from runtime.redaction import redacted

CHATTY = ("asyncio", "botocore", "boto3", "httpcore", "httpx", "mangum", "urllib3")
"""Libraries that log whole URLs and responses below WARNING; `LOG_LEVEL` does not apply to them."""


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and the exception if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "time": instant(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = redacted(self.formatException(record.exc_info))
        return rendered(line)


class Stdout(logging.Handler):
    """Writes to the `sys.stdout` of the moment, which tests and Lambda may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            write(self.format(record))
        except Exception:  # noqa: BLE001 - like every handler of the standard library: logging must not break the program
            self.handleError(record)


def set_up(level: str) -> None:
    """Send every log record of the process to stdout as JSON, in place of the handlers that wrote plain text."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler or type(handler).__name__.startswith("LambdaLoggerHandler"):
            root.removeHandler(handler)
    if not any(isinstance(handler, Stdout) for handler in root.handlers):
        stdout = Stdout()
        stdout.setFormatter(JsonLines())
        root.addHandler(stdout)
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def write(line: str) -> None:
    """Write one line to stdout and flush it: a function may be frozen right after it has answered."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def rendered(line: Mapping[str, Any]) -> str:
    """A line's JSON text."""
    return orjson.dumps(line, default=str, option=orjson.OPT_UTC_Z).decode()


def instant(seconds: float) -> str:
    """A time in epoch seconds, in RFC 3339."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
