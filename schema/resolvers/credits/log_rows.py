"""A page's rows for the response: typed values one by one, or JSON text for all rows at once.

Cells stay text from S3 to the response, so no row becomes an object: the cells, and what stands between them in JSON,
are joined once for the whole page. This needs cells that are safe inside a JSON string; where one of a column is not,
all of that column are escaped.
"""

from collections.abc import Iterator, Sequence
from typing import Self, overload

import orjson

from ledger.days.rows import AMOUNT, CREDIT_ID, CURRENCY, MSISDN, NETWORK, OUTCOME, RAW_OUTCOME, TIME, Credit, Rows
from ledger.figures.masking import masked
from runtime.clock import rfc3339
from schema.resolvers.relay import node_ids
from schema.resolvers.relay.json_rows import JsonRows

COLUMNS = {
    "credit_id": CREDIT_ID,
    "time": TIME,
    "msisdn": MSISDN,
    "network": NETWORK,
    "outcome": OUTCOME,
    "raw_outcome": RAW_OUTCOME,
    "amount": AMOUNT,
    "currency": CURRENCY,
}

NEVER_ESCAPED = frozenset({"credit_id", "time", "outcome"})
"""Digits, instants and our own words: reading a day refuses anything else in these columns."""

CELL = "\0"
"""Stands for a cell where a row is laid out."""

_CONTROLS = bytes(range(0x20))


class CreditNode(Credit):
    """One credit as the schema shows it; `brand` is the one that was asked for (None: all brands)."""

    brand: str | None

    @classmethod
    def of(cls, credit: Credit, brand: str | None) -> Self:
        """The node of a credit, whose phone number is masked already where it has to be."""
        node = cls(*credit)
        node.brand = brand
        return node

    @property
    def graphql_type(self) -> str:
        """The type behind the interface `Node`."""
        return "CreditLogEntry"

    @property
    def id(self) -> str:
        """The global id; `credits.credit_node` reads it."""
        return _node_id(rfc3339(self.time), str(self.credit_id), self.brand)


def _node_id(time: str, credit_id: str, brand: str | None) -> str:
    return node_ids.encode("CreditLogEntry", time, credit_id, brand)


class LogRows(JsonRows[CreditNode]):
    """Rows of one brand or of all, with phone numbers masked unless the caller may read them."""

    def __init__(self, rows: Rows, brand: str | None, *, unmasked: bool) -> None:
        self._rows = rows
        self._brand = brand
        self._unmasked = unmasked

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> CreditNode: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[CreditNode]: ...
    def __getitem__(self, index: int | slice) -> CreditNode | Sequence[CreditNode]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return self._node(self._rows.credit(range(len(self))[index]))

    def __iter__(self) -> Iterator[CreditNode]:
        return map(self._node, self._rows)

    def json(self, fields: Sequence[tuple[str, str | None]]) -> orjson.Fragment:
        """A JSON array of objects; each field is a response key and an attribute (None: `__typename`)."""
        written = ",".join(f'"{key}":"{"CreditLogEntry" if attribute is None else CELL}"' for key, attribute in fields)
        first, *others = f"{{{written}}}".split(CELL)
        columns = [self._column(attribute) for _, attribute in fields if attribute is not None]
        if not columns or not len(self):
            return orjson.Fragment(f"[{','.join([first] * len(self))}]")
        last, width = others[-1], 2 * len(columns)
        texts = [""] * (width * len(self))
        texts[::2] = [f"{last},{first}", *others[:-1]] * len(self)
        for index, column in enumerate(columns):
            texts[2 * index + 1 :: width] = column
        texts[0] = f"[{first}"
        texts.append(f"{last}]")
        return orjson.Fragment("".join(texts))

    def _column(self, attribute: str) -> Sequence[str]:
        if attribute == "id":
            times, ids = self._rows.column(TIME), self._rows.column(CREDIT_ID)
            return [_node_id(time, credit_id, self._brand) for time, credit_id in zip(times, ids, strict=True)]
        cells = self._rows.column(COLUMNS[attribute])
        if attribute == "msisdn" and not self._unmasked:
            cells = [masked(cell) for cell in cells]
        return cells if attribute in NEVER_ESCAPED or _safe(cells) else [_escaped(cell) for cell in cells]

    def _node(self, credit: Credit) -> CreditNode:
        shown = credit if self._unmasked else credit._replace(msisdn=masked(credit.msisdn))
        return CreditNode.of(shown, self._brand)


def _safe(cells: Sequence[str]) -> bool:
    """Whether no cell needs escaping inside a JSON string."""
    text = "".join(cells)
    if '"' in text or "\\" in text:
        return False
    encoded = text.encode()
    return len(encoded.translate(None, _CONTROLS)) == len(encoded)


def _escaped(cell: str) -> str:
    return orjson.dumps(cell)[1:-1].decode()
