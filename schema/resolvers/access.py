"""Who is asking, and what they may have: decided here and nowhere else.

API Gateway has verified the token; its claims are checked again for every field. A root field declares the scope it
needs, and a test walks the schema for one that declares nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from runtime.tenants import is_tenant
from schema.errors import Forbidden, Unauthenticated

REPORTS_READ = "reports:read"
REPORTS_SCHEDULE = "reports:schedule"
CREDITS_READ = "credits:read"
CREDITS_MSISDN = "credits:msisdn"

ONLY_TENANT = "default"
RESOURCE_SERVER = "tally/"
"""Cognito writes a resource server's name before its scopes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A tenant, and the scopes that its user was given."""

    tenant: str
    scopes: frozenset[str]

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any] | None, tenant_claim: str) -> Self:
        """The identity behind a verified token's claims; `tenant_claim` empty: there is one tenant only.

        Raises:
            Unauthenticated: no claims, or none that names the tenant.
            Forbidden: the tenant's name is malformed.
        """
        if not claims:
            raise Unauthenticated("a token is needed")
        tenant = claims.get(tenant_claim) if tenant_claim else ONLY_TENANT
        if tenant is None:
            raise Unauthenticated("the token names no tenant")
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise Forbidden("the token's tenant is malformed")
        scopes = str(claims.get("scope") or "").split()
        return cls(tenant, frozenset(scope.removeprefix(RESOURCE_SERVER) for scope in scopes))

    def may(self, scope: str) -> bool:
        """Whether the user was given a scope."""
        return scope in self.scopes

    def demand(self, scope: str) -> None:
        """Go on only with a scope.

        Raises:
            Forbidden: the user was not given it.
        """
        if scope not in self.scopes:
            raise Forbidden(f"this field needs the scope {scope}")
