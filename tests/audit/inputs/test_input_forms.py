"""Words, tables and arrays in every form that files have: the same 60 people, a note, or a refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from tests.audit.inputs.sixty import DIMENSIONS, PEOPLE, ROWS, Audit, Base, Measured, csv, numbered, read, require_base


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
