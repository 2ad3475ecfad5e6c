"""Puts the parts together: settings in, a ledger with its upstreams out."""

from datetime import timedelta

from functions.settings import Settings
from ledger import Ledger
from ledger.ageing import Ageing
from ledger.answers import Answers
from ledger.breakers import Breakers
from ledger.credit_log import CreditLog
from ledger.idempotency import Keys
from ledger.leases import Leases
from ledger.moments import Clock, now
from ledger.outcomes import Outcomes
from ledger.persisted_queries import PersistedQueries
from ledger.plans import Plans
from ledger.reports import UPSTREAM as RDE
from ledger.reports import Reports
from ledger.schedules import Schedules
from ledger.store import Store
from upstreams.openmarket import OpenMarket
from upstreams.rde import Rde
from upstreams.secrets import SecretStore


def ledger_of(settings: Settings, clock: Clock = now) -> Ledger:
    """The ledger that these settings describe. Nothing is connected to until it is asked for."""
    store = Store(settings.ledger_bucket, settings.aws_endpoint_url)
    secrets = SecretStore(settings.secret_prefix, settings.aws_endpoint_url)
    fresh = timedelta(seconds=settings.fresh_seconds)
    ageing = Ageing(fresh, timedelta(hours=settings.settle_hours))
    leases, breakers = Leases(store), Breakers(store, clock)
    openmarket = OpenMarket(
        base_url=settings.openmarket_base_url, upstream_seconds=settings.upstream_seconds, secrets=secrets
    )
    rde = Rde(
        base_url=settings.rde_base_url,
        token_path=settings.rde_token_path,
        schedule_method=settings.rde_schedule_method,
        xlsx_name=settings.rde_xlsx_name,
        upstream_seconds=settings.upstream_seconds,
        secrets=secrets,
    )
    answers = Answers(store, leases, breakers, clock, recheck=fresh)
    return Ledger(
        plans=Plans(store),
        persisted_queries=PersistedQueries(store),
        credit_log=CreditLog(store, leases, breakers, openmarket, ageing, clock),
        outcomes=Outcomes(answers, openmarket, ageing, clock),
        reports=Reports(store, answers, breakers, rde, ageing, clock),
        schedules=Schedules(store, Keys(store, leases, clock, RDE), answers, rde, fresh, clock),
    )
