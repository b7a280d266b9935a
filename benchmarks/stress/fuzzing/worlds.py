"""What forms of tables and arrays are put to: folders that hold the world, and readers that are held to it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from aiakit.contracts import Dataset, LoadSettings
from aiakit.datasets.celeba import CelebA
from aiakit.datasets.columns import join_labels
from aiakit.datasets.folder import Folder
from aiakit.datasets.lfw import LFW
from aiakit.datasets.official import read_official_pairs
from aiakit.datasets.ordering import in_order_of
from aiakit.datasets.samples import make_samples
from aiakit.datasets.source import read_source
from aiakit.datasets.splits import of_unknown_value
from aiakit.datasets.table import Table
from aiakit.encoders.precomputed import Precomputed
from aiakit.errors import InputError
from benchmarks.stress.fuzzing import oracle
from benchmarks.stress.fuzzing.forms import GENDERS, KEYS, PEOPLE, SIGNS, arrays, table, written
from benchmarks.stress.fuzzing.mutations import Mutation
from benchmarks.stress.fuzzing.oracle import FILES, ROWS, Misread, gender_of, person_of

SIZE = 16  # pixels
LABELS: Mutation = table({"file": KEYS, "person": PEOPLE, "gender": GENDERS}, ("person", "gender"), "file")
RELEASE: Mutation = table({"file": KEYS}, (), "file")
NAMED_AS_ASKED: Mutation = table(
    {"path": KEYS, "identity": PEOPLE, "gender": GENDERS}, ("gender",), "path", header=False
)
BY_PERSON: Mutation = table({"person": PEOPLE[2:4], "gender": GENDERS}, ("gender",), "person", header=False)
PAIRS: Mutation = table({"left": KEYS[:4], "right": KEYS[:4], "same": SIGNS}, (), "", header=False)
ATTRIBUTES: Mutation = table({"Male": SIGNS}, (), "", header=False)
World = tuple[Callable[[Path], None], dict[str, Mutation], Callable[[Path], object]]


def labels(folder: Path) -> None:
    """A table of labels with the names of the pictures."""
    grid = [["file", "person", "gender"], *([FILES[row], person_of(row), gender_of(row)] for row in range(ROWS))]
    (folder / "labels.csv").write_text(written(grid), "utf-8")


def text_release(folder: Path, name: str = "release.csv") -> None:
    values = oracle.embedding()
    grid = [["file", *(f"e{at}" for at in range(oracle.DIMENSIONS))]]
    grid += [[FILES[row], *map(str, values[row])] for row in range(ROWS)]
    (folder / name).write_text(written(grid), "utf-8")


def array_release(folder: Path, name: str = "release.npz") -> None:
    people = np.array([int(person_of(row)) for row in range(ROWS)])
    np.savez(folder / name, e=oracle.embedding(), f=np.array(FILES), person=people)


def joined(name: str) -> Callable[[Path], None]:
    """Read a release with its labels, in order or else joined."""

    def read(folder: Path) -> None:
        source = read_source(folder / name)
        tied = any(len(set(cells)) == ROWS for cells in (source.columns.get("file", ()), source.columns.get("f", ())))
        tied |= "person" in source.columns
        key = next((name for name in ("file", "f") if name in source.columns), None)
        first = None
        for join_on in (None, None if key is None else f"{key}=file"):
            try:
                found = join_labels(source, folder / "labels.csv", join_on)
                given = {"gender": found.column("gender", "--attribute")}
                who, notes = found.column("person", "--identity"), (*source.notes, *found.notes)
                samples = make_samples("x", source.values, given, who, {}, None, None, None, notes)
            except InputError as error:
                first = first or error
                continue
            oracle.require_samples(samples, tied)
            return
        assert first is not None
        raise first

    return read


def reference(folder: Path) -> None:
    """The rows of a reference beside those of the release; what has names may not be another's."""
    source, other = read_source(folder / "release.npz"), read_source(folder / "reference.npz")
    found = in_order_of(other, source, None)
    if len(found.values) != len(source.values):
        return  # ``make_samples`` refuses it
    if oracle.rows_of(found.values) != oracle.rows_of(source.values) and not any(
        oracle.IN_ORDER in each for each in found.notes
    ):
        raise Misread("a reference of other rows")


