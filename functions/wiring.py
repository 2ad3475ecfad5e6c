"""Puts the parts together: settings in, what a function works with out.

Each part is made once, by its first use, so that parts which share another one share its memory and connections, and
nothing connects before it is asked. A part's code is imported then as well: a query for credits loads nothing of
reports and exports, and nothing but the keeper's and the exporter's functions loads theirs.
"""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from functions.settings import Settings
from ledger.storage.s3 import S3Bucket
from ledger.storage.store import Store
from runtime.clock import Clock, now

if TYPE_CHECKING:
    from ledger import Ledger
    from ledger.answers.ageing import Ageing
    from ledger.answers.answers import Answers
    from ledger.contents.contents import ReportContents
    from ledger.credits.credit_log import CreditLog
    from ledger.credits.settlement import SettlementRule
    from ledger.exports.exports import Exports, Start
    from ledger.exports.writer import Exporter
    from ledger.figures.outcomes import Outcomes
    from ledger.figures.reconciliation import Reconciler
    from ledger.keeper.keeper import Keeper
    from ledger.reports.archive import Archive
    from ledger.reports.catalogue import ReportCatalogue
    from ledger.reports.listings import ReportListings
    from ledger.reports.scheduled import ScheduledReports
    from ledger.reports.schedules import Schedules
    from ledger.storage.breakers import Breakers
    from ledger.storage.leases import Leases
    from ledger.storage.persisted_queries import PersistedQueries
    from upstreams.openmarket.client import OpenMarket
    from upstreams.rde.client import Rde
    from upstreams.secrets import SecretStore

LARGEST_REPORT_BYTES = 5 * 1024**3


def ledger_of(settings: Settings, clock: Clock = now) -> "Ledger":
    """The ledger that these settings describe."""
    return Parts(settings, clock, store_of(settings))


def keeper_of(settings: Settings, clock: Clock = now, store: Store | None = None) -> "Keeper":
    """The keeper of that ledger; a test may give a store of its own."""
    return Parts(_patient(settings), clock, store or store_of(settings)).keeper


def exporter_of(settings: Settings, clock: Clock = now, store: Store | None = None) -> "Exporter":
    """The writer of that ledger's exports, which shares no part with any other."""
    return Parts(_patient(settings), clock, store or store_of(settings)).exporter


def store_of(settings: Settings) -> Store:
    """The ledger's bucket."""
    return Store(S3Bucket(settings.ledger_bucket, settings.aws_endpoint_url))


def _patient(settings: Settings) -> Settings:
    """The settings of work that no caller waits for: a vendor call may take longer."""
    return settings._replace(upstream_seconds=settings.background_upstream_seconds)


