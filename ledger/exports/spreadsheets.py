"""What a spreadsheet makes of a cell: text that it would run as a formula is written so that it stays text.

The vendor's text may begin with `=` or another character that starts a formula, and such a formula can fetch addresses
and run programs. In CSV an apostrophe goes in front, which spreadsheets read as "text follows". A phone number with a
plus sign is a number to them and stays as it is.
"""

from collections.abc import Sequence

from ledger.days.rows import CURRENCY, MSISDN, NETWORK, RAW_OUTCOME

FORMULA_STARTS = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""The last four are the full-width forms, which some spreadsheets read as the first four."""
VENDOR_TEXT = (MSISDN, NETWORK, RAW_OUTCOME, CURRENCY)
"""The columns in which the vendor may write anything; in the others every cell has been checked."""


def starts_a_formula(text: str) -> bool:
    """Whether a spreadsheet would read the text as a formula."""
    return text[:1] in FORMULA_STARTS and not (text[0] == "+" and text[1:].isdecimal())


def neutralised(row: Sequence[str]) -> Sequence[str]:
    """A row of the log for CSV, with an apostrophe before each cell that would be a formula."""
    if not any(row[column][:1] in FORMULA_STARTS for column in VENDOR_TEXT):
        return row
    return [f"'{cell}" if column in VENDOR_TEXT and starts_a_formula(cell) else cell for column, cell in enumerate(row)]
