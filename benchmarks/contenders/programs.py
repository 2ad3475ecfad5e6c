"""What is measured: Lambda functions that are started cold or called warm, and servers that are called over HTTP.

`make bench-peers` installs the peers; one that is not installed is left out, and the results name it.
"""

import compileall
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.artifact import ROOT, built, host_architecture

PEERS = ROOT / "benchmarks" / "peers"
INSTALLED = ROOT / "build" / "bench"
RIC = ROOT / ".tools" / "ric" / "bin" / "python"
NODE = shutil.which("node") or "node"

TALLY, TEXTBOOK = "Tally", "textbook"
SERVER_CORE, LOAD_CORE = 0, 1


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, pinned to one core."""
    return ["taskset", "-c", str(core), *command]


@dataclass(frozen=True, slots=True)
class Program:
    """A program to start: its folder and command; it is installed if the file or folder `proof` exists."""

    name: str
    folder: Path
    command: tuple[str, ...]
    proof: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> bool:
        """Whether it is not installed."""
        return not (self.proof.exists() and Path(self.command[0]).exists())


@dataclass(frozen=True, slots=True)
class Function(Program):
    """A Lambda function: its artifact's folder, its handler, and the command that a runtime would start."""

    handler: str = ""

    @property
    def interpreter(self) -> str:
        """The interpreter that runs it."""
        return self.command[0]


class Server(Program):
    """An HTTP server; `{port}` stands for the port in its command."""


def assemble() -> None:
    """Copy the peers' own modules to the packages that `make bench-peers` has installed for them."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (INSTALLED / "floor").mkdir(exist_ok=True)
    for module in ("floor/floor.py", "strawberry/textbook.py", "ariadne/ariadne_api.py"):
        source = PEERS / module
        artifact = INSTALLED / source.parent.name
        if artifact.is_dir():
            shutil.copy(source, artifact)
            compileall.compile_file(artifact / source.name, quiet=1)


@contextmanager
def tally() -> Iterator[Function]:
    """The API's function, from a copy of the artifact of `make build`, which another build cannot change meanwhile."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tally-", dir=INSTALLED) as home:
        artifact = Path(home) / "artifact"
        shutil.copytree(built(host_architecture()), artifact)
        yield _python(TALLY, artifact, "functions.graphql_api.handler", "functions/graphql_api.py")


def functions() -> list[Function]:
    """The peers in Lambda; the floor is a handler that does nothing: the time that no handler can save."""
    node = INSTALLED / "node"
    return [
        _python("floor", INSTALLED / "floor", "floor.handler", "floor.py"),
        _python(TEXTBOOK, INSTALLED / "strawberry", "textbook.handler", "mangum"),
        _python("Ariadne", INSTALLED / "ariadne", "ariadne_api.handler", "mangum"),
        *(
            Function(f"{name}, bundled", node, (NODE, f"{name.lower()}.cjs"), node / f"{name.lower()}.cjs")
            for name in ("Apollo", "Yoga")
        ),
    ]


def bare_gets(artifact: Path) -> Function:
    """A handler that reads objects concurrently with our S3 client, and discards them."""
    environ = {"PYTHONPATH": str(ROOT / "benchmarks" / "peers" / "bare_gets")}
    command = (str(RIC), "-m", "awslambdaric", "bare_gets.handler")
    return Function("bare GETs", artifact, command, PEERS / "bare_gets", environ, "bare_gets.handler")


def servers() -> list[Server]:
    """All contenders over HTTP, Tally first."""
    node_modules = PEERS / "node" / "node_modules"
    return [
        _uvicorn(TALLY, ROOT, ROOT / ".venv", "benchmarks.contenders.tally_server:app"),
        _uvicorn(TEXTBOOK, PEERS / "strawberry", INSTALLED / "python", "textbook_fastapi:app"),
        _uvicorn("Strawberry ASGI", PEERS / "strawberry", INSTALLED / "python", "textbook:schema_app"),
        _uvicorn("Ariadne", PEERS / "ariadne", INSTALLED / "python", "ariadne_api:app"),
        _node("Apollo Server", "apollo.mjs", node_modules / "@apollo" / "server"),
        _node("GraphQL Yoga", "yoga.mjs", node_modules / "graphql-yoga"),
        _node("Mercurius with JIT", "mercurius.mjs", node_modules / "mercurius"),
        _tailcall(node_modules / "@tailcallhq" / "core-linux-x64-gnu"),
    ]


def _python(name: str, folder: Path, handler: str, proof: str) -> Function:
    return Function(name, folder, (str(RIC), "-m", "awslambdaric", handler), folder / proof, handler=handler)


def _uvicorn(name: str, folder: Path, venv: Path, app: str) -> Server:
    options = ("--loop", "uvloop", "--http", "httptools", "--lifespan", "off", "--no-access-log")
    command = (
        str(venv / "bin" / "python"),
        "-m",
        "uvicorn",
        app,
        "--port",
        "{port}",
        "--log-level",
        "warning",
        *options,
    )
    return Server(name, folder, command, venv / "bin" / "uvicorn")


def _node(name: str, script: str, proof: Path) -> Server:
    return Server(name, PEERS / "node", (NODE, script), proof, {"PORT": "{port}", "NODE_ENV": "production"})


def _tailcall(package: Path) -> Server:
    command = (str(package / "bin" / "tailcall"), "start", str(INSTALLED / "tailcall.graphql"))
    return Server("Tailcall", PEERS / "tailcall", command, package, {"TC_TRACKER": "false"})
