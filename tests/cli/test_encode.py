"""``aiakit encode``: the file holds what the encoder gives, and both doors that read it find the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.storage import embedded, tensorfile
from aiakit.storage.embeddings import read_embeddings
from tests.conftest import TINY, Answer

Aiakit = Callable[..., Answer]
PEOPLE = ("--people", "80", "--images-per-person", "3", "--image-size", "16", "--precision", "fp32")
FUNCTION = "tests.encoders.functions:colours"
LEARNED = ("--set", "autoencoder.epochs=1", "--set", "autoencoder.width=8", "--set", "autoencoder.latent=8")


def released(folder: Path) -> Any:
    (path,) = folder.glob("cells/*/release.safetensors")
    return tensorfile.load(path)["embedding"]


@pytest.mark.parametrize("ending", ["npz", "parquet"])
def test_the_embedding_is_the_encoders_through_every_door(ending: str, aiakit: Aiakit, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    path = tmp_path / f"made.{ending}"
    answer = aiakit("encode", "--encoder", f"python:{FUNCTION}", *PEOPLE, "-o", path, "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["images"], document["dimensions"], document["people"]) == (240, 3, 80)
    assert any(f"{FUNCTION} gave 3 dimensions" in note for note in document["notes"])
    run = ("run", "--defense", "original", "--attacks", "lda", "--no-utility", *TINY, "--out", tmp_path)
    for name, encoder in (("direct", f"python:{FUNCTION}"), ("precomputed", f"precomputed:{path}")):
        answer = aiakit(*run, "--encoder", encoder, "--name", name)
        assert answer.code == 0, answer.err
        np.testing.assert_array_equal(released(tmp_path / name), read_embeddings(path).values)
    audit = ("audit", path, "--attribute", "gender", "--attacks", "lda", "--pairs", "2000", "--jobs", "1")
    answer = aiakit(*audit, "--out", tmp_path, "--name", "audit", "--json")
    assert answer.code == 0, answer.err
    np.testing.assert_array_equal(released(tmp_path / "audit"), released(tmp_path / "direct"))


def test_an_encoder_that_learns_learns_from_the_people_of_a_run(aiakit: Aiakit, tmp_path: Path) -> None:
    path = tmp_path / "made.npz"
    options = ("--threads", "1", "--seed", "3")
    answer = aiakit("encode", "--encoder", "autoencoder", *LEARNED, *PEOPLE, *options, "-o", path)
    assert answer.code == 0, answer.err
    short = [option.replace("autoencoder", "original") for option in LEARNED]
    run = ("run", "--defense", "original", "--attacks", "lda", "--no-utility", *TINY, *short, *options)
    answer = aiakit(*run, "--out", tmp_path, "--name", "run")
    assert answer.code == 0, answer.err
    np.testing.assert_array_equal(released(tmp_path / "run"), read_embeddings(path).values)


def folder_of(tmp_path: Path, labels: str) -> tuple[str | Path, ...]:
    """The options of a data set of four pictures with these labels."""
    for row in range(4):
        (tmp_path / "faces" / "ab"[row // 2]).mkdir(parents=True, exist_ok=True)
        colours = np.random.default_rng(row).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(colours).save(tmp_path / "faces" / "ab"[row // 2] / f"{row}.png")
    (tmp_path / "faces" / "attributes.csv").write_text(labels)
    return "--dataset", "folder", "--data-root", tmp_path / "faces", "--image-size", "16"


def test_few_people_without_labels_are_encoded_all_the_same(aiakit: Aiakit, tmp_path: Path) -> None:
    data = folder_of(tmp_path, "file,gender,split\na/0.png,f,x\na/1.png,,x\nb/2.png,m,x\nb/3.png,m,y\n")
    path = tmp_path / "made.npz"
    answer = aiakit("encode", "--encoder", f"python:{FUNCTION}", *data, "-o", path)
    assert answer.code == 0, answer.err
    found = read_embeddings(path)
    assert found.values.shape == (4, 3)
    assert found.columns["file"] == ["a/0.png", "a/1.png", "b/2.png", "b/3.png"]
    assert found.columns["person"] == ["a", "a", "b", "b"]
    assert found.columns["gender"] == ["f", "", "m", "m"]
    answer = aiakit("encode", "--encoder", "autoencoder", *data, "-o", tmp_path / "other.npz")
    assert answer.code == 2
    assert "the encoder autoencoder learns from the defender's people, and " in answer.message
    assert not (tmp_path / "other.npz").exists()


def test_a_failure_leaves_the_earlier_file_and_nothing_else(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "made.npz"
    path.write_bytes(b"earlier")

    def full(file: Any, array: Any, **options: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(embedded.np.lib.format, "write_array", full)
    answer = aiakit("encode", "--encoder", f"python:{FUNCTION}", *PEOPLE, "-o", path)
    assert answer.code == 2
    assert "no space left" in answer.message
    assert [each.name for each in tmp_path.iterdir()] == ["made.npz"]
    assert path.read_bytes() == b"earlier"


def test_a_function_that_looks_at_the_company_is_refused(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "enc.py").write_text("def embed(images):\n    return (images - images.mean(axis=0))[:, 0, :, 0]\n")
    answer = aiakit("encode", "--encoder", f"python:{tmp_path / 'enc.py'}:embed", *PEOPLE, "-o", tmp_path / "made.npz")
    assert answer.code == 1
    assert "depend on its sample alone" in answer.message
    assert not (tmp_path / "made.npz").exists()


def test_parquet_without_pyarrow_names_the_extra_before_anything_is_encoded(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = aiakit("encode", "--encoder", f"python:{FUNCTION}", *PEOPLE, "-o", tmp_path / "made.parquet")
    assert answer.code == 2
    assert "pip install 'aiakit[parquet]'" in answer.message
