"""Servers over HTTP: wrk with sixteen connections, the server on one core, the load on the other."""

import json
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import questions
from benchmarks.contenders import INSTALLED, LOAD_CORE, PEERS, SERVER_CORE, TALLY, TEXTBOOK, Server, pinned
from benchmarks.pace import Pace
from benchmarks.questions import LARGE, SMALL, Body
from benchmarks.results import Goal, Section, Timings, number
from benchmarks.world import World
from deploy.processes import free_port

TITLE = "Over HTTP, one core"
CONNECTIONS = 16
START_SECONDS = 20
PATIENCE = 30
ANEW = f"{TALLY}, each request another"
JSON = {"content-type": "application/json", "accept": "application/json"}
SAYS = f"""`wrk` with {CONNECTIONS} connections on one core, the server on the other; requests a second. All data
are in memory, no answer is compressed. Python servers run under uvicorn with uvloop and httptools, Tally too, with
its claims fixed by a door before it. *{ANEW}* has another page size and another
number in its extensions every time, so that no answer can be given from memory."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens."""

    server: Server
    url: str
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Let it end by itself, as by Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=START_SECONDS)


@contextmanager
def running(servers: Sequence[Server], environ: Mapping[str, str]) -> Iterator[list[Running]]:
    """Start servers, and wait until each has answered."""
    with ExitStack() as stack:
        started = [stack.enter_context(_started(server, environ)) for server in servers]
        for one in started:
            _wait(one)
        yield started


@contextmanager
def _started(server: Server, environ: Mapping[str, str]) -> Iterator[Running]:
    port = str(free_port())
    config = (PEERS / "tailcall" / "reports.graphql").read_text()
    config = config.replace("{{PORT}}", port).replace("{{REPORTS_URL}}", environ["REPORTS_URL"])
    (INSTALLED / "tailcall.graphql").write_text(config)
    command = pinned(SERVER_CORE, [part.format(port=port) for part in server.command])
    own = {name: value.format(port=port) for name, value in server.environ.items()}
    environ = {"PATH": "/usr/bin:/bin", **environ, **own}
    # Request logs go nowhere; complaints are kept, most of them that wrk hung up in the middle of a request.
    with (INSTALLED / f"{server.name}.log").open("w") as log:
        process = subprocess.Popen(command, cwd=server.folder, env=environ, stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield Running(server, f"http://127.0.0.1:{port}/graphql", process)
    finally:
        process.kill()
        process.wait()


def _wait(one: Running) -> None:
    give_up = time.monotonic() + START_SECONDS
    while True:
        try:
            ask(one.url, questions.reports(SMALL))
        except OSError:
            if time.monotonic() > give_up:
                raise RuntimeError(
                    f"{one.server.name} does not answer; see {INSTALLED}/{one.server.name}.log"
                ) from None
            time.sleep(0.05)
        else:
            return


def ask(url: str, body: Body) -> Any:  # noqa: ANN401 - JSON
    """The answer to one request."""
    request = urllib.request.Request(url, json.dumps(body).encode(), JSON)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def measure(world: World, pace: Pace, servers: Sequence[Server]) -> Section:
    """Load each server in turn, round after round."""
    if shutil.which("wrk") is None:
        return Section(TITLE, SAYS, ("server",), [], missing=["wrk, and so every server"])
    present = [server for server in servers if not server.missing]
    times = {SMALL: Timings(), LARGE: Timings()}
    with running(present, world.environ) as started:
        for turn in range(pace.http_rounds + 1):
            for size, timings in times.items():
                for one in started:
                    rate = load(one.url, questions.reports(size), pace.http_seconds if turn else 1)
                    if turn:  # the first one warms up
                        timings.add(one.server.name, rate)
                if turn:
                    timings.add(ANEW, load(started[0].url, questions.reports(size), pace.http_seconds, anew=True))
    names = sorted(times[SMALL].rounds, key=times[SMALL].median, reverse=True)
    rows = [
        (name, *(cell for t in times.values() for cell in (number(t.median(name)), number(t.ratio(name)))))
        for name in names
    ]
    goals = [goal for size in times for goal in _goals(times[size], size)]
    head = ("server", f"{SMALL} reports", f"times {TEXTBOOK}", f"{LARGE} reports", f"times {TEXTBOOK}")
    return Section(TITLE, SAYS, head, rows, goals, [s.name for s in servers if s.missing])


def _goals(times: Timings, size: int) -> Iterator[Goal]:
    least = {SMALL: 20, LARGE: 25}[size]
    for name in (TALLY, ANEW):
        ratio = times.ratio(name)
        if ratio is not None:
            then = times.ratio("Tailcall") if "Tailcall" in times.rounds else None
            what = f"{size} reports over HTTP" + (", each another" if name == ANEW else "")
            yield Goal(what, "x textbook", ratio, least, round(then, 1) if then else None, at_most=False)


def load(url: str, body: Body, seconds: int, *, anew: bool = False) -> float:
    """Requests a second.

    Raises:
        RuntimeError: some answer was not 200, or a connection broke.
    """
    script = INSTALLED / ("anew.lua" if anew else "again.lua")
    script.write_text(_ANEW.format(body=_varied(body)) if anew else _AGAIN.format(body=json.dumps(body)))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", f"{PATIENCE}s", "-s", str(script), url]
    said = subprocess.run(pinned(LOAD_CORE, command), check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{url}: {said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"wrk said no rate: {said}")
    return float(found[1])


def _varied(body: Body) -> str:
    """The body as a Lua expression in which the page's size and a number in the extensions are variables."""
    size, turn = 1234567, 7654321
    variables, extensions = body["variables"] | {"first": size}, {"turn": turn}
    text = json.dumps(body | {"variables": variables, "extensions": extensions})
    return f"[==[{text}]==]".replace(str(size), "]==] .. first .. [==[").replace(str(turn), "]==] .. turn .. [==[")


_AGAIN = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
wrk.body = [==[{body}]==]
"""
_ANEW = """local n, began = 1000, os.time() * 1000000
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json"
function request()
  n = n + 1
  local first, turn = 1000 + n % 9000, string.format("%.0f", began + n)
  return wrk.format(nil, nil, nil, {body})
end
"""
