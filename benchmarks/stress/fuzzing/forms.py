"""One release and its labels in the forms that people and programs write: read alike, noted, or refused; never misread.

Every row of the release says in its first number which row it is, so that a reader which puts another person or value
beside it is found out.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np

from aiakit.contracts import MISSING
from aiakit.datasets.columns import join_labels
from aiakit.datasets.samples import Samples, make_samples
from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from aiakit.storage.embeddings import Source
from aiakit.storage.text import cleaned

ROWS, EACH, DIMENSIONS = 40, 4, 4
RELEASE, LABELS = "release.csv", "labels.csv"
WIDE = str.maketrans({chr(0x21 + at): chr(0xFF01 + at) for at in range(94)})

Grid = list[list[str]]


class Misread(Exception):
    """A reader accepted a row and gave it what is another's."""


def build(folder: Path) -> None:
    """A release with the names of its pictures, and a table of labels with the same names."""
    values = np.random.default_rng(0).normal(size=(ROWS, DIMENSIONS)).round(3)
    values[:, 0] = np.arange(ROWS) + 0.25
    release = [["file", *(f"e{at}" for at in range(DIMENSIONS))]]
    release += [[f"p{row:02d}/é{row}.jpg", *map(str, values[row])] for row in range(ROWS)]
    labels = [["file", "person", "gender"]]
    labels += [[release[row + 1][0], str(10 + row // EACH), "mf"[row // EACH % 2]] for row in range(ROWS)]
    for name, grid in ((RELEASE, release), (LABELS, labels)):
        (folder / name).write_text(written(grid, ","), "utf-8")


def written(grid: Grid, mark: str, end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=mark, lineterminator=end).writerows(grid)
    return text.getvalue()


KEYS: tuple[Callable[[str], str], ...] = (
    lambda key: key.replace("/", "\\"),
    lambda key: f"./{key}",
    lambda key: f"/data/{key}",
    lambda key: key.replace(".jpg", ".png"),
    lambda key: key.removesuffix(".jpg"),
    lambda key: unicodedata.normalize("NFD", key),
    str.upper,
    lambda key: f"\u200b{key}",
    lambda key: key.rpartition("/")[2],
)
PEOPLE: tuple[Callable[[str], str], ...] = (
    lambda name: f"{name}.0",
    lambda name: f"{int(name):.6e}",
    lambda name: f" {name} ",
    lambda name: f"\ufeff{name}",
    lambda name: f"{name[0]}\u200d{name[1]}",
    lambda name: name.translate(WIDE),
)
GENDERS: tuple[Callable[[str], str], ...] = (
    str.upper,
    lambda value: f" {value}\t",
    lambda value: value.translate(WIDE),
    lambda value: f"{value}\u00ad",
)
UNKNOWN = ("", "NA", "nan", "None", "<NA>", "#N/A", "missing", "unknown", "-", "?", "N\uff0fA")


def change(rng: Random, data: bytes) -> bytes:
    """The same table in another form or order; of the labels, also with some cells unknown."""
    grid = list(csv.reader(io.StringIO(data.decode())))
    head, rows = grid[0], grid[1:]
    labels = "person" in head
    for _ in range(rng.randint(1, 3)):
        match rng.randrange(7):
            case 0:
                rng.shuffle(rows)
            case 1:
                form = rng.choice(KEYS)
                rows = [[form(row[0]), *row[1:]] for row in rows]
            case 2 if labels:
                rows = _some(rng, rows, 1, PEOPLE)
            case 3 if labels:
                rows = _some(rng, rows, 2, GENDERS)
            case 4 if labels:
                row, place = rng.choice(rows), rng.choice((1, 2))
                row[place] = rng.choice((*UNKNOWN, "-1") if place == 1 else UNKNOWN)
            case 5:
                head = [
                    rng.choice((str.upper, str.title, str))(name) if name.startswith("e") else name for name in head
                ]
            case _:
                head, rows = _widened(rng, head, rows)
    return _encoded(rng, head, rows)


def _some(rng: Random, rows: Grid, place: int, forms: Sequence[Callable[[str], str]]) -> Grid:
    """Some cells of a column in other forms, of those that have none yet."""

    def formed(cell: str) -> str:
        return rng.choice(forms)(cell) if (cell.isdigit() or cell in "mf") and rng.random() < 0.3 else cell

    return [[*row[:place], formed(row[place]), *row[place + 1 :]] for row in rows]


def _widened(rng: Random, head: list[str], rows: Grid) -> tuple[list[str], Grid]:
    """A column more: a pandas index, an empty one, other numbers, or remarks."""
    name, cell = rng.choice(
        (("", "{}"), ("", ""), ("year2020", "1"), ("remark", "a, b"), ("lm0", "{}"), ("box", "[1, 2]"))
    )
    if name in head:
        return head, rows
    place = rng.choice((0, len(head)))
    if place == 0 and name:
        place = len(head)
    rows = [[*row[:place], cell.format(at), *row[place:]] for at, row in enumerate(rows)]
    return [*head[:place], name, *head[place:]], rows


def _encoded(rng: Random, head: list[str], rows: Grid) -> bytes:
    mark = rng.choice(",;\t|")
    if mark in ";\t" and rng.random() < 0.2:
        rows = [[cell.replace(".", ",") if _is_decimal(cell) else cell for cell in row] for row in rows]
    text = written([head, *rows], mark, rng.choice(("\n", "\r\n", "\r")))
    match rng.randrange(8):
        case 0:
            text = f"sep={mark}\n{text}"
        case 1:
            text = f"# {text}"
        case 2:
            text = written(rows, mark)  # the header is lost
        case 3:
            text += mark * (len(head) - 1) + "\n"
        case 4:
            text = f"\n\n{text}\n"
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16")))


def _is_decimal(cell: str) -> bool:
    return cell.count(".") == 1 and cell.replace(".", "").lstrip("-").isdigit() and not cell.endswith(".0")


def read(folder: Path) -> None:
    """Read the release with its labels, in order or else joined. Raises Misread where a row gets what is another's."""
    source = read_source(folder / RELEASE)
    try:
        _check(_samples(folder, source, None))
    except InputError:
        _check(_samples(folder, source, "file"))


def _samples(folder: Path, source: Source, join_on: str | None) -> Samples:
    labels = join_labels(source, folder / LABELS, join_on)
    given = {"gender": labels.column("gender", "--attribute")}
    who, notes = labels.column("person", "--identity"), (*source.notes, *labels.notes)
    return make_samples("x", source.values, given, who, {}, None, None, None, notes)


def _check(samples: Samples) -> None:
    if samples.values.shape[1] != DIMENSIONS:
        raise Misread(f"{samples.values.shape[1]} of {DIMENSIONS} dimensions")
    gender = samples.attributes["gender"]
    for row, values in enumerate(samples.values):
        place = round(float(values[0]) - 0.25)
        person, value = samples.identity[row], gender.values[row]
        if person != MISSING and samples.people[person] != str(10 + place // EACH):
            raise Misread(f"row {place} is called {samples.people[person]!r}")
        if value != MISSING and cleaned(gender.classes[value]).casefold() != "mf"[place // EACH % 2]:
            raise Misread(f"row {place} is {gender.classes[value]!r}")
    if len(gender.classes) != 2 or len(samples.people) > ROWS // EACH:
        raise Misread(f"{len(samples.people)} people, classes {gender.classes}")