def precomputed(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        encoder = Precomputed(str(folder / name))
        values = np.asarray(encoder.encode(np.empty((ROWS, 1, 1, 3), np.uint8), FILES))
        oracle.require_width(values)
        in_order = any(oracle.IN_ORDER in note for note in encoder.notes)
        if oracle.rows_of(values) != list(range(ROWS)) and not in_order:
            raise Misread("the embeddings of other pictures")

    return read


def data_set_of_rows(folder: Path) -> None:
    faces = Table(str(folder / "release.npz"), labels=str(folder / "labels.csv")).load(LoadSettings(SIZE, folder))
    assert faces.embedding is not None
    rows = oracle.rows_of(faces.embedding)
    if len(rows) < ROWS and np.abs(faces.embedding[:, 0] - 0.25 - rows).max() > 0.02:
        return  # in another unit, of which only all rows together tell which they are
    names = [faces.people[code] for code in faces.identity]
    tied = not {"f", "person"}.isdisjoint(read_source(folder / "release.npz").columns)
    oracle.require_rows(rows, names, faces.attributes.get("gender"), faces.notes, tied)


def pairs(folder: Path) -> None:
    """Pairs by the names of pictures: row r with its neighbour of the same person, or with the row after next four."""
    found = read_official_pairs(folder / "pairs.csv", FILES, ROWS)
    for left, right, same in zip(found.left.tolist(), found.right.tolist(), found.same.tolist(), strict=True):
        if (right - left) % ROWS != (1 if same else 6):
            raise Misread(f"rows {left} and {right} are a pair, same {same}")


def _pairs(folder: Path) -> None:
    chosen = [(row, row + 1, 1) for row in range(0, ROWS, 4)] + [
        (row, (row + 6) % ROWS, 0) for row in range(0, ROWS, 4)
    ]
    grid = [["left", "right", "same"], *([FILES[left], FILES[right], str(same)] for left, right, same in chosen)]
    (folder / "pairs.csv").write_text(written(grid), "utf-8")


def pictures(folder: Path, name: Callable[[int], str], side: int = SIZE) -> None:
    """A picture of each row, of the grey that is the row's own."""
    for row in range(ROWS):
        path = folder / name(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (side, side), _grey(row)).save(path)


def _grey(row: int) -> int:
    return 6 * row + 3


def faces_of(make: Callable[[Path], Dataset], attribute: str = "gender") -> Callable[[Path], None]:
    """Read a data set of pictures; people and genders must be those of the greys."""

    def read(folder: Path) -> None:
        faces = make(folder).load(LoadSettings(SIZE, folder.parent / "cache"))
        rows = [round((float(image.mean()) - 3) / 6) for image in faces.images]
        names = [faces.people[code].lstrip("0") for code in faces.identity]
        gender = faces.attributes.get(attribute)
        notes = [*faces.notes, *(() if gender is None else of_unknown_value(faces, attribute))]
        if gender is not None and set(gender.classes) == {"female", "male"}:
            gender = type(gender)(gender.values, tuple(each[0] for each in gender.classes))
        if gender is None:
            raise Misread("the attribute was lost")
        oracle.require_rows(rows, names, gender, notes)

    return read


def _folder_name(row: int) -> str:
    return f"{person_of(row)}/{row}.png"


def _index(folder: Path) -> None:
    pictures(folder, _folder_name)
    grid = [["path", "identity", "gender"]]
    grid += [[_folder_name(row), person_of(row), gender_of(row)] for row in range(ROWS)]
    (folder / "index.csv").write_text(written(grid))


def _by_person(folder: Path) -> None:
    pictures(folder, _folder_name)
    grid = [["person", "gender"], *([person_of(row), gender_of(row)] for row in range(0, ROWS, oracle.EACH))]
    (folder / "attributes.csv").write_text(written(grid))


def _celeba(folder: Path) -> None:
    names = [f"{row:06d}.jpg" for row in range(ROWS)]
    pictures(folder / "img_align_celeba", names.__getitem__, side=200)
    lists: dict[str, tuple[list[str], Callable[[int], str]]] = {
        "list_attr_celeba.csv": (["image_id", "Male"], lambda row: str(1 if gender_of(row) == "m" else -1)),
        "identity_CelebA.csv": (["image_id", "identity"], person_of),
        "list_eval_partition.csv": (["image_id", "partition"], lambda row: str(row % 3)),
    }
    for name, (head, cell) in lists.items():
        grid = [head, *([names[row], cell(row)] for row in range(ROWS))]
        (folder / name).write_text(written(grid))


def _lfw(folder: Path) -> None:
    pictures(folder / "lfw", lambda row: f"{person_of(row)}/{person_of(row)}_{row:04d}.png", side=250)
    for value, name in (("f", "female_names.txt"), ("m", "male_names.txt")):
        lines = [f"{person_of(row)}_{row:04d}.png" for row in range(ROWS) if gender_of(row) == value]
        (folder / name).write_text("\n".join(lines) + "\n")


def lines(rng: Random, data: bytes) -> bytes:
    """A list of names in another order, form, encoding and line end."""
    names = data.decode().split()
    rng.shuffle(names)
    form = rng.choice((*KEYS, str.lower))
    end = rng.choice(("\n", "\r\n", "\r", "\n\n"))
    return (end.join(map(form, names)) + end).encode(rng.choice(("utf-8", "utf-8-sig", "utf-16")))


def worlds() -> dict[str, World]:
    """Name → how the world is built, how each file is changed, and how it is read and judged."""

    def both(one: Callable[[Path], None], other: Callable[[Path], None]) -> Callable[[Path], None]:
        def build(folder: Path) -> None:
            one(folder)
            other(folder)

        return build

    either = {"release.csv": RELEASE, "release.npz": arrays, "reference.npz": arrays, "labels.csv": LABELS}
    return {
        "forms of tables": (both(text_release, labels), either, joined("release.csv")),
        "forms of arrays": (both(array_release, labels), either, joined("release.npz")),
        "forms of references": (
            both(array_release, functools.partial(array_release, name="reference.npz")), either, reference
        ),
        "forms of precomputed arrays": (array_release, either, precomputed("release.npz")),
        "forms of precomputed tables": (text_release, either, precomputed("release.csv")),
        "forms of data sets": (both(array_release, labels), either, data_set_of_rows),
        "forms of pairs": (_pairs, {"pairs.csv": PAIRS}, pairs),
        "forms of indexes": (
            _index, {"index.csv": NAMED_AS_ASKED}, faces_of(lambda at: Folder(str(at), index="index.csv"))
        ),
        "forms of attributes": (_by_person, {"attributes.csv": BY_PERSON}, faces_of(lambda at: Folder(str(at)))),
        "forms of CelebA": (
            _celeba,
            {"list_attr*": ATTRIBUTES, "identity*": table({"identity": PEOPLE[:2]}, (), "", header=False),
             "list_eval*": table({"partition": SIGNS}, (), "", header=False)},
            faces_of(lambda at: CelebA(str(at)), "Male"),
        ),
        "forms of LFW": (_lfw, {"*_names.txt": lines}, faces_of(lambda at: LFW(str(at)))),
    }  # fmt: skip
