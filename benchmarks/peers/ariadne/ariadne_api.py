"""Ariadne, schema first: dictionaries as they came from REST, no AWS client."""

import json
import os
import urllib.request
from functools import cache

from ariadne import QueryType, make_executable_schema
from ariadne.asgi import GraphQL
from mangum import Mangum

SDL = """
scalar Date
scalar DateTime
enum ReportFormat { JSON XML CSV XLSX }
type Query { reports(from: Date!, to: Date!, first: Int = 100): ReportConnection }
type ReportConnection { nodes: [Report!]! }
type Report { name: String!  format: ReportFormat  creationDate: DateTime!  downloadUrl: String }
"""
query = QueryType()


@cache
def listing(first: str, last: str) -> list[dict[str, str]]:
    """A listing, read once."""
    with urllib.request.urlopen(f"{os.environ['REPORTS_URL']}/{first}_{last}.json") as answer:
        return json.load(answer)["nodes"]


@query.field("reports")
def reports(_root, _info, first, to, **rest):
    return {"nodes": listing(rest["from"], to)[:first]}


app = GraphQL(make_executable_schema(SDL, query))
handler = Mangum(app, lifespan="off")
