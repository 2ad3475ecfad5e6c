"""The runbooks' commands on a bucket, run by the real `aws` command against the embedded S3."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.artifact import ROOT
from functions.settings import Settings
from functions.wiring import store_of
from ledger.lake.credit_lake import CreditLake
from ledger.storage.leases import Leases
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from tests.support.api.frontend import Frontend, StartFrontend
from tests.support.moving_clock import MovingClock
from tests.support.s3.lake_files import rows_of, visible

pytestmark = pytest.mark.deploy

PAGE = (ROOT / "docs" / "runbooks.md").read_text()
DAY = {"from": "2019-11-19T00:00:00Z", "to": "2019-11-20T00:00:00Z"}
WRITTEN = "day=2026-11-19"
QUERY = """query ($from: DateTime!, $to: DateTime!) { creditLog(from: $from, to: $to, first: 1000) {
  nodes { creditId msisdn amount } summary(by: [OUTCOME]) { outcome count amount } freshness { source }
} }"""
type Shell = Callable[..., None]


def commands(heading: str, number: int = 0) -> str:
    """One of the shell blocks under a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    block = re.findall(r"^( *)```sh\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)[number]
    return re.sub(rf"^{block[0]}", "", block[1], flags=re.MULTILINE)


@pytest.fixture
def shell(settings_environ: dict[str, str], tmp_path: Path) -> Shell:
    """Runs commands as an operator of the test's bucket, with some variables of their own."""

    def run(script: str, **variables: str) -> None:
        path = f"{ROOT / '.tools/aws/bin'}{os.pathsep}{os.environ['PATH']}"
        environ = settings_environ | {"PATH": path, "HOME": str(tmp_path), "bucket": settings_environ["LEDGER_BUCKET"]}
        command = ["bash", "-eu", "-o", "pipefail", "-c", script]
        done = subprocess.run(
            command, env=environ | variables, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def aws_commands() -> list[str]:
    """Every `aws` command of the operator's pages, whether in a block or in a sentence."""
    text = PAGE + (ROOT / "docs" / "operating.md").read_text() + (ROOT / "README.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in re.sub(r"\\\n\s*", "", block).splitlines()]
    spoken = [re.sub(r"\s+", " ", sentence) for sentence in re.findall(r"`(aws [^`]+)`", text)]
    return sorted({*(line for line in lines if line.startswith("aws ")), *(s for s in spoken if "…" not in s)})


WRITTEN_DOWN = """
out() { echo x; }
aws() { printf '%s\\0' "$@" >> arguments; printf '\\1' >> arguments; echo 123456789012; }
"""
SAID = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver

said = []
for arguments in json.load(sys.stdin):
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.suppress(SystemExit):
        create_clidriver().main(arguments)
    said.append(errors.getvalue())
print(json.dumps(said))
"""


def arguments_of(command: str, folder: Path) -> list[list[str]]:
    """The arguments of each call of `aws` when a shell runs the command."""
    names = {"bucket": "b", "copy": "b", "old": "b", "prefix": "p", "key": "k", "fetched": "f", "out": "o"}
    file = folder / "arguments"
    file.unlink(missing_ok=True)
    script = ["bash", "-c", f"{WRITTEN_DOWN}{command}"]
    subprocess.run(script, env=names | {"PATH": "/usr/bin:/bin"}, cwd=folder, capture_output=True, check=False)
    return [call.split("\0")[:-1] for call in file.read_text().split("\1")[:-1]]


def test_the_aws_command_knows_every_command_and_option_of_the_pages(tmp_path: Path) -> None:
    """Nothing listens at the endpoint: a command that is understood ends there, any other is an error of usage.

    One process runs all of them, by what the `aws` command itself calls: it takes half a second to start.
    """
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "AWS_DEFAULT_REGION": "eu-west-1"}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "HOME": str(tmp_path)}
    (tmp_path / "masked.csv.gz").touch()
    (tmp_path / "rde.json").write_text("{}")
    written = {command: arguments_of(command, tmp_path) for command in aws_commands()}
    assert [command for command, calls in written.items() if not calls] == []
    calls = [call for calls in written.values() for call in calls]
    done = subprocess.run(
        [ROOT / ".tools/aws/bin/python", "-c", SAID],
        input=json.dumps([[*calls[0], "--nothing-like-it"], *calls]),
        env=nowhere | keys,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    misspelt, *said = json.loads(done.stdout.splitlines()[-1])
    assert "Unknown options" in misspelt
    refused = [(call, text) for call, text in zip(calls, said, strict=True) if "Could not connect" not in text]
    assert refused == []


def credits_of(frontend: Frontend, source: str) -> dict[str, Any]:
    log: dict[str, Any] = frontend.data(QUERY, DAY)["creditLog"]
    assert log["freshness"]["source"] == source
    return log


def test_an_erased_number_is_masked_for_everyone_and_nothing_else_changes(start: StartFrontend, shell: Shell) -> None:
    before = credits_of(start(), "UPSTREAM")
    number = before["nodes"][3]["msisdn"]
    masked = f"{number[:4]}****{number[-4:]}"
    script = commands("Someone asks for their data to be erased").replace(WRITTEN, "day=2019-11-19")
    shell(script.replace("447700900765", number).replace("4477****0765", masked))
    after = credits_of(start(), "CACHE")
    expected = [node | {"msisdn": masked} if node["msisdn"] == number else node for node in before["nodes"]]
    assert after["nodes"] == expected
    assert after["summary"] == before["summary"]
    assert number not in json.dumps(after)


def test_an_erased_number_leaves_the_lake_with_the_keeper_s_next_look(
    start: StartFrontend, shell: Shell, settings_environ: dict[str, str], clock: MovingClock, aws: Aws
) -> None:
    number = credits_of(start(), "UPSTREAM")["nodes"][3]["msisdn"]
    assert number in lake_numbers(settings_environ, clock, aws)
    script = commands("Someone asks for their data to be erased").replace(WRITTEN, "day=2019-11-19")
    shell(script.replace("447700900765", number))
    numbers = lake_numbers(settings_environ, clock, aws)
    assert number not in numbers
    assert "4477****0765" in numbers


def lake_numbers(environ: dict[str, str], clock: MovingClock, aws: Aws) -> set[str]:
    """The phone numbers in the lake after the keeper has looked at it."""
    store = store_of(Settings.read(environ))
    asyncio.run(CreditLake(store, Leases(store), clock).update("default", None, lambda: True))
    client, bucket = aws.client("s3"), environ["LEDGER_BUCKET"]
    listed = client.list_objects_v2(Bucket=bucket, Prefix="lake/")["Contents"]
    objects = {item["Key"]: client.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in listed}
    return {row["msisdn"] for row in rows_of(visible(objects).values())}


def test_a_deleted_day_is_fetched_again(
    start: StartFrontend, shell: Shell, openmarket_simulator: OpenMarketSimulator
) -> None:
    before = credits_of(start(), "UPSTREAM")
    shell(commands("A stored day cannot be read").replace(WRITTEN, "day=2019-11-19"))
    asked = openmarket_simulator.count()
    assert credits_of(start(), "UPSTREAM")["nodes"] == before["nodes"]
    assert openmarket_simulator.count() > asked


@pytest.mark.parametrize(
    ("heading", "copied_from"), [("Something was deleted", "copy"), ("Give a new stack the old ledger", "old")]
)
def test_a_copy_of_the_ledger_answers_without_the_vendor(
    heading: str, copied_from: str, start: StartFrontend, shell: Shell, settings_environ: dict[str, str], aws: Aws
) -> None:
    before = credits_of(start(), "UPSTREAM")
    ours, other = settings_environ["LEDGER_BUCKET"], f"{settings_environ['LEDGER_BUCKET']}-2"
    aws.create_bucket(other)
    shell(commands(heading), **({"copy": other} if copied_from == "copy" else {"old": ours, "bucket": other}))
    after = credits_of(start(LEDGER_BUCKET=other), "CACHE")
    assert (after["nodes"], after["summary"]) == (before["nodes"], before["summary"])
