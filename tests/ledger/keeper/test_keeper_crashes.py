"""Killed after any write, in the middle of a file too, the keeper is run again and all is as though it had not died."""

import json
import os
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

import pytest

from ledger.storage.bucket import PART_BYTES
from runtime.compression import unpack
from tests.support.processes.deployment import Deployment
from tests.support.repository import ROOT

LARGE = os.urandom(PART_BYTES + 12_345)
MOST_WRITES = 40
LEASE_RELEASES = 2
"""A holder that took too long leaves its lease to expire, and so writes less."""


def state(deployment: Deployment, bucket: str) -> dict[str, str | bytes]:
    """What lies in a bucket, but for leases: a dead one is swept away after a grace.

    S3's digests stand for all but what is compressed, since isal does not always give equal content equal bytes, and
    the lake's records, which hold when rows were written.
    """
    kept = {key: tag for key, tag in deployment.tags(bucket).items() if not key.endswith("/_lease")}
    return {key: content(deployment, bucket, key) or tag for key, tag in kept.items()}


def content(deployment: Deployment, bucket: str, key: str) -> str | bytes | None:
    if ".gz" in Path(key).suffixes:
        return unpack(deployment.read(key, bucket))
    if key.endswith("/_files.json"):
        record = json.loads(deployment.read(key, bucket))
        return json.dumps({name: list(days) for name, days in record["files"].items()})
    return None


@pytest.mark.slow
@pytest.mark.timeout(300)  # dozens of keepers: a minute of CPU
@pytest.mark.parametrize(
    ("days", "files", "writes_at_least"),
    [
        (5, [b"small\n"], 16),
        (1, [LARGE], 6),
        (1, [b"name,amount\na,1\nb,2\n"], 9),
    ],
    ids=["days", "a large file", "what is in a file"],
)
def test_killed_after_any_write_the_next_run_ends_where_an_undisturbed_one_does(
    deployment: Deployment, days: int, files: list[bytes], writes_at_least: int
) -> None:
    deployment.give_credentials("default", "openmarket")
    for age, content in enumerate(files):
        deployment.rde.add_report(f"usage-{age}", "CSV", deployment.ago(days=age), file=partial(bytes, content))
    buckets = [f"dying-{uuid.uuid4().hex}" for _ in range(MOST_WRITES)]
    for bucket in buckets:
        deployment.aws.create_bucket(bucket)
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.processes.dying_keeper_program",
            json.dumps(buckets),
            str(days),
            deployment.clock().isoformat(),
        ],
        env={**os.environ, **deployment.environ},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    writes, fates = json.loads(ended.stdout)
    assert writes_at_least <= writes == len(fates)
    assert [risen for _, risen in fates.values()] == [0] * writes, ended.stderr
    assert sum(died == -signal.SIGKILL for died, _ in fates.values()) >= writes - LEASE_RELEASES, ended.stderr
    expected = state(deployment, deployment.environ["LEDGER_BUCKET"])
    made_again = {key for key in expected if "/_rollup-" in key}  # from the rows, by the next query
    for death, bucket in enumerate(fates, start=1):
        found = state(deployment, bucket)
        assert set(found) | made_again == set(expected), f"killed after write {death}"
        assert found == {key: expected[key] for key in found}, f"killed after write {death}"
