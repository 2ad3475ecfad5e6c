"""Starting a server in a process of its own: a free port, waiting until it answers, ending it with all it started."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx

POLL_SECONDS = 0.05


class NotUpError(RuntimeError):
    """A server did not answer in time, or its process ended first."""


def free_port() -> int:
    """A loopback port that is not in use at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_up(url: str, process: subprocess.Popen[Any], log: Path, seconds: float = 30) -> None:
    """Return once `url` answers, with whatever status.

    Raises:
        NotUpError: it did not answer within `seconds`, or the process ended; the message has the end of `log`.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=1, trust_env=False)
        except httpx.TransportError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise NotUpError(f"{url} does not answer; {log}: {log.read_text()[-2000:]}")


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that leads its own group, and everything it started."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        process.wait()
