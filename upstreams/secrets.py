"""The vendors' credentials, read from Secrets Manager when first needed and cached for the life of the process.

A secret may be rotated at any time, so a caller that the vendor refuses reads it again. A missing or malformed secret
has the same error as a refusal; the log names the secret and the key at fault, and no value is ever shown.
"""

import asyncio
import functools
import json
import logging
import os
import re
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, overload

from runtime.endpoints import is_protected
from runtime.per_loop import PerLoop
from runtime.redaction import conceal
from runtime.tenants import is_tenant
from upstreams.errors import OPENMARKET, RDE, UpstreamUnauthorized

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

type Upstream = Literal["rde", "openmarket"]

# A header takes no other characters; a value that does not fit would fail later, and less clearly.
HEADER_SAFE = re.compile(r"[\x21-\x7e]+")

LOG = logging.getLogger("tally.upstreams")


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """OAuth2's password grant, for realms that issue tokens in no other way: where to ask, and as which client."""

    token_url: str = field(repr=False)
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RdeSecret:
    """A tenant's credentials for RDE; it never prints itself. With a `grant`, no marketplace is needed."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    subscription_key: str = field(repr=False)
    marketplace: str = field(repr=False, default="")
    grant: PasswordGrant | None = field(repr=False, default=None)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The values that must not be logged; a marketplace is a public code such as `eu`."""
        grant = (self.grant.client_secret,) if self.grant else ()
        return (self.username, self.password, self.subscription_key, *grant)


@dataclass(frozen=True, slots=True)
class OpenMarketSecret:
    """A tenant's credentials for OpenMarket; it never prints itself."""

    account_id: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The values that must not be logged."""
        return (self.account_id, self.password)


type Secret = RdeSecret | OpenMarketSecret


class MalformedSecret(Exception):
    """A secret cannot be used; the message names the key at fault and quotes no value."""


class SecretsUnavailable(Exception):
    """Secrets Manager could not be reached, or refused; the message is its error code, or botocore's own text."""


class _CachedSecret(NamedTuple):
    secret: Secret
    asked_at: float


class SecretStore:
    """Secrets named `{prefix}/{tenant}/{upstream}`; concurrent readers of one secret share one call."""

    def __init__(self, prefix: str, endpoint_url: str | None = None) -> None:
        self._prefix = prefix
        self._endpoint_url = endpoint_url
        self._cached: dict[tuple[str, str], _CachedSecret] = {}
        self._locks = PerLoop(_locks)

    @overload
    async def read(self, tenant: str, upstream: Literal["rde"], *, refresh: bool = False) -> RdeSecret: ...
    @overload
    async def read(
        self, tenant: str, upstream: Literal["openmarket"], *, refresh: bool = False
    ) -> OpenMarketSecret: ...
    async def read(self, tenant: str, upstream: Upstream, *, refresh: bool = False) -> Secret:
        """The tenant's secret for one vendor, from the cache unless `refresh`.

        Raises:
            UpstreamUnauthorized: it is missing or malformed, or Secrets Manager does not give it out.
        """
        wanted_at = time.monotonic()
        key = (tenant, upstream)
        if not refresh and key in self._cached:
            return self._cached[key].secret
        async with (await self._locks.get())[key]:
            cached = self._cached.get(key)
            # A caller that waited for another one's call takes its result, if that call began after this one.
            if cached is None or (refresh and cached.asked_at < wanted_at):
                cached = _CachedSecret(await self._fetch(tenant, upstream), time.monotonic())
                self._cached[key] = cached
            return cached.secret

    async def tenants(self) -> dict[str, frozenset[str]]:
        """Every tenant with a secret under the prefix, and the upstreams that it has credentials for.

        Raises:
            SecretsUnavailable: Secrets Manager could not be reached or refused.
        """
        found = defaultdict[str, set[str]](set)
        for name in await asyncio.to_thread(_calling, self._list_names):
            if ours := self._parts(name):
                found[ours[0]].add(ours[1])
        return {tenant: frozenset(upstreams) for tenant, upstreams in found.items()}

    async def _fetch(self, tenant: str, upstream: Upstream) -> Secret:
        name = f"{self._prefix}/{tenant}/{upstream}"
        try:
            value = await asyncio.to_thread(_calling, lambda: self._get(name))
        except SecretsUnavailable as error:
            LOG.warning("the secret %s could not be read: %s", name, error)
            raise UpstreamUnauthorized(upstream, "the credentials could not be read from the secret store") from error
        if not value:
            LOG.warning("the secret %s does not exist or is empty", name)
            raise UpstreamUnauthorized(upstream, "no credentials are stored for this tenant")
        try:
            secret = _PARSERS[upstream](_Values.parse(name, value))
        except MalformedSecret as error:
            LOG.warning("the secret %s is malformed: %s; see the README for the keys it takes", name, error)
            raise UpstreamUnauthorized(upstream, "the credentials stored for this tenant are malformed") from error
        for hidden in secret.hidden:
            conceal(hidden)
        return secret

    def _get(self, name: str) -> str | bytes | None:
        """The secret's text, or its bytes if it was stored as binary."""
        client = _client_of(self._endpoint_url)
        try:
            stored = client.get_secret_value(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            return None
        return stored.get("SecretString") or stored.get("SecretBinary")

    def _list_names(self) -> list[str]:
        pages = (
            _client_of(self._endpoint_url)
            .get_paginator("list_secrets")
            .paginate(Filters=[{"Key": "name", "Values": [f"{self._prefix}/"]}])
        )
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    def _parts(self, name: str) -> tuple[str, str] | None:
        """The tenant and the upstream in a secret's name; None if the name has another form."""
        tenant, slash, upstream = name.removeprefix(f"{self._prefix}/").partition("/")
        whole = f"{self._prefix}/{tenant}/{upstream}" == name
        ours = slash and whole and upstream in _PARSERS and is_tenant(tenant)
        return (tenant, upstream) if ours else None


@functools.cache
def _client_of(endpoint_url: str | None) -> "SecretsManagerClient":
    """One client for each endpoint in a process: it is slow to make, and threads may share it."""
    import boto3
    from botocore.config import Config

    # At DEBUG botocore prints whole answers, which hold secrets; at INFO it prints where it found credentials.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    return boto3.session.Session().client(
        "secretsmanager",
        endpoint_url=endpoint_url,
        region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}),
    )


