"""The vendors' credentials, read from Secrets Manager when first needed and kept for the life of the process.

A secret may be rotated at any time: whoever is refused reads it anew. A missing or malformed one is the vendor's
refusal as far as a frontend is concerned; the log names the secret, and nothing ever shows what is in it.
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

from runtime.per_loop import PerLoop
from runtime.redaction import conceal
from runtime.tenants import is_tenant
from upstreams.errors import UpstreamUnauthorized

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

type Upstream = Literal["rde", "openmarket"]

# A header takes no other characters; a key that does not fit could only fail later, and less clearly.
HEADER_SAFE = re.compile(r"[\x21-\x7e]+")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RdeSecret:
    """What RDE wants to know of a tenant; it never prints itself."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    subscription_key: str = field(repr=False)
    marketplace: str = field(repr=False)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no log may hold; a marketplace is a public code such as `eu`."""
        return (self.username, self.password, self.subscription_key)


@dataclass(frozen=True, slots=True)
class OpenMarketSecret:
    """What OpenMarket wants to know of a tenant; it never prints itself."""

    account_id: str = field(repr=False)
    password: str = field(repr=False)

    @property
    def hidden(self) -> tuple[str, ...]:
        """What no log may hold."""
        return (self.account_id, self.password)


type Secret = RdeSecret | OpenMarketSecret


class SecretsUnavailable(Exception):
    """Secrets Manager could not be reached, or refused; the message is its error code, or botocore's own words."""


class _CachedSecret(NamedTuple):
    secret: Secret
    asked_at: float


class SecretStore:
    """Secrets named `{prefix}/{tenant}/{upstream}`, one call for many readers of the same one."""

    def __init__(self, prefix: str, endpoint_url: str | None = None) -> None:
        self._prefix = prefix
        self._endpoint_url = endpoint_url
        self._kept: dict[tuple[str, str], _CachedSecret] = {}
        self._locks = PerLoop(_locks)

    @overload
    async def read(self, tenant: str, upstream: Literal["rde"], *, anew: bool = False) -> RdeSecret: ...
    @overload
    async def read(self, tenant: str, upstream: Literal["openmarket"], *, anew: bool = False) -> OpenMarketSecret: ...
    async def read(self, tenant: str, upstream: Upstream, *, anew: bool = False) -> Secret:
        """The tenant's secret for one vendor, kept from an earlier read unless `anew`.

        Raises:
            UpstreamUnauthorized: there is none, it is malformed, or Secrets Manager does not give it out.
        """
        wanted_at = time.monotonic()
        key = (tenant, upstream)
        if not anew and key in self._kept:
            return self._kept[key].secret
        async with (await self._locks.get())[key]:
            kept = self._kept.get(key)
            # Whoever waited for another's call takes its result, if that call was made after this one was wanted.
            if kept is None or (anew and kept.asked_at < wanted_at):
                kept = _CachedSecret(await self._fetch(tenant, upstream), time.monotonic())
                self._kept[key] = kept
            return kept.secret

    async def tenants(self) -> dict[str, frozenset[str]]:
        """Every tenant with a secret under the prefix, and the upstreams that each has one for.

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
            text = await asyncio.to_thread(_calling, lambda: self._get(name))
        except SecretsUnavailable as error:
            log.warning("the secret %s could not be read: %s", name, error)
            raise UpstreamUnauthorized(upstream, "the credentials could not be read from the secret store") from error
        if text is None:
            log.warning("the secret %s does not exist or is empty", name)
            raise UpstreamUnauthorized(upstream, "no credentials are kept for this tenant")
        secret = _PARSERS[upstream](text)
        if secret is None:
            log.warning("the secret %s is malformed: see the README for the keys it takes", name)
            raise UpstreamUnauthorized(upstream, "the credentials kept for this tenant are malformed")
        for value in secret.hidden:
            conceal(value)
        return secret

    def _get(self, name: str) -> str | None:
        client = self._client
        try:
            return client.get_secret_value(SecretId=name).get("SecretString")
        except client.exceptions.ResourceNotFoundException:
            return None

    def _list_names(self) -> list[str]:
        pages = self._client.get_paginator("list_secrets").paginate(
            Filters=[{"Key": "name", "Values": [f"{self._prefix}/"]}]
        )
        return [secret["Name"] for page in pages for secret in page["SecretList"]]

    def _parts(self, name: str) -> tuple[str, str] | None:
        """The tenant and the upstream that a secret's name holds, if it is one of ours."""
        tenant, slash, upstream = name.removeprefix(f"{self._prefix}/").partition("/")
        whole = f"{self._prefix}/{tenant}/{upstream}" == name
        ours = slash and whole and upstream in _PARSERS and is_tenant(tenant)
        return (tenant, upstream) if ours else None

    @functools.cached_property
    def _client(self) -> "SecretsManagerClient":
        import boto3
        from botocore.config import Config

        # At DEBUG botocore prints whole answers, and these hold secrets; at INFO it says where it found credentials.
        logging.getLogger("botocore").setLevel(logging.WARNING)
        return boto3.session.Session().client(
            "secretsmanager",
            endpoint_url=self._endpoint_url,
            region_name=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}),
        )


async def _locks() -> AsyncGenerator[defaultdict[tuple[str, str], asyncio.Lock]]:
    yield defaultdict(asyncio.Lock)


def _calling[T](call: Callable[[], T]) -> T:
    """Make an AWS call; whatever goes wrong has one name afterwards."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call()
    except ClientError as error:
        raise SecretsUnavailable(error.response["Error"].get("Code", "unknown")) from error
    except BotoCoreError as error:
        raise SecretsUnavailable(type(error).__name__) from error
    except RuntimeError as error:
        # What botocore raises when the function's own credentials are still expired after it has fetched new ones.
        raise SecretsUnavailable(str(error)) from error


def _rde(text: str) -> RdeSecret | None:
    match _strings(text, "username", "password", "subscriptionKey", "marketplace"):
        case [username, password, subscription_key, marketplace] if HEADER_SAFE.fullmatch(subscription_key):
            return RdeSecret(username, password, subscription_key, marketplace)
    return None


def _openmarket(text: str) -> OpenMarketSecret | None:
    match _strings(text, "accountId", "password"):
        case [account_id, password]:
            return OpenMarketSecret(account_id, password)
    return None


def _strings(text: str, *keys: str) -> list[str] | None:
    """The values under these keys of a JSON object, if each one is a string with something in it."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    found = [values.get(key) for key in keys]
    strings = [value for value in found if isinstance(value, str) and value]
    return strings if len(strings) == len(found) else None


_PARSERS: dict[str, Callable[[str], Secret | None]] = {"rde": _rde, "openmarket": _openmarket}
