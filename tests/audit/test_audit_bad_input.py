"""Bad input: one clear line each, from Python as InputError and from the command line with exit code 2."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit
from aiakit.contracts import OfficialPairs
from aiakit.errors import InputError
from aiakit.storage.arrays import LARGEST
from tests.conftest import Answer

COLUMNS = ("--attribute", "gender", "--identity", "person")


def spoil(embedding: Any, row: Any, column: Any, value: Any, dtype: Any = np.float32) -> Any:
    changed = embedding.astype(dtype)
    changed[row, column] = value
    return changed


ARRAYS = {
    "NaN": (lambda e: spoil(e, 17, 3, np.nan), "NaN or infinite values.*row 17"),
    "infinity": (lambda e: spoil(e, 4, 0, np.inf), "NaN or infinite values.*row 4"),
    "overflow of float32": (lambda e: spoil(e, 5, 1, 1e300, np.float64), r"reach 1e\+300 \(row 5\).*scale them down"),
    "overflow of squares": (lambda e: spoil(e, 5, 1, -1e30), r"reach 1e\+30 \(row 5\)"),
    "all constant": (lambda e: np.ones_like(e), "the same in all 180 rows"),
    "objects": (lambda e: e.astype(object), "must be numbers, got Python objects"),
    "texts": (lambda e: e.astype(str), "must be numbers"),
    "one axis": (lambda e: e[:, 0], r"must have shape \(rows, dimensions\)"),
    "no rows": (lambda e: e[:0], r"must have shape \(rows, dimensions\), got \(0, 10\)"),
    "no dimensions": (lambda e: e[:, :0], r"got \(180, 0\)"),
    "complex": (lambda e: e.astype(complex), "must be numbers, got complex128"),
    "float pictures": (lambda e: np.zeros((180, 16, 16, 3)), "pictures must be uint8"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_values_that_no_attack_can_use(cast: Any, case: str) -> None:
    change, message = ARRAYS[case]
    with pytest.raises(InputError, match=message) as caught:
        aiakit.audit(change(cast.embedding), **cast.labels())
    assert "\n" not in str(caught.value)


ROWS = 180
OPTIONS = {
    "one person": ({"identity": ["a"] * ROWS}, "one person only"),
    "nobody": ({"identity": [""] * ROWS}, "shows nobody"),
    "short identity": ({"identity": ["a", "b"]}, "identity has 2 values and the release 180 rows"),
    "short labels": ({"attributes": {"gender": ["a"] * 3}}, "gender has 3 values"),
    "one class": ({"attributes": {"gender": ["a"] * ROWS}}, "only a: there is nothing to infer"),
    "no class": ({"attributes": {"gender": [None] * ROWS}}, "no known value"),
    "rare class": ({"attributes": {"g": ["x"] * 6 + ["y"] * (ROWS - 6)}}, "too few people to split: 2 with g = x"),
    "measurement": ({"attributes": {"age": np.arange(ROWS)}}, "180 distinct values.*group its values"),
    "no attribute": ({"attributes": {}}, "no attribute is named"),
    "short group": ({"groups": {"age": [1, 2]}}, "age has 2 values"),
    "unknown attack": ({"attacks": "logrek"}, "unknown attack 'logrek': did you mean logreg"),
    "no attack": ({"attacks": ","}, "no attack is named"),
    "image attack": ({"attacks": "cnn"}, "none of the attacks asked for .cnn. can be run on this embedding"),
    "unknown score": ({"score": "cosin"}, "unknown score 'cosin': did you mean cosine"),
    "no seeds": ({"attack_seeds": 0}, "attack_seeds: .* greater than or equal to 1"),
    "unused setting": ({"attacks": "logreg", "options": {"lda": {"x": "1"}}}, "lda"),
    "short reference": ({"reference": np.ones((3, 4))}, "the reference has 3 rows"),
    "constant reference": ({"reference": np.ones((ROWS, 4))}, "the reference are the same|the reference.*same"),
    "foreign split": ({"split": ["gallery"] * ROWS}, "puts nobody into attacker-train and attacker-val and test"),
    "pairs outside": (
        {"official_pairs": OfficialPairs(np.array([0]), np.array([999]), np.array([True]), np.array([0]))},
        "pairs name rows outside",
    ),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_labels_and_options_that_cannot_be_used(cast: Any, case: str) -> None:
    options, message = OPTIONS[case]
    with pytest.raises(InputError, match=message) as caught:
        aiakit.audit(cast.embedding, **{**cast.labels(), **options})
    assert "\n" not in str(caught.value)


def test_constant_columns_are_a_note(cast: Any) -> None:
    widened = np.hstack([cast.embedding, np.ones((ROWS, 2), np.float32)])
    notes = aiakit.audit(widened, attacks="logreg", **cast.labels()).to_dict()["notes"]
    assert "2 of 12 dimensions are constant and say nothing" in notes


def test_unknown_people_and_labels_are_left_out_and_counted(cast: Any) -> None:
    person, gender = cast.person.copy(), cast.gender.copy()
    person[:2], gender[5] = "", "NA"
    document = aiakit.audit(cast.embedding, attributes={"gender": gender}, identity=person, attacks="logreg").to_dict()
    assert document["images"] == ROWS - 3
    assert "2 of 180 rows have no identity and are left out" in document["notes"]
    assert "1 of 180 rows have no known gender and are left out" in document["notes"]


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def declaring(shape: tuple[int, ...]) -> bytes:
    """An .npy file that says it holds this shape of float32, and holds four bytes."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue() + b"\0\0\0\0"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


