"""Killed after any write, in the middle of a file too, the keeper is run again and all is as though it had not died."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path

from ledger.store import PART_BYTES
from tests.keeper.dying import keep
from tests.keeper.house import House

ROOT = Path(__file__).parents[2]
LARGE = os.urandom(PART_BYTES + 12_345)


def state(house: House, bucket: str) -> dict[str, bytes]:
    """What lies in a bucket, but for leases: a dead one is nobody's, and is swept away after a grace."""
    return {key: house.read(key, bucket) for key in house.keys(bucket=bucket) if not key.endswith("/_lease")}


def test_killed_after_any_write_the_next_run_ends_where_an_undisturbed_one_does(house: House) -> None:
    house.give_credentials("default", "openmarket")
    for age, content in enumerate((b"small\n", LARGE)):
        house.rde.add_report(f"usage-{age}", "CSV", house.ago(days=age), file=partial(bytes, content))
    moment = house.clock()
    undisturbed = house.environ["LEDGER_BUCKET"]
    writes = counted_writes(house)
    assert writes > 20
    buckets = {f"dying-{death}-{uuid.uuid4().hex}": death for death in range(1, writes + 1)}
    for bucket in buckets:
        house.aws.create_bucket(bucket)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.keeper.dying", json.dumps(buckets), moment.isoformat()],
        env={**os.environ, **house.environ},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    fates = json.loads(ended.stdout)
    assert {tuple(fate) for fate in fates.values()} == {(-signal.SIGKILL, 0)}, ended.stderr
    expected = state(house, undisturbed)
    made_again = {key for key in expected if "/_rollup-" in key}  # from the rows, when somebody asks
    for bucket, death in buckets.items():
        found = state(house, bucket)
        assert set(found) | made_again == set(expected), f"killed after write {death}"
        assert all(found[key] == expected[key] for key in found), f"killed after write {death}"


def counted_writes(house: House) -> int:
    """Keep the house without dying; how often the keeper writes."""
    os.environ |= house.environ
    store = asyncio.run(keep(house.environ["LEDGER_BUCKET"], 0, house.clock()))
    return store.writes
