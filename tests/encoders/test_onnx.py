"""Recognisers in ONNX files: the same embeddings as torch's, and cells that go by all that a model is."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import aiakit as package

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from aiakit.contracts import Context, Faces
from aiakit.errors import InputError
from aiakit.experiment.config import plugin_spec
from aiakit.plugins import registry
from tests.conftest import TINY, Answer
from tests.encoders.onnx_models import DIMENSIONS, encode, expected, fitted, names, network, write

CLOSE = {"rtol": 1e-6, "atol": 1e-5}
SAME: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any]]] = {  # the file, the options, what torch is given
    "as ArcFace": ({}, {}, {}),
    "channels last": ({"shape": ("N", 32, 32, 3)}, {}, {}),
    "open axes": ({"shape": ("N", 3, "H", "W")}, {"size": "32"}, {}),
    "everything open": ({"shape": (None, None, None, None)}, {"size": "32", "layout": "nchw"}, {}),
    "one at a time": ({"shape": (1, 3, 32, 32)}, {}, {}),
    "seven at a time": ({"shape": (7, 3, 32, 32)}, {}, {}),
    "bytes": ({"dtype": "uint8"}, {}, {"mean": 0, "scale": 1}),
    "bytes, channels last": (
        {"dtype": "uint8", "shape": ("N", 32, 32, 3)},
        {"colour": "bgr"},
        {"mean": 0, "scale": 1, "bgr": True},
    ),
    "by options": (
        {},
        {"colour": "bgr", "mean": "103.5,116.3,123.7", "scale": "58"},
        {"bgr": True, "mean": (103.5, 116.3, 123.7), "scale": 58},
    ),
    "by its metadata": (
        {"shape": ("N", 3, "H", "W"), "metadata": {"size": "32", "color": "BGR", "mean": "[1, 2, 3]", "scale": "64"}},
        {},
        {"bgr": True, "mean": (1, 2, 3), "scale": 64},
    ),
    "by ONNX's metadata": (
        {"metadata": {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "Normalized_0_1"}},
        {},
        {"bgr": True, "mean": 0, "scale": 255},
    ),
    "options before metadata": ({"metadata": {"colour": "bgr", "mean": "x"}}, {"colour": "rgb", "mean": "127.5"}, {}),
    "pixels to its own scale": ({"before": [("Sub", 127.5), ("Mul", 0.0078125)]}, {}, {"scale": 128}),
    "its own arithmetic of small numbers": (
        {"before": [("Mul", 2.0), ("Sub", 1.0)]},
        {"mean": "0", "scale": "255"},
        {},
    ),
    "one of two outputs": ({"more_outputs": ("copy",)}, {"output": "copy"}, {}),
    "weights beside it": ({"beside": "weights.bin"}, {}, {}),
}


@pytest.mark.parametrize("case", SAME)
def test_embeddings_are_those_of_torch(case: str, faces: Faces, tmp_path: Path) -> None:
    file, options, given = SAME[case]
    found = encode(write(tmp_path / "m.onnx", **file), faces, **options)
    assert found.dtype == np.float32
    assert found.shape == (len(faces), DIMENSIONS)
    np.testing.assert_allclose(found, expected(faces.images, **given), **CLOSE)


def test_half_precision_is_what_float_gives_nearly(faces: Faces, tmp_path: Path) -> None:
    found = encode(write(tmp_path / "m.onnx", dtype="float16"), faces)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(faces.images), rtol=0, atol=3e-3)


def test_pictures_of_another_size_are_resized(faces: Faces, tmp_path: Path) -> None:
    found = encode(write(tmp_path / "m.onnx", ("N", 3, 48, 40)), faces)
    assert found.shape == (len(faces), DIMENSIONS)
    same_mean = encode(write(tmp_path / "s.onnx"), faces)
    assert np.corrcoef(found.ravel(), same_mean.ravel())[0, 1] > 0.99


def test_neither_threads_nor_company_change_a_byte_that_matters(faces: Faces, tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    every = encode(path, faces)
    np.testing.assert_array_equal(fitted(path, faces, threads=2).encode(faces.images, names(faces)), every)
    alone = np.concatenate([fitted(path, faces).encode(faces.images[row : row + 1], ("x",)) for row in range(3)])
    np.testing.assert_allclose(alone, every[:3], **CLOSE)


@pytest.mark.parametrize(("unit", "norm"), [(True, "unit norm"), (False, "norms from ")])
def test_a_note_says_how_the_model_was_asked_and_what_it_gave(
    unit: bool, norm: str, faces: Faces, tmp_path: Path
) -> None:
    made = fitted(write(tmp_path / "m.onnx", unit=unit), faces, colour="bgr", scale="128")
    made.encode(faces.images, names(faces))
    (note,) = made.notes
    assert note.startswith(
        "m.onnx was given pictures in BGR of 32×32, NCHW float32, pixels as (x − 127.5) / 128, not aligned, and gave "
        f"5 dimensions of {norm}"
    )


def test_a_device_without_a_provider_is_said(faces: Faces, tmp_path: Path) -> None:
    made = registry.make("encoder", "onnx", {"model": str(write(tmp_path / "m.onnx"))})
    made.fit(faces, faces, Context(device="mps")).encode(faces.images, names(faces))
    assert made.notes[1:] == ("m.onnx ran on the CPU: onnxruntime has nothing for mps here",)


def test_the_cell_goes_by_all_that_the_model_is(tmp_path: Path) -> None:
    def digest(path: Path) -> dict[str, str]:
        found: dict[str, str] = plugin_spec("encoder", "onnx", {"model": str(path)})["files"]
        assert found.pop("onnxruntime")
        return found

    whole, parted = write(tmp_path / "whole.onnx"), write(tmp_path / "parted.onnx", beside="w.bin")
    found, before = digest(whole), digest(parted)
    assert digest(whole) == found != before
    weights = bytearray((tmp_path / "w.bin").read_bytes())
    weights[0] ^= 1
    (tmp_path / "w.bin").write_bytes(weights)
    assert digest(parted) != before
    write(whole, metadata={"mean": "1"})
    assert digest(whole) != found


def test_a_restored_encoder_is_told_of_another_model(faces: Faces, tmp_path: Path) -> None:
    path = write(tmp_path / "m.onnx")
    state = fitted(path, faces).state_dict()
    again = registry.make("encoder", "onnx", {"model": str(path)}).load_state_dict(state)
    np.testing.assert_array_equal(again.encode(faces.images, names(faces)), encode(path, faces))
    write(path, metadata={"mean": "1"})
    with pytest.raises(InputError, match="has another content than when this was made"):
        registry.make("encoder", "onnx", {"model": str(path)}).load_state_dict(state)


def test_the_command_line_runs_it_and_says_how(tmp_path: Path, aiakit: Callable[..., Answer]) -> None:
    path = write(tmp_path / "m.onnx")
    run = ("run", "--defense", "leace", "--encoder", f"onnx:{path}", "--attacks", "lda", "--no-utility", *TINY)
    answer = aiakit(*run, "--out", tmp_path, "--name", "run", "--json")
    assert answer.code == 0, answer.err
    assert any("m.onnx was given pictures in RGB of 32×32" in note for note in answer.document["notes"])
    answer = aiakit(*run, "--set", "onnx.size=64", "--out", tmp_path, "--name", "other")
    assert answer.code == 2
    assert re.search(r"takes pictures of 32×32 only: leave out --set onnx\.size=64", answer.message)
    assert not (tmp_path / "other").exists()


def test_a_model_that_torch_exported_is_asked_the_same(faces: Faces, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        axes = {"pictures": {0: "N", 2: "H", 3: "W"}, "embedding": {0: "N"}}
        torch.onnx.export(
            network(),
            (torch.zeros(2, 3, 32, 32),),
            str(tmp_path / "m.onnx"),
            input_names=["pictures"],
            output_names=["embedding"],
            dynamic_axes=axes,
            dynamo=False,
        )
    np.testing.assert_allclose(encode(tmp_path / "m.onnx", faces, size="32"), expected(faces.images), **CLOSE)


def test_an_exported_defense_is_an_encoder(tiny_run: Path, tmp_path: Path, aiakit: Callable[..., Answer]) -> None:
    answer = aiakit("export", tiny_run, "--defense", "aia", "-o", tmp_path / "aia.onnx")
    assert answer.code == 0, answer.err
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    made = registry.make("encoder", "onnx", {"model": str(tmp_path / "aia.onnx"), "output": "release"})
    nobody = Faces(images[:0], np.zeros(0, np.int64), np.zeros(0, np.int64), ("", ""))
    found = made.fit(nobody, nobody, Context()).encode(images, tuple("abcde"))
    released = package.load_defense(tiny_run, "aia").transform(images)
    np.testing.assert_allclose(found, released, rtol=0, atol=1e-4 * np.abs(released).max())
