"""A file of embeddings with the columns that come with it: arrays, CSV or parquet, read alike by all who take one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError, unknown
from aiakit.storage.arrays import StoredArray, read_arrays
from aiakit.storage.faiss import FAISS, read_faiss
from aiakit.storage.hdf5 import HDF5, read_hdf5
from aiakit.storage.parquet import read_parquet
from aiakit.storage.tables import Table, read_csv
from aiakit.storage.text import as_text
from aiakit.storage.torchfile import TORCH, read_tensors

READERS: dict[tuple[str, ...], Callable[[Path], dict[str, StoredArray]]] = {
    (".npz", ".npy", ".safetensors"): read_arrays,
    HDF5: read_hdf5,
    FAISS: read_faiss,
    TORCH: read_tensors,
}
ARRAYS = tuple(ending for endings in READERS for ending in endings)
TABLES = (".csv", ".tsv", ".txt", ".parquet")
LARGEST_CSV = 512 << 20  # bytes: text costs ten times its size in memory while it is parsed
MOST_CLASSES = 50  # columns of an array that holds one-hot labels
Columns = dict[str, list[str]]
NUMBERED = re.compile(r"(.*?)[\s_.\-\[(]*(\d{1,18})[\])]?", re.ASCII)
LIST = re.compile(r"[\[({](.*)[\])}]", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """N rows as they were found.

    values : (N, D) numbers, or uint8 (N, H, W, 3) pictures. columns : name → N cells. texts : the columns of texts.
    key : the column that names a row where there is one ("file" of a folder). notes : one line each.
    unread : name → what messages call it, of the arrays that hold Python objects and so were not read.
    """

    name: str
    values: NDArray[Any]
    columns: Columns
    texts: tuple[str, ...] = ()
    key: str = ""
    notes: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


def read_embeddings(path: Path, key: str | None = None, option: str = "--embedding-key") -> Source:
    """Read a file by its ending, in capitals or not; ``FILE.h5:NAME`` is the data set of that name in it.

    key : the array of an .npz or .safetensors file, or the column of lists or the prefix of numbered columns of a
    table. option : what messages call it.

    Raises
    ------
    InputError : unreadable, damaged, empty, without embeddings, or with several of which none was named.
    """
    path, inside = named_inside(path)
    key = inside or key
    if not path.is_file():
        raise InputError(f"there is no file or folder {path}")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty")
    suffix = path.suffix.lower()
    for endings, read in READERS.items():
        if suffix in endings:
            return _from_arrays(path, read(path), key, option)
    if suffix == ".parquet":
        return _from_table(path, read_parquet(path), key, option)
    if suffix in TABLES:
        if path.stat().st_size > LARGEST_CSV:
            raise InputError(f"{path} has more than {LARGEST_CSV:,} bytes: convert it to .npz or .parquet")
        table = read_csv(path)
        lines = [line for line, _ in table.rows]
        cells = {name: [row[place] for _, row in table.rows] for place, name in enumerate(table.columns)}
        return _from_table(path, cells, key, option, table.notes, lines)
    raise InputError(f"{path}: unknown ending; give {', '.join(ARRAYS + TABLES)} or a folder of pictures")


def named_inside(path: Path) -> tuple[Path, str]:
    """The file of ``FILE.h5:NAME``, and NAME; of any other path itself, and nothing."""
    file, colon, inside = str(path).rpartition(":")
    if colon and Path(file).suffix.lower() in HDF5 and not path.exists():
        return Path(file), inside.strip("/")
    return path, ""


def holds_rows(path: Path) -> bool:
    """Whether it is a file that ``read_embeddings`` reads, by its ending."""
    return named_inside(path)[0].suffix.lower() in ARRAYS + TABLES


def read_table(path: Path) -> Table:
    """A file of columns without embeddings as a table of texts: CSV, parquet, or arrays of one axis.

    Raises InputError where it cannot be read, or holds columns of different lengths.
    """
    suffix = path.suffix.lower()
    if not path.is_file() or suffix not in (".parquet", *ARRAYS):
        return read_csv(path)
    if suffix == ".parquet":
        found: dict[str, Any] = {name: cells for name, cells in read_parquet(path).items() if not _holds_list(cells)}
    else:
        read = next(read for endings, read in READERS.items() if suffix in endings)
        flat = {name: array for name, array in read(path).items() if len(array.shape) == 1 and array.is_plain}
        found = {name: array.load() for name, array in flat.items()}
    columns = {name: as_text(cells) for name, cells in found.items()}
    if len({len(cells) for cells in columns.values()}) != 1:
        held = ", ".join(f"{name} ({len(cells)})" for name, cells in columns.items()) or "none"
        raise InputError(f"{path} must hold columns of one length, one cell a row, and has {held}")
    rows = tuple(enumerate(zip(*columns.values(), strict=True), 1))
    return Table(path, tuple(columns), rows)


def _from_arrays(path: Path, arrays: dict[str, StoredArray], key: str | None, option: str) -> Source:
    if key is not None and key not in arrays:
        raise unknown(f"array for {option}", key, sorted(arrays), f" of {path}")
    key = key or _embedding_array(path, arrays, option)
    values = arrays[key].load()
    if sum(length > 1 for length in values.shape[1:]) == 1 and values.ndim > 2:
        values = values.reshape(len(values), -1)  # such as the (N, D, 1, 1) of a pooling layer
    columns, texts, notes = dict[str, list[str]](), [], list[str]()
    for name, array in arrays.items():
        if name == key or not array.is_plain or array.shape[:1] != values.shape[:1]:
            continue
        if len(array.shape) == 1 or array.shape[1:] == (1,):
            columns[name] = as_text(array.load())
            texts += [name] if array.dtype.kind in "US" else []
        elif _is_one_hot(array):
            columns[name] = as_text(array.load().argmax(axis=1))
            notes.append(f"{name} holds a row of zeros and a one for each sample, and was read as the place of the one")
    unread = {name: array.where for name, array in arrays.items() if array.dtype.hasobject}
    notes += [f"{where} holds Python objects and was not read" for where in unread.values()]
    return Source(path.name, values, columns, tuple(texts), notes=tuple(notes), unread=unread)


def _embedding_array(path: Path, arrays: dict[str, StoredArray], option: str) -> str:
    """The only array that can be the embeddings: not a column, nor labels in rows of zeros and a one."""
    candidates = [name for name, array in arrays.items() if len(array.shape) > 1 and array.dtype.kind in "biuf"]
    wide = [name for name in candidates if arrays[name].shape[1:] != (1,)] or candidates
    if len(wide) > 1:
        wide = [name for name in wide if not _is_one_hot(arrays[name])] or wide
    wide = wide or list(arrays)
    if len(wide) != 1:
        held = ", ".join(f"{name} {arrays[name].shape}" for name in wide) or "nothing"
        raise InputError(f"{path}: which array holds the embeddings? Choose with {option}; it holds {held}")
    return wide[0]


def _is_one_hot(array: StoredArray) -> bool:
    """Whether each row holds zeros and a single one."""
    if len(array.shape) != 2 or not 2 <= array.shape[1] <= MOST_CLASSES or array.dtype.kind not in "biuf":
        return False
    values = array.load()
    return bool(np.isin(values, (0, 1)).all() and (values.sum(axis=1) == 1).all())


def _from_table(
    path: Path,
    cells: dict[str, Any],
    key: str | None,
    option: str,
    notes: tuple[str, ...] = (),
    lines: Sequence[int] = (),
) -> Source:
    """cells : name → N texts, numbers, or (of parquet) lists. lines : where each row is in a text file."""
    names = _embedding_columns(path, cells, key, option)
    values = (
        _one_list(path, cells[names[0]], names[0], lines)
        if _holds_list(cells[names[0]])
        else _numbers(path, cells, names, lines)
    )
    try:
        columns = {
            name: as_text(column)
            for name, column in cells.items()
            if name not in set(names) and not (len(column) and isinstance(column[0], list | tuple | np.ndarray))
        }
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} has a column that is no text or number ({reason}): leave it out") from None
    texts = tuple(name for name, column in columns.items() if not all(_is_number(cell) for cell in column if cell))
    return Source(path.name, values, columns, texts, notes=(*notes, *_gaps(names)))


def _embedding_columns(path: Path, cells: dict[str, Any], key: str | None, option: str) -> list[str]:
    """The column of lists, or the numbered columns in the order of their numbers, that hold the embeddings."""
    groups = {
        stem: names
        for stem, names in numbered(list(cells)).items()
        if any(map(_begins_with_number, (cells[name] for name in names)))
    }
    lists = [name for name, column in cells.items() if _holds_list(column)]
    if key is not None:
        if key in lists:
            return [key]
        found = groups.get(_stem(key), [key] if key in cells else [])
        if not found:
            known = [*lists, *(names[0].rstrip("0123456789") for names in groups.values())]
            raise unknown(f"prefix of embedding columns for {option}", key, sorted(known), f" of {path}")
        return found
    several = {stem: names for stem, names in groups.items() if len(names) > 1} or groups
    if len(lists) + len(several) > 1:
        held = [*lists, *(f"{names[0]} to {names[-1]} ({len(names)})" for names in several.values())]
        raise InputError(
            f"{path}: which columns hold the embeddings? Choose a column of lists, or the prefix of numbered columns, "
            f"with {option}; it holds {', '.join(held)}"
        )
    if not lists and not several:
        raise InputError(f"{path} has no columns of numbers such as e0, e1, …: name their prefix with {option}")
    return lists or next(iter(several.values()))


def numbered(names: Sequence[str]) -> dict[str, list[str]]:
    """Prefix without capitals and separators → its columns e0, e_1, E[2] …, in the order of their numbers."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        found = NUMBERED.fullmatch(name)
        if found:
            groups.setdefault(_stem(found[1]), []).append((int(found[2]), name))
    for members in groups.values():
        members.sort()
        for (number, name), (following, other) in pairwise(members):
            if number == following:
                raise InputError(f"the columns {name} and {other} have one number: rename one")
    return {stem: [name for _, name in members] for stem, members in groups.items()}


