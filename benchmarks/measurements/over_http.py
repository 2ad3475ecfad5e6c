"""Servers over HTTP: wrk with sixteen connections, the server on one core, the load on the other."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.contenders.programs import INSTALLED, LOAD_CORE, PEERS, SERVER_CORE, TALLY, TEXTBOOK, Server, pinned
from benchmarks.measurements.pace import Pace
from benchmarks.results.tables import Goal, Section, Timings, number
from benchmarks.world import queries
from benchmarks.world.data import World
from benchmarks.world.queries import LARGE, SMALL, Body
from deploy.processes import free_port, wait_until_up

TITLE = "Over HTTP, one core"
CONNECTIONS = 16
START_SECONDS = 20
TIMEOUT_SECONDS = 30
VARIED = f"{TALLY}, each request another"
LEAST = {SMALL: (20, 12), LARGE: (100, 10)}
"""How many times the textbook's rate Tally must reach, for the same request again and for each request another."""
METHOD = f"""`wrk` with {CONNECTIONS} connections on one core, the server on the other; requests a second. All data
are in memory, no answer is compressed. Python servers run under uvicorn with uvloop and httptools; so does Tally,
with fixed claims instead of API Gateway's. *{VARIED}* has another page size and another
number in its extensions every time, so that no rendered answer can be reused. A Lambda process answers one request at
a time, so these rates are a check that nothing became slow, not a goal."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens."""

    server: Server
    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextmanager
def running(servers: Sequence[Server], environ: Mapping[str, str]) -> Iterator[list[RunningServer]]:
    """Start servers, and wait until each has answered."""
    with ExitStack() as stack:
        started = [stack.enter_context(_started(server, environ)) for server in servers]
        for one in started:
            wait_until_up(one.url, one.process, one.log, START_SECONDS)
        yield started


@contextmanager
def _started(server: Server, environ: Mapping[str, str]) -> Iterator[RunningServer]:
    port = str(free_port())
    config = (PEERS / "tailcall" / "reports.graphql").read_text()
    config = config.replace("{{PORT}}", port).replace("{{REPORTS_URL}}", environ["REPORTS_URL"])
    (INSTALLED / "tailcall.graphql").write_text(config)
    command = pinned(SERVER_CORE, [part.format(port=port) for part in server.command])
    own = {name: value.format(port=port) for name, value in server.environ.items()}
    environ = {"PATH": "/usr/bin:/bin", **environ, **own}
    # Request logs are discarded. Errors are stored; most say that wrk closed a connection in the middle of a request.
    log = INSTALLED / f"{server.name}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=server.folder, env=environ, stdout=subprocess.DEVNULL, stderr=out)
    try:
        yield RunningServer(server, f"http://127.0.0.1:{port}/graphql", process, log)
    finally:
        process.kill()
        process.wait()


def ask(url: str, body: Body) -> Any:  # noqa: ANN401 - JSON
    """The answer to one request."""
    headers = {"accept": "application/json"}
    return httpx.post(url, json=body, headers=headers, timeout=20, trust_env=False).raise_for_status().json()


def measure(world: World, pace: Pace, servers: Sequence[Server]) -> Section:
    """Load each server in turn, round after round."""
    if shutil.which("wrk") is None:
        return Section(
            TITLE, METHOD, ("server",), [], missing=["every server, because wrk is not installed (apt-get install wrk)"]
        )
    present = [server for server in servers if not server.missing]
    times = {SMALL: Timings(), LARGE: Timings()}
    with running(present, world.environ) as started:
        for turn in range(pace.http_rounds + 1):
            for size, timings in times.items():
                for one in started:
                    rate = load(one.url, queries.reports(size), pace.http_seconds if turn else 1)
                    if turn:  # the first round warms up
                        timings.add(one.server.name, rate)
                if turn:
                    timings.add(VARIED, load(started[0].url, queries.reports(size), pace.http_seconds, varied=True))
    names = sorted(times[SMALL].rounds, key=times[SMALL].median, reverse=True)
    rows = [
        (name, *(cell for t in times.values() for cell in (number(t.median(name)), number(t.ratio(name)))))
        for name in names
    ]
    goals = [goal for size in times for goal in _goals(times[size], size)]
    head = ("server", f"{SMALL} reports", f"times {TEXTBOOK}", f"{LARGE} reports", f"times {TEXTBOOK}")
    return Section(TITLE, METHOD, head, rows, goals, [s.name for s in servers if s.missing])


def _goals(times: Timings, size: int) -> Iterator[Goal]:
    for name, least in zip((TALLY, VARIED), LEAST[size], strict=True):
        ratio = times.ratio(name)
        if ratio is not None:
            what = f"{size} reports over HTTP" + (", each another" if name == VARIED else "")
            yield Goal(what, "x textbook", ratio, least, at_most=False)


def load(url: str, body: Body, seconds: int, *, varied: bool = False) -> float:
    """Requests a second.

    Raises:
        RuntimeError: an answer was not 200, or a connection broke.
    """
    script = INSTALLED / ("varied.lua" if varied else "repeated.lua")
    script.write_text(_VARIED.format(body=_varied(body)) if varied else _REPEATED.format(body=json.dumps(body)))
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "--timeout",
        f"{TIMEOUT_SECONDS}s",
        "-s",
        str(script),
        url,
    ]
    output = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"{url}: {output}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if rate is None:
        raise RuntimeError(f"wrk printed no rate: {output}")
    return float(rate[1])


def _varied(body: Body) -> str:
    """The body as a Lua expression in which the page's size and a number in the extensions are variables."""
    size, turn = 1234567, 7654321
    variables, extensions = body["variables"] | {"first": size}, {"turn": turn}
    text = json.dumps(body | {"variables": variables, "extensions": extensions})
    return f"[==[{text}]==]".replace(str(size), "]==] .. first .. [==[").replace(str(turn), "]==] .. turn .. [==[")


_REPEATED = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
wrk.body = [==[{body}]==]
"""
_VARIED = """local n, first_turn = 1000, os.time() * 1000000
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
function request()
  n = n + 1
  local first, turn = 1000 + n % 9000, string.format("%.0f", first_turn + n)
  return wrk.format(nil, nil, nil, {body})
end
"""
