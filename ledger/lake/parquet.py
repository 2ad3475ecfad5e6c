"""Rows as a Parquet file that Athena, Trino, Spark, DuckDB, pyarrow and polars read alike, written in flat memory.

Rows come in batches and leave in row groups, so only one row group is in memory. Values are exact or refused: nothing
is rounded, cut or silently turned into null. Types and encodings are those that every reader knows: no unsigned
integers (Athena has none), timestamps in milliseconds (seconds are a plain number in Parquet), and dictionaries.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from arro3.core import Array, DataType, RecordBatch, Schema

ROW_GROUP = 131_072
"""Rows of a row group: what is in memory, and the smallest piece that a reader can skip."""
COMPRESSION = "zstd(3)"
MAX_PRECISION = 38
"""The most digits of a decimal, in Athena as in the others."""

_PANIC = "PanicException"
"""What the writer raises where its last write fails: of a class that cannot be imported, and no `Exception`."""

type Value = str | int | Decimal | date | datetime | None
type Row = Sequence[Value]


class ColumnKind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    TIMESTAMP = "timestamp"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type; `precision` and `scale` (all digits, and those after the point) are a decimal's."""

    kind: ColumnKind
    precision: int = 0
    scale: int = 0


TEXT = ColumnType(ColumnKind.TEXT)
INTEGER = ColumnType(ColumnKind.INTEGER)
"""Signed, 64 bits."""
TIMESTAMP = ColumnType(ColumnKind.TIMESTAMP)
"""An instant in milliseconds, UTC."""
DATE = ColumnType(ColumnKind.DATE)


def decimal(precision: int, scale: int) -> ColumnType:
    """An exact number of at most `precision` digits, `scale` of them after the point."""
    if not 0 <= scale <= precision <= MAX_PRECISION or not precision:
        raise ValueError(f"a decimal cannot have {precision} digits with {scale} after the point")
    return ColumnType(ColumnKind.DECIMAL, precision, scale)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `distinct` says that few values repeat: a dictionary of them would only cost space."""

    name: str
    type: ColumnType
    distinct: bool = False


class ValueDoesNotFit(Exception):
    """A value that its column's type cannot hold exactly."""


class FileNotWritten(Exception):
    """The file took no more, for instance since its disk is full."""


def write_parquet(
    file: IO[bytes],
    columns: Sequence[Column],
    batches: Iterable[Sequence[Row]],
    *,
    row_group: int = ROW_GROUP,
    compression: str = COMPRESSION,
) -> int:
    """Write rows to a binary file that can be written; the result is their number.

    A row is a value for each column; None is null. A decimal and an instant may also come as text, such as "25.5000"
    and "2026-11-20T00:01:53Z". An instant's zone is UTC.

    Raises:
        ValueDoesNotFit: a value is not of its column's type, or is not exact in it.
        FileNotWritten: the writer gave up.
        Exception: whatever `batches` raises, unchanged.
    """
    from arro3.core import RecordBatchReader
    from arro3.io import write_parquet as write

    source = _Source(columns, batches)
    try:
        write(
            RecordBatchReader.from_batches(source.schema, source.record_batches()),
            file,
            compression=compression,
            column_dictionary_enabled={column.name: not column.distinct for column in columns},
            max_row_group_size=row_group,
            skip_arrow_metadata=True,  # a reader takes the types from Parquet itself
        )
    except Exception:
        if source.failure is not None:
            raise source.failure from None  # the writer has turned it into an exception of its own
        raise
    except BaseException as panic:
        if type(panic).__name__ == _PANIC:
            raise FileNotWritten from None
        raise
    return source.rows


class _Source:
    """The batches on their way to the writer, which pulls them and hides their exceptions."""

    def __init__(self, columns: Sequence[Column], batches: Iterable[Sequence[Row]]) -> None:
        self._columns = columns
        self._batches = batches
        self.schema = _schema(columns)
        self.rows = 0
        self.failure: Exception | None = None

    def record_batches(self) -> Iterator["RecordBatch"]:
        from arro3.core import RecordBatch

        try:
            for batch in self._batches:
                if batch:
                    values = zip(*batch, strict=True)
                    arrays = [_array(column, cells) for column, cells in zip(self._columns, values, strict=True)]
                    self.rows += len(batch)
                    yield RecordBatch.from_arrays(arrays, schema=self.schema)
        except Exception as failure:
            self.failure = failure
            raise


def _schema(columns: Sequence[Column]) -> "Schema":
    from arro3.core import Field, Schema

    return Schema([Field(column.name, _arrow_type(column.type), nullable=True) for column in columns])


def _arrow_type(of: ColumnType) -> "DataType":
    from arro3.core import DataType

    match of.kind:
        case ColumnKind.TEXT:
            return DataType.string()
        case ColumnKind.INTEGER:
            return DataType.int64()
        case ColumnKind.DECIMAL:
            return DataType.decimal128(of.precision, of.scale)
        case ColumnKind.TIMESTAMP:
            return DataType.timestamp("ms", tz="UTC")
        case ColumnKind.DATE:
            return DataType.date32()


def _array(column: Column, cells: Sequence[Any]) -> "Array":
    """A column's cells as an Arrow array. Types that Arrow cannot be given as Python's values are cast from text."""
    from arro3.core import Array, DataType

    try:
        match column.type.kind:
            case ColumnKind.DECIMAL:
                _check_decimals(column, cells)
                text = [None if cell is None else _plain(cell) for cell in cells]
            case ColumnKind.TIMESTAMP:
                text = [cell.isoformat() if isinstance(cell, datetime) else cell for cell in cells]
            case ColumnKind.DATE:
                text = [None if cell is None else cell.isoformat() for cell in cells]
            case _:
                return Array(cells, _arrow_type(column.type))
        array = Array(text, DataType.string()).cast(_arrow_type(column.type))
    except ValueDoesNotFit:
        raise
    except Exception as error:
        raise ValueDoesNotFit(f"column {column.name}: {type(error).__name__}") from error
    if array.null_count != text.count(None):  # what cannot be cast becomes null
        raise ValueDoesNotFit(f"column {column.name} has a value that is not of the type {column.type.kind}")
    return array


def _plain(cell: str | int | Decimal) -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else str(cell)


def _check_decimals(column: Column, cells: Sequence[str | int | Decimal | None]) -> None:
    """A cast would round what has too many digits after the point."""
    for cell in {cell for cell in cells if not isinstance(cell, int)}:
        if cell is not None and not fits(cell, column.type):
            raise ValueDoesNotFit(f"column {column.name} has a value with other digits than {column.type}")


def fits(value: str | Decimal, of: ColumnType) -> bool:
    """Whether a number, as a decimal or as its text, is exact in a decimal column.

    Raises:
        decimal.InvalidOperation: the text is not a number.
    """
    if isinstance(value, str) and value.isdecimal() and len(value) <= of.precision - of.scale:
        return True
    _, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        return False
    text = "".join(map(str, digits)).lstrip("0")
    ends = exponent + len(text) - len(text.rstrip("0"))  # where the last digit stands that is not 0
    return not text or (-ends <= of.scale and len(text) + exponent <= of.precision - of.scale)
