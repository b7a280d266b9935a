"""Parquet files, read within bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiakit.errors import InputError
from aiakit.storage.arrays import LARGEST_RATIO, LARGEST_UNPACKED

CHUNK = 65_536  # rows that are read together


def read_parquet(path: Path) -> dict[str, list[Any]]:
    """Column → its N cells as Python values, lists among them.

    Raises InputError for a damaged file, one that unpacks to very much more than it holds, or without pyarrow.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise InputError(f"reading {path} needs pyarrow: pip install 'aiakit[parquet]'") from None
    try:
        table = _read_moderately(path)
        return {name: _cells(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is damaged or no parquet file ({reason}): get a whole copy") from None


def _read_moderately(path: Path) -> Any:
    """The table of a parquet file, unless it takes very much more memory than the file.

    A billion equal rows are a few bytes. The sizes that a file states of its columns are not asked for: pyarrow ends
    the process where these are damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    most = max(LARGEST_UNPACKED, LARGEST_RATIO * path.stat().st_size)
    with parquet.ParquetFile(path) as found:
        schema, needed = found.schema_arrow, 8 * found.metadata.num_rows
    texts = [each.name for each in schema if pa.types.is_string(each.type) or pa.types.is_large_string(each.type)]
    parts: list[Any] = []
    with parquet.ParquetFile(path, read_dictionary=texts) as found:  # a long text that occurs often is kept once
        if needed <= most:
            needed = 0
            for part in found.iter_batches(CHUNK):
                parts.append(part)
                needed += part.nbytes
                if needed > most:
                    break
        if needed > most:
            raise InputError(f"{path} unpacks to more than {most:,} bytes, which is refused: write it unpacked")
        return pa.Table.from_batches(parts, found.schema_arrow)


def _cells(column: Any) -> list[Any]:
    """The cells of a column of a parquet table, each text of a dictionary made once."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        cells: list[Any] = column.to_pylist()
        return cells
    cells = []
    for chunk in column.chunks:
        words = chunk.dictionary.to_pylist()
        cells += [None if code is None else words[code] for code in chunk.indices.to_pylist()]
    return cells
