"""Who is asking, and what they may have: decided here and nowhere else.

API Gateway has verified the token; its claims are checked again for every field. A root field declares the scope it
needs, and a test walks the schema for one that declares nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from strawberry.extensions import FieldExtension
from strawberry.extensions.field_extension import AsyncExtensionResolver
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from schema.errors import Forbidden, Unauthenticated

REPORTS_READ = "reports:read"
REPORTS_SCHEDULE = "reports:schedule"
CREDITS_READ = "credits:read"
CREDITS_MSISDN = "credits:msisdn"

ONLY_TENANT = "default"
RESOURCE_SERVER = "tally/"
"""Cognito writes a resource server's name before its scopes."""

_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


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
        if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
            raise Forbidden("the token's tenant is malformed")
        scopes = str(claims.get("scope") or "").split()
        return cls(tenant, frozenset(scope.removeprefix(RESOURCE_SERVER) for scope in scopes))

    def may(self, scope: str) -> bool:
        """Whether the user was given a scope."""
        return scope in self.scopes


class Needs(FieldExtension):
    """Says which scope a field needs, and refuses the field without it, before anything is asked of anybody."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def apply(self, field: StrawberryField) -> None:
        """Put the scope into the field's description, so that the explorer shows it."""
        field.description = f"{field.description or ''} Needs the scope `{self.scope}`.".strip()

    async def resolve_async(self, next_: AsyncExtensionResolver, source: Any, info: Info, **kwargs: Any) -> Any:  # noqa: ANN401 - strawberry's signature
        """Refuse, or go on."""
        if not info.context.identity.may(self.scope):
            raise Forbidden(f"this field needs the scope {self.scope}")
        return await next_(source, info, **kwargs)


def masked(msisdn: str) -> str:
    """A phone number with four digits left at each end, or with none if it is no longer than eight."""
    if len(msisdn) <= 8:  # noqa: PLR2004 - the contract's figure
        return "*" * len(msisdn)
    return f"{msisdn[:4]}{'*' * (len(msisdn) - 8)}{msisdn[-4:]}"
