"""What a spreadsheet makes of a cell: text that it would run as a formula is written so that it stays text.

The vendor's text may begin with `=` or another character that starts a formula, and such a formula can fetch addresses
and run programs. In CSV an apostrophe goes in front, which spreadsheets read as "text follows"; also in the middle of a
cell, behind what a spreadsheet may take for its end: in many countries that is a semicolon, and the quotation marks
around the cell do not count then. A phone number with a plus sign is a number to them and stays as it is.
"""

import re
from collections.abc import Sequence

from ledger.days.rows import CURRENCY, MSISDN, NETWORK, RAW_OUTCOME

VENDOR_TEXT = (MSISDN, NETWORK, RAW_OUTCOME, CURRENCY)
"""The columns in which the vendor may write anything; in the others every cell has been checked."""
_STARTS = r"[=+\-@\uff1d\uff0b\uff0d\uff20]"
"""The last four are the full-width forms, which some spreadsheets read as the first four."""
_AT_BEGINNING = rf"[\t\r\n]|[\s\ufeff]*{_STARTS}"
_STARTS_A_FORMULA = re.compile(_AT_BEGINNING)
_MAY_BE_A_FORMULA = re.compile(rf'(?:^|[;\t\r\n])(?:[\t\r\n]|[\s\ufeff"]*{_STARTS})')
"""For the cells of a row at once, one on each line."""
_BEFORE_A_FORMULA = re.compile(rf'^(?={_AT_BEGINNING})|(?<=[;\t\r\n])(?=[\s\ufeff"]*{_STARTS})')


def starts_a_formula(text: str) -> bool:
    """Whether a spreadsheet would read the text as a formula."""
    return _STARTS_A_FORMULA.match(text) is not None and not _is_a_number(text)


def neutralised(row: Sequence[str]) -> Sequence[str]:
    """A row of the log for CSV, with an apostrophe before each part of a cell that would be a formula."""
    if _MAY_BE_A_FORMULA.search("\n".join([row[column] for column in VENDOR_TEXT])) is None:
        return row
    return [_neutralised(cell) if column in VENDOR_TEXT else cell for column, cell in enumerate(row)]


def _neutralised(cell: str) -> str:
    return cell if _is_a_number(cell) else _BEFORE_A_FORMULA.sub("'", cell)


def _is_a_number(text: str) -> bool:
    return text[:1] == "+" and text[1:].isdecimal()
