"""Buckets that earlier versions have written, read by this one: the same figures, and nothing asked of a vendor again.

`tests.support.earlier_version` has made the files, by running those versions.
"""

from pathlib import Path
from typing import Any

import pytest

from functions.settings import Settings
from functions.wiring import Parts
from ledger.keeper.run import KeeperRun
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.deadline import Deadline
from tests.support.earlier_version import LOG, REPORTS, ROWS_A_DAY, SETTLED_DAYS, EarlierBucket
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import vendors_of
from tests.support.processes.short_months import ShortMonths
from tests.support.s3.memory_store import MemoryBucket, MemoryObject, MemoryStore
from tests.support.vendors.credit_oracle import comparable

pytestmark = pytest.mark.anyio
FILES = sorted(Path(__file__).parent.glob("*.zip"))
BY_VALUE = """query($from: DateTime!, $to: DateTime!) {
  creditLog(from: $from, to: $to) { summary(by: [AMOUNT]) { value count } } }"""


def as_numbers(answer: Any) -> Any:
    """An answer whose sums are numbers: the first version wrote 1.5 where this one writes 1.50."""
    if summary := answer.get("creditLog", {}).get("summary"):
        answer["creditLog"]["summary"] = comparable(summary)
    return answer


class Upgraded:
    """The bucket of an earlier version under processes of this one, at the moment at which the other had ended."""

    def __init__(self, path: Path, environ: dict[str, str], openmarket: OpenMarketSimulator, rde: RdeSimulator) -> None:
        self.earlier = EarlierBucket.read(path)
        self.clock = openmarket.clock = rde.clock = MovingClock(self.earlier.moment)
        self.openmarket, self.rde = openmarket, rde
        self.settings = Settings.read(environ)
        self.bucket = MemoryBucket(self.clock)
        for number, (key, body) in enumerate(self.earlier.objects.items()):
            attributes = self.earlier.attributes[key]
            self.bucket.objects[key] = MemoryObject(body, f'"earlier-{number}"', attributes, self.clock())
        self.vendors = vendors_of(Parts(self.settings, self.clock, MemoryStore(self.bucket)))

    def start(self) -> ShortMonths:
        return ShortMonths(self.settings, self.clock, MemoryStore(self.bucket), self.vendors)

    async def answers(self, name: str, query: str) -> tuple[Any, Any]:
        """What this version answers to a query, and what the earlier one has answered."""
        reply = await self.start().ask(query, self.earlier.variables[name])
        assert "errors" not in reply
        return as_numbers(reply["data"]), as_numbers(self.earlier.answers[name])

    @property
    def vendor_calls(self) -> int:
        return len(self.openmarket.requests) + len(self.rde.requests)


@pytest.fixture(params=FILES, ids=[path.stem for path in FILES])
def upgraded(
    request: pytest.FixtureRequest,
    settings_environ: dict[str, str],
    openmarket_simulator: OpenMarketSimulator,
    rde_simulator: RdeSimulator,
) -> Upgraded:
    return Upgraded(request.param, settings_environ, openmarket_simulator, rde_simulator)


def test_there_is_a_bucket_of_the_first_version_and_of_one_before_blocks_and_months() -> None:
    assert [path.stem for path in FILES] == ["0498423", "297f94d"]


@pytest.mark.parametrize(("name", "query"), [("settled", LOG), ("brand", LOG), ("open", LOG), ("reports", REPORTS)])
async def test_it_is_answered_from_as_the_earlier_version_did(upgraded: Upgraded, name: str, query: str) -> None:
    now, earlier = await upgraded.answers(name, query)
    assert now == earlier
    assert upgraded.vendor_calls == 0


async def test_its_export_can_be_fetched(upgraded: Upgraded) -> None:
    export = upgraded.earlier.answers["export"]["exportCreditLog"]["id"]
    reply = await upgraded.start().ask(f'{{ creditLogExport(id: "{export}") {{ status rows }} }}')
    assert reply["data"]["creditLogExport"] == {"status": "DONE", "rows": SETTLED_DAYS * ROWS_A_DAY}


async def test_its_settled_days_become_months_without_a_vendor_and_with_the_same_figures(upgraded: Upgraded) -> None:
    run = KeeperRun(Deadline.after(60))
    await upgraded.start().keeper.months.write("default", None, run)
    assert (run.months > 0, run.failed) == (True, 0)
    upgraded.bucket.seen.clear()
    now, earlier = await upgraded.answers("settled", LOG)
    assert now == earlier
    assert [key for verb, key in upgraded.bucket.seen if verb == "GET" and "/_months/" in key]
    by_value = await upgraded.start().ask(BY_VALUE, upgraded.earlier.variables["settled"])
    counted = sum(bucket["count"] for bucket in by_value["data"]["creditLog"]["summary"])
    assert counted == earlier["creditLog"]["totalCount"] == SETTLED_DAYS * ROWS_A_DAY
    assert upgraded.vendor_calls == 0
