"""The textbook: Strawberry, starlette and Mangum, with every client made at import, as tutorials have it.

Where tutorials leave it open, it takes the quicker way: a listing is read from S3 once and then answered from memory,
rows come from the stored day through the csv module, and gzip is the only middleware.
"""

import csv
import gzip
import io
import json
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated

import boto3
import httpx
import strawberry
from mangum import Mangum
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from strawberry.asgi import GraphQL
from strawberry.schema.config import StrawberryConfig

BUCKET = os.environ["LEDGER_BUCKET"]
S3 = boto3.client("s3")
SECRETS = boto3.client("secretsmanager")
HTTP = httpx.AsyncClient(timeout=20)


def in_utc(moment: datetime) -> str:
    """An instant in UTC with Z, as Tally writes it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = strawberry.scalar(name="DateTime", serialize=in_utc, parse_value=datetime.fromisoformat)


class Moment:
    """The GraphQL scalar behind `Instant`."""


ReportFormat = strawberry.enum(Enum("ReportFormat", ["JSON", "XML", "CSV", "XLSX"]))
CreditState = strawberry.enum(Enum("CreditState", ["SUCCESS", "FAILED", "PENDING", "UNKNOWN"]))


@strawberry.type
class Report:
    name: str
    format: ReportFormat
    creation_date: Moment
    download_url: str | None


@strawberry.type
class ReportConnection:
    nodes: list[Report]


@strawberry.type
class CreditLogEntry:
    credit_id: strawberry.ID
    time: Moment
    msisdn: str
    network: str
    outcome: CreditState
    amount: Decimal
    currency: str


@strawberry.type
class CreditLogConnection:
    nodes: list[CreditLogEntry]


@strawberry.input
class CreditLogFilter:
    network: list[str] | None = None


def stored(key: str) -> bytes:
    """One object of the bucket."""
    return S3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


@cache
def listing(first: date, last: date) -> list[Report]:
    """A stored listing, read once."""
    nodes = json.loads(stored(f"reports/{first}_{last}.json"))["nodes"]
    return [
        Report(
            name=one["name"],
            format=ReportFormat[one["format"]],
            creation_date=datetime.fromisoformat(one["creationDate"]),
            download_url=one["downloadUrl"],
        )
        for one in nodes
    ]


def day_rows(day: date) -> list[CreditLogEntry]:
    """A stored day's rows."""
    text = gzip.decompress(stored(f"credit-log/tenant=default/brand=__all__/day={day}/rows.csv.gz")).decode()
    return [
        CreditLogEntry(
            credit_id=row["credit_id"],
            time=datetime.fromisoformat(row["time"]),
            msisdn=row["msisdn"],
            network=row["network"],
            outcome=CreditState[row["outcome"]],
            amount=Decimal(row["amount"]),
            currency=row["currency"],
        )
        for row in csv.DictReader(io.StringIO(text, newline=""))
    ]


@strawberry.type
class Query:
    @strawberry.field
    async def reports(
        self,
        first_day: Annotated[date, strawberry.argument(name="from")],
        last_day: Annotated[date, strawberry.argument(name="to")],
        first: int = 100,
    ) -> ReportConnection:
        return ReportConnection(nodes=listing(first_day, last_day)[:first])

    @strawberry.field
    async def credit_log(
        self,
        start: Annotated[Moment, strawberry.argument(name="from")],
        end: Annotated[Moment, strawberry.argument(name="to")],
        where: CreditLogFilter | None = None,
        first: int = 100,
    ) -> CreditLogConnection:
        days = [start.date() + timedelta(days=n) for n in range((end - start).days)]
        rows = [row for day in days for row in day_rows(day)]
        if where is not None and where.network is not None:
            rows = [row for row in rows if row.network in where.network]
        return CreditLogConnection(nodes=rows[:first])


schema = strawberry.Schema(Query, config=StrawberryConfig(scalar_map={Moment: Instant}))
schema_app = GraphQL(schema, graphql_ide=None)
app = Starlette(middleware=[Middleware(GZipMiddleware, minimum_size=1024, compresslevel=6)])
app.add_route("/graphql", schema_app)
handler = Mangum(app, lifespan="off")
