"""The lake in a bucket, as tools by others find it: every object whose name does not begin with an underscore."""

from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]


def visible(objects: Mapping[str, bytes], table: str = "credits") -> dict[str, bytes]:
    """The files of a table by key."""
    return {
        key: body
        for key, body in sorted(objects.items())
        if key.startswith(f"lake/{table}/") and not key.rpartition("/")[2].startswith("_")
    }


def rows_of(files: Iterable[bytes]) -> list[dict[str, Any]]:
    """All rows of some files, one after the other."""
    return [row for body in files for row in pyarrow.parquet.ParquetFile(BytesIO(body)).read().to_pylist()]


def save(objects: Mapping[str, bytes], folder: Path) -> None:
    """Write objects to the paths that their keys say; DuckDB's extension for S3 would have to be downloaded."""
    for key, body in objects.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
