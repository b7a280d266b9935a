"""Embeddings and arrays of pictures are a data set: run, protect and data read what audit reads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import LoadSettings
from aiakit.datasets.table import Table
from aiakit.errors import InputError
from aiakit.storage import tensorfile
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
PEOPLE, EACH, DIMENSIONS = 100, 3, 12


def arrays(seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Embeddings of which the first number says the gender."""
    rng = np.random.default_rng(seed)
    gender, rows = np.arange(PEOPLE) % 2, np.repeat(np.arange(PEOPLE), EACH)
    centre = rng.normal(size=(PEOPLE, DIMENSIONS))
    centre[:, 0] += 4 * gender
    return {
        "e": (centre[rows] + 0.2 * rng.normal(size=(len(rows), DIMENSIONS))).astype(np.float32),
        "person": np.array([f"p{row:03d}" for row in rows]),
        "gender": np.array(["female", "male"])[gender[rows]],
    }


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "templates.npz"
    np.savez(path, **arrays())
    return path


def test_rows_of_test_that_are_in_other_splits_are_named(aiakit: Aiakit, tmp_path: Path) -> None:
    """Half of the people are the others under second names, their templates a little louder."""
    found = arrays()
    half = len(found["e"]) // 2
    found["e"][half:] = 1.000001 * found["e"][:half]
    found["gender"][half:] = found["gender"][:half]
    command = ("run", "--dataset", "table", "--attribute", "gender", "--identity", "person", "--attacks", "lda",
               "--defense", "leace", "--no-utility", "--no-reference", "--out", tmp_path, "--json")  # fmt: skip
    for name, table in (("twice", found), ("once", arrays())):
        np.savez(tmp_path / f"{name}.npz", **table)
        answer = aiakit(*command, "--data-root", tmp_path / f"{name}.npz", "--name", name)
        assert answer.code == 0, answer.err
        lines = [note for note in answer.document["notes"] if "OVERLAP" in note]
        assert len(lines) == (name == "twice")
        if lines:
            count, of = map(int, re.findall(r"(\d+) of (\d+) images of test", lines[0])[0])
            assert 0.5 * of < count <= of