class Parts:
    """The parts of one process; it is a `Ledger`."""

    def __init__(self, settings: Settings, clock: Clock, store: Store) -> None:
        self.settings = settings
        self.clock = clock
        self.store = store

    @cached_property
    def credit_log(self) -> "CreditLog":
        """Credits by UTC day."""
        from ledger.credits.credit_log import CreditLog

        return CreditLog(self.store, self.leases, self.breakers, self.openmarket, self.settlement, self.clock)

    @cached_property
    def outcomes(self) -> "Outcomes":
        """Credits by brand."""
        from ledger.figures.outcomes import Outcomes

        return Outcomes(self.answers, self.openmarket, self.ageing, self.clock)

    @cached_property
    def reconciler(self) -> "Reconciler":
        """The log beside the outcome report."""
        from ledger.figures.reconciliation import Reconciler

        return Reconciler(self.credit_log, self.outcomes, self.ageing.settle, self.clock)

    @cached_property
    def catalogue(self) -> "ReportCatalogue":
        """Reports, the vendor's and the archived ones."""
        from ledger.reports.catalogue import ReportCatalogue

        return ReportCatalogue(self.reports, self.archive)

    @cached_property
    def contents(self) -> "ReportContents":
        """What is in archived report files."""
        from ledger.contents.contents import ReportContents

        return ReportContents(self.store)

    @cached_property
    def schedules(self) -> "Schedules":
        """Scheduling reports, once under a key."""
        from ledger.reports.idempotency import IdempotencyKeys
        from ledger.reports.schedules import Schedules
        from upstreams.errors import RDE

        keys = IdempotencyKeys(self.store, self.leases, self.clock, RDE)
        return Schedules(self.store, keys, self.answers, self.scheduled, self.rde, self.ageing.fresh, self.clock)

    @cached_property
    def scheduled(self) -> "ScheduledReports":
        """What became of scheduled reports."""
        from ledger.reports.scheduled import ScheduledReports

        return ScheduledReports(self.store, self.answers, self.reports, self.rde, self.ageing, self.clock)

    @cached_property
    def exports(self) -> "Exports":
        """Whole periods of the credit log as one file."""
        from ledger.exports.exports import Exports

        return Exports(self.store, self.export_start, self.clock)

    @cached_property
    def persisted_queries(self) -> "PersistedQueries":
        """Query texts that clients name by their hash."""
        from ledger.storage.persisted_queries import PersistedQueries

        return PersistedQueries(self.store)

    @cached_property
    def keeper(self) -> "Keeper":
        """The scheduled work of every tenant."""
        from ledger.keeper.credit_days import CreditDays
        from ledger.keeper.following import ReportFollower
        from ledger.keeper.keeper import Keeper
        from ledger.keeper.lake_logs import LakeLogs
        from ledger.keeper.months import MonthObjects
        from ledger.keeper.reconciled_days import ReconciledDays
        from ledger.keeper.report_contents import ReportOpener
        from ledger.keeper.report_files import ReportFileCollector
        from ledger.lake.credit_lake import CreditLake
        from ledger.reports.archiving import Archiver
        from upstreams.rde.files import ReportFiles

        files = ReportFiles(hosts=self.settings.report_hosts, max_bytes=LARGEST_REPORT_BYTES)
        archiver = Archiver(self.store, files, self.clock)
        follower = ReportFollower(self.scheduled, self.clock)
        credit_days = CreditDays(self.store, self.credit_log, self.outcomes, self.settlement, self.clock)
        return Keeper(
            store=self.store,
            tenants=self.secrets.tenants,
            credit_days=credit_days,
            reconciled_days=ReconciledDays(self.store, self.reconciler, self.clock),
            months=MonthObjects(self.store, self.settlement, self.clock),
            report_files=ReportFileCollector(self.reports, follower, self.archive, archiver, self.clock),
            lake=LakeLogs(CreditLake(self.store, self.leases, self.clock), credit_days, self.clock),
            report_contents=ReportOpener(self.store, self.archive),
            ageing=self.ageing,
            clock=self.clock,
        )

    @cached_property
    def exporter(self) -> "Exporter":
        """The writer of exports."""
        from ledger.exports.writer import Exporter

        self.credit_log.remember_no_rows()
        return Exporter(self.store, self.leases, self.credit_log)

    @cached_property
    def export_start(self) -> "Start":
        """How an export is started: by the exporter function where there is one, else in this process."""
        from functions.export_starts import LambdaStart, LocalStart

        if self.settings.exporter_function:
            return LambdaStart(self.settings.exporter_function, self.settings.aws_endpoint_url)
        return LocalStart(lambda: exporter_of(self.settings, self.clock))

    @cached_property
    def ageing(self) -> "Ageing":
        """The rule for how long stored data is good."""
        from ledger.answers.ageing import Ageing

        fresh, settle = self.settings.fresh_seconds, self.settings.settle_hours
        return Ageing(timedelta(seconds=fresh), timedelta(hours=settle))

    @cached_property
    def settlement(self) -> "SettlementRule":
        """The rule for when a day of credits is settled."""
        from ledger.credits.settlement import SettlementRule

        return SettlementRule(self.ageing)

    @cached_property
    def secrets(self) -> "SecretStore":
        """The vendors' credentials."""
        from upstreams.secrets import SecretStore

        return SecretStore(self.settings.secret_prefix, self.settings.aws_endpoint_url)

    @cached_property
    def openmarket(self) -> "OpenMarket":
        """The client for mobile credits."""
        from upstreams.openmarket.client import OpenMarket

        return OpenMarket(
            base_url=self.settings.openmarket_base_url,
            no_data=self.settings.openmarket_no_data,
            upstream_seconds=self.settings.upstream_seconds,
            secrets=self.secrets,
        )

    @cached_property
    def rde(self) -> "Rde":
        """The client for reseller reports."""
        from upstreams.rde.client import Rde

        return Rde(
            base_url=self.settings.rde_base_url,
            token_path=self.settings.rde_token_path,
            schedule_method=self.settings.rde_schedule_method,
            xlsx_name=self.settings.rde_xlsx_name,
            upstream_seconds=self.settings.upstream_seconds,
            secrets=self.secrets,
        )

    @cached_property
    def leases(self) -> "Leases":
        """The leases by which one process at a time refreshes something."""
        from ledger.storage.leases import Leases

        return Leases(self.store)

    @cached_property
    def breakers(self) -> "Breakers":
        """The circuit breakers of all vendors."""
        from ledger.storage.breakers import Breakers

        return Breakers(self.store, self.clock)

    @cached_property
    def answers(self) -> "Answers":
        """The vendors' whole answers."""
        from ledger.answers.answers import Answers

        return Answers(self.store, self.leases, self.breakers, self.clock, recheck=self.ageing.fresh)

    @cached_property
    def reports(self) -> "ReportListings":
        """The vendor's report listings."""
        from ledger.reports.listings import ReportListings

        return ReportListings(self.store, self.answers, self.rde, self.ageing, self.clock)

    @cached_property
    def archive(self) -> "Archive":
        """The report files that are archived for good."""
        from ledger.reports.archive import Archive

        return Archive(self.store, self.clock, recheck=self.ageing.fresh)
