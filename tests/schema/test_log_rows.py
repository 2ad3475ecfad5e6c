"""A page's rows as JSON text: the same as its nodes written one by one."""

from datetime import UTC, datetime

import orjson
import pytest

from ledger.days.rows import Rows
from schema.resolvers.credits.log_rows import LogRows
from upstreams.openmarket.client import LogRow

MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)
NETWORKS = ("Vodafone", 'O"2', "back\\slash", "tab\t, nul\0, bell\a", "Ελλάς, 中国移动", "%s {0}")
FIELDS = (
    *("credit_id", "time", "msisdn", "network", "outcome", "raw_outcome", "amount", "currency", "id"),
    None,  # `__typename`
)
SELECTIONS = [
    FIELDS,
    FIELDS[::-1],
    ("amount",),
    (None,),
    (None, None),
    (None, "network", None),
    ("network", None, "currency"),
]


def rows_of(*networks: str) -> Rows:
    return Rows.of(
        LogRow(10 + number, MORNING, "447700900018", network, "Success", "2.50", "GBP")
        for number, network in enumerate(networks)
    )


def one_by_one(rows: LogRows, attributes: tuple[str | None, ...]) -> list[dict[str, object]]:
    return [{f"key{number}": _written(node, attribute) for number, attribute in enumerate(attributes)} for node in rows]


def _written(node: object, attribute: str | None) -> object:
    if attribute is None:
        return "CreditLogEntry"
    value = getattr(node, attribute)
    if isinstance(value, datetime):
        return "2026-11-20T08:00:00Z"
    return getattr(value, "name", str(value))


@pytest.mark.parametrize("attributes", SELECTIONS, ids=str)
@pytest.mark.parametrize("networks", [NETWORKS, NETWORKS[:1], ()], ids=["several", "one", "none"])
@pytest.mark.parametrize("unmasked", [True, False])
def test_the_text_is_that_of_the_nodes(
    attributes: tuple[str | None, ...], networks: tuple[str, ...], *, unmasked: bool
) -> None:
    rows = LogRows(rows_of(*networks), "Acme", unmasked=unmasked)
    text = rows.json([(f"key{number}", attribute) for number, attribute in enumerate(attributes)])
    assert orjson.loads(orjson.dumps(text)) == one_by_one(rows, attributes)
