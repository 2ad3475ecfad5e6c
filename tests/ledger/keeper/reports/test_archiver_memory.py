"""A report file passes through the keeper in parts: its size is not the function's memory's affair."""

import os
import subprocess
import sys
from functools import partial

import pytest

from runtime.clock import now
from tests.support.processes.deployment import Deployment
from tests.support.repository import ROOT

MIB = 1024 * 1024


def peak(deployment: Deployment) -> tuple[int, int]:
    """How many files one run has archived, and its peak memory in MiB."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.processes.measured_keeper_program"],
        env={**os.environ, **deployment.environ, "FRESH_SECONDS": "0"},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    archived, memory, _ = ended.stdout.split()
    return int(archived), int(memory)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(deployment: Deployment) -> None:
    deployment.rde.clock = now
    peaks = []
    for size in (15, 80):
        deployment.rde.add_report(f"large-{size}", "CSV", deployment.ago(days=1), file=partial(bytes, size * MIB))
        archived, memory = peak(deployment)
        peaks.append(memory)
        assert archived == 1
    assert {record["bytes"] for record in deployment.records()} == {15 * MIB, 80 * MIB}
    assert peaks[1] - peaks[0] < 65 / 2, f"MiB: {peaks}; a file that is read whole would take 65 more"
    assert peaks[1] < 150, f"MiB: {peaks}"
    print(f"peak MiB at 15 and 80 MiB: {peaks}")  # noqa: T201 - a figure to see with -s
