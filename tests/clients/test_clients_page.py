"""Every block of docs/clients.md is run against the local gateway, and prints what the page says it prints.

A block's file name says how it is run. `make clients-tools` installs what they need; without it the tests skip
themselves, but never in CI.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import httpx
import openpyxl  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tests.support.documents import CodeBlock, blocks
from tests.support.repository import ROOT

HERE = Path(__file__).parent
NODE_MODULES = HERE / "node_modules"
PYTHON = ROOT / ".tools" / "clients" / "bin" / "python"
BIN = NODE_MODULES / ".bin"
SECONDS = 60

type Run = Callable[[str, Path, dict[str, str]], str]

BLOCKS = blocks(ROOT / "docs" / "clients.md")
USED_BY = {
    "ask.mjs": "export.mjs",
    "relay/relay.config.json": "relay/Credits.jsx",
    "relay/environment.js": "relay/Credits.jsx",
    "codegen/codegen.ts": "codegen/typed.ts",
}
RUN_IN_A_BROWSER = {"sign-in.js"}
"""By `tests/explorer/test_a_page_signs_in.py`."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All blocks as files, with the installed packages beside them."""
    for block in BLOCKS:
        file = tmp_path / block.name
        file.parent.mkdir(exist_ok=True)
        file.write_text(block.text)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    return tmp_path


def command(*words: str | Path) -> Run:
    """Run a program on a block's file; `{}` stands for its name."""

    def run(name: str, folder: Path, environ: dict[str, str]) -> str:
        return output([str(word).format(name) for word in words], folder, environ)

    return run


def output(words: list[str], folder: Path, environ: dict[str, str]) -> str:
    ran = subprocess.run(words, cwd=folder, env=environ, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert ran.returncode == 0, f"{words}: {ran.stdout}{ran.stderr}"
    return ran.stdout


def run_relay(_name: str, folder: Path, environ: dict[str, str]) -> str:
    home = folder / "relay"
    shutil.copy(ROOT / "schema" / "schema.graphql", home)
    shutil.copy(HERE / "relay_page.mjs", home)
    output([str(BIN / "relay-compiler"), "relay.config.json"], home, environ)
    return output(["node", "relay_page.mjs"], home, environ)


def run_codegen(_name: str, folder: Path, environ: dict[str, str]) -> str:
    home = folder / "codegen"
    shutil.copy(ROOT / "schema" / "schema.graphql", home)
    shutil.copy(HERE / "codegen.tsconfig.json", home / "tsconfig.json")
    output([str(BIN / "graphql-codegen"), "--config", "codegen.ts"], home, environ)
    output([str(BIN / "tsc"), "--project", "."], home, environ)
    return output(["node", "built/typed.js"], home, environ)


def run_on_exports(program: Run) -> Run:
    """Run a block that reads the exported files."""

    def run(name: str, folder: Path, environ: dict[str, str]) -> str:
        for written_as in ("CSV", "JSONL"):
            output(["node", "export.mjs", written_as], folder, environ)
        return program(name, folder, environ)

    return run


def run_sql(name: str, folder: Path, _environ: dict[str, str]) -> str:
    with duckdb.connect() as database:
        database.execute(f"SET file_search_path = '{folder}'")
        rows = database.execute((folder / name).read_text()).fetchall()
    return "".join(" ".join(map(str, row)) + "\n" for row in rows)


def run_power_query(name: str, folder: Path, environ: dict[str, str]) -> str:
    """Have the expression checked by its parser, and send the query in it; Excel itself cannot be had."""
    query = json.loads(output(["node", str(HERE / "power_query.mjs"), name], folder, environ))
    period = {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "after": None}
    authorization = {"Authorization": f"Bearer {environ['TALLY_TOKEN']}"}
    answer = httpx.post(environ["TALLY_URL"], headers=authorization, json={"query": query, "variables": period})
    log = answer.json()["data"]["creditLog"]
    return f"{len(log['nodes'])} rows, another page: {str(log['pageInfo']['hasNextPage']).lower()}\n"


RUNS: dict[str, Run] = {
    "relay/Credits.jsx": run_relay,
    "codegen/typed.ts": run_codegen,
    "frames.py": run_on_exports(command(PYTHON, "{}")),
    "credits.sql": run_on_exports(run_sql),
    "credits.pq": run_power_query,
    "credits.gs": command("node", HERE / "apps_script.mjs", "{}", "credits"),
    ".sh": command("bash", "-eu", "{}"),
    ".mjs": command("node", "{}"),
    ".py": command(PYTHON, "{}"),
}


def test_every_block_is_run_or_used_by_one_that_is() -> None:
    assert len(BLOCKS) > 10
    run_elsewhere = USED_BY.keys() | RUN_IN_A_BROWSER
    unused = [block.name for block in BLOCKS if block.prints is None and block.name not in run_elsewhere]
    assert unused == []
    assert set(USED_BY.values()) <= {block.name for block in BLOCKS if block.prints}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.prints], ids=lambda block: block.name)
def test_a_block_prints_what_the_page_says(
    block: CodeBlock, folder: Path, environ: dict[str, str], request: pytest.FixtureRequest
) -> None:
    assert block.prints
    needs_installed(NODE_MODULES / ".package-lock.json")
    needs_installed(PYTHON)
    if block.name == "contents.mjs":
        request.getfixturevalue("opened_report")
    run = RUNS.get(block.name) or RUNS[Path(block.name).suffix]
    assert run(block.name, folder, environ).strip() == block.prints.strip()


def test_the_block_that_exports_fetches_a_workbook_too(folder: Path, environ: dict[str, str]) -> None:
    needs_installed(NODE_MODULES / ".package-lock.json")
    printed = output(["node", "export.mjs", "XLSX"], folder, environ)
    with closing(openpyxl.load_workbook(folder / "credits.xlsx", read_only=True)) as workbook:
        rows = sum(1 for _ in workbook["Credits"].rows)
    assert printed == f"{rows - 1} rows\n"


def needs_installed(path: Path) -> None:
    if path.exists():
        return
    missing = f"{path.relative_to(ROOT)} is missing: run `make clients-tools`"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
