"""A run whose weights have another content than before says which file, and of what."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiakit.errors import InputError
from aiakit.experiment.config import PluginSpec, RunConfig, files_of
from aiakit.experiment.run import Run

FIXTURE = Path(__file__).parents[1] / "fixtures" / "run-schema-3"


def config(weights: Path, **changed: object) -> RunConfig:
    """The configuration of the fixture with an encoder that has weights."""
    stored = Run.open(FIXTURE).config
    params = {"model": "resnet18", "weights": str(weights)}
    encoder = PluginSpec(kind="encoder", name="timm", params=params, files=files_of(params), produces=("embedding",))
    chains = ((encoder,),)
    return stored.model_copy(update={"defenses": chains, **changed})


def test_a_changed_weights_file_is_reported_as_such(tmp_path: Path) -> None:
    weights = tmp_path / "resnet.safetensors"
    weights.write_bytes(b"trained")
    Run.create(tmp_path / "run", config(weights))
    Run.create(tmp_path / "run", config(weights))
    weights.write_bytes(b"trained again")
    with pytest.raises(InputError) as caught:
        Run.create(tmp_path / "run", config(weights))
    assert f"different: the content of {weights}, the weights of timm" in str(caught.value)
    assert "defenses" not in str(caught.value)


def test_other_changes_are_named_as_before(tmp_path: Path) -> None:
    weights = tmp_path / "resnet.safetensors"
    weights.write_bytes(b"trained")
    Run.create(tmp_path / "run", config(weights))
    weights.write_bytes(b"trained again")
    with pytest.raises(InputError, match="different: defenses, attack_seeds"):
        Run.create(tmp_path / "run", config(weights, attack_seeds=2))
