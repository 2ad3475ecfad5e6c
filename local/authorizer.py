"""API Gateway's JWT authorizer, with an issuer beside it: one key made at the start signs and checks.

What a token must have is what API Gateway asks for: RS256, the issuer, the audience, a life that lasts. What the
function is handed is what API Gateway hands it: the claims, each of them a string.
"""

import json
import time
import uuid
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://issuer.tally.test/"
AUDIENCE = "tally"
EVERY_SCOPE = "reports:read reports:schedule credits:read credits:msisdn"
LIFE_SECONDS = 12 * 3600


class TokenRefusedError(Exception):
    """The token does not let its bearer in; `reason` is `None` when there was none."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "no token")
        self.reason = reason

    @property
    def challenge(self) -> str:
        """The `WWW-Authenticate` header, as API Gateway words it."""
        if self.reason is None:
            return "Bearer"
        return f'Bearer scope="" error="invalid_token" error_description="{self.reason}"'


class Authorizer:
    """Issues tokens and checks them."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = uuid.uuid4().hex

    def token(
        self, scope: str = EVERY_SCOPE, *, seconds: int = LIFE_SECONDS, claims: Mapping[str, object] | None = None
    ) -> str:
        """A token that is good for `seconds`; `claims` are added, and win."""
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "local", "iat": now, "exp": now + seconds, "scope": scope}
        return jwt.encode({**payload, **(claims or {})}, self._key, "RS256", {"kid": self._kid})

    def claims(self, authorization: str | None) -> dict[str, str]:
        """The claims of the token in an `Authorization` header, with or without `Bearer` before it.

        Raises:
            TokenRefusedError: there is no token, or it is not a good one.
        """
        token = (authorization or "").strip()
        if token[:7].lower() == "bearer ":
            token = token[7:].strip()
        if not token:
            raise TokenRefusedError
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefusedError("the token has expired") from None
        except jwt.InvalidTokenError:
            raise TokenRefusedError("the token is not valid") from None
        return {name: _text(value) for name, value in claims.items()}


def _text(value: object) -> str:
    """A claim as API Gateway passes it on: lists as `[a b]`, everything else that is no string as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_text(item) for item in value)}]"
    return json.dumps(value)
