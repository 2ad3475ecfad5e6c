"""The whole way: linted, built, deployed into an emulator, called, updated, removed; and that a check can fail."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deploy.artifact import ROOT
from deploy.check import run
from deploy.expectations import EVENTS, EXPECTED, CheckError, ExpectedAnswer, check, event

TOOLS = ROOT / ".tools"
BACKGROUND = {"keeper", "exporter"}


@pytest.mark.deploy
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_template_deploys_and_every_function_does_its_work(built_template: Path, tmp_path: Path) -> None:
    run(tmp_path, built_template)


@pytest.mark.deploy
@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param((TOOLS / "sam/bin/sam", "validate", "--lint"), id="sam and cfn-lint"),
        pytest.param((TOOLS / "checkov/bin/checkov", "--config-file", ".checkov.yaml"), id="checkov"),
    ],
)
def test_linters_find_nothing_in_the_template(command: tuple[Any, ...]) -> None:
    environ = {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}  # noqa: S108
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.deploy
def test_the_runtimes_environment_holds_the_runtime_client_and_boto3_only() -> None:
    listed = subprocess.run(
        [TOOLS / "bin/uv", "pip", "list", "--format", "json", "--python", TOOLS / "ric/bin/python"],
        capture_output=True,
        check=True,
    )
    names = {package["name"] for package in json.loads(listed.stdout)}
    of_boto3 = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
    assert names == {"awslambdaric", "simplejson", "snapshot-restore-py", *of_boto3}


def test_there_is_an_expectation_for_every_sample_event_of_the_api() -> None:
    assert {path.stem for path in EVENTS.glob("*.json")} == EXPECTED.keys() | BACKGROUND


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_wrong_answer_to_an_event_fails_the_check(name: str) -> None:
    with pytest.raises(CheckError):
        check(name, ExpectedAnswer(500, {}, b'{"message":"Internal Server Error"}'))


def test_a_right_status_with_the_wrong_figures_fails_the_check() -> None:
    reports = {"totalCount": 6, "nodes": [{"creationDate": "2019-11-05T12:15:18Z"}] * 6}
    with pytest.raises(CheckError):
        check("reports", ExpectedAnswer(200, {}, json.dumps({"data": {"reports": reports}}).encode()))


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_sample_event_has_the_shape_of_payload_2(name: str) -> None:
    sample = event(name)
    http = sample["requestContext"]["http"]
    assert sample["version"] == "2.0"
    assert sample["rawPath"] == http["path"]
    assert all(header == header.lower() for header in sample["headers"])
    assert sample["routeKey"].split()[0] == http["method"]
    assert int(sample["headers"].get("content-length", 0)) == len(sample.get("body", "").encode())
