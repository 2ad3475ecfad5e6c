"""Tests marked `deploy` need the tools of `make deploy-tools`: skipped where they are missing, failed in CI."""

import os

import pytest

from deploy.artifact import ROOT

TOOLS = ("sam/bin/sam", "ministack/bin/ministack", "ric/bin/python", "checkov/bin/checkov", "aws/bin/aws")


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = [tool for tool in TOOLS if not (ROOT / ".tools" / tool).exists()]
    if item.get_closest_marker("deploy") and missing:
        reason = f"`make deploy-tools` has not made {', '.join(missing)}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
