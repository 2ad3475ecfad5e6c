"""The artifacts that functions run from: what is in them, what is not, and that Python trusts their bytecode."""

import shutil
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from itertools import product
from pathlib import Path

import pytest

from deploy.artifact import API, KEEPER, KINDS, PACKAGES, PLATFORMS, ROOT, built, host_architecture, weights
from tests.support.template_reading import resources

pytestmark = pytest.mark.deploy

UNCHECKED_HASH = 0b01
MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's own numbers for the processors."""
NOT_DEPLOYED = {"tests", "node_modules", "fetch_assets.py", "declarations.py", "operations.d.ts", "tsconfig.json"}
KEEPERS_OWN = {"arro3"}


@pytest.fixture(scope="module", params=sorted(product(PLATFORMS, KINDS)), ids="-".join)
def artifact(request: pytest.FixtureRequest) -> Path:
    return built(*request.param)


def test_it_holds_our_packages_and_its_dependencies(artifact: Path) -> None:
    names = {entry.name for entry in artifact.iterdir()}
    assert names >= {*PACKAGES, "graphql", "tzdata", "mangum", "httpx", "obstore", "orjson", "isal"}


def test_it_holds_nothing_that_lambda_brings_or_that_only_development_needs(artifact: Path) -> None:
    names = {entry.name for entry in artifact.iterdir()}
    assert not names & {
        "boto3",
        "botocore",
        "moto",
        "strawberry",
        "pytest",
        "mypy",
        "local",
        "deploy",
        "tests",
        "benchmarks",
        "uvicorn",
    }
    assert not list(artifact.glob("*.dist-info"))
    assert not [path for path in artifact.rglob("*") if path.name in NOT_DEPLOYED]


def test_every_module_has_bytecode_that_python_takes_without_looking_at_the_source(artifact: Path) -> None:
    sources = list(artifact.rglob("*.py"))
    assert sources
    for source in sources:
        bytecode = source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc"
        magic, flags = struct.unpack("<4sI", bytecode.read_bytes()[:8])
        assert (magic, flags) == (MAGIC_NUMBER, UNCHECKED_HASH), source


def test_native_code_is_for_the_functions_processor(artifact: Path) -> None:
    libraries = list(artifact.rglob("*.so"))
    assert len(libraries) >= 3
    for library in libraries:
        machine = MACHINES[artifact.name.removesuffix(f"-{KEEPER}")]
        assert struct.unpack("<H", library.read_bytes()[18:20])[0] == machine, library


def test_it_stays_under_its_size(artifact: Path) -> None:
    megabytes = 70 if artifact.name.endswith(f"-{KEEPER}") else 32
    assert sum(weights(artifact).values()) < megabytes * 1e6


def test_only_the_keeper_s_holds_what_reads_workbooks_and_writes_parquet() -> None:
    assert not KEEPERS_OWN & {entry.name for entry in built("arm64", API).iterdir()}
    assert {entry.name for entry in built("arm64", KEEPER).iterdir()} >= KEEPERS_OWN


def test_the_keeper_runs_from_its_own_artifact_and_the_others_from_the_api_s() -> None:
    made = {
        name: subprocess.run(
            [
                str(shutil.which("make")),
                "--dry-run",
                "--always-make",
                "--no-print-directory",  # which a make within `make test` would do
                f"build-{name}",
                "ARTIFACTS_DIR=there",
                "ARCH=arm64",
            ],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
        for name in resources("AWS::Serverless::Function")
    }
    assert {name: line.split()[-3:] for name, line in made.items()} == {
        "GraphqlApi": ["arm64", API, "there"],
        "Keeper": ["arm64", KEEPER, "there"],
        "Exporter": ["arm64", API, "there"],
    }


def test_what_the_keeper_alone_has_can_be_imported_from_its_artifact() -> None:
    program = "import arro3.core, arro3.io; print(arro3.io.write_parquet.__name__)"
    folder = built(host_architecture(), KEEPER)
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "write_parquet\n"


def test_it_is_not_built_again_when_nothing_has_changed() -> None:
    before = built("x86_64").stat().st_mtime_ns
    assert built("x86_64").stat().st_mtime_ns == before
