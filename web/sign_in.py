"""How a browser signs in: the page's configuration for OpenID Connect, for any provider.

The page finds the provider's endpoints through its discovery document and signs in with an authorization code and PKCE,
as a public client. A provider may serve its token endpoint under another host than its issuer (Cognito does), so those
origins are configured: the page's policy lets it reach no others.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class SignIn:
    """The provider's issuer URL, our client there, and what to ask for.

    `origins` are further hosts of the provider, `scope_claims` the access token's claims in which the API finds scopes.
    """

    issuer: str
    client_id: str
    scopes: str = "openid"
    audience: str = ""
    origins: tuple[str, ...] = ()
    scope_claims: tuple[str, ...] = ("scope", "scp")

    def configuration(self, route: str = "") -> str:
        """The configuration for a page's script, as JSON; the provider sends the browser back to `route`."""
        return json.dumps(
            {
                "issuer": self.issuer,
                "clientId": self.client_id,
                "scopes": self.scopes,
                "audience": self.audience,
                "scopeClaims": self.scope_claims,
                "page": route,
            }
        )

    def reachable(self) -> tuple[str, ...]:
        """The origins that the page's script connects to."""
        issuer = urlsplit(self.issuer)
        return tuple(dict.fromkeys((f"{issuer.scheme}://{issuer.netloc}", *self.origins)))