def test_templates_are_defended_attacked_and_protected(
    aiakit: Aiakit, npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = aiakit(
        "run", "--dataset", "table", "--data-root", npz, "--attribute", "gender", "--identity", "person", "--defense",
        "leace", "--attacks", "logreg,decensor", "--pairs", "200", "--out", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    rows = {row["release"]: row for row in answer.document["rows"]}
    assert rows["original"]["strongest"]["balanced_accuracy"] > 0.85
    assert rows["leace"]["attacks"]["logreg"]["balanced_accuracy"] < 0.75
    assert rows["leace"]["attacks"].keys() == {"logreg", "decensor"}
    assert rows["leace"]["utility"]["random"]["auc"] > 0.9

    unseen = arrays(seed=5)["e"][:7]
    np.save(tmp_path / "unseen.npy", unseen)
    protected = aiakit("protect", tmp_path / "run", tmp_path / "unseen.npy", "--defense", "leace", "-o", tmp_path / "a")
    assert protected.code == 0, protected.err
    from_file = tensorfile.load(tmp_path / "a" / "embedding.safetensors")["embedding"]
    assert from_file.shape == (7, DIMENSIONS)

    class Stdin:
        buffer = io.BytesIO((tmp_path / "unseen.npy").read_bytes())

    monkeypatch.setattr("sys.stdin", Stdin)
    piped = aiakit("protect", tmp_path / "run", "-", "--defense", "leace", "-o", tmp_path / "b")
    assert piped.code == 0, piped.err
    from_stdin = tensorfile.load(tmp_path / "b" / "embedding.safetensors")["embedding"]
    np.testing.assert_array_equal(from_stdin, from_file)
    assert "stdin:0" in (tmp_path / "b" / "index.csv").read_text()

    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "unseen.h5", "w") as file:
        file["faces/e"], file["other"] = unseen, 2 * unseen
    inside = f"{tmp_path}/unseen.h5:faces/e"
    assert aiakit("protect", tmp_path / "run", inside, "--defense", "leace", "-o", tmp_path / "h").code == 0
    of_hdf5 = tensorfile.load(tmp_path / "h" / "embedding.safetensors")["embedding"]
    np.testing.assert_array_equal(of_hdf5, from_file)

    np.save(tmp_path / "narrow.npy", unseen[:, :5])
    for wrong, words in (
        (tmp_path / "narrow.npy", "has 5 dimensions, and this run was trained on embeddings of 12"),
        (tmp_path, "is a folder: this run protects embeddings"),
        (tmp_path / "none.npy", "there is no file"),
    ):
        refused = aiakit("protect", tmp_path / "run", wrong, "--defense", "leace", "-o", tmp_path / "c")
        assert refused.code == 2
        assert words in refused.message
        assert not (tmp_path / "c").exists()
    for command in (("report", tmp_path / "run", "--faces", "2"), ("visualize", tmp_path / "run")):
        refused = aiakit(*command)
        assert (refused.code, "there are no photographs in table" in refused.message) == (2, True), refused.err


def test_the_rows_are_those_of_the_audit(npz: Path) -> None:
    table, given = Table(str(npz)), arrays()
    faces = table.load(LoadSettings(64, npz.parent))
    assert table.holds() == "embedding"
    assert faces.embedding is not None
    np.testing.assert_array_equal(faces.embedding, given["e"])
    assert [faces.people[person] for person in faces.identity] == given["person"].tolist()
    gender = faces.attributes["gender"]
    assert [gender.classes[value] for value in gender.values] == given["gender"].tolist()
    assert (faces.default_attribute, len(faces)) == ("gender", PEOPLE * EACH)


def test_rows_of_nobody_are_left_out(npz: Path) -> None:
    given = arrays()
    given["person"][:EACH] = ""
    np.savez(npz, **given)
    faces = Table(str(npz)).load(LoadSettings(64, npz.parent))
    assert len(faces) == (PEOPLE - 1) * EACH
    assert "p000" not in faces.people
    assert any(f"{EACH} of {PEOPLE * EACH} rows have no identity" in note for note in faces.notes)


def test_labels_in_a_csv_are_joined_and_a_split_is_kept(npz: Path) -> None:
    given = arrays()
    np.savez(npz, e=given["e"], key=np.arange(PEOPLE * EACH).astype(str))
    part = np.array(["train", "train", "train", "val", "test"])[np.arange(PEOPLE) // 2 % 5]
    lines = [f"{row},{given['person'][row]},{given['gender'][row]},{part[row // EACH]}" for row in range(PEOPLE * EACH)]
    labels = npz.with_suffix(".csv")
    labels.write_text("\n".join(["row,who,sex,part", *lines[::-1]]) + "\n")
    faces = Table(str(npz), "who", str(labels), "key=row", split="part").load(LoadSettings(64, npz.parent))
    assert [faces.people[person] for person in faces.identity] == given["person"].tolist()
    assert faces.partition is not None
    assert faces.partition.tolist() == part[np.arange(PEOPLE * EACH) // EACH].tolist()


def test_pictures_as_arrays(aiakit: Aiakit, tmp_path: Path) -> None:
    rng, given = np.random.default_rng(0), arrays()
    shade = 60 + 120 * (given["gender"] == "male").astype(int)
    pictures = np.clip(shade[:, None, None, None] + rng.normal(0, 20, (len(shade), 20, 24, 3)), 0, 255).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=pictures, person=given["person"], gender=given["gender"])
    table = Table(str(tmp_path / "pictures.npz"))
    faces = table.load(LoadSettings(16, tmp_path))
    assert (table.holds(), faces.images.shape, faces.embedding) == ("image", (PEOPLE * EACH, 16, 16, 3), None)
    assert "the pictures of 24×20 pixels were cut to squares of 16" in faces.notes
    answer = aiakit(
        "run", "--dataset", "table", "--data-root", tmp_path / "pictures.npz", "--defense", "blur", "--attacks",
        "pixels", "--image-size", "16", "--no-utility", "--no-reference", "--out", tmp_path, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert answer.document["rows"][0]["strongest"]["balanced_accuracy"] > 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--defense", "blur"), "blur reads images, and this data set holds embeddings"),
        (("--defense", "leace", "--encoder", "dlib"), "leave it out"),
        (("--defense", "leace", "--identity", "persn"), "person"),
        (("--defense", "leace", "--embedding-key", "f"), "unknown array"),
    ],
)
def test_what_cannot_be_is_refused(aiakit: Aiakit, npz: Path, arguments: tuple[str, ...], words: str) -> None:
    answer = aiakit("run", "--dataset", "table", "--data-root", npz, "--attacks", "logreg", *arguments)
    assert answer.code == 2
    assert words in answer.message


def test_a_folder_is_another_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--dataset folder"):
        Table(str(tmp_path)).holds()


def test_data_shows_a_table(aiakit: Aiakit, npz: Path, tmp_path: Path) -> None:
    answer = aiakit("data", "--dataset", "table", "--data-root", npz, "--json")
    assert answer.code == 0, answer.err
    assert (answer.document["dimensions"], answer.document["image_size"]) == (DIMENSIONS, None)
    refused = aiakit("data", "--dataset", "table", "--data-root", npz, "--contact-sheet", tmp_path / "sheet.png")
    assert refused.code == 2
    assert "there are no images to show" in refused.message


def test_the_stored_encoder_is_for_tables(aiakit: Aiakit) -> None:
    answer = aiakit("run", "--defense", "leace", "--encoder", "stored")
    assert answer.code == 2
    assert "is for data sets of embeddings" in answer.message