def _stem(text: str) -> str:
    return text.casefold().rstrip(" _.-[(")


def _gaps(names: Sequence[str]) -> tuple[str, ...]:
    """A note where numbers are missing among numbered columns."""
    numbers = [int(found[2]) for name in names if (found := NUMBERED.fullmatch(name))]
    missing = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    return (f"{missing} of the columns {names[0]} to {names[-1]} are not there",) if missing else ()


def _is_number(cell: Any) -> bool:
    try:
        _number(cell)
    except (ValueError, TypeError):
        return False
    return True


def _number(cell: Any) -> float:
    """A cell as a number; with a decimal comma where it is written so. None is NaN."""
    if not isinstance(cell, str):
        return float("nan") if cell is None else float(cell)
    if "_" in cell:
        raise ValueError(f"could not convert string to float: {cell!r}")
    return float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)


def _begins_with_number(column: Any) -> bool:
    return len(column) > 0 and (column[0] in ("", None) or _is_number(column[0]))


def _holds_list(column: Any) -> bool:
    """Whether a column holds lists of numbers, as lists or as texts such as ``[0.1, -0.2]``."""
    first = next((cell for cell in column if cell is not None and not (isinstance(cell, str) and not cell)), None)
    try:
        return first is not None and not isinstance(first, bytes) and len(_items(first)) > 0
    except (ValueError, TypeError):
        return False


