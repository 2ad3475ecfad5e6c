"""Who is calling and what they may read: tenant and scopes, decided here and nowhere else.

API Gateway has verified the token; its claims are checked again for every field. Each root field names its scope in
`schema.resolvers.fields`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from runtime.tenants import is_tenant
from schema.errors import Forbidden, Unauthenticated

REPORTS_READ = "reports:read"
REPORTS_SCHEDULE = "reports:schedule"
REPORTS_CONTENT = "reports:content"
CREDITS_READ = "credits:read"
CREDITS_MSISDN = "credits:msisdn"

ONLY_TENANT = "default"
SCOPE_CLAIMS = ("scope", "scp")
"""Where identity providers put scopes: `scp` is Okta's and Entra ID's spelling."""
LIST_MARKS = str.maketrans("[]", "  ")


class ClaimNames(NamedTuple):
    """Which claims of a token name the tenant (empty: there is one tenant only) and the scopes."""

    tenant: str = ""
    scopes: tuple[str, ...] = SCOPE_CLAIMS


class Identity(NamedTuple):
    """A tenant, and the scopes of the token."""

    tenant: str
    scopes: frozenset[str]

    @classmethod
    def of_claims(cls, claims: Mapping[str, Any] | None, names: ClaimNames) -> "Identity":
        """The identity behind a verified token's claims.

        Raises:
            Unauthenticated: no claims, or none that names the tenant.
            Forbidden: the tenant's name is malformed.
        """
        if not claims:
            raise Unauthenticated("a token is needed")
        tenant = claims.get(names.tenant) if names.tenant else ONLY_TENANT
        if tenant is None:
            raise Unauthenticated("the token names no tenant")
        if not isinstance(tenant, str) or not is_tenant(tenant):
            raise Forbidden("the token's tenant is malformed")
        return _identity(tenant, tuple([str(claims.get(name) or "") for name in names.scopes]))

    def may(self, scope: str) -> bool:
        """Whether the token has a scope."""
        return scope in self.scopes

    def demand(self, scope: str) -> None:
        """Require a scope.

        Raises:
            Forbidden: the token does not have it.
        """
        if scope not in self.scopes:
            raise Forbidden(f"this field needs the scope {scope}")


@lru_cache(maxsize=256)  # a warm process sees the same few claims in every request
def _identity(tenant: str, scope_claims: tuple[str, ...]) -> Identity:
    return Identity(tenant, frozenset().union(*map(scopes_in, scope_claims)))


def scopes_in(claim: str) -> frozenset[str]:
    """The scopes in one claim: text with blanks between them, or a list, which an HTTP API passes on as `[a b]`.

    A resource server's name before a scope (`tally/reports:read`, `api://tally/reports:read`) is dropped: the
    authorizer has checked already that the token was issued for this API.
    """
    words = claim.translate(LIST_MARKS).split()
    return frozenset(word.rpartition("/")[2] for word in words)