FILES = {
    "empty file": ("a.npz", b"", "is empty"),
    "no npz": ("a.npz", b"hello", "is damaged or no .npz file"),
    "no npy": ("a.npy", b"hello" * 10, "is damaged or no .npy file"),
    "truncated npz": ("a.npz", zipped(e=npy(np.ones((50, 9))))[:-40], "is damaged or no .npz file"),
    "truncated npy": ("a.npy", npy(np.ones((50, 9)))[:-40], "declares 3,600 bytes of values and holds 3,560"),
    "huge npy": ("a.npy", declaring((10**9, 10**6)), f"more than {LARGEST:,} is refused"),
    "huge npz": ("a.npz", zipped(e=declaring((10**9, 10**6))), f"more than {LARGEST:,} is refused"),
    "lying npz": ("a.npz", zipped(e=declaring((10**5, 10**3))), "declares 400,000,000 bytes of values and holds 4"),
    "objects": ("a.npy", npy(np.full((4, 4), None, dtype=object)), "Python objects.*unpickled and are refused"),
    "two arrays": ("a.npz", zipped(a=npy(np.eye(3)), b=npy(np.eye(4))), r"which array.*a \(3, 3\), b \(4, 4\)"),
    "no array": ("a.npz", zipped(), "it holds nothing"),
    "safetensors": ("a.safetensors", b"\xff" * 40, "not a sound safetensors file: the header's length"),
    "safetensors header": ("a.safetensors", (9).to_bytes(8, "little") + b'{"a": [1]', "not a sound safetensors"),
    "ragged csv": ("a.csv", b"e0,e1,person\n1,2,a\n1,2\n", "a.csv:3 has 2 cells, the header has 3"),
    "words in csv": ("a.csv", b"e0,e1,person\n1,2,a\n1,x,b\n", "a.csv:3 has an embedding column that is no number"),
    "no numbers": ("a.csv", b"person,gender\na,b\n", "has no columns of numbers such as e0"),
    "header only": ("a.csv", b"e0,e1\n", "is empty"),
    "ending": ("a.pkl", b"\x80\x04.", "unknown ending"),
}


@pytest.mark.parametrize("case", FILES)
def test_files_that_cannot_be_read(aiakit: Callable[..., Answer], tmp_path: Path, case: str) -> None:
    name, content, message = FILES[case]
    (tmp_path / name).write_bytes(content)
    answer = aiakit("audit", tmp_path / name, *COLUMNS, "--out", tmp_path / "runs")
    assert answer.code == 2, answer.err
    with pytest.raises(InputError, match=message):
        raise InputError(answer.message)
    assert not (tmp_path / "runs").exists()


