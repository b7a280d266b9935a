"""A defense as one file: what a service computes from it is what protect releases, and it says where it is from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import aiakit as product
from aiakit.networks.serving import Affine
from aiakit.plugins import registry
from aiakit.plugins.bases import AffineEraser
from tests.conftest import Answer

nn = torch.nn
onnxruntime = pytest.importorskip("onnxruntime")
Aiakit = Callable[..., Answer]
AFFINE = ("leace", "mean-projection", "splince", "r-lace", "density-matching", "inlp", "ive", "leace+inlp")
CLOSED = ",".join(
    (
        *AFFINE,
        "identity-transport",
        "certified-code",
        "fare",
        "quadratic-leace",
        "kernel-arl",
        "kram",
        "obliviator",
        "grl",
        "aia-ensemble",
    )
)
DRAWING = {"gaussian-noise": "normal", "laplace-noise": "laplace", "leace+gaussian-noise": "normal",
           "laplace-noise+leace": "laplace"}  # fmt: skip
EXPORTED = tuple(CLOSED.split(","))
DIMENSIONS = 8


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of defenses on embeddings that exist already."""
    from aiakit.cli import main

    folder = tmp_path_factory.mktemp("export")
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(160), 3)
    centre = rng.normal(size=(160, DIMENSIONS))
    centre[:, 0] += 2 * (np.arange(160) % 2)
    x = centre[person] + 0.3 * rng.normal(size=(len(person), DIMENSIONS))
    np.savez(folder / "x.npz", e=x.astype(np.float32), person=person, gender=np.array(["f", "m"])[person % 2])
    arguments = ["run", "--dataset", "table", "--data-root", str(folder / "x.npz"), "--attribute", "gender", "--quiet"]
    arguments += [
        "--defense",
        ",".join([CLOSED, *DRAWING, "vib"]),
        "--attacks",
        "logreg",
        "--no-utility",
        "--no-forecast",
        "--precision",
        "fp32",
    ]
    arguments += [
        "--set",
        "grl.epochs=1",
        "--set",
        "kram.epochs=1",
        "--set",
        "obliviator.epochs=1",
        "--set",
        "vib.epochs=1",
        "--set",
        "aia-ensemble.epochs=1",
        "--set",
        "kernel-arl.features=64",
        "--set",
        "density-matching.steps=20",
    ]
    assert main([*arguments, "--out", str(folder), "--name", "run"]) == 0
    return folder / "run"


def served(path: Path, values: np.ndarray, *more: np.ndarray) -> list[np.ndarray]:
    """What a service computes, which has the file and its library only. more : what it takes beside the values."""
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        names = [each.name for each in session.get_inputs()]
        return list(session.run(None, dict(zip(names, (values, *more), strict=True))))
    if path.suffix == ".npz":
        with np.load(path) as found:
            return [(values @ found["matrix"].T + found["offset"]).astype(np.float32)]

    with torch.no_grad():
        found = torch.jit.load(str(path))(*map(torch.from_numpy, (values, *more)))
    return [each.numpy() for each in (found if isinstance(found, tuple) else (found,))]


def provenance(path: Path) -> dict[str, Any]:
    if path.suffix == ".onnx":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        text = session.get_modelmeta().custom_metadata_map["aiakit"]
    elif path.suffix == ".npz":
        text = str(np.load(path)["aiakit"])
    else:
        extra = {"aiakit": ""}
        torch.jit.load(str(path), _extra_files=extra)
        text = extra["aiakit"]
    said: dict[str, Any] = json.loads(text)
    return said


@pytest.mark.parametrize("name", EXPORTED)
def test_a_service_releases_what_protect_does(aiakit: Aiakit, trained: Path, tmp_path: Path, name: str) -> None:
    new = np.random.default_rng(1).normal(size=(70, DIMENSIONS)).astype(np.float32)
    expected = product.load_defense(trained, name)(new).embedding
    assert expected is not None
    endings = (".onnx", ".pt", *([".npz"] if name in AFFINE else []))
    for ending in endings:
        path = tmp_path / f"{name}{ending}"
        answer = aiakit("export", trained, "--defense", name, "-o", path, "--json")
        assert answer.code == 0, answer.err
        assert answer.document["off"]["embedding"] <= 1e-5
        (found,) = served(path, new)
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
        (alone,) = served(path, new[:1])
        np.testing.assert_allclose(alone, found[:1], atol=1e-5 * np.abs(expected).max())
        said = provenance(path)
        assert said["release"] == name
        assert [step["name"] for step in said["steps"]] == name.split("+")
        assert said["measured"]["strongest"]["attack"] == "logreg"


