"""One brand is one log, whether a keyboard composes its accents (NFC) or not (NFD); what was stored before is read."""

from datetime import UTC, datetime, timedelta
from unicodedata import normalize

import pytest

from ledger.days.day_store import DayStore
from ledger.days.rows import Rows
from ledger.keeper.run import KeeperRun
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import failing
from runtime.clock import DAY
from runtime.deadline import Deadline
from tests.support.processes.ledger_process import LedgerProcess
from tests.support.processes.shared_ledger import SharedLedger
from upstreams.openmarket.client import LogRow

pytestmark = pytest.mark.anyio
COMPOSED = normalize("NFC", "Café Über")
DECOMPOSED = normalize("NFD", COMPOSED)
START = datetime(2019, 11, 5, tzinfo=UTC)
TODAY = START.date()
SETTLED_AT = START + 5 * DAY
QUERY = """query($brand: String) {
  creditLog(from: "2019-11-05T00:00:00Z", to: "2019-11-06T00:00:00Z", brand: $brand) {
    totalCount nodes { creditId } summary(by: []) { count }
  } }"""


def rows(*ids: int) -> Rows:
    return Rows.of(LogRow(number, START, "447700900001", "O2", "SUCCESS", "1.5", "GBP") for number in ids)


@pytest.fixture
def shared(
    settings_environ: dict[str, str], openmarket_simulator: OpenMarketSimulator, rde_simulator: RdeSimulator
) -> SharedLedger:
    return SharedLedger(settings_environ, openmarket_simulator, rde_simulator)


def old_store(process: LedgerProcess) -> DayStore:
    """The log as it was stored for a query that spelled the brand in NFD."""
    days = DayStore(process.store, "default", None)
    days.folder = "credit-log/tenant=default/brand=Cafe%CC%81%20U%CC%88ber"
    return days


async def ids(process: LedgerProcess, brand: str) -> list[str]:
    answer = (await process.ask(QUERY, {"brand": brand}))["data"]["creditLog"]
    found = [node["creditId"] for node in answer["nodes"]]
    assert answer["totalCount"] == len(found)
    return found


async def test_both_spellings_are_one_question_to_the_vendor(shared: SharedLedger) -> None:
    for brand in (COMPOSED, DECOMPOSED):
        await ids(shared.start(), brand)
    asked = [request.query["brand"] for request in shared.openmarket.requests if request.path == "/csv/log"]
    assert asked == [COMPOSED]
    assert {key.split("/")[2] for key in shared.bucket.objects} == {"brand=Caf%C3%A9%20%C3%9Cber"}


@pytest.mark.parametrize("brand", [COMPOSED, DECOMPOSED])
async def test_a_day_that_was_stored_under_the_other_spelling_answers(shared: SharedLedger, brand: str) -> None:
    process = shared.start()
    await old_store(process).write(TODAY, SETTLED_AT, rows(1, 2), settled=True)
    shared.openmarket.misbehave(failing(500), times=None)
    assert await ids(shared.start(), brand) == ["1", "2"]
    assert shared.openmarket.requests == []


async def test_such_a_day_counts_also_without_its_rollup(shared: SharedLedger) -> None:
    """As after a restore from a copy without rollups."""
    await old_store(shared.start()).write(TODAY, SETTLED_AT, rows(1, 2), settled=True)
    for key in [key for key in shared.bucket.objects if "/_settled-" in key]:
        del shared.bucket.objects[key]
    for _ in range(2):
        assert await ids(shared.start(), COMPOSED) == ["1", "2"]
    assert shared.openmarket.requests == []


async def test_of_two_stored_spellings_the_settled_day_counts_and_then_the_newer_one(shared: SharedLedger) -> None:
    days = DayStore(shared.start().store, "default", COMPOSED)
    old = old_store(shared.start())
    await old.write(TODAY, START + DAY, rows(1), settled=False)
    await days.write(TODAY, START + DAY + timedelta(hours=1), rows(1, 2), settled=False)
    version = (await days.list_versions([TODAY])).versions[TODAY]
    assert await days.rows(version) == rows(1, 2)
    await old.write(TODAY, SETTLED_AT, rows(1, 2, 3), settled=True)
    version = (await days.list_versions([TODAY])).versions[TODAY]
    assert (version.settled, version.count) == (True, 3)
    assert await days.rows(version) == rows(1, 2, 3)
    rollup = await days.rollup(version)
    assert rollup is not None
    assert sum(count for count, _ in rollup.whole.values()) == 3


async def test_lost_rows_of_the_other_spelling_are_fetched_again(shared: SharedLedger) -> None:
    process = shared.start()
    await old_store(process).write(TODAY, SETTLED_AT, rows(1), settled=True)
    key = next(key for key in shared.bucket.objects if key.endswith("rows.csv.gz"))
    await process.store.put(key, b"{}")
    await process.ask(QUERY, {"brand": COMPOSED})  # the vendor has other rows by now, so this query fails
    assert await ids(shared.start(), COMPOSED) == []


@pytest.mark.slow
@pytest.mark.slow
async def test_the_keeper_knows_the_brand_once(shared: SharedLedger) -> None:
    process = shared.start()
    await old_store(process).write(TODAY, SETTLED_AT, rows(1), settled=True)
    await ids(process, COMPOSED)
    await ids(process, "Plain")
    assert await process.keeper.credit_days.brands("default") == [COMPOSED, "Plain"]
    await process.keeper.credit_days.refresh_brands("default", KeeperRun(Deadline.after(60)))
