"""The artifact that functions run from: what is in it, what is not, and that Python trusts its bytecode."""

import struct
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from deploy.artifact import PACKAGES, PLATFORMS, SIZE_LIMIT, built, weights

pytestmark = pytest.mark.deploy

UNCHECKED_HASH = 0b01
MACHINES = {"x86_64": 62, "arm64": 183}
"""ELF's own numbers for the processors."""


@pytest.fixture(scope="module", params=sorted(PLATFORMS))
def artifact(request: pytest.FixtureRequest) -> Path:
    return built(request.param)


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
    assert not [path for path in artifact.rglob("*") if path.name in {"tests", "node_modules", "fetch_assets.py"}]


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
        assert struct.unpack("<H", library.read_bytes()[18:20])[0] == MACHINES[artifact.name], library


def test_it_stays_under_30_megabytes(artifact: Path) -> None:
    assert sum(weights(artifact).values()) < SIZE_LIMIT


def test_it_is_not_built_again_when_nothing_has_changed() -> None:
    before = built("x86_64").stat().st_mtime_ns
    assert built("x86_64").stat().st_mtime_ns == before
