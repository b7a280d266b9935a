"""Encoders that are networks: the autoencoder's latent, and timm's models with checkpoints from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch.nn import functional as F  # noqa: N812

from aiakit.contracts import Context, Faces
from aiakit.errors import InputError
from aiakit.plugins import registry

MODEL = "test_resnet"  # timm's own tiny network, 160×160 input


def made(name: str, faces: Faces, **options: str) -> Any:
    return registry.make("encoder", name, options).fit(faces, faces, Context())


def encode(encoder: Any, faces: Faces) -> Any:
    return encoder.encode(faces.images, tuple(map(str, range(len(faces)))))


def test_the_autoencoder_gives_the_latent_of_the_undefended_release(faces: Faces) -> None:
    options = {"latent": "16", "width": "8", "epochs": "1"}
    found = encode(made("autoencoder", faces, **options), faces)
    original = registry.make("defense", "original", options).fit(faces, faces, Context())
    released = original.release(faces.images, np.random.default_rng(0))
    assert found.shape == (24, 16)
    np.testing.assert_array_equal(found, released.embedding)


def test_the_autoencoder_is_taken_from_the_memo(faces: Faces) -> None:
    asked = []
    kept: dict[str, Any] = {}

    def memo(name: str, inputs: Any, compute: Any) -> Any:
        asked.append((name, dict(inputs)))
        return kept.setdefault(name, compute() if not kept else kept.get(name))

    encoder = registry.make("encoder", "autoencoder", {"latent": "4", "width": "8", "epochs": "1"})
    first = encode(encoder.fit(faces, faces, Context(memo=memo)), faces)
    second = encode(encoder.fit(faces, faces, Context(seed=9, memo=memo)), faces)
    np.testing.assert_array_equal(first, second)
    assert asked[0] == ("autoencoder", {"image_size": 32, "latent": 4, "width": 8, "epochs": 1})


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One set of weights, with classifiers of 7 classes, as safetensors, as a training checkpoint, and spoiled."""
    folder = tmp_path_factory.mktemp("checkpoints")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        weights = timm.create_model(MODEL, num_classes=7).state_dict()
        other = timm.create_model("test_vit", num_classes=7).state_dict()
    paths = {name: folder / f"{name}.pth" for name in ("pth", "other", "missing", "shape", "objects", "text")}
    paths["safetensors"] = folder / "made.safetensors"
    save_file(weights, paths["safetensors"])
    torch.save({"state_dict": {f"module.{name}": value for name, value in weights.items()}, "epoch": 3}, paths["pth"])
    torch.save(other, paths["other"])
    first = next(iter(weights))
    torch.save({name: value for name, value in weights.items() if name != first}, paths["missing"])
    torch.save({**weights, first: weights[first][:1]}, paths["shape"])
    torch.save({"state_dict": weights, "code": Path("x")}, paths["objects"])
    paths["text"].write_text("no checkpoint")
    return paths


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_timm_features_are_those_of_the_checkpoint(checkpoints: dict[str, Path], faces: Faces, kind: str) -> None:
    found = encode(made("timm", faces, model=MODEL, weights=str(checkpoints[kind])), faces)
    model = timm.create_model(MODEL, num_classes=7).eval()
    timm.models.load_checkpoint(model, str(checkpoints["safetensors"]))
    config = timm.data.resolve_model_data_config(model)
    images = torch.from_numpy(faces.images[:]).permute(0, 3, 1, 2).float() / 255
    images = F.interpolate(images, config["input_size"][1:], mode="bicubic", antialias=True).clamp(0, 1)
    mean, scale = (torch.tensor(config[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        expected = model.forward_head(model.forward_features((images - mean) / scale), pre_logits=True)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_a_restored_timm_encoder_needs_no_checkpoint(
    checkpoints: dict[str, Path], faces: Faces, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(checkpoints["safetensors"].read_bytes())
    encoder = made("timm", faces, model=MODEL, weights=str(copy))
    restored = registry.make("encoder", "timm", {"model": MODEL, "weights": str(copy)})
    copy.unlink()
    np.testing.assert_array_equal(encode(encoder, faces), encode(restored.load_state_dict(encoder.state_dict()), faces))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("other", r"is no checkpoint of this model: \d+ parameters differ"),
        ("missing", "is no checkpoint of this model: 1 parameters differ"),
        ("shape", "is no checkpoint of this model: 1 parameters differ"),
        ("objects", "cannot be read as a checkpoint"),
        ("text", "cannot be read as a checkpoint"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    checkpoints: dict[str, Path], faces: Faces, kind: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        made("timm", faces, model=MODEL, weights=str(checkpoints[kind]))
    assert "\n" not in str(caught.value)


def test_random_weights_come_from_the_seed(faces: Faces) -> None:
    encoder = registry.make("encoder", "timm", {"model": MODEL})
    first, again, other = (encode(encoder.fit(faces, faces, Context(seed=seed)), faces) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "resnet81"}, r"timm\.model must be a model of timm \(nearest: .*resnet18"),
        ({"weights": "no/such.pth"}, r"timm\.weights must be the path of a checkpoint that exists"),
    ],
)
def test_unknown_models_and_files_are_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        registry.make("encoder", "timm", options)
