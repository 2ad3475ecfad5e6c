"""Every line on stdout is one JSON object, from whichever logger, and none holds a secret."""

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest

from deploy.artifact import ROOT
from runtime.logs import JsonLines

IN_LAMBDA = """
import logging
from tests.support.api.frontend import InvocationContext, http_event
class LambdaLoggerHandler(logging.Handler):
    def emit(self, record): print("plain", record.getMessage())
logging.getLogger().addHandler(LambdaLoggerHandler())
from functions.graphql_api import handler
log = logging.getLogger("a.library")
log.debug("debugging")
log.info("informing")
log.warning("calling %s", "https://h/f.csv?sig=abcdef")
logging.getLogger("httpx").info("GET https://h/f.csv?sig=abcdef")
try:
    raise ValueError("no row for 447700900001")
except ValueError:
    log.exception("failed")
handler(http_event("GET", "/graphql"), InvocationContext())
"""


def printed(program: str, **environ: str) -> tuple[list[dict[str, Any]], str]:
    process = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "LEDGER_BUCKET": "b", **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in process.stdout.splitlines()], process.stderr


def test_a_function_logs_json_only_and_once() -> None:
    lines, errors = printed(IN_LAMBDA)
    assert [line.get("message") for line in lines[:3]] == ["informing", "calling https://h/f.csv?[...]", "failed"]
    assert "ValueError" in lines[2]["exception"]
    assert "447700900001" not in str(lines)
    assert lines[3]["message"] == "request"
    assert lines[3]["errorCodes"] == ["UNAUTHENTICATED"]
    assert errors == ""


def test_the_level_is_a_setting() -> None:
    messages = [line.get("message") for line in printed(IN_LAMBDA, LOG_LEVEL="DEBUG")[0]]
    assert "debugging" in messages
    messages = [line.get("message") for line in printed(IN_LAMBDA, LOG_LEVEL="warning")[0]]
    assert "informing" not in messages
    assert "request" in messages  # the line that is the metrics too is always written


def test_a_level_that_is_none_stops_the_function() -> None:
    with pytest.raises(subprocess.CalledProcessError) as stopped:
        printed(IN_LAMBDA, LOG_LEVEL="loud")
    assert "LOG_LEVEL takes one of DEBUG, ERROR, INFO, WARNING" in stopped.value.stderr


def test_an_exception_s_whole_chain_is_redacted() -> None:
    error = RuntimeError("https://h/f?sig=abcdef")
    error.__cause__ = ValueError("Bearer abcdefgh")
    failed = (type(error), error, None)
    line = json.loads(
        JsonLines().format(logging.LogRecord("x", logging.ERROR, "f", 1, "%s failed", ("447700900001",), failed))
    )
    assert line["message"] == "[...] failed"
    shown = [text for text in line["exception"].splitlines() if text.startswith(("ValueError", "RuntimeError"))]
    assert shown == ["ValueError: Bearer [...]", "RuntimeError: https://h/f?[...]"]