async def _locks() -> AsyncGenerator[defaultdict[tuple[str, str], asyncio.Lock]]:
    yield defaultdict(asyncio.Lock)


def _calling[T](call: Callable[[], T]) -> T:
    """Make an AWS call; every failure becomes `SecretsUnavailable`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        raise SecretsUnavailable(error.response["Error"].get("Code", "unknown")) from error
    except BotoCoreError as error:
        raise SecretsUnavailable(type(error).__name__) from error
    except RuntimeError as error:
        # botocore raises this when the function's own credentials are still expired after a refresh.
        raise SecretsUnavailable(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Values:
    """The JSON object that a secret holds; `name` is the secret's, for the log."""

    name: str
    values: dict[str, object] = field(repr=False)

    @classmethod
    def parse(cls, name: str, stored: str | bytes) -> "_Values":
        try:
            text = stored if isinstance(stored, str) else stored.decode()
        except UnicodeDecodeError:
            raise MalformedSecret("it is binary, and not text in UTF-8") from None
        try:
            values = json.loads(text.removeprefix("\ufeff"))
        except (ValueError, RecursionError):
            raise MalformedSecret("it is not JSON") from None
        if not isinstance(values, dict):
            raise MalformedSecret("it is not a JSON object")
        return cls(name, values)

    def text(self, key: str) -> str:
        """A value that has to be there: a text, or a whole number as its digits."""
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value:
            raise MalformedSecret(f"{key} is missing, empty or not a text")
        if value != value.strip():
            LOG.warning("the secret %s: the value of %s begins or ends with white space", self.name, key)
        return value

    def url(self, key: str) -> str:
        value = self.text(key)
        if not is_protected(value):
            raise MalformedSecret(f"{key} is not an https URL")
        return value


def _rde(values: _Values) -> RdeSecret:
    username, password, key = (values.text(name) for name in ("username", "password", "subscriptionKey"))
    if not HEADER_SAFE.fullmatch(key):
        raise MalformedSecret("subscriptionKey holds a character that no header can hold")
    match values.values.get("grant"):
        case None:
            return RdeSecret(username, password, key, values.text("marketplace"))
        case "password":
            grant = PasswordGrant(values.url("tokenUrl"), values.text("clientId"), values.text("clientSecret"))
            return RdeSecret(username, password, key, grant=grant)
        case _:
            raise MalformedSecret('grant is neither missing nor "password"')


def _openmarket(values: _Values) -> OpenMarketSecret:
    return OpenMarketSecret(values.text("accountId"), values.text("password"))


_PARSERS: dict[str, Callable[[_Values], Secret]] = {RDE: _rde, OPENMARKET: _openmarket}
