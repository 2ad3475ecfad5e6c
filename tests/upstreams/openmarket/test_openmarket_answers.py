"""Whatever shape the vendor's files have, the client reads the same rows; what is cut off is refused or marked."""

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local.vendors.credits import SimulatedCredit
from local.vendors.csv_shapes import SHAPES, CsvShape
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.simulator import Fault, breaking_off, closing_early, cut_off, shortened
from runtime.deadline import Deadline
from tests.support.vendors.planted_secrets import OPENMARKET
from upstreams.errors import UpstreamBadResponse, UpstreamError
from upstreams.openmarket.client import CsvAnswer, LogRow, OpenMarket, OutcomeRow
from upstreams.secrets import SecretStore

pytestmark = pytest.mark.anyio

DAY = datetime(2024, 6, 10, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[OpenMarketSimulator]:
    with OpenMarketSimulator(rows_a_day=50, clock=lambda: DAY + timedelta(days=10)) as simulator:
        simulator.accounts = {OPENMARKET["accountId"]: OPENMARKET["password"]}
        yield simulator


@pytest.fixture
def api(vendor: OpenMarketSimulator, secrets: SecretStore) -> OpenMarket:
    return OpenMarket(base_url=vendor.base_url, upstream_seconds=5, secrets=secrets)


async def log_of(api: OpenMarket, tenant: str, brand: str | None = None) -> CsvAnswer[LogRow]:
    answer = await api.log(tenant, DAY, DAY + timedelta(days=1), brand, Deadline.after(5))
    assert isinstance(answer, CsvAnswer)
    return answer


async def outcome_of(api: OpenMarket, tenant: str, brand: str | None = None) -> CsvAnswer[OutcomeRow]:
    return await api.outcome(tenant, DAY, DAY + timedelta(days=1), brand, Deadline.after(5))


@pytest.mark.parametrize("name", SHAPES)
async def test_a_file_of_every_shape_has_the_same_rows(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str, name: str
) -> None:
    time = DAY + timedelta(hours=1)
    vendor.add(SimulatedCredit(7, time, "4477", "Telefónica £, 'UK'", "1.5", "GBP", "Zoë", "SUCCESS", "SUCCESS", time))
    log, outcome = await log_of(api, tenant), await outcome_of(api, tenant)
    assert len(log.rows) == 51
    assert outcome.rows
    vendor.shape = SHAPES[name]
    assert (await log_of(api, tenant)).rows == log.rows
    assert (await outcome_of(api, tenant)).rows == outcome.rows


@pytest.mark.parametrize("name", SHAPES)
async def test_an_empty_period_has_no_rows_in_any_shape(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str, name: str
) -> None:
    vendor.shape = SHAPES[name]
    assert (await log_of(api, tenant, "A brand without credits")).rows == []
    assert (await outcome_of(api, tenant, "A brand without credits")).rows == []


@pytest.mark.parametrize("name", ["quoted", "reversed"])
async def test_a_last_row_without_a_line_end_that_could_go_on_is_refused(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str, name: str
) -> None:
    vendor.shape = CsvShape(
        reversed_columns=True, last_line_end=False, quoting=csv.QUOTE_ALL if name == "quoted" else csv.QUOTE_MINIMAL
    )
    if name == "quoted":
        assert len((await log_of(api, tenant)).rows) == 50, "an id's closing quote ends it"
    with pytest.raises(UpstreamBadResponse, match="cut off"):
        await outcome_of(api, tenant)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("share", [0, 0.4, 1])
async def test_a_compressed_file_that_breaks_off_is_refused(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str, share: float, coding: str
) -> None:
    vendor.misbehave(breaking_off(share, "gzip" if coding == "gzip" else "deflate"), times=None)
    for ask in (log_of, outcome_of):
        with pytest.raises(UpstreamBadResponse, match="compression is broken"):
            await ask(api, tenant)


async def test_a_file_that_ends_with_the_connection_is_not_proven_whole(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str
) -> None:
    whole = await log_of(api, tenant)
    assert whole.proven_whole
    vendor.shape = SHAPES["no-length"]
    assert await log_of(api, tenant) == CsvAnswer(whole.rows, proven_whole=False)
    vendor.misbehave(closing_early(0.5))
    cut = await log_of(api, tenant)
    assert cut == CsvAnswer(whole.rows[: len(cut.rows)], proven_whole=False)
    assert 0 < len(cut.rows) < 50


@pytest.mark.parametrize("fault", [cut_off(0.4), shortened(0.4)], ids=["shorter than announced", "cut in a row"])
async def test_a_file_that_is_cut_in_another_way_is_refused(
    vendor: OpenMarketSimulator, api: OpenMarket, tenant: str, fault: Fault
) -> None:
    vendor.misbehave(fault, times=None)
    with pytest.raises(UpstreamError):
        await log_of(api, tenant)
