"""The forms in which people and programs write one table: read alike, noted, or refused; never misread."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Sequence
from random import Random

import numpy as np

from benchmarks.stress.fuzzing.mutations import Mutation

WIDE = str.maketrans({chr(0x21 + at): chr(0xFF01 + at) for at in range(94)})

Grid = list[list[str]]
Forms = Sequence[Callable[[str], str]]


def written(grid: Grid, mark: str = ",", end: str = "\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=mark, lineterminator=end).writerows(grid)
    return text.getvalue()


KEYS: Forms = (
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
PEOPLE: Forms = (
    lambda name: f"{name}.0",
    lambda name: f"{int(name):.6e}",
    lambda name: f" {name} ",
    lambda name: f"\ufeff{name}",
    lambda name: f"{name[0]}\u200d{name[1]}",
    lambda name: name.translate(WIDE),
)
GENDERS: Forms = (
    str.upper,
    lambda value: f" {value}\t",
    lambda value: value.translate(WIDE),
    lambda value: f"{value}\u00ad",
)
SIGNS: Forms = (lambda cell: f"{cell}.0", lambda cell: f" {cell}", lambda cell: f"{float(cell):.18e}")
UNKNOWN = ("", "NA", "nan", "None", "<NA>", "#N/A", "missing", "unknown", "-", "?", "N\uff0fA")
ROUNDED = 100  # 16 bits tell the numbers of the world apart up to here
NAMES_OF_KEYS = ("path", "filename", "image", "img")


def table(
    kinds: dict[str, Forms], unknown: Sequence[str] = (), key: str = "", header: bool = True, shuffled: bool = True
) -> Mutation:
    """The mutation of a table whose columns have these forms.

    unknown : columns whose cells may be unknown. key : the column that names the rows, which may be called otherwise.
    header : whether it may be lost. shuffled : whether rows may come in another order.
    """

    def change(rng: Random, data: bytes) -> bytes:
        grid = list(csv.reader(io.StringIO(data.decode())))
        head, rows = grid[0], grid[1:]
        for _ in range(rng.randint(1, 3)):
            match rng.randrange(7):
                case 0 if shuffled:
                    rng.shuffle(rows)
                case 1 | 2 if kinds:
                    name = rng.choice(list(kinds))
                    if name in head:
                        rows = _formed(rng, rows, head.index(name), kinds[name], uniform=name == key)
                case 3 if unknown:
                    name = rng.choice(unknown)
                    cell = rng.choice((*UNKNOWN, "-1") if name == "person" else UNKNOWN)
                    rows[rng.randrange(len(rows))][head.index(name)] = cell
                case 4 if key in head and key in NAMES_OF_KEYS:
                    head = [rng.choice(NAMES_OF_KEYS) if name == key else name for name in head]
                case 5:
                    case = rng.choice((str.upper, str.title, str))
                    head = [case(name) if name.startswith("e") else name for name in head]
                case _:
                    head, rows = _widened(rng, head, rows)
        return _encoded(rng, head, rows, header)

    return change


def _formed(rng: Random, rows: Grid, place: int, forms: Forms, uniform: bool) -> Grid:
    """A column in another form: every cell in one (uniform), or some cells in forms of their own."""
    one = rng.choice(forms)

    def formed(cell: str) -> str:
        if uniform:
            return one(cell)
        as_built = cell.isascii() and cell.lstrip("-").isalnum() and len(cell) <= 2 and cell not in UNKNOWN
        return rng.choice(forms)(cell) if as_built and rng.random() < 0.3 else cell

    return [[*row[:place], formed(row[place]), *row[place + 1 :]] for row in rows]


def _widened(rng: Random, head: list[str], rows: Grid) -> tuple[list[str], Grid]:
    """A column more: a pandas index, an empty one, other numbers, or remarks."""
    name, cell = rng.choice(
        (("", "{}"), ("", ""), ("year2020", "1"), ("remark", "a, b"), ("lm0", "{}"), ("box", "[1, 2]"))
    )
    if name in head:
        return head, rows
    place = len(head) if name else rng.choice((0, len(head)))
    rows = [[*row[:place], cell.format(at), *row[place:]] for at, row in enumerate(rows)]
    return [*head[:place], name, *head[place:]], rows


def _encoded(rng: Random, head: list[str], rows: Grid, header: bool) -> bytes:
    mark = rng.choice(",;\t|")
    if mark in ";\t" and rng.random() < 0.2:
        rows = [[cell.replace(".", ",") if _is_decimal(cell) else cell for cell in row] for row in rows]
    text = written([head, *rows], mark, rng.choice(("\n", "\r\n", "\r")))
    match rng.randrange(8):
        case 0:
            text = f"sep={mark}\n{text}"
        case 1 if header:
            text = f"# {text}"
        case 2 if header:
            text = written(rows, mark)  # the header is lost
        case 3:
            text += mark * (len(head) - 1) + "\n"
        case 4:
            text = f"\n\n{text}\n"
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32")))


def _is_decimal(cell: str) -> bool:
    return cell.count(".") == 1 and cell.replace(".", "").lstrip("-").isdigit() and not cell.endswith(".0")


def arrays(rng: Random, data: bytes) -> bytes:
    """An archive of arrays in other types, shapes and orders, with more or fewer arrays beside the embeddings."""
    with np.load(io.BytesIO(data)) as archive:
        held = {name: archive[name] for name in archive.files}
    order = list(range(len(held["e"])))
    for _ in range(rng.randint(1, 3)):
        name = rng.choice([each for each in held if each != "e"] or ["e"])
        match rng.randrange(9):
            case 0:
                rng.shuffle(order)
                held = {each: v[order] if v.shape[:1] == (len(order),) else v for each, v in held.items()}
            case 1 if np.abs(held["e"]).max() < ROUNDED:
                held["e"] = held["e"].astype(rng.choice(("<f4", ">f4", "<f8", ">f8", "<f2")))
            case 2:
                held["e"] = np.asfortranarray(held["e"])
            case 3:
                held["e"] = held["e"].astype(np.float64) * rng.choice((1e-3, 1, 1e3)) + rng.choice((0, 5000, -1e7))
            case 4 if held[name].ndim == 1:
                held[name] = held[name][:, None]
            case 5 if held[name].ndim == 1 and held[name].dtype.kind == "U":
                held[name] = rng.choice((lambda v: np.char.encode(v, "utf-8"), lambda v: v.astype(object)))(held[name])
            case 6 if name == "person" and held[name].dtype.kind in "iu":
                held[name] = held[name].astype(rng.choice((np.float32, np.float64, np.int16, str)))
            case 7 if name != "e":
                del held[name]
            case _:
                held[f"more{rng.randrange(3)}"] = rng.choice(
                    (np.arange(len(order)), np.array("made by x"), np.zeros(3), np.ones((len(order), 3)))
                )
    saved = io.BytesIO()
    rng.choice((np.savez, np.savez_compressed))(saved, **held)
    return saved.getvalue()
