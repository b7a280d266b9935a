"""A file of embeddings, or a folder of protected pictures, with the columns that come with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import LoadSettings, no_progress
from aiakit.datasets.columns import Columns
from aiakit.datasets.parallel import usable_cores
from aiakit.datasets.photographs import EXTENSIONS, Photographs, images_in, person_folders
from aiakit.errors import InputError
from aiakit.plugins.suggest import unknown
from aiakit.storage.arrays import LARGEST_RATIO, LARGEST_UNPACKED, StoredArray, read_arrays
from aiakit.storage.cache import cache_folder
from aiakit.storage.tables import read_csv, whole_number
from aiakit.storage.text import as_text

ARRAYS = (".npz", ".npy", ".safetensors")
TABLES = (".csv", ".parquet")
CHUNK = 65_536  # rows of a parquet file that are read together
LARGEST_CSV = 512 << 20  # bytes: text costs ten times its size in memory while it is parsed


@dataclass(frozen=True)
class Source:
    """N rows as they were found.

    values : (N, D) numbers, or uint8 (N, H, W, 3) pictures. columns : name → N cells.
    key : the column that names a row where there is one ("file" of a folder). notes : one line each.
    """

    name: str
    values: NDArray[Any]
    columns: Columns
    key: str = ""
    notes: tuple[str, ...] = ()


def read_source(
    path: Path,
    key: str | None = None,
    image_size: int = 64,
    report: Callable[[str, int, int], None] = no_progress,
) -> Source:
    """Read a file by its ending, or a folder of pictures.

    key : the array of an .npz or .safetensors file, or the prefix of numbered columns of a table.

    Raises
    ------
    InputError : unreadable, damaged, empty, or without embeddings.
    """
    if path.is_dir():
        return _pictures(path, image_size, report)
    if not path.is_file():
        raise InputError(f"there is no file or folder {path}")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    if path.suffix in ARRAYS:
        return _from_arrays(path, read_arrays(path), key)
    if path.suffix == ".csv":
        return _from_csv(path, key)
    if path.suffix == ".parquet":
        return _from_parquet(path, key)
    raise InputError(f"{path}: unknown ending; give {', '.join(ARRAYS + TABLES)} or a folder of pictures")


def _from_arrays(path: Path, arrays: dict[str, StoredArray], key: str | None) -> Source:
    if key is None:
        candidates = [
            name for name, array in arrays.items() if len(array.shape) in (2, 4) and array.dtype.kind in "biuf"
        ]
        candidates = candidates or list(arrays)
        if len(candidates) != 1:
            held = ", ".join(f"{name} {arrays[name].shape}" for name in candidates) or "nothing"
            raise InputError(f"{path}: which array holds the embeddings? Choose with --embedding-key; it holds {held}")
        key = candidates[0]
    elif key not in arrays:
        raise unknown("array for --embedding-key", key, sorted(arrays), f" of {path}")
    values = arrays[key].load()
    columns = {
        name: as_text(array.load())
        for name, array in arrays.items()
        if name != key and array.shape == values.shape[:1] and array.is_plain
    }
    refused = [array for array in arrays.values() if array.dtype.hasobject]
    notes = tuple(f"{array.where} holds Python objects and was not read" for array in refused)
    return Source(path.name, values, columns, notes=notes)


def _from_csv(path: Path, key: str | None) -> Source:
    if path.stat().st_size > LARGEST_CSV:
        raise InputError(f"{path} has more than {LARGEST_CSV:,} bytes: convert it to .npz or .parquet")
    table = read_csv(path)
    names = numbered(table.columns, key, path)
    places = [table.columns.index(name) for name in names]
    values = np.empty((len(table.rows), len(places)))
    for row, (line, cells) in enumerate(table.rows):
        try:
            values[row] = [float(cells[place]) for place in places]
        except ValueError as error:
            raise InputError(f"{path}:{line} has an embedding column that is no number ({error})") from None
    columns = {
        name: [cells[place] for _, cells in table.rows]
        for place, name in enumerate(table.columns)
        if name not in set(names)
    }
    return Source(path.name, values, columns)


def _from_parquet(path: Path, key: str | None) -> Source:
    try:
        import pyarrow as pa
    except ImportError:
        raise InputError(f"reading {path} needs pyarrow: pip install 'aiakit[parquet]'") from None
    try:
        table = _read_moderately(path)
        lists = [
            each.name
            for each in table.schema
            if pa.types.is_list(each.type)
            or pa.types.is_large_list(each.type)
            or pa.types.is_fixed_size_list(each.type)
        ]
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is damaged or no parquet file ({reason}): get a whole copy") from None
    if key is None and len(lists) == 1:
        key = lists[0]
    names = [key] if key in lists else numbered(table.column_names, key, path)
    try:
        if key in lists:
            values = np.array(table[key].to_pylist(), np.float64)
        else:
            values = np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
    except (ValueError, TypeError, pa.ArrowException):
        raise InputError(f"{path}: {names[0]} must hold numbers, the same number of them in every row") from None
    try:
        columns = {
            name: as_text(np.array(_cells(table[name]), object))
            for name in table.column_names
            if name not in {*names, *lists}
        }
    except (ValueError, TypeError, LookupError, OverflowError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} has a column that is no text or number ({reason}): leave it out") from None
    return Source(path.name, values, columns)


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


def numbered(names: Sequence[str], key: str | None, path: Path) -> list[str]:
    """The columns e0, e1, … of one prefix, by number: the prefix ``key``, else the one with the most columns."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        stem = name.rstrip("0123456789")
        number = whole_number(name[len(stem) :])
        if number is not None:
            groups.setdefault(stem[:-1] if stem.endswith(("_", ".", "-")) else stem, []).append((number, name))
    if key is not None:
        wanted = groups.get(key.rstrip("_.-"), [(0, key)] if key in names else [])
        if not wanted:
            raise unknown("prefix of embedding columns for --embedding-key", key, sorted(groups), f" of {path}")
    else:
        wanted = max(groups.values(), key=len, default=[])
    if not wanted:
        raise InputError(f"{path} has no columns of numbers such as e0, e1, …: name their prefix with --embedding-key")
    return [name for _, name in sorted(wanted)]


def _pictures(root: Path, image_size: int, report: Callable[[str, int, int], None]) -> Source:
    """``ROOT/IMAGE.png`` or ``ROOT/PERSON/IMAGE.png``; the columns are file and, with folders of people, person."""
    people = person_folders(root)
    paths = images_in(root) + [image for person in people for image in images_in(person)]
    if not paths:
        raise InputError(f"{root} holds no pictures ({', '.join(EXTENSIONS)}), neither there nor in folders of people")
    files = [path.relative_to(root).as_posix() for path in paths]
    owners = {file: path.parent.name if path.parent != root else "" for file, path in zip(files, paths, strict=True)}
    settings = LoadSettings(image_size, cache_folder(), usable_cores(), report=report)
    faces = Photographs(root.name, files, paths, None, {}).face_set(settings)
    columns = {"file": list(faces.files)}
    if any(owners.values()):
        columns["person"] = [owners[file] for file in faces.files]
    return Source(root.name, faces.images, columns, "file", faces.notes)
