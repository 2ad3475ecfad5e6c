"""What a spreadsheet's number formats say about a number: that it is a date, or how many decimals it is shown with.

Builtin formats by number and format codes are those of ECMA-376, part 1, 18.8.30 and 18.8.31.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

DAY_SECONDS = 86_400
EPOCH_1900, EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - a spreadsheet has no zones
LAST_DAYS = {EPOCH_1900: 2_958_465, EPOCH_1904: 2_957_003}
"""Serial numbers of the last day of the year 9999."""
FIRST_REAL_DAY = 61
"""Serial numbers before it count a 29 February 1900 that never was."""
_BUILTIN = {
    **dict.fromkeys((2, 4, 7, 8, 39, 40, 43, 44), "0.00"),
    **dict.fromkeys((14, 15, 16, 17, *range(27, 32), 34, 35, 36, *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 46, 47), "hh:mm:ss"),
    22: "yyyy-mm-dd hh:mm",
}
_LITERAL = re.compile(r'"[^"]*"|[\\!_*].|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE)
"""Text, blanks, and what is in brackets (currencies, colours, conditions, numerals) but elapsed time."""
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_DATE, _TIME = (
    re.compile(r"[yd]|mmm|m/|/m|m-|-m|g+e|[bB][12]|e(?![+-])", re.IGNORECASE),
    re.compile(r"h|s|am/pm|a/p", re.IGNORECASE),
)
_FIXED = re.compile(r"0\.(0+)(?![0#?])")


class Shown(Enum):
    """What a number is shown as."""

    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    DATE_AND_TIME = "date and time"


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """One format; `decimals` is how many decimals a number has at least."""

    shown: Shown = Shown.NUMBER
    decimals: int = 0


GENERAL = NumberFormat()


def builtin_format(number: int) -> NumberFormat:
    """The format that has a number of its own."""
    return format_of(_BUILTIN.get(number, "General"))


def format_of(code: str) -> NumberFormat:
    """The format of a code."""
    positive = _LITERAL.sub("", code).partition(";")[0]
    if positive.strip().lower() in {"general", "@", ""}:
        return GENERAL
    elapsed = bool(_ELAPSED.search(positive))
    has_time = elapsed or bool(_TIME.search(positive))
    # After am/pm is gone, `m` alone means minutes beside hours and seconds, and months otherwise.
    rest = re.sub(r"am/pm|a/p", "", _ELAPSED.sub("", positive), flags=re.IGNORECASE)
    has_date = bool(_DATE.search(rest)) or ("m" in rest.lower() and not has_time)
    if has_date or has_time:
        return NumberFormat(Shown.DATE_AND_TIME if has_date and has_time else Shown.DATE if has_date else Shown.TIME)
    fixed = _FIXED.search(positive)
    return NumberFormat(decimals=len(fixed[1])) if fixed and not re.search(r"[%eE/]", positive) else GENERAL


def shown(value: float, as_: NumberFormat, epoch: datetime) -> str:
    """A number of a cell as text: the shortest that reads back, or a date in ISO 8601."""
    if as_.shown is Shown.NUMBER or abs(value) > LAST_DAYS[epoch]:
        return _number(value, as_.decimals)
    if as_.shown is Shown.TIME:
        return _time(value)
    if (moment := _moment(value, epoch)) is not None:
        whole_day = moment == datetime.combine(moment.date(), datetime.min.time())
        if as_.shown is Shown.DATE and whole_day:
            return moment.date().isoformat()
        return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return _number(value, as_.decimals)


def _number(value: float, decimals: int) -> str:
    text = format(Decimal(repr(value).removesuffix(".0")), "f") if value else "0"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if len(fraction) < decimals else text


def _moment(value: float, epoch: datetime) -> datetime | None:
    """The moment of a serial number, to the millisecond; None where there is none."""
    if value < 0 or (epoch == EPOCH_1900 and int(value) == FIRST_REAL_DAY - 1):
        return None
    start = epoch + timedelta(days=1) if epoch == EPOCH_1900 and value < FIRST_REAL_DAY else epoch
    milliseconds = round(value * DAY_SECONDS * 1000)
    return start + timedelta(milliseconds=milliseconds)


def _time(value: float) -> str:
    """Hours, minutes and seconds, to the millisecond; hours go on beyond a day."""
    seconds, milliseconds = divmod(round(abs(value) * DAY_SECONDS * 1000), 1000)
    sign = "-" if value < 0 else ""
    fraction = f".{milliseconds:03}" if milliseconds else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
