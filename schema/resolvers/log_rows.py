"""A page's rows for the response: typed values one by one, or JSON text for all rows at once.

Cells stay text from S3 to the response, so a page is written by one long template and no row becomes an object. This
needs cells that are safe inside a JSON string; where one of a column is not, all of that column are escaped.
"""

from collections.abc import Iterator, Sequence
from typing import overload

import orjson

from ledger.credits.masking import masked
from ledger.credits.rows import AMOUNT, CREDIT_ID, CURRENCY, MSISDN, NETWORK, OUTCOME, RAW_OUTCOME, TIME, Credit, Rows

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

_CONTROLS = bytes(range(0x20))


class LogRows(Sequence[Credit]):
    """Rows, with phone numbers masked unless the caller may read them."""

    def __init__(self, rows: Rows, *, unmasked: bool) -> None:
        self._rows = rows
        self._unmasked = unmasked

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Credit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Credit]: ...
    def __getitem__(self, index: int | slice) -> Credit | Sequence[Credit]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        return self._shown(self._rows.credit(range(len(self))[index]))

    def __iter__(self) -> Iterator[Credit]:
        return map(self._shown, self._rows)

    def json(self, fields: Sequence[tuple[str, str | None]]) -> orjson.Fragment:
        """A JSON array of objects; each field is a response key and an attribute (None: `__typename`)."""
        template = ",".join(f'"{key}":"{"CreditLogEntry" if attribute is None else "%s"}"' for key, attribute in fields)
        columns = [self._column(attribute) for _, attribute in fields if attribute is not None]
        cells = [""] * (len(self) * len(columns))
        for index, column in enumerate(columns):
            cells[index :: len(columns)] = column
        return orjson.Fragment(f"[{','.join([f'{{{template}}}'] * len(self)) % tuple(cells)}]".encode())

    def _column(self, attribute: str) -> Sequence[str]:
        cells = self._rows.column(COLUMNS[attribute])
        if attribute == "msisdn" and not self._unmasked:
            cells = [masked(cell) for cell in cells]
        return cells if attribute == "time" or _safe(cells) else [_escaped(cell) for cell in cells]

    def _shown(self, credit: Credit) -> Credit:
        return credit if self._unmasked else credit._replace(msisdn=masked(credit.msisdn))


def _safe(cells: Sequence[str]) -> bool:
    """Whether no cell needs escaping inside a JSON string."""
    text = "".join(cells)
    if '"' in text or "\\" in text:
        return False
    encoded = text.encode()
    return len(encoded.translate(None, _CONTROLS)) == len(encoded)


def _escaped(cell: str) -> str:
    return orjson.dumps(cell)[1:-1].decode()
