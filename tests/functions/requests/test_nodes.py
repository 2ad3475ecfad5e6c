"""Global ids: what a list gives, `node` finds again, for the same tenant, with the same scopes."""

from typing import Any

import pytest

from local.vendors.openmarket import OpenMarketSimulator
from schema.resolvers.relay.node_ids import decode, encode
from tests.support.api.frontend import EVERY_SCOPE, Frontend

PERIOD = 'from: "2019-11-12T00:00:00Z", to: "2019-11-13T00:00:00Z"'
FIELDS = "id creditId time msisdn network outcome rawOutcome amount currency"
NODE = f"query ($id: ID!) {{ node(id: $id) {{ __typename id ... on CreditLogEntry {{ {FIELDS} }} }} }}"


def credits_of(frontend: Frontend, brand: str = "") -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = frontend.data(f"{{ creditLog({PERIOD}{brand}) {{ nodes {{ {FIELDS} }} }} }}")[
        "creditLog"
    ]["nodes"]
    return nodes


@pytest.mark.parametrize("brand", ["", ', brand: "MyBrand"'])
def test_each_credit_of_a_page_is_found_again_by_its_id(frontend: Frontend, brand: str) -> None:
    page = credits_of(frontend, brand)
    assert len({row["id"] for row in page}) == len(page) > 10
    for row in page[:5]:
        assert frontend.data(NODE, {"id": row["id"]})["node"] == {"__typename": "CreditLogEntry", **row}


def test_a_credit_has_one_id_in_nodes_and_edges(frontend: Frontend) -> None:
    page = frontend.data(f"{{ creditLog({PERIOD}) {{ nodes {{ id }} edges {{ node {{ id }} }} }} }}")["creditLog"]
    assert [row["id"] for row in page["nodes"]] == [edge["node"]["id"] for edge in page["edges"]]


def test_a_credit_found_by_its_id_is_masked_without_the_scope(frontend: Frontend) -> None:
    row = credits_of(frontend)[0]
    found = frontend.data(NODE, {"id": row["id"]}, scope="credits:read")["node"]
    assert found["msisdn"] != row["msisdn"]
    assert "****" in found["msisdn"]


def test_the_scope_is_that_of_the_object(frontend: Frontend, openmarket_simulator: OpenMarketSimulator) -> None:
    some = encode("CreditLogEntry", "2019-11-12T00:00:00Z", "1", None)
    others = " ".join(set(EVERY_SCOPE.split()) - {"credits:read"})
    assert frontend.ask(NODE, {"id": some}, scope=others).codes == ["FORBIDDEN"]
    assert openmarket_simulator.requests == []


def test_a_credit_that_is_not_there_is_null(frontend: Frontend) -> None:
    row = credits_of(frontend)[0]
    kind, time, credit_id, brand = decode(row["id"])
    assert kind is not None
    for other in ((time, str(int(credit_id or "0") + 1), brand), ("2019-11-12T00:00:00.5Z", credit_id, brand)):
        assert frontend.data(NODE, {"id": encode(kind, *other)})["node"] is None


@pytest.mark.parametrize(
    "node_id",
    [
        "",
        "x",
        "447700900001",
        encode("Nothing", "1"),
        encode("CreditLogEntry"),
        encode("CreditLogEntry", "2019-11-12T00:00:00Z", "1"),
        encode("CreditLogEntry", "yesterday", "1", None),
        encode("CreditLogEntry", "9999-12-31T23:59:59Z", "1", None),
        encode("CreditLogEntry", "2019-11-12T00:00:00Z", "-1", None),
        encode("CreditLogEntry", "2019-11-12T00:00:00Z", str(2**64), None),
        encode("CreditLogEntry", "2019-11-12T00:00:00Z", "1", "a/b"),
        encode("Report", ".", "", ""),
        encode("Report", "..", "", ""),
        encode("Report", None, "9999-12-31", "0" * 32),
        encode("Report", None, "20191105", "0" * 32),
    ],
)
def test_an_id_that_is_not_ours_is_bad_input(node_id: str, frontend: Frontend) -> None:
    assert frontend.ask(NODE, {"id": node_id}).codes == ["BAD_USER_INPUT"]
