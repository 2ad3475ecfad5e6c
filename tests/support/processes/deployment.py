"""A whole deployment for the keeper's tests: a bucket, secrets, both vendors, and one clock for all of them."""

import json
import urllib.request
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from functions.keeper_handler import KeeperHandler
from functions.settings import Settings
from functions.wiring import keeper_of
from local.aws import Aws
from local.vendors.openmarket import OpenMarketSimulator
from local.vendors.rde import RdeSimulator
from runtime.clock import DAY, midnight, rfc3339
from tests.support.api.frontend import Frontend, InvocationContext
from tests.support.moving_clock import MovingClock

REPORTS_WITH_FILES = """
query Reports($from: Date!, $to: Date!, $format: ReportFormat, $expiresIn: Int) {
  reports(from: $from, to: $to, format: $format) {
    totalCount
    nodes { name rawFormat format creationDate downloadUrl archiveUrl(expiresIn: $expiresIn) }
    freshness { source asOf stale }
  }
}"""


def downloaded(link: str) -> tuple[bytes, str, str]:
    """A link's content, with its `Content-Disposition` and `Content-Type`."""
    with urllib.request.urlopen(link) as answer:  # noqa: S310 - our own link to the embedded AWS
        return answer.read(), answer.headers["Content-Disposition"], answer.headers["Content-Type"]


@dataclass
class Deployment:
    """One deployment; every call of `run_keeper` is a process of its own."""

    environ: Mapping[str, str]
    clock: MovingClock
    aws: Aws
    rde: RdeSimulator
    openmarket: OpenMarketSimulator

    @property
    def today(self) -> date:
        return self.clock().date()

    def go_to_noon(self, days: int = 1) -> None:
        """Move the clock to noon of a later day, for what must not see a day end: tests run at any time of the day."""
        self.clock.moment = midnight(self.today + days * DAY) + timedelta(hours=12)

    def ago(self, days: float, hour: float = 0) -> str:
        """A creation date that many days ago, as the vendor writes it."""
        return f"{self.clock() - timedelta(days=days, hours=hour):%Y-%m-%dT%H:%M:%SZ}"

    def run_keeper(self, seconds: float = 900, days: int = 6, **settings: str) -> dict[str, Any]:
        """The summary of one run that may take `seconds` and settles the last `days` days of credits."""
        keeper = keeper_of(Settings.read({**self.environ, **settings}), self.clock)
        keeper = replace(keeper, credit_days=replace(keeper.credit_days, days=days))
        with closing(KeeperHandler(keeper)) as handler:
            return handler({"anything": "at all"}, InvocationContext(seconds))

    def give_credentials(self, tenant: str, upstream: str, secret: Mapping[str, str] | str | None = None) -> None:
        """Put a secret, the simulator's own unless another is given."""
        own = self.rde.secret if upstream == "rde" else self.openmarket.secret
        self.aws.put_secret(f"{self.environ['SECRET_PREFIX']}/{tenant}/{upstream}", own if secret is None else secret)

    def reports(self, days: int = 100, **variables: Any) -> dict[str, Any]:
        """The reports of the last `days` days, as a new process lists them."""
        frontend = Frontend(self.environ, self.clock)
        with closing(frontend.handler):
            period = {"from": str(self.today - days * DAY), "to": str(self.today)}
            listed: dict[str, Any] = frontend.data(REPORTS_WITH_FILES, period | variables)["reports"]
        return listed

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data that a new process answers; `$f` and `$t` are the last five days unless they are given."""
        period = {"f": rfc3339(self.clock() - 5 * DAY), "t": rfc3339(self.clock())}
        frontend = Frontend(self.environ, self.clock)
        with closing(frontend.handler):
            return frontend.data(query, period | variables)

    def lake_days(self, brand: str = "__all__") -> list[str]:
        """The days whose rows lie in the lake."""
        keys = self.keys(f"credit-log/tenant=default/brand={brand}/")
        return [key.split("/day=")[1][:10] for key in keys if key.endswith("/rows.csv.gz")]

    def tags(self, bucket: str, prefix: str = "") -> dict[str, str]:
        """Each key in a bucket with its ETag."""
        pages = self.aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {item["Key"]: item["ETag"] for page in pages for item in page.get("Contents", [])}

    def keys(self, prefix: str = "") -> list[str]:
        """The keys in the deployment's bucket, in order."""
        return list(self.tags(self.environ["LEDGER_BUCKET"], prefix))

    def read(self, key: str, bucket: str | None = None) -> bytes:
        """An object's content, from the deployment's bucket unless another is named."""
        stored = self.aws.client("s3").get_object(Bucket=bucket or self.environ["LEDGER_BUCKET"], Key=key)
        body: bytes = stored["Body"].read()
        return body

    def put(self, key: str, body: bytes = b"") -> None:
        self.aws.client("s3").put_object(Bucket=self.environ["LEDGER_BUCKET"], Key=key, Body=body)

    def records(self, tenant: str = "default") -> list[dict[str, Any]]:
        """The archive's records, in the order of their keys."""
        return [json.loads(self.read(key)) for key in self.keys(f"archive/tenant={tenant}/reports/")]

    def unfinished_uploads(self) -> list[str]:
        listed = self.aws.client("s3").list_multipart_uploads(Bucket=self.environ["LEDGER_BUCKET"])
        return [upload["Key"] for upload in listed.get("Uploads") or []]

    def downloads(self) -> int:
        """How many requests there were for report files."""
        return sum(request.path.startswith("/rdecontainer/") for request in self.rde.requests)
