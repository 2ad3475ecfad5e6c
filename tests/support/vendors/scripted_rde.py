"""RDE as a scripted vendor, and its client: for tests that say how each request is answered."""

import datetime as dt
import json

from runtime.deadline import Deadline
from tests.support.vendors.scripted_vendor import Script, ScriptedAnswer, ScriptedVendor, by_path, in_turn
from upstreams.rde.client import Rde, Report
from upstreams.secrets import SecretStore

FIRST, LAST = dt.date(2019, 11, 5), dt.date(2019, 12, 3)
LISTING = ScriptedAnswer(body=b'{"data": [], "pagination": {"offset": 0, "limit": 0, "total": 0}}')
SCHEDULED = {
    "id": "f40c942d-ebec-41b9-b604-5ed9ffb6d4f2",
    "name": "Daily report",
    "customizationName": "string",
    "status": "completed",
    "type": "onetime",
    "format": "json",
    "creationDate": "2020-11-07T17:02:59.000Z",
    "startDate": "2019-11-07T17:02:59.000Z",
    "endDate": "2019-12-07T17:02:59.000Z",
    "downloadUrl": "https://report-storage1.blob.core.windows.net/c/x.json?sig=4J&se=2020-02-19T12%3A00%3A00Z&sp=rwd",
}


def token(value: str, **more: object) -> ScriptedAnswer:
    """An answer with an access token."""
    return ScriptedAnswer(body=json.dumps({"token": value} | more).encode())


def scripted(reports: Script, tokens: Script | None = None) -> ScriptedVendor:
    """RDE with scripts for its listing and for its tokens."""
    return ScriptedVendor(by_path({"/token": tokens or in_turn(token("t0k3n")), "/reports": reports}))


def rde(
    vendor: ScriptedVendor, secrets: SecretStore, method: str = "POST", seconds: float = 5, xlsx_name: str = "xlsx"
) -> Rde:
    """The client of a scripted RDE."""
    return Rde(
        base_url=vendor.base_url,
        token_path="token",
        schedule_method=method,
        xlsx_name=xlsx_name,
        upstream_seconds=seconds,
        secrets=secrets,
    )


async def listing(api: Rde, tenant: str) -> list[Report]:
    """The reports of a month."""
    return (await api.reports(tenant, FIRST, LAST, Deadline.after(5))).reports