@pytest.mark.parametrize("ending", [".onnx", ".pt"])
@pytest.mark.parametrize("name", DRAWING)
def test_noise_is_an_input_that_the_service_draws(
    aiakit: Aiakit, trained: Path, tmp_path: Path, name: str, ending: str
) -> None:
    path = tmp_path / f"a{ending}"
    answer = aiakit("export", trained, "--defense", name, "-o", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.document["inputs"] == ["embedding", "noise"]
    assert answer.document["off"]["embedding"] <= 1e-5
    said = provenance(path)["randomness"]
    assert (said["input"], said["distribution"], said["shape"]) == ("noise", DRAWING[name], ["N", DIMENSIONS])
    assert "drawn anew for every sample" in said["draw"]
    new = np.random.default_rng(1).normal(size=(70, DIMENSIONS)).astype(np.float32)
    expected = product.load_defense(trained, name)(new, noise_seed=5).embedding
    assert expected is not None
    draw = np.random.default_rng(5)
    noise = draw.standard_normal(new.shape) if DRAWING[name] == "normal" else draw.laplace(size=new.shape)
    (found,) = served(path, new, noise.astype(np.float32))
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    (without,) = served(path, new, np.zeros_like(new))
    assert np.abs(without - expected).max() > 0.01 * np.abs(expected).max()


@pytest.mark.parametrize("ending", [".onnx", ".pt"])
def test_photographs_become_an_embedding_and_a_picture(
    aiakit: Aiakit, tiny_run: Path, tmp_path: Path, ending: str
) -> None:
    images = np.random.default_rng(2).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    expected = product.load_defense(tiny_run, "aia")(images)
    path = tmp_path / f"aia{ending}"
    answer = aiakit("export", tiny_run, "--defense", "aia", "-o", path)
    assert answer.code == 0, answer.err
    embedding, picture = served(path, images)
    assert expected.embedding is not None
    assert expected.pixels is not None
    np.testing.assert_allclose(embedding, expected.embedding, atol=1e-5 * np.abs(expected.embedding).max())
    assert picture.dtype == np.uint8
    assert np.abs(picture.astype(int) - expected.pixels.astype(int)).max() <= 1
    assert provenance(path)["outputs"] == ["embedding", "image"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--defense", "vib", "-o", "a.onnx"), "it draws noise, which a service must draw anew"),
        (("--defense", "gaussian-noise", "-o", "a.npz"), "this defense takes embedding and noise: give onnx"),
        (("--defense", "identity-transport", "-o", "a.npz"), "npz holds an affine map, and this release is none"),
        (("--defense", "leace", "-o", "a.bin"), "which format"),
        (("--defense", "leace", "-o", "nowhere/a.onnx"), "nowhere cannot be written to"),
        (("-o", "a.onnx"), "choose one with --defense"),
        (("--defense", "nothing", "-o", "a.onnx"), "nothing"),
    ],
)
def test_what_cannot_be_exported(
    aiakit: Aiakit, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = aiakit("export", trained, *options)
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_stays(aiakit: Aiakit, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"mine")
    answer = aiakit("export", trained, "--defense", "leace", "-o", tmp_path / "a.onnx")
    assert answer.code == 2
    assert (tmp_path / "a.onnx").read_bytes() == b"mine"


def test_a_file_that_releases_something_else_does_not_appear(
    aiakit: Aiakit, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = AffineEraser.module
    monkeypatch.setattr(
        AffineEraser, "module", lambda self: nn.Sequential(wrong(self), Affine(0.999 * np.eye(8), np.zeros(8)))
    )
    answer = aiakit("export", trained, "--defense", "leace", "-o", tmp_path / "a.onnx")
    assert answer.code == 2
    assert "the file differs by" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_every_built_in_defense_says_whether_it_can_be_exported() -> None:
    """A step that draws nothing and has no module is one whose pictures a library of images makes."""
    loaded = {name: registry.load("defense", name) for name in registry.names("defense")}
    ours = {name: made for name, made in loaded.items() if made.__module__.startswith("aiakit.defenses")}
    without = {name for name, made in ours.items() if not hasattr(made, "module")}
    noise = {"pe-miu", "random", "vib"}
    assert without == noise | {"blur", "downsample", "k-same", "pixelate", "san"}
