"""Several processes of the product over one bucket in memory and both simulated vendors, at noon of 5 December 2019."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from functions.settings import Settings
from functions.wiring import Parts
from ledger.days.blocks import BLOCK_ROWS
from local.vendors.openmarket import OpenMarketSimulator, parsed_time
from local.vendors.rde import RdeSimulator
from local.vendors.simulator import failing
from tests.support.moving_clock import MovingClock
from tests.support.processes.ledger_process import LedgerProcess, process, vendors_of
from tests.support.s3.memory_store import MemoryBucket, MemoryStore

NOON = datetime(2019, 12, 5, 12, tzinfo=UTC)
MIDNIGHT = NOON.replace(hour=0)
SECOND = timedelta(seconds=1)


class SharedLedger:
    """The bucket, the vendors and the clock that all processes share; each `start` is one more process."""

    def __init__(self, environ: Mapping[str, str], openmarket: OpenMarketSimulator, rde: RdeSimulator) -> None:
        self.openmarket, self.rde = openmarket, rde
        self.clock = openmarket.clock = rde.clock = MovingClock(NOON)
        rde.generated = False
        self.bucket, self.settings = MemoryBucket(self.clock), Settings.read(environ)
        self.block_rows = BLOCK_ROWS
        self.vendors = vendors_of(Parts(self.settings, self.clock, MemoryStore(self.bucket)))

    def start(self) -> LedgerProcess:
        """Start one more process, with a memory of its own."""
        return process(self.settings, self.clock, MemoryStore(self.bucket), self.vendors, self.block_rows)

    def fail_vendors(self) -> None:
        """Let both vendors fail until `behave` is called on them."""
        self.openmarket.misbehave(failing(500), times=None)
        self.rde.misbehave(failing(500), times=None, path="/reports")

    def limit_response(self, max_bytes: int) -> None:
        """Let no process accept a larger response of OpenMarket; a row has about 70 bytes, the header 60."""
        self.vendors = replace(self.vendors, openmarket=replace(self.vendors.openmarket, max_bytes=max_bytes))

    def spool_answers(self, in_memory: int = 0) -> None:
        """Let every process read larger answers of OpenMarket from disk."""
        self.vendors = replace(self.vendors, openmarket=replace(self.vendors.openmarket, in_memory=in_memory))

    @property
    def asked_periods(self) -> list[tuple[datetime, datetime]]:
        """The periods of the credit log that OpenMarket was asked for, without the extra second on each side."""
        queries = [request.query for request in self.openmarket.requests if request.path == "/csv/log"]
        return [(parsed_time(query["fromTime"]) + SECOND, parsed_time(query["toTime"]) - SECOND) for query in queries]