def test_places_without_a_release(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    assert "there is no file or folder" in aiakit("audit", tmp_path / "none.npz", *COLUMNS).message
    (tmp_path / "notes.txt").write_text("no picture")
    answer = aiakit("audit", tmp_path, *COLUMNS)
    assert answer.code == 2
    assert "holds no pictures" in answer.message


def test_parquet_names_the_extra(
    aiakit: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    answer = aiakit("audit", tmp_path / "a.parquet", *COLUMNS)
    assert answer.code == 2
    assert "pip install 'aiakit[parquet]'" in answer.message


COMMANDS = {
    "missing attribute": (("--attribute", "gendr", "--identity", "person"), "'gendr'.*did you mean gender"),
    "missing identity": (("--attribute", "gender", "--identity", "persn"), "'persn'.*did you mean person"),
    "missing group": ((*COLUMNS, "--group", "smilin"), "did you mean smiling"),
    "missing split": ((*COLUMNS, "--split", "fold"), "column for --split 'fold'"),
    "no attribute": (("--identity", "person"), "no attribute is named"),
    "missing key": ((*COLUMNS, "--embedding-key", "f"), "unknown array for --embedding-key 'f'"),
    "join without labels": ((*COLUMNS, "--join-on", "name"), "give --labels CSV as well"),
    "missing labels": ((*COLUMNS, "--labels", "no.csv"), "no.csv cannot be read"),
    "missing pairs": ((*COLUMNS, "--official-pairs", "no.csv"), "no.csv cannot be read"),
    "missing reference": ((*COLUMNS, "--reference", "no.npz"), "there is no file or folder no.npz"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_commands_that_name_what_is_not_there(aiakit: Callable[..., Answer], npz: Path, case: str) -> None:
    arguments, message = COMMANDS[case]
    answer = aiakit("audit", npz, *arguments)
    assert answer.code == 2, answer.err
    with pytest.raises(InputError, match=message):
        raise InputError(answer.message)


def joined(aiakit: Callable[..., Answer], npz: Path, table: Path, *more: str) -> Any:
    return aiakit(
        "audit", npz, "--labels", table, "--attribute", "gender", "--identity", "who", "--attacks", "logreg", *more,
        "--out", npz.parent / "runs", "--json",
    )  # fmt: skip


def test_tables_that_do_not_fit(aiakit: Callable[..., Answer], npz: Path, write_table: Callable[..., Path]) -> None:
    table = write_table(range(10))
    answer = joined(aiakit, npz, table)
    assert answer.code == 2
    assert "has 10 rows and release.npz 180" in answer.message
    answer = joined(aiakit, npz, table, "--join-on", "name=fil")
    assert "unknown column for --join-on 'fil'" in answer.message
    assert "did you mean file" in answer.message
    answer = joined(aiakit, npz, table, "--join-on", "nam=file")
    assert "did you mean name" in answer.message
    answer = joined(aiakit, npz, table, "--join-on", "person=file")
    assert answer.code == 2
    assert "shares no key with release.npz: person is 'p00' for one" in answer.message
    write_table([0, 1, 2, 1])
    answer = joined(aiakit, npz, table, "--join-on", "name=file")
    assert answer.code == 2
    assert "labels.csv:5 repeats the key 'p00/1.png' of line 3" in answer.message


def test_tables_are_joined_by_key_in_any_order(
    aiakit: Callable[..., Answer], cast: Any, npz: Path, write_table: Callable[..., Path]
) -> None:
    table = write_table()
    in_order = joined(aiakit, npz, table).document
    shuffled = np.random.default_rng(0).permutation(cast.rows)
    write_table(shuffled)
    by_key = joined(aiakit, npz, table, "--join-on", "name=file").document
    assert by_key["rows"][0]["attacks"]["logreg"] == in_order["rows"][0]["attacks"]["logreg"]
    write_table(shuffled[:170])
    fewer = joined(aiakit, npz, table, "--join-on", "name=file").document
    assert fewer["images"] == 170
    assert any("10 of 180 rows have no row in labels.csv" in note for note in fewer["notes"])
