"""The same 60 people in every form that files have: the same figure, a note, or a refusal; never another figure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.datasets.columns import join_labels
from aiakit.datasets.duplicates import clusters_of_duplicates
from aiakit.datasets.official import read_official_pairs
from aiakit.datasets.ordering import in_order_of
from aiakit.datasets.samples import Samples, make_samples
from aiakit.datasets.source import read_source
from aiakit.errors import InputError

PEOPLE, EACH, DIMENSIONS = 60, 3, 8
ROWS = PEOPLE * EACH


@dataclass(frozen=True)
class Base:
    """embedding : float64 (180, 8), whose first axes tell the gender somewhat. The columns are texts, one a row."""

    embedding: np.ndarray
    person: list[str]
    gender: list[str]
    image: list[str]

    def columns(self) -> dict[str, list[str]]:
        return {"image": self.image, "person": self.person, "gender": self.gender}


@pytest.fixture
def base() -> Base:
    rng = np.random.default_rng(5)
    gender = np.arange(PEOPLE) % 2
    centre = rng.normal(size=(PEOPLE, DIMENSIONS))
    centre[:, :2] += 2 * gender[:, None]
    rows = np.repeat(np.arange(PEOPLE), EACH)
    return Base(
        np.round(centre[rows] + 0.3 * rng.normal(size=(ROWS, DIMENSIONS)), 6),
        [f"p{row:02d}" for row in rows],
        ["female" if gender[row] == 0 else "male" for row in rows],
        [f"img{row}.jpg" for row in range(ROWS)],
    )


def csv(columns: dict[str, Any], separator: str = ",") -> str:
    lines = [separator.join(columns), *(separator.join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines) + "\n"


def numbered(embedding: np.ndarray, names: str = "e{}") -> dict[str, Any]:
    return {names.format(at): column.tolist() for at, column in enumerate(embedding.T)}


@dataclass(frozen=True)
class Measured:
    """What an audit found: the balanced accuracy of the attack, people and images that were measured, the notes."""

    leak: float
    auc: float
    people: int
    images: int
    notes: list[str]
    power: bool | None

    def says(self, text: str) -> bool:
        return any(text in note for note in self.notes)

    def figures(self) -> tuple[float, float, int, int]:
        return self.leak, self.auc, self.people, self.images


Audit = Callable[..., Any]


@pytest.fixture
def audit(aiakit: Any, tmp_path: Path) -> Audit:
    """Audits a file; ``refused`` answers with the message, and otherwise with what was measured."""

    def call(file: Path, *options: Any, refused: bool = False) -> Any:
        identity = () if "--identity" in options else ("--identity", "person")
        answer = aiakit(
            "audit", file, "--attribute", "gender", *identity, "--attacks", "logreg", "--out", tmp_path / "runs",
            "--json", *options,
        )  # fmt: skip
        if refused:
            assert answer.code == 2, answer.out
            return answer.message
        assert answer.code == 0, answer.err
        document = answer.document
        row = document["rows"][0]
        utility = row["utility"]["random"]["auc"] if row["utility"] else float("nan")
        return Measured(
            row["attacks"]["logreg"]["balanced_accuracy"], utility, document["people"], document["images"],
            document["notes"], row["attacks"]["logreg"].get("power"),
        )  # fmt: skip

    return call


@pytest.fixture
def npz(base: Base, tmp_path: Path) -> Path:
    np.savez(tmp_path / "emb.npz", e=base.embedding)
    return tmp_path / "emb.npz"


@pytest.fixture
def people(base: Base, tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(csv(base.columns()))
    return tmp_path / "people.csv"


def read(file: Path, labels: Path | None = None, join_on: str | None = None, key: str | None = None) -> Samples:
    """What an audit of a file would measure."""
    source = read_source(file, key)
    found = join_labels(source, labels, join_on)
    gender, person = found.column("gender", "--attribute"), found.column("person", "--identity")
    notes = (*source.notes, *found.notes)
    return make_samples("x", source.values, {"gender": gender}, person, {}, None, None, None, notes)


def require_base(samples: Samples, base: Base) -> None:
    """That the samples are the base, row by row."""
    np.testing.assert_allclose(samples.values, base.embedding, rtol=1e-6)
    assert [samples.people[code] for code in samples.identity] == base.person
    gender = samples.attributes["gender"]
    assert [gender.classes[code] for code in gender.values] == base.gender


@pytest.fixture
def right(audit: Audit, npz: Path, people: Path) -> Measured:
    """What is right of the base."""
    found: Measured = audit(npz, "--labels", people)
    assert 0.8 < found.leak < 1
    assert (found.people, found.images) == (PEOPLE, ROWS)
    return found


def test_words_that_say_nothing_are_left_out_and_counted(base: Base, audit: Audit, npz: Path, tmp_path: Path) -> None:
    unknown = ["nan", "NA", "None", "unknown", "-1", "<NA>", "9.1e+15"]
    person = [*base.person, *unknown]
    gender = [*base.gender, *["female", "male"] * 4][: len(person)]
    rows = np.concatenate([base.embedding, np.zeros((len(unknown), DIMENSIONS)) + np.arange(1, 8)[:, None]])
    np.savez(npz, e=rows)
    (tmp_path / "people.csv").write_text(csv({"person": person, "gender": gender}))
    found = audit(npz, "--labels", tmp_path / "people.csv")
    assert (found.people, found.images) == (PEOPLE, ROWS)
    assert found.says("7 of 187 rows have no identity and are left out")
    assert found.says("the identity is not known where it says -1, 9.1e+15, <NA>, NA, None, …")


def test_labels_of_several_forms_are_two_classes(
    base: Base, audit: Audit, npz: Path, tmp_path: Path, right: Measured
) -> None:
    forms = {"female": ["F", "f", "f", "\uff46", " f"], "male": ["m", "m", "M", "m", "\u200bm"]}
    gender = [forms[each][row % 5] for row, each in enumerate(base.gender)]
    gender[0], gender[7] = "<NA>", "missing"
    (tmp_path / "people.csv").write_text(csv({"person": base.person, "gender": gender}))
    found = audit(npz, "--labels", tmp_path / "people.csv")
    assert found.images == ROWS - 2
    assert abs(found.leak - right.leak) < 0.05
    assert found.says("gender: taken for one value each: 'F' and 'f'; 'M' and 'm'")
    assert found.says("2 of 180 rows have no known gender and are left out")
    assert found.says("gender is not known where it says <NA>, missing")


def test_people_of_several_forms_are_sixty(base: Base, npz: Path, tmp_path: Path) -> None:
    person = [f"{name[1:]}.0" if row % 2 else f"\ufeff{name[1:]}" for row, name in enumerate(base.person)]
    (tmp_path / "people.csv").write_text(csv({"person": person, "gender": base.gender}))
    samples = read(npz, tmp_path / "people.csv")
    assert len(samples.people) == PEOPLE
    assert any("people are written in several forms of one text" in note for note in samples.notes)


def write_csv(
    path: Path, base: Base, names: str = "e{}", separator: str = ",", more: dict[str, Any] | None = None
) -> Path:
    columns = {**numbered(base.embedding, names), "person": base.person, "gender": base.gender, **(more or {})}
    path.write_text(csv(columns, separator))
    return path


def savetxt_header(path: Path, base: Base) -> None:
    write_csv(path, base)
    path.write_text(f"# {path.read_text()}")


def mixed_capitals(path: Path, base: Base) -> None:
    write_csv(path, base)
    path.write_text(path.read_text().replace("e0,e1,e2,e3", "E0,E1,E2,E3", 1))


def decimal_commas(path: Path, base: Base) -> None:
    write_csv(path, base, separator=";")
    head, _, rest = path.read_text().partition("\n")
    path.write_text(f"{head}\n{rest.replace('.', ',')}")


def lists_as_text(path: Path, base: Base) -> None:
    lists = [f'"{row}"' for row in base.embedding.tolist()]
    path.write_text(csv({"vector": lists, "person": base.person, "gender": base.gender}))


def printed_arrays(path: Path, base: Base) -> None:
    lists = [f'"{row}"' for row in base.embedding]
    path.write_text(csv({"vector": lists, "person": base.person, "gender": base.gender}))


def empty_last_cell(path: Path, base: Base) -> None:
    write_csv(path, base, separator="\t", more={"remark": ["", "x"] * (ROWS // 2)})


def empty_first_cell(path: Path, base: Base) -> None:
    write_csv(path, base, separator="\t")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"remark\t{lines[0]}", *(f"\t{line}" for line in lines[1:])]))


def excel_hint(path: Path, base: Base) -> None:
    write_csv(path, base, separator=";")
    path.write_text(f"sep=;\n{path.read_text()}")


def pandas_index(path: Path, base: Base) -> None:
    write_csv(path, base)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f",{lines[0]}", *(f"{row},{line}" for row, line in enumerate(lines[1:]))]))


TEXTS: dict[str, Callable[[Path, Base], Any]] = {
    "savetxt header": savetxt_header,
    "mixed capitals": mixed_capitals,
    "decimal commas": decimal_commas,
    "lists as text": lists_as_text,
    "printed arrays": printed_arrays,
    "empty last cell": empty_last_cell,
    "empty first cell": empty_first_cell,
    "sep=;": excel_hint,
    "pandas index": pandas_index,
    "brackets": lambda path, base: write_csv(path, base, "emb[{}]"),
    "pandas names": lambda path, base: write_csv(path, base, "{}"),
    "one other number": lambda path, base: write_csv(path, base, more={"year2020": ["1"] * ROWS}),
    "numbered texts": lambda path, base: write_csv(path, base, more={"note1": ["a"] * ROWS, "note2": ["b"] * ROWS}),
    "spaces": lambda path, base: write_csv(path, base, separator="  "),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.txt"])
def test_a_text_table_is_read_in_full(base: Base, tmp_path: Path, kind: str, name: str) -> None:
    TEXTS[kind](tmp_path / name, base)
    require_base(read(tmp_path / name), base)


def test_numbers_without_a_header_are_all_used_and_noted(base: Base, tmp_path: Path, people: Path) -> None:
    for delimiter in (",", " "):
        np.savetxt(tmp_path / "a.csv", base.embedding, delimiter=delimiter)
        samples = read(tmp_path / "a.csv", people)
        require_base(samples, base)
        assert "a.csv has no header line: its columns are called e0 to e7" in samples.notes


REFUSED: dict[str, tuple[Callable[[Path, Base], Any], str]] = {
    "two groups": (
        lambda path, base: write_csv(path, base, more=numbered(np.ones((ROWS, 10)), "lm{}")),
        r"which columns hold the embeddings\? .*with --embedding-key; it holds e0 to e7 \(8\), lm0 to lm9 \(10\)",
    ),
    "group and list": (
        lambda path, base: write_csv(path, base, more={"box": ['"[1, 2, 3, 4]"'] * ROWS}),
        r"it holds box, e0 to e7 \(8\)",
    ),
    "two lists": (
        lambda path, base: path.write_text(csv({name: ['"[1, 2]"'] * ROWS for name in ("box", "vector")})),
        "it holds box, vector",
    ),
    "one number twice": (
        lambda path, base: write_csv(path, base, more={"e_07": ["1"] * ROWS}),
        "the columns e7 and e_07 have one number|the columns e_07 and e7 have one number",
    ),
    "no header": (
        lambda path, base: path.write_text(write_csv(path, base).read_text().partition("\n")[2]),
        r"a.csv:1 holds values \(.* for one\) where the names of the columns are expected",
    ),
    "shortened lists": (
        lambda path, base: path.write_text(csv({"v": ['"[1.0 2.0]"', '"[1.0 ... 2.0]"'], "person": "ab"})),
        r"a.csv:3: v is no list of numbers \(it was shortened with ... when it was printed\)",
    ),
    "underscores": (
        lambda path, base: path.write_text("e0,e1,person\n1,2,a\n1_0,2,b\n"),
        "a.csv:3 has an embedding column that is no number .e0 is '1_0'.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_columns_that_cannot_be_told_apart_are_refused(base: Base, tmp_path: Path, kind: str) -> None:
    write, message = REFUSED[kind]
    write(tmp_path / "a.csv", base)
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


def test_a_named_group_is_taken_and_gaps_are_noted(base: Base, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", base, more={**numbered(np.ones((ROWS, 10)), "lm{}"), "box": ['"[1, 2]"'] * ROWS})
    for key in ("e", "E", "e_"):
        require_base(read(tmp_path / "a.csv", key=key), base)
    assert read_source(tmp_path / "a.csv", "box").values.shape == (ROWS, 2)
    write_csv(tmp_path / "a.csv", base)
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text().replace("e7", "e9", 1))
    assert "2 of the columns e0 to e9 are not there" in read(tmp_path / "a.csv").notes


def test_arrays_beside_the_embeddings_are_columns(base: Base, tmp_path: Path) -> None:
    male = np.array([each == "male" for each in base.gender])
    arrays = {"e": base.embedding, "person": np.array(base.person)[:, None], "gender": np.array(base.gender)}
    np.savez(tmp_path / "a.NPZ.npz", **arrays)
    (tmp_path / "a.NPZ.npz").rename(tmp_path / "a.NPZ")
    require_base(read(tmp_path / "a.NPZ"), base)
    for gender in (np.eye(2)[male.astype(int)], np.eye(2, dtype=bool)[male.astype(int)], male[:, None], male):
        np.savez(tmp_path / "a.npz", **arrays | {"gender": gender})
        values = read(tmp_path / "a.npz").attributes["gender"].values
        np.testing.assert_array_equal(values, male)
    np.savez(tmp_path / "a.npz", **arrays | {"e": base.embedding[:, :, None, None]})
    require_base(read(tmp_path / "a.npz"), base)


def test_sixteen_bits_of_a_brain_float(base: Base, tmp_path: Path, people: Path) -> None:
    rounded = (base.embedding.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    header = {"e": {"dtype": "BF16", "shape": list(rounded.shape), "data_offsets": [0, rounded.nbytes]}}
    written = json.dumps(header).encode()
    content = len(written).to_bytes(8, "little") + written + rounded.tobytes()
    (tmp_path / "a.safetensors").write_bytes(content)
    values = read(tmp_path / "a.safetensors", people).values
    np.testing.assert_allclose(values, base.embedding, rtol=2**-7)


def test_parquet_columns(base: Base, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    columns = {"person": base.person, "gender": base.gender}
    lists = {"v": base.embedding.tolist(), "tags": [["a", "b"]] * ROWS, **columns}
    parquet.write_table(pa.table(lists), tmp_path / "a.parquet")
    require_base(read(tmp_path / "a.parquet"), base)
    parquet.write_table(pa.table({**lists, "box": [[1.0, 2.0]] * ROWS}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"which columns hold the embeddings\? .*it holds v, box"):
        read(tmp_path / "a.parquet")
    require_base(read(tmp_path / "a.parquet", key="v"), base)
    parquet.write_table(
        pa.table({"v": [str(row) for row in base.embedding.tolist()], **columns}), tmp_path / "a.parquet"
    )
    require_base(read(tmp_path / "a.parquet"), base)


OTHER_ORDER = np.random.default_rng(1).permutation(ROWS)


def shuffled(columns: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: [cells[row] for row in OTHER_ORDER] for name, cells in columns.items()}


def save(path: Path, embedding: np.ndarray, columns: dict[str, list[str]]) -> Path:
    np.savez(path, e=embedding, **{name: np.array(cells) for name, cells in columns.items()})
    return path


@pytest.mark.parametrize("shared", ["image", "person", "gender"])
def test_rows_in_another_order_are_refused(base: Base, tmp_path: Path, shared: str) -> None:
    held = {shared: base.columns()[shared]}
    save(tmp_path / "emb.npz", base.embedding, held)
    given = shuffled(base.columns())
    (tmp_path / "people.csv").write_text(csv(given))
    row = next(row for row in range(ROWS) if given[shared][row] != held[shared][row])
    option = "--join-on image" if shared == "image" else "--join-on COL"
    expected = f"people.csv:{row + 2} has the {shared} '{given[shared][row]}' where row {row} of emb.npz has"
    with pytest.raises(InputError, match=f"{expected}.*not in one order.*{option}"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    if shared == "image":
        require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "image"), base)


def test_names_of_rows_in_columns_of_other_names_are_seen(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"f": [f"faces/{name}" for name in base.image]})
    given = shuffled(base.columns())
    given["image"] = [name.replace(".jpg", ".png") for name in given["image"]]
    (tmp_path / "people.csv").write_text(csv(given))
    with pytest.raises(InputError, match=r"not in one order.*--join-on f=image"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv", "f=image")
    require_base(samples, base)
    assert any(
        "180 of 180 names are written otherwise in people.csv and were matched" in note for note in samples.notes
    )


@pytest.mark.parametrize("kind", ["people", "numbers of people", "numbers of rows"])
def test_the_same_cells_in_another_order_are_refused_whatever_their_column_is_called(
    base: Base, tmp_path: Path, kind: str
) -> None:
    cells = {
        "people": base.person,
        "numbers of people": [str(int(name[1:])) for name in base.person],
        "numbers of rows": [str(7 * row) for row in range(ROWS)],
    }[kind]
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"person": base.person, "who": cells})))
    save(tmp_path / "emb.npz", base.embedding, {"z": cells})
    with pytest.raises(InputError, match=rf"has the (who|person) '\w+' where row 0 of emb.npz has the z '{cells[0]}'"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    (tmp_path / "people.csv").write_text(csv(base.columns() | {"who": cells}))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv"), base)


def test_numbers_that_count_the_rows_of_a_table_name_none(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"z": [str(row) for row in OTHER_ORDER]})
    (tmp_path / "people.csv").write_text(csv({"": range(ROWS), **base.columns()}))
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv")
    require_base(samples, base)
    assert "the rows of people.csv were taken to be in the order of emb.npz" in samples.notes


def test_objects_that_are_wanted_are_named(base: Base, tmp_path: Path) -> None:
    np.savez(tmp_path / "emb.npz", e=base.embedding, person=base.person, gender=np.array(base.gender, object))
    with pytest.raises(InputError, match=r"emb.npz: gender holds Python objects.*save it as an array"):
        read(tmp_path / "emb.npz")
    (tmp_path / "people.csv").write_text(csv(base.columns()))
    with pytest.raises(InputError, match="gender holds Python objects"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv", "gender=image")


def test_columns_that_agree_in_another_form_are_in_one_order(base: Base, tmp_path: Path) -> None:
    codes = ["0" if each == "female" else "1" for each in base.gender]
    number = [str(int(name[1:])) for name in base.person]
    held = {"image": [f"x/{name}" for name in base.image], "Gender": codes, "person": [f"{each}.0" for each in number]}
    save(tmp_path / "emb.npz", base.embedding, held)
    (tmp_path / "people.csv").write_text(csv(base.columns() | {"person": number}))
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv")
    np.testing.assert_array_equal(samples.attributes["gender"].values, np.array(codes).astype(int))
    assert len(samples.people) == PEOPLE


def test_a_row_of_which_nothing_is_known_keeps_its_place(base: Base, npz: Path, tmp_path: Path) -> None:
    lines = csv({"person": base.person, "gender": base.gender}).splitlines()
    lines[5] = ","
    (tmp_path / "people.csv").write_text("\n".join([*lines, ",", ""]))
    samples = read(npz, tmp_path / "people.csv")
    assert samples.identity[4] == -1
    assert [samples.people[code] for code in samples.identity if code >= 0] == [*base.person[:4], *base.person[5:]]


def test_what_a_joined_table_overrules_is_noted(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, base.columns())
    other = [*base.gender[:-2], "female", "female"]
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"gender": other})))
    notes = read(tmp_path / "emb.npz", tmp_path / "people.csv", "image").notes
    assert "gender of people.csv differs from that of emb.npz in 2 rows: that of people.csv was taken" in notes


KEYS = {
    "extension": lambda name: name.replace(".jpg", ".png"),
    "no extension": lambda name: name.removesuffix(".jpg"),
    "folder": lambda name: f"faces/{name}",
    "root": lambda name: f"/{name}",
    "Windows": lambda name: f".\\faces\\{name}",
    "capitals": str.upper,
    "zero width": lambda name: f"\u200b{name}",
}


@pytest.mark.parametrize("form", KEYS)
def test_keys_that_differ_by_form_are_joined(base: Base, tmp_path: Path, form: str) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"image": [KEYS[form](name) for name in base.image]})
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns())))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "image"), base)


def test_keys_of_numbers_are_joined_in_every_form(base: Base, tmp_path: Path) -> None:
    np.savez(tmp_path / "emb.npz", e=base.embedding, id=np.arange(ROWS, dtype=float))
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"id": [f"{row}.0" for row in range(ROWS)]})))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "id"), base)


def reference_of(base: Base, order: Any) -> np.ndarray:
    """Twice the embeddings, in this order: what the attack finds is the same."""
    return 2 * base.embedding[order]


@pytest.mark.parametrize("name", ["image", "f"])
def test_a_reference_is_joined_by_its_own_names(base: Base, tmp_path: Path, name: str) -> None:
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, {"image": base.image}))
    theirs = {name: [base.image[row] for row in OTHER_ORDER], "person": [base.person[row] for row in OTHER_ORDER]}
    reference = read_source(save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), theirs))
    values, notes = in_order_of(reference, mine, None)
    np.testing.assert_array_equal(values, 2 * base.embedding)
    assert notes == [f"the rows of the reference ref.npz were joined by {name}: they are in another order"]


def test_a_reference_in_another_order_shows_power(base: Base, audit: Audit, tmp_path: Path, people: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"image": base.image})
    save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), {"image": [base.image[row] for row in OTHER_ORDER]})
    found = audit(tmp_path / "emb.npz", "--labels", people, "--reference", tmp_path / "ref.npz")
    assert found.says("the rows of the reference ref.npz were joined by image")
    assert found.power is True


@pytest.mark.parametrize("held", ["image", "person"])
def test_a_reference_is_joined_by_the_names_in_the_table_of_labels(
    base: Base, audit: Audit, tmp_path: Path, people: Path, npz: Path, held: str
) -> None:
    reference = save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), {held: shuffled(base.columns())[held]})
    given = (npz, "--labels", people, "--reference", reference)
    if held == "person":
        assert "has the person" in audit(*given, refused=True)
    else:
        assert audit(*given).power is True


def test_a_reference_whose_rows_are_only_counted_is_taken_in_order(base: Base, tmp_path: Path) -> None:
    count = {"id": [str(row) for row in range(ROWS)]}
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, count))
    reference = read_source(save(tmp_path / "ref.npz", base.embedding, count))
    assert in_order_of(reference, mine, None)[1] == [
        "the rows of the reference ref.npz were taken to be in the order of emb.npz"
    ]


def test_a_reference_without_names_is_noted_and_one_that_disagrees_refused(base: Base, tmp_path: Path) -> None:
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, base.columns()))
    plain = read_source(save(tmp_path / "ref.npz", reference_of(base, range(ROWS)), {}))
    assert in_order_of(plain, mine, None)[1] == [
        "the rows of the reference ref.npz were taken to be in the order of emb.npz"
    ]
    for shared in ("person", "gender"):
        other = read_source(save(tmp_path / "ref.npz", base.embedding, {shared: shuffled(base.columns())[shared]}))
        with pytest.raises(InputError, match=f"the reference ref.npz has the {shared} .* not the same"):
            in_order_of(other, mine, None)
    fewer = read_source(save(tmp_path / "ref.npz", base.embedding[5:], {"image": base.image[5:]}))
    with pytest.raises(InputError, match=r"ref.npz has no row for 5 of 180 rows \(image 'img0.jpg' for one\)"):
        in_order_of(fewer, mine, None)


def pairs_of(keys: list[str], numbers: list[tuple[int, int]]) -> list[str]:
    return [
        f"{keys[left]},{keys[right]},{int(left // EACH == right // EACH)},{at // 2 % 2}"
        for at, (left, right) in enumerate(numbers)
    ]


NUMBERS = [(0, 1), (0, 5), (3, 4), (3, 9), (6, 7), (6, 20), (9, 10), (9, 50)]
HEAD = "left,right,same,fold"


@pytest.mark.parametrize("form", KEYS)
def test_pairs_name_rows_in_every_form(base: Base, tmp_path: Path, form: str) -> None:
    (tmp_path / "pairs.csv").write_text(
        "\n".join([HEAD, *pairs_of([KEYS[form](name) for name in base.image], NUMBERS)])
    )
    pairs = read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == NUMBERS


def test_pairs_name_rows_by_number_or_by_key_and_never_by_both(base: Base, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    numbers = [str(row) for row in range(ROWS)]
    path.write_text("\n".join([HEAD, *pairs_of(numbers, NUMBERS)]))
    for keys in (None, base.image, numbers):
        assert read_official_pairs(path, keys, ROWS).right.tolist() == [right for _, right in NUMBERS]
    turned = read_official_pairs(path, numbers[::-1], ROWS)  # images whose names are numbers
    assert turned.right.tolist() == [ROWS - 1 - right for _, right in NUMBERS]
    path.write_text("\n".join([HEAD, *pairs_of([base.image[0], *numbers[1:]], NUMBERS)]))
    with pytest.raises(InputError, match=r"pairs.csv:4 names '3', which is neither a row number nor a key here"):
        read_official_pairs(path, base.image, ROWS)


@pytest.mark.parametrize("same", [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("Match", "mismatch"), ("1", "-1")])
def test_the_same_is_said_in_several_ways(base: Base, tmp_path: Path, same: tuple[str, str]) -> None:
    lines = [line.split(",") for line in pairs_of(base.image, NUMBERS)]
    text = [",".join([left, right, same[said == "0"], fold]) for left, right, said, fold in lines]
    (tmp_path / "pairs.csv").write_text("\n".join([HEAD, *text]))
    assert read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS).same.tolist() == [True, False] * 4


def test_a_pair_of_one_image_is_refused(base: Base, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("\n".join([HEAD, *pairs_of(base.image, [*NUMBERS, (4, 4)])]))
    with pytest.raises(InputError, match=r"pairs.csv:10 pairs img4.jpg with itself, which tells nothing"):
        read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS)
    (tmp_path / "pairs.txt").write_text("2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t2\t2\nB\t1\tA\t1\n")
    with pytest.raises(InputError, match=r"pairs.txt:4 pairs B_0002.jpg with itself"):
        read_official_pairs(tmp_path / "pairs.txt", [f"{name}_000{at}.jpg" for name in "AB" for at in (1, 2)], 4)


def timestamps(embedding: np.ndarray) -> np.ndarray:
    return np.hstack([embedding, 1.7e9 + 3600.0 * np.arange(len(embedding))[:, None]])


MOVED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "5,000": lambda embedding: embedding + 5000,
    "100 million": lambda embedding: embedding + 1e8,
    "negative": lambda embedding: embedding - 12345,
    "one column": lambda embedding: embedding + 1e8 * (np.arange(DIMENSIONS) == 3),
    "very small": lambda embedding: embedding * 1e-60,
    "and a constant": lambda embedding: np.hstack([embedding, np.full((len(embedding), 1), 1.7e9)]),
    "constant in float32": lambda embedding: 1e6 + embedding * 1e-4,
    "float32": lambda embedding: (embedding + 5000).astype(np.float32),
}


@pytest.mark.parametrize("kind", MOVED)
def test_numbers_far_from_zero_tell_the_same(base: Base, tmp_path: Path, kind: str) -> None:
    moved = MOVED[kind](base.embedding)
    samples = read(save(tmp_path / "a.npz", moved, {"person": base.person, "gender": base.gender}))
    likeness = np.corrcoef(samples.values[:, :DIMENSIONS].T, base.embedding.T)[:DIMENSIONS, DIMENSIONS:]
    assert np.diag(likeness).min() > 0.99999
    assert len(np.unique(clusters_of_duplicates(samples.values))) == ROWS
    assert any(re.search("of [89] dimensions (lie far|have too)", note) for note in samples.notes)
    if kind == "and a constant":
        assert not samples.values[:, -1].any()


def test_an_audit_far_from_zero_finds_the_same(base: Base, audit: Audit, tmp_path: Path, right: Measured) -> None:
    found = audit(save(tmp_path / "a.npz", base.embedding + 5000, {"person": base.person, "gender": base.gender}))
    assert abs(found.leak - right.leak) < 0.02
    assert abs(found.auc - right.auc) < 0.02


def test_a_column_of_timestamps_links_nobody(base: Base) -> None:
    for values in (
        timestamps(base.embedding),
        timestamps(base.embedding).astype(np.float32),
        timestamps(base.embedding) - 1.7e9,
    ):
        assert len(np.unique(clusters_of_duplicates(values))) == ROWS
    doubled = timestamps(base.embedding)
    doubled[100] = doubled[3] + 1e-7
    assert len(np.unique(clusters_of_duplicates(doubled))) == ROWS - 1


def test_rows_of_zeros_are_nobody_s(base: Base, tmp_path: Path) -> None:
    embedding = base.embedding.copy()
    embedding[[0, 30, 60, 90]] = 0
    for moved in (embedding, np.where(embedding == 0, 0, embedding + 5000)):
        samples = read(save(tmp_path / "a.npz", moved, {"person": base.person, "gender": base.gender}))
        assert "4 of 180 rows hold zeros only (no face was found?) and are left out: row 0 for one" in samples.notes
        assert np.flatnonzero(samples.identity < 0).tolist() == [0, 30, 60, 90]
    assert len(np.unique(clusters_of_duplicates(embedding))) == ROWS
