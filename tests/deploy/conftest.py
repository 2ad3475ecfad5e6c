"""Tests marked `deploy` need the tools of `make deploy-tools`: skipped where they are missing, failed in CI."""

import fcntl
import os
from pathlib import Path

import pytest

from deploy.artifact import ROOT
from deploy.stack import build

TOOLS = ("sam/bin/sam", "ministack/bin/ministack", "ric/bin/python", "checkov/bin/checkov", "aws/bin/aws")


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [tool for tool in TOOLS if not (ROOT / ".tools" / tool).exists()]
    if item.get_closest_marker("deploy") and missing:
        reason = f"`make deploy-tools` has not made {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@pytest.fixture(scope="session")
def built_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as `sam build` leaves it for the emulator, built by the first worker that needs it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "sam-build"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        template = folder / "adapted.json"
        return template if template.exists() else build(folder)