def _items(cell: Any) -> list[float]:
    """The numbers of a list. Raises ValueError or TypeError for what is none."""
    if isinstance(cell, str):
        found = LIST.fullmatch(cell.strip())
        if not found:
            raise ValueError("it is no list")
        if "..." in found[1]:
            raise ValueError("it was shortened with ... when it was printed")
        return [float(word) for word in found[1].replace(",", " ").split() if "_" not in word or float("x")]
    return [_number(item) for item in cell]


def _one_list(path: Path, column: Any, name: str, lines: Sequence[int]) -> NDArray[Any]:
    rows = []
    for at, cell in enumerate(column):
        try:
            rows.append(_items(cell))
        except (ValueError, TypeError) as error:
            raise InputError(f"{_place(path, at, lines)}: {name} is no list of numbers ({error})") from None
        if len(rows[-1]) != len(rows[0]):
            raise InputError(
                f"{_place(path, at, lines)}: {name} must hold numbers, the same number of them in every row, and has "
                f"{len(rows[-1])} for {len(rows[0])}"
            )
    return np.array(rows, np.float64)


def _numbers(path: Path, cells: dict[str, Any], names: Sequence[str], lines: Sequence[int]) -> NDArray[Any]:
    columns = [cells[name] for name in names]
    values = np.empty((len(columns[0]), len(columns)))
    for place, column in enumerate(columns):
        try:
            values[:, place] = [_number(cell) for cell in column]
        except (ValueError, TypeError):
            at, cell = next((at, cell) for at, cell in enumerate(column) if not _is_number(cell))
            where = f"{_place(path, at, lines)} has an embedding column that is no number"
            raise InputError(f"{where} ({names[place]} is {cell!r:.60})") from None
    return values


def _place(path: Path, row: int, lines: Sequence[int]) -> str:
    return f"{path}:{lines[row]}" if lines else f"{path}, row {row}"
