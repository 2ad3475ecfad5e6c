"""API Gateway's JWT authorizer, for tokens of our own or of an OpenID Connect provider.

A token needs what API Gateway needs: RS256, the issuer, the audience, an expiry that has not passed. The function gets
the claims as API Gateway passes them, each as a string.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "https://issuer.tally.test/"
AUDIENCE = "tally"
EVERY_SCOPE = "reports:read reports:schedule reports:content credits:read credits:msisdn"
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


class TokenVerifier(Protocol):
    """What the gateway asks about a token."""

    def claims(self, authorization: str | None) -> dict[str, str]:
        """The claims of the token in an `Authorization` header; raises `TokenRefusedError`."""
        ...


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
        return _verified(_bearer(authorization), self._key.public_key(), ISSUER, {AUDIENCE})


class ProviderAuthorizer:
    """Verifies tokens of an OpenID Connect provider, whose keys it finds through the discovery document.

    As in API Gateway, one of `audiences` must be in `aud`, or in `client_id` where a token has no `aud` (Cognito's).
    """

    def __init__(self, issuer: str, audiences: set[str]) -> None:
        self._issuer = issuer
        self._audiences = audiences

    def claims(self, authorization: str | None) -> dict[str, str]:
        """The claims of the token in an `Authorization` header.

        Raises:
            TokenRefusedError: there is no token, or it is not valid.
        """
        token = _bearer(authorization)
        try:
            key = self._keys.get_signing_key_from_jwt(token).key
        except jwt.PyJWTError:
            raise TokenRefusedError("the token is not valid") from None
        return _verified(token, key, self._metadata["issuer"], self._audiences)

    @cached_property
    def _metadata(self) -> dict[str, Any]:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata: dict[str, Any] = httpx.get(url, timeout=10).raise_for_status().json()
        return metadata

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        return jwt.PyJWKClient(self._metadata["jwks_uri"])


def _bearer(authorization: str | None) -> str:
    token = (authorization or "").strip()
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        raise TokenRefusedError
    return token


def _verified(token: str, key: Any, issuer: str, audiences: set[str]) -> dict[str, str]:  # noqa: ANN401 - PyJWT's own type
    options: Any = {"require": ["exp", "iss"], "verify_aud": False}
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], issuer=issuer, options=options)
    except jwt.ExpiredSignatureError:
        raise TokenRefusedError("the token has expired") from None
    except jwt.InvalidTokenError:
        raise TokenRefusedError("the token is not valid") from None
    audience = claims.get("aud") or claims.get("client_id") or []
    if audiences.isdisjoint([audience] if isinstance(audience, str) else audience):
        raise TokenRefusedError("the token is not valid")
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
