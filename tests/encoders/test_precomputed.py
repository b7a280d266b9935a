"""Embeddings from files: how rows find their pictures, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from aiakit.contracts import Context
from aiakit.encoders.precomputed import Precomputed
from aiakit.errors import InputError
from aiakit.experiment import releasing
from aiakit.plugins import registry
from aiakit.storage import tensorfile
from aiakit.storage.keys import Keys
from tests.conftest import TINY

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)
FILES = ("Ann_0001.jpg", "Ann_0002.jpg", "Bea_0001.jpg", "Bea_0002.jpg")
FOLDERS = tuple(f"{name.split('_')[0]}/{name}" for name in FILES)


def encode(path: Path, files: tuple[str, ...], **options: str) -> Any:
    images = np.zeros((len(files), 8, 8, 3), np.uint8)
    return registry.make("encoder", "precomputed", {"file": str(path), **options}).encode(images, files)


@pytest.mark.parametrize("stored", [FILES, FOLDERS])
@pytest.mark.parametrize("wanted", [FILES, FOLDERS])
@pytest.mark.parametrize("kind", ["U", "S"])
def test_rows_are_found_by_name_with_and_without_folders(tmp_path: Path, stored: Any, wanted: Any, kind: str) -> None:
    np.savez(tmp_path / "made.npz", e=ROWS, f=np.array(stored, dtype=kind))
    order = (2, 0, 3)
    found = encode(tmp_path / "made.npz", tuple(wanted[row] for row in order))
    np.testing.assert_array_equal(found, ROWS[list(order)])
    assert found.dtype == np.float32


def test_two_arrays_of_a_kind_are_chosen_by_option(tmp_path: Path) -> None:
    path = tmp_path / "two.npz"
    np.savez(path, first=ROWS, second=ROWS.astype(np.float64) + 1, f=np.array(FILES), other=np.array(FILES[::-1]))
    found = encode(path, FILES, embeddings="second", names="other")
    np.testing.assert_array_equal(found, ROWS[::-1] + 1)
    with pytest.raises(InputError, match=r"Choose with --set precomputed.embeddings; it holds first \(4, 3\), second"):
        encode(path, FILES, names="f")
    with pytest.raises(InputError, match=r"unknown array .* 'secnd' of .*did you mean second"):
        encode(path, FILES, embeddings="secnd", names="f")
    with pytest.raises(InputError, match=r"unknown array .* 'first' of .*Known: f, other"):
        encode(path, FILES, embeddings="second", names="first")
    with pytest.raises(InputError, match=r"several columns of texts \(f, other\): say which names .*names=NAME"):
        encode(path, FILES, embeddings="second")


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".safetensors"])
def test_without_names_the_rows_are_those_of_the_data_set_in_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"made{suffix}"
    {".npy": np.save, ".npz": np.savez}.get(suffix, lambda target, rows: save_file({"rows": rows}, target))(path, ROWS)
    np.testing.assert_array_equal(encode(path, FILES), ROWS)
    with pytest.raises(InputError, match="has 4 embeddings for 3 images and no names to match them by"):
        encode(path, FILES[:3])


def test_missing_rows_are_counted_and_the_first_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", e=ROWS[:1], f=np.array(FILES[:1]))
    wanted = (*FILES, "Cid_0001.jpg")
    expected = r"no row for 4 of 5 images \(Ann_0002.jpg, Bea_0001.jpg, Bea_0002.jpg …\)"
    with pytest.raises(InputError, match=expected):
        encode(tmp_path / "made.npz", wanted)


@pytest.mark.parametrize(
    ("names", "files", "message"),
    [
        (["a/1.png", "b/1.png"], ("1.png",), "2 rows for 1.png"),
        (["1.png", "1.png"], ("1.png",), "2 rows for 1.png"),
        (["1.png", "2.png"], ("a/1.png", "b/1.png"), "one row, 1.png, for both a/1.png and b/1.png"),
        (["1.jpg", "1.png"], ("a/1.webp",), "2 rows for a/1.webp"),
    ],
)
def test_a_name_that_could_be_another_picture_is_never_guessed(names: Any, files: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Keys(names, "the file").match(files)


@pytest.mark.parametrize(("name", "file"), [("a/1.png", "b/1.png"), ("11.png", "1.png"), ("", ""), ("1.png", "")])
def test_another_name_is_no_match(name: str, file: str) -> None:
    if name != file:
        assert Keys([name], "the file").match([file]).places.tolist() == [-1]


FORMS = {
    "ending": "Jos\u00e9/1.png",
    "capitals": "JOS\u00c9/1.JPG",
    "decomposed": "Jose\u0301/1.jpg",
    "Windows": "Jos\u00e9\\1.jpg",
    "here": "./Jos\u00e9/1.jpg",
    "root": "/data/faces/Jos\u00e9/1.jpg",
    "no ending": "Jos\u00e9/1",
    "zeros": "Jos\u00e9/0001.jpg",
    "zero width": "Jos\u00e9\u200b/1.jpg",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_name_in_another_form_is_matched_and_noted(form: str) -> None:
    matching = Keys([FORMS[form], "Ann/2.jpg"], "the file").match(["Ann/2.jpg", "Jos\u00e9/1.jpg"])
    assert matching.places.tolist() == [1, 0]
    expected = f"1 of 2 names are written otherwise in the file and were matched: {FORMS[form]} for Jos\u00e9/1.jpg"
    assert matching.notes == (expected,)


def test_a_name_that_is_there_is_not_taken_for_another() -> None:
    assert Keys(["a.png"], "the file").match(["a.jpg", "a.png"]).places.tolist() == [-1, 0]


@given(st.permutations(range(6)), st.integers(0, 2))
def test_matching_undoes_any_order(order: list[int], folders: int) -> None:
    files = tuple(f"set/person {row % 3}/{row}.png" for row in range(6))
    names = [files[row].split("/", folders)[-1] for row in order]
    assert [order[row] for row in Keys(names, "the file").match(files).places] == list(range(6))


def bad_files(folder: Path) -> dict[str, Path]:
    """By what must be said of each."""
    pickled = folder / "objects.npz"
    np.savez(pickled, e=np.array([[1, "a"]], dtype=object), f=np.array(FILES), rows=ROWS)
    np.savez(folder / "nan.npz", e=np.where(ROWS == 7, np.nan, ROWS), f=np.array(FILES))
    np.savez(folder / "pictures.npz", e=np.zeros((4, 8, 8, 3), np.uint8), f=np.array(FILES))
    whole = (folder / "nan.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.npy").write_text("no array")
    (folder / "rows.pkl").write_text("1,2")
    return {
        "non-finite values in 1 rows, first in row 2": folder / "nan.npz",
        r"holds an array uint8 \(4, 8, 8, 3\) where embeddings, numbers \(N, D\), are expected": folder
        / "pictures.npz",
        "is damaged or no .npz file": folder / "cut.npz",
        "is damaged or no .npy file": folder / "text.npy",
        "unknown ending; give .npz, .npy, .safetensors": folder / "rows.pkl",
        "embeddings file .* that exists": folder / "absent.npz",
    }


def test_a_file_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    for message, path in bad_files(tmp_path).items():
        with pytest.raises(InputError, match=message) as caught:
            encode(path, FILES)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="refused"):
        encode(tmp_path / "objects.npz", FILES, embeddings="e")


def test_names_that_are_objects_are_refused_not_dropped(tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", e=ROWS, f=np.array(FILES[::-1], dtype=object))
    for names in ("", "f"):
        with pytest.raises(InputError, match=r"f holds Python objects.*save it as an array of numbers or of text"):
            encode(tmp_path / "made.npz", FILES, names=names)


def test_what_was_guessed_or_odd_is_noted(tmp_path: Path) -> None:
    np.savez(tmp_path / "made.npz", e=ROWS + 5000, f=np.array([f"a/{name}" for name in FILES]))
    encoder = Precomputed(str(tmp_path / "made.npz"))
    encoder.encode(np.empty((len(FILES), 1, 1, 3), np.uint8), FILES)
    assert [note.partition(":")[0] for note in encoder.notes] == [
        "3 of 3 dimensions lie far from zero for their range (a mean of 5004.5 and a range of 9 for one)",
        f"4 of 4 names are written otherwise in {tmp_path / 'made.npz'} and were matched",
    ]
    np.savetxt(tmp_path / "made.csv", ROWS * (np.arange(4) > 0)[:, None], delimiter=",")
    encoder = Precomputed(str(tmp_path / "made.csv"))
    encoder.encode(np.empty((len(FILES), 1, 1, 3), np.uint8), FILES)
    assert [note.partition(tmp_path.name)[0].replace(str(tmp_path.parent), "…") for note in encoder.notes] == [
        "made.csv has no header line: its columns are called e0 to e2",
        "1 of 4 rows of …/",
        "…/",
    ]


@pytest.mark.parametrize("kind", ["npz", "NPZ", "csv", "parquet"])
def test_every_kind_of_file_is_joined_by_name(tmp_path: Path, kind: str) -> None:
    columns = {"gender": ["f", "f", "m", "m"], "person": [name[:3] for name in FILES], "image": list(FILES[::-1])}
    path = tmp_path / f"made.{kind}"
    if kind.lower() == "npz":
        np.savez(tmp_path / "made.npz", e=ROWS[::-1], **{name: np.array(cells) for name, cells in columns.items()})
        (tmp_path / "made.npz").rename(path)
    elif kind == "csv":
        rows = zip(*columns.values(), *ROWS[::-1].T.tolist(), strict=True)
        path.write_text("\n".join([",".join([*columns, "e0", "e1", "e2"]), *(",".join(map(str, row)) for row in rows)]))
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.table({**columns, "v": ROWS[::-1].tolist()}), path)
    np.testing.assert_array_equal(encode(path, FILES), ROWS)


def test_the_file_is_required(aiakit: Callable[..., Any]) -> None:
    answer = aiakit("check", "precomputed")
    assert answer.code == 2
    assert "precomputed needs a value for file" in answer.err


def test_nothing_is_learned() -> None:
    encoder = Precomputed("made.npz")
    assert encoder.state_dict() == {}
    assert isinstance(encoder.load_state_dict({}).ctx_, Context)


def test_a_run_takes_rows_without_names_in_the_order_of_the_data_set(
    aiakit: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "RELEASE_BATCH", 100)  # the 240 images would be several batches
    rows = np.random.default_rng(0).normal(size=(240, 4)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    run = ("run", "--defense", "original", "--attacks", "logreg", *TINY, "--no-utility", "--out", tmp_path)
    answer = aiakit(*run, "--encoder", f"precomputed:{tmp_path / 'rows.npy'}", "--name", "run", "--json")
    assert answer.code == 0, answer.err
    (released,) = tmp_path.glob("run/cells/*/release.safetensors")
    np.testing.assert_array_equal(tensorfile.load(released)["embedding"], rows)
    in_order = f"{tmp_path / 'rows.npy'} names no images: its rows were taken to be in the order of the data set"
    assert f"original: {in_order}" in answer.document["notes"]
    np.save(tmp_path / "short.npy", rows[:-1])
    answer = aiakit(*run, "--encoder", f"precomputed:{tmp_path / 'short.npy'}", "--name", "short", "--json")
    assert answer.code == 2
    assert "has 239 embeddings for 240 images and no names to match them by" in answer.message
