"""Every setting, read from the environment once; names and defaults are the contract (README, "Settings")."""

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from runtime.endpoints import is_protected
from runtime.metrics import DEFAULT_NAMESPACE

OIDC_SCOPES = "openid profile email tally/reports:read tally/reports:schedule tally/reports:content tally/credits:read"
"""What a browser asks for when it signs in; not whole phone numbers."""
POLICY_MARKS = frozenset(";,'\" ")
"""Characters that would end a source in the page's Content-Security-Policy."""


class SettingError(Exception):
    """A setting cannot be used; the message names it and says what it takes."""


class Settings(NamedTuple):
    """The environment as typed values; `Settings.read(os.environ)` makes one."""

    ledger_bucket: str
    secret_prefix: str
    tenant_claim: str
    scope_claims: tuple[str, ...]
    oidc_issuer: str
    oidc_client_id: str
    oidc_scopes: str
    oidc_audience: str
    oidc_origins: tuple[str, ...]
    rde_base_url: str
    rde_token_path: str
    rde_schedule_method: str
    rde_xlsx_name: str
    openmarket_base_url: str
    openmarket_no_data: str
    report_hosts: tuple[str, ...]
    fresh_seconds: float
    settle_hours: float
    upstream_seconds: float
    background_upstream_seconds: float
    exporter_function: str
    graphiql: bool
    overview: bool
    aws_endpoint_url: str | None
    log_level: str
    metrics_namespace: str

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read and check every setting.

        Raises:
            SettingError: a setting is missing or malformed, or a URL is neither `https` nor loopback `http`.
        """
        bucket = environ.get("LEDGER_BUCKET", "")
        if not bucket:
            raise SettingError("LEDGER_BUCKET is not set: it names the S3 bucket for results")
        return cls(
            ledger_bucket=bucket,
            secret_prefix=environ.get("SECRET_PREFIX") or "tally",
            tenant_claim=environ.get("TENANT_CLAIM", ""),
            scope_claims=tuple((environ.get("SCOPE_CLAIMS") or "scope scp").split()),
            oidc_issuer=_issuer(environ, "OIDC_ISSUER"),
            oidc_client_id=environ.get("OIDC_CLIENT_ID", ""),
            oidc_scopes=environ.get("OIDC_SCOPES") or OIDC_SCOPES,
            oidc_audience=environ.get("OIDC_AUDIENCE", ""),
            oidc_origins=_origins(environ, "OIDC_ORIGINS"),
            rde_base_url=_url(environ, "RDE_BASE_URL", "https://api.cloud.im/marketplace/eu"),
            rde_token_path=environ.get("RDE_TOKEN_PATH") or "token",
            rde_schedule_method=_one_of(environ, "RDE_SCHEDULE_METHOD", "POST", {"GET", "POST", "PUT"}),
            rde_xlsx_name=environ.get("RDE_XLSX_NAME") or "xlsx",
            openmarket_base_url=_url(environ, "OPENMARKET_BASE_URL", "https://credit-reporting.openmarket.com"),
            openmarket_no_data=environ.get("OPENMARKET_NO_DATA", ""),
            report_hosts=_hosts(environ.get("REPORT_HOSTS") or "*.blob.core.windows.net,*.blob.storage.azure.net"),
            fresh_seconds=_seconds(environ, "FRESH_SECONDS", 60),
            settle_hours=_seconds(environ, "SETTLE_HOURS", 72),
            upstream_seconds=_seconds(environ, "UPSTREAM_SECONDS", 20),
            background_upstream_seconds=_seconds(environ, "BACKGROUND_UPSTREAM_SECONDS", 120),
            exporter_function=environ.get("EXPORTER_FUNCTION", ""),
            graphiql=_one_of(environ, "GRAPHIQL", "ON", {"ON", "OFF"}) == "ON",
            overview=_one_of(environ, "OVERVIEW", "ON", {"ON", "OFF"}) == "ON",
            aws_endpoint_url=environ.get("AWS_ENDPOINT_URL") or None,
            log_level=_one_of(environ, "LOG_LEVEL", "INFO", {"DEBUG", "INFO", "WARNING", "ERROR"}),
            metrics_namespace=environ.get("METRICS_NAMESPACE") or DEFAULT_NAMESPACE,
        )


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    raw = environ.get(name) or str(default)
    try:
        value = float(raw)
    except ValueError:
        raise SettingError(f"{name} is not a number") from None
    if not 0 <= value < float("inf"):
        raise SettingError(f"{name} is not a number of 0 or more")
    return value


def _one_of(environ: Mapping[str, str], name: str, default: str, allowed: set[str]) -> str:
    value = (environ.get(name) or default).upper()
    if value not in allowed:
        raise SettingError(f"{name} takes one of {', '.join(sorted(allowed))}")
    return value


def _hosts(raw: str) -> tuple[str, ...]:
    return tuple(host.strip().lower() for host in raw.split(",") if host.strip())


def _issuer(environ: Mapping[str, str], name: str) -> str:
    issuer = _url(environ, name, "")
    if POLICY_MARKS & set(issuer):
        raise SettingError(f"{name} takes an https URL")
    return issuer


def _origins(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    origins = tuple((environ.get(name) or "").split())
    for origin in origins:
        if not is_protected(origin) or urlsplit(origin).path or POLICY_MARKS & set(origin):
            raise SettingError(f"{name} takes https origins such as https://login.example.com, separated by blanks")
    return origins


def _url(environ: Mapping[str, str], name: str, default: str) -> str:
    value = (environ.get(name) or default).rstrip("/")
    if value == default or is_protected(value):
        return value
    raise SettingError(f"{name} takes an https URL (plain http only for loopback hosts)")
