"""Which lists are written by columns, and what happens to those that cannot be."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLSchema, execute_sync, parse

from schema.execution.bound_schema import bound_schema
from schema.execution.list_executor import ListExecutor
from schema.resolvers.relay.node_lists import NodeList
from upstreams.openmarket.rows import CreditState

SCHEMA = bound_schema()
NOON = datetime(2019, 11, 5, 12, tzinfo=UTC)


class CountingExecutor(ListExecutor):
    """Counts the items that graphql-core completes one by one."""

    one_by_one = 0

    def complete_list_item_value(self, *args: Any) -> bool:
        CountingExecutor.one_by_one += 1
        return super().complete_list_item_value(*args)


@dataclass
class BucketLine:
    day: date | None = date(2019, 11, 5)
    hour: datetime | None = NOON
    network: str | None = "O2"
    outcome: Enum | None = CreditState.SUCCESS
    currency: str | None = "GBP"
    count: Any = 3
    amount: Any = Decimal("1E+1")


@dataclass
class Page:
    """Stands for a page of the log; its summary is what a test gives it."""

    buckets: Sequence[Any]

    def summary(self, **arguments: object) -> Sequence[Any]:
        assert arguments["by"] == ["DAY"]
        return self.buckets


def summary_of(
    buckets: Sequence[Any], selection: str, executor: type[ListExecutor] = CountingExecutor
) -> ExecutionResult:
    """The summary's list, completed on a schema whose root gives a page at once."""
    schema = page_schema()
    CountingExecutor.one_by_one = 0
    period = 'from: "2019-11-05T00:00:00Z", to: "2019-11-06T00:00:00Z"'
    document = parse(f"{{ creditLog({period}) {{ summary(by: [DAY]) {{ {selection} }} }} }}")
    root = {"page": Page(buckets)}
    return execute_sync(schema, document, root, executor_class=executor)


def page_schema() -> GraphQLSchema:
    schema = bound_schema.__wrapped__()  # one of its own, since a resolver is replaced
    assert schema.query_type is not None
    schema.query_type.fields["creditLog"].resolve = lambda root, _info, **_: root["page"]
    return schema


EVERY = "day hour network outcome currency count amount"


def test_plain_objects_are_written_by_columns() -> None:
    result = summary_of(
        [BucketLine(), BucketLine(day=None, network=None, outcome=None)], f"{EVERY} __typename again: count"
    )
    assert CountingExecutor.one_by_one == 0
    assert result.errors is None
    assert result.data is not None
    first, second = result.data["creditLog"]["summary"]
    assert first == {
        "day": date(2019, 11, 5), "hour": NOON, "network": "O2", "outcome": "SUCCESS", "currency": "GBP", "count": 3,
        "amount": "10", "__typename": "CreditLogBucket", "again": 3,
    }  # fmt: skip
    assert (second["day"], second["network"], second["outcome"]) == (None, None, None)
    assert list(first) == [*EVERY.split(), "__typename", "again"]


@pytest.mark.parametrize(
    "odd",
    [
        BucketLine(currency=None),
        BucketLine(count=2**31),
        BucketLine(count=True),
        BucketLine(count="3"),
        BucketLine(amount=1.5),
        "no bucket",
    ],
    ids=str,
)
def test_a_value_that_is_not_of_its_type_is_graphql_core_s_to_complete_or_refuse(odd: object) -> None:
    ours = summary_of([BucketLine(), odd], "currency count amount")
    assert CountingExecutor.one_by_one > 0
    assert str(ours) == str(summary_of([BucketLine(), odd], "currency count amount", ItemByItem))


class ItemByItem(ListExecutor):
    """graphql-core's own way."""

    def complete_list_value(self, *args: Any) -> Any:
        return super(ListExecutor, self).complete_list_value(*args)


def test_an_empty_list_is_empty() -> None:
    result = summary_of([], EVERY)
    assert result.data == {"creditLog": {"summary": []}}


class Lines(NodeList[BucketLine]):
    """Nodes whose network is their own; everything else is their source's."""

    def __init__(self, sources: Sequence[BucketLine]) -> None:
        self.sources = sources
        self.made = 0

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: Any) -> Any:
        self.made += 1
        return replace(self.sources[index], network="the node's")

    def plain(self, attributes: Collection[str]) -> Sequence[object]:
        return list(self) if "network" in attributes else self.sources


def test_nodes_are_made_only_for_what_their_sources_do_not_have() -> None:
    lines = Lines([BucketLine(), BucketLine(count=4)])
    result = summary_of(lines, "day count")
    assert result.data == {"creditLog": {"summary": [{"day": NOON.date(), "count": each} for each in (3, 4)]}}
    assert (CountingExecutor.one_by_one, lines.made) == (0, 0)
    result = summary_of(lines, "network count")
    assert result.data == {"creditLog": {"summary": [{"network": "the node's", "count": each} for each in (3, 4)]}}
    assert CountingExecutor.one_by_one == 0


def test_nodes_with_a_value_that_is_not_of_its_type_are_completed_one_by_one() -> None:
    result = summary_of(Lines([BucketLine(count="three")]), "network count")
    assert CountingExecutor.one_by_one == 1
    assert result.errors
