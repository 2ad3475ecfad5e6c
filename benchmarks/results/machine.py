"""The machine of a measurement, and the version of everything that took part."""

import json
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.contenders.programs import INSTALLED, NODE, PEERS
from benchmarks.results.tables import Cells

OURS = ("graphql-core", "strawberry-graphql", "mangum", "orjson", "obstore", "isal", "uvicorn", "uvloop", "httptools")
THEIRS = ("strawberry-graphql", "ariadne", "fastapi", "mangum", "boto3", "httpx", "uvicorn")
NODE_PEERS = ("@apollo/server", "graphql-yoga", "mercurius", "fastify", "graphql", "@tailcallhq/core-linux-x64-gnu")


def described() -> list[str]:
    """The machine, the day and the load, a line each."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    cores = Path("/proc/cpuinfo").read_text().count("processor\t")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    return [
        f"{datetime.now(UTC):%Y-%m-%d}; {model}, {cores} cores, {memory:.0f} GB, Linux {platform.release()}",
        f"load when the measurements began: {Path('/proc/loadavg').read_text().split()[0]}",
    ]


def versions() -> list[Cells]:
    """Versions of ours and of every peer that is installed."""
    rows: list[Cells] = [("Python", platform.python_version()), ("Node", _output(NODE, "--version")), ("wrk", _wrk())]
    rows += [(f"{name} (Tally)", version(name)) for name in OURS]
    theirs = INSTALLED / "python" / "bin" / "python"
    if theirs.exists():
        script = f"from importlib.metadata import version; print(*map(version, {THEIRS!r}))"
        rows += [
            (f"{name} (peers)", found)
            for name, found in zip(THEIRS, _output(str(theirs), "-c", script).split(), strict=True)
        ]
    for name in NODE_PEERS:
        package = PEERS / "node" / "node_modules" / name / "package.json"
        if package.exists():
            rows.append((name, json.loads(package.read_text())["version"]))
    return rows


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return "not installed"


def _wrk() -> str:
    """The version of wrk, which prints it with its usage, and fails."""
    try:
        usage = subprocess.run(["wrk", "-v"], check=False, capture_output=True, text=True).stdout  # noqa: S607 - from the PATH, as `over_http` runs it
    except FileNotFoundError:
        return "not installed"
    return usage.split()[1] if usage else "unknown"
