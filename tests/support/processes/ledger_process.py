"""Processes of the product in one test: each with its own memory, all with one bucket and the same vendors.

A process is everything from GraphQL over HTTP down; what it shares with others is what a function shares with others
in Lambda, and a client of the vendors, which is slow to make and keeps nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from functions.settings import Settings
from functions.wiring import Parts
from ledger.credits.credit_log import CreditLog
from ledger.days.blocks import BLOCK_ROWS
from ledger.storage.leases import Leases
from ledger.storage.store import Store
from runtime.clock import Clock
from runtime.deadline import Deadline
from schema.http.endpoint import GraphQLOverHTTP
from schema.http.negotiation import RESPONSE_TYPE
from schema.http.requests import Request
from schema.resolvers.access import ClaimNames
from upstreams.openmarket.client import OpenMarket
from upstreams.rde.client import Rde
from upstreams.secrets import SecretStore

LEASE_SECONDS = 0.5
"""A killed process's lease expires soon, so that tests wait little."""
CLAIMS = {"sub": "dashboard", "scope": "reports:read reports:schedule reports:content credits:read credits:msisdn"}


@dataclass(frozen=True)
class Vendors:
    """The vendors' clients."""

    openmarket: OpenMarket
    rde: Rde


class LedgerProcess(Parts):
    """One process, with short leases."""

    def __init__(
        self, settings: Settings, clock: Clock, store: Store, vendors: Vendors, block_rows: int = BLOCK_ROWS
    ) -> None:
        super().__init__(settings, clock, store)
        self.vendors = vendors
        self.block_rows = block_rows

    @cached_property
    def credit_log(self) -> CreditLog:
        log = super().credit_log
        log.block_rows = self.block_rows
        return log

    @cached_property
    def leases(self) -> Leases:
        return Leases(self.store, LEASE_SECONDS)

    @cached_property
    def openmarket(self) -> OpenMarket:
        return self.vendors.openmarket

    @cached_property
    def rde(self) -> Rde:
        return self.vendors.rde

    @cached_property
    def api(self) -> GraphQLOverHTTP:
        return GraphQLOverHTTP(self, ClaimNames(), self.clock, introspection=True)

    async def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A query's answer: `data` and `errors`."""
        body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
        headers = {"content-type": "application/json", "accept": RESPONSE_TYPE}
        request = Request("POST", "/graphql", "", headers, body, CLAIMS, "test", Deadline.after(20))
        response = self.api.recall(request) or await self.api.answer(request)
        content: dict[str, Any] = json.loads(response.body)
        return content


def process(
    settings: Settings, clock: Clock, store: Store, vendors: Vendors | None = None, block_rows: int = BLOCK_ROWS
) -> LedgerProcess:
    """Start one more process."""
    return LedgerProcess(settings, clock, store, vendors or vendors_of(Parts(settings, clock, store)), block_rows)


def vendors_of(parts: Parts, secrets: SecretStore | None = None) -> Vendors:
    """Clients for the vendors in the settings; a `SecretStore` is slow to make, and may be shared."""
    if secrets is not None:
        vars(parts)["secrets"] = secrets
    return Vendors(parts.openmarket, parts.rde)
