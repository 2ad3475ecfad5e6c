"""API Gateway's JWT authorizer and an issuer: one key signs and verifies.

A token needs what API Gateway needs: RS256, the issuer, the audience, an expiry that has not passed. The function gets
the claims as API Gateway passes them, each as a string.
"""

import hashlib
import json
import time
from collections.abc import Mapping

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://issuer.tally.test/"
AUDIENCE = "tally"
EVERY_SCOPE = "reports:read reports:schedule credits:read credits:msisdn"
LIFE_SECONDS = 30 * 24 * 3600
"""Long, so that a client's configuration survives a restart; the key is this machine's own."""


class TokenRefusedError(Exception):
    """The token was refused; `reason` is `None` when there was no token."""

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
    """Issues tokens and verifies them; without a key it makes one."""

    def __init__(self, key: rsa.RSAPrivateKey | None = None) -> None:
        self._key = key or new_key()
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self._kid = hashlib.sha256(public).hexdigest()[:32]

    def token(
        self, scope: str = EVERY_SCOPE, *, seconds: int = LIFE_SECONDS, claims: Mapping[str, object] | None = None
    ) -> str:
        """A token that is valid for `seconds`; `claims` are added, and replace the default ones."""
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "local", "iat": now, "exp": now + seconds, "scope": scope}
        return jwt.encode({**payload, **(claims or {})}, self._key, "RS256", {"kid": self._kid})

    def claims(self, authorization: str | None) -> dict[str, str]:
        """The claims of the token in an `Authorization` header, with or without `Bearer`.

        Raises:
            TokenRefusedError: there is no token, or it is not valid.
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


def new_key() -> rsa.RSAPrivateKey:
    """A key for RS256."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _text(value: object) -> str:
    """A claim as API Gateway passes it on: a string as it is, a list as `[a b]`, anything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{' '.join(_text(item) for item in value)}]"
    return json.dumps(value)
