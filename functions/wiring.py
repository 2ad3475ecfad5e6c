"""Puts the parts together: settings in, what a function works with out.

Each part is made when something needs it, and once, so that what shares a part shares its memory and connections.
Nothing is connected to until it is asked for.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from functions.settings import Settings
from ledger import Ledger
from ledger.answers.ageing import Ageing
from ledger.answers.answers import Answers
from ledger.credits.credit_log import CreditLog
from ledger.credits.outcomes import Outcomes
from ledger.exports.exports import Exports, Start
from ledger.reports.archive import Archive
from ledger.reports.catalogue import ReportCatalogue
from ledger.reports.idempotency import IdempotencyKeys
from ledger.reports.listings import UPSTREAM as RDE
from ledger.reports.listings import Reports
from ledger.reports.schedules import Schedules
from ledger.storage.breakers import Breakers
from ledger.storage.leases import Leases
from ledger.storage.persisted_queries import PersistedQueries
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock, now
from upstreams.openmarket.client import OpenMarket
from upstreams.rde.client import Rde
from upstreams.secrets import SecretStore

if TYPE_CHECKING:
    from ledger.exports.writer import Exporter
    from ledger.keeper.keeper import Keeper

LARGEST_REPORT_BYTES = 5 * 1024**3


def ledger_of(settings: Settings, clock: Clock = now) -> Ledger:
    """The ledger that these settings describe."""
    return Parts(settings, clock, store_of(settings)).ledger


def keeper_of(settings: Settings, clock: Clock = now, store: Store | None = None) -> "Keeper":
    """The keeper of that ledger; a store of one's own can watch its writes."""
    return Parts(settings, clock, store or store_of(settings)).keeper


def exporter_of(settings: Settings, clock: Clock = now, store: Store | None = None) -> "Exporter":
    """What writes that ledger's exports, with parts of its own."""
    return Parts(settings, clock, store or store_of(settings)).exporter


def store_of(settings: Settings) -> Store:
    """The bucket that keeps results."""
    return Store(S3Bucket(settings.ledger_bucket, settings.aws_endpoint_url))


@dataclass(frozen=True)
class Parts:
    """One set of parts."""

    settings: Settings
    clock: Clock
    store: Store

    @cached_property
    def ledger(self) -> Ledger:
        """Everything that can be asked."""
        return Ledger(
            persisted_queries=PersistedQueries(self.store),
            credit_log=self.credit_log,
            exports=Exports(self.store, self.export_start, self.clock),
            outcomes=Outcomes(self.answers, self.openmarket, self.ageing, self.clock),
            catalogue=ReportCatalogue(self.reports, self.archive),
            schedules=Schedules(
                self.store,
                IdempotencyKeys(self.store, self.leases, self.clock, RDE),
                self.answers,
                self.rde,
                self.ageing.fresh,
                self.clock,
            ),
        )

    @cached_property
    def keeper(self) -> "Keeper":
        """What happens though nobody asks; the API function need not load its code."""
        from ledger.keeper.collecting import ReportCollector
        from ledger.keeper.keeper import Keeper
        from ledger.keeper.settling import DaySettler
        from ledger.reports.archiving import Archiver
        from upstreams.rde.files import ReportFiles

        files = ReportFiles(hosts=self.settings.report_hosts, max_bytes=LARGEST_REPORT_BYTES)
        archiver = Archiver(self.store, files, self.clock)
        return Keeper(
            store=self.store,
            tenants=self.secrets.tenants,
            settling=DaySettler(self.store, self.credit_log, self.ageing, self.clock),
            collecting=ReportCollector(self.reports, self.archive, archiver, self.clock),
            ageing=self.ageing,
            clock=self.clock,
        )

    @cached_property
    def exporter(self) -> "Exporter":
        """What writes exports; in the API function, a thread's own business."""
        from ledger.exports.writer import Exporter

        self.credit_log.remember_no_rows()
        return Exporter(self.store, self.leases, self.credit_log)

    @cached_property
    def export_start(self) -> Start:
        """How an export is begun: by the exporter function where there is one, else in this process."""
        from functions.export_starts import LambdaStart, LocalStart

        if self.settings.exporter_function:
            return LambdaStart(self.settings.exporter_function, self.settings.aws_endpoint_url)
        return LocalStart(lambda: exporter_of(self.settings, self.clock))

    @cached_property
    def ageing(self) -> Ageing:
        """How long what is held is good."""
        fresh, settle = self.settings.fresh_seconds, self.settings.settle_hours
        return Ageing(timedelta(seconds=fresh), timedelta(hours=settle))

    @cached_property
    def secrets(self) -> SecretStore:
        """The vendors' credentials."""
        return SecretStore(self.settings.secret_prefix, self.settings.aws_endpoint_url)

    @cached_property
    def openmarket(self) -> OpenMarket:
        """Mobile credits."""
        return OpenMarket(
            base_url=self.settings.openmarket_base_url,
            upstream_seconds=self.settings.upstream_seconds,
            secrets=self.secrets,
        )

    @cached_property
    def rde(self) -> Rde:
        """Reseller reports."""
        return Rde(
            base_url=self.settings.rde_base_url,
            token_path=self.settings.rde_token_path,
            schedule_method=self.settings.rde_schedule_method,
            xlsx_name=self.settings.rde_xlsx_name,
            upstream_seconds=self.settings.upstream_seconds,
            secrets=self.secrets,
        )

    @cached_property
    def leases(self) -> Leases:
        """One refresh at a time."""
        return Leases(self.store)

    @cached_property
    def breakers(self) -> Breakers:
        """Leaving a failing vendor alone."""
        return Breakers(self.store, self.clock)

    @cached_property
    def answers(self) -> Answers:
        """Whole answers."""
        return Answers(self.store, self.leases, self.breakers, self.clock, recheck=self.ageing.fresh)

    @cached_property
    def credit_log(self) -> CreditLog:
        """The credit log by day."""
        return CreditLog(self.store, self.leases, self.breakers, self.openmarket, self.ageing, self.clock)

    @cached_property
    def reports(self) -> Reports:
        """The vendor's listings."""
        return Reports(self.store, self.answers, self.breakers, self.rde, self.ageing, self.clock)

    @cached_property
    def archive(self) -> Archive:
        """The report files that are kept for good."""
        return Archive(self.store, self.clock, recheck=self.ageing.fresh)
