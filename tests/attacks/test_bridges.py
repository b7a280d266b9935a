"""Attacks by other people's tools: what is said where they are absent, and what they do where they are installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.attacks.art import ART
from aiakit.calibration import leaks
from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.errors import InputError
from aiakit.experiment.selection import attack_names
from aiakit.plugins import extras, registry

BRIDGES = {"art": ("art", "art"), "tabicl": ("tabular", "tabicl"), "tabpfn": ("tabular", "tabpfn")}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether the packages of the bridges count as installed."""
    found = extras.find_spec

    def say(there: bool) -> None:
        asked = {module for _, module in BRIDGES.values()}
        spec = found("json") if there else None
        monkeypatch.setattr(extras, "find_spec", lambda name: spec if name in asked else found(name))

    return say


@pytest.mark.parametrize("name", BRIDGES)
def test_an_absent_package_is_one_line_and_no_preset_needs_it(
    name: str, installed: Any, aiakit: Callable[..., Any]
) -> None:
    installed(False)
    extra, module = BRIDGES[name]
    reason = f"{module} is not installed: pip install 'aiakit[{extra}]'"
    assert registry.unavailable("attack", name) == reason
    assert name not in attack_names(["all,fast,strong"], {})
    with pytest.raises(InputError, match=f"^the attack {name} cannot be used: {module} is not installed"):
        attack_names([f"all,{name}"], {})
    answer = aiakit("calibrate", "--attacks", name, "--leaks", "linear", "--n", "100")
    assert answer.code == 2
    assert reason in " ".join(answer.err.split())


def test_art_is_part_of_all_where_it_is_installed(installed: Any) -> None:
    installed(True)
    assert "art" in attack_names(["all"], {})
    assert "art" not in attack_names(["fast,strong"], {})


@pytest.mark.parametrize(("name", "suffix"), [("tabicl", ".ckpt"), ("tabpfn", ".safetensors")])
def test_weights_come_from_a_file_that_has_to_be_named(name: str, suffix: str, installed: Any, tmp_path: Path) -> None:
    installed(True)
    assert name not in attack_names(["all"], {})
    assert name in attack_names([f"all,{name}"], {})
    with pytest.raises(InputError, match=rf"^{name} needs a value for weights: give --set {name}\.weights="):
        registry.make("attack", name)
    (tmp_path / "weights.bin").touch()
    for path in (tmp_path / f"absent{suffix}", tmp_path / "weights.bin"):
        with pytest.raises(InputError, match=rf"must be the path of a checkpoint that exists \({suffix}\); nothing is"):
            registry.make("attack", name, {"weights": str(path)})


def evidence(labels: Any, seed: int, classes: int = 2, dims: int = 5) -> LabelledRelease:
    labels = np.asarray(labels, dtype=np.int64)
    x = np.random.default_rng(seed).normal(size=(len(labels), dims)).astype(np.float32)
    x[:, 0] += 3 * labels
    return LabelledRelease(Release(x), labels, np.arange(len(labels)), tuple("abcd"[:classes]))


def assert_probabilities(proba: Any, shape: tuple[int, int]) -> None:
    assert proba.shape == shape
    assert np.isfinite(proba).all()
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-5)


class TestArt:
    @pytest.fixture(autouse=True)
    def needs_art(self) -> None:
        pytest.importorskip("art.attacks.inference.attribute_inference", reason="needs the extra art")

    @pytest.mark.parametrize("model", ["nn", "rf", "gb", "lr", "dt", "knn", "svm"])
    def test_every_model_type_finds_a_shift_and_repeats_to_the_byte(self, model: str) -> None:
        train, val, test = (evidence(np.arange(size) % 2, size) for size in (300, 100, 200))
        before = np.random.get_state()[1]
        made = [ART(model).fit(train, val, Context()).predict_proba(test.release) for _ in range(2)]
        assert made[0].tobytes() == made[1].tobytes()
        assert_probabilities(made[0], (200, 2))
        assert np.mean(made[0].argmax(axis=1) == test.labels) >= (0.8 if model == "nn" else 0.87)
        np.testing.assert_array_equal(np.random.get_state()[1], before)

    def test_the_model_type_is_chosen_on_val(self) -> None:
        """No linear model sees four modes with equal means."""
        draw = lambda n, seed: leaks.four_modes(4).draw(n, np.random.default_rng(seed))  # noqa: E731
        parts = [LabelledRelease(*draw(n, n), np.arange(n), ("0", "1")) for n in (400, 200)]
        assert ART(rows=400).fit(*parts, Context()).kind_ != "lr"

    def test_three_classes_of_which_one_is_missing(self) -> None:
        train, val = evidence(2 * (np.arange(200) % 2), 0, 3), evidence(np.arange(90) % 3, 1, 3)
        proba = ART("lr", rows=100).fit(train, val, Context()).predict_proba(val.release)
        assert_probabilities(proba, (90, 3))

    def test_one_class_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than one class"):
            ART("lr").fit(evidence(np.ones(50), 0), evidence(np.arange(20) % 2, 1), Context())


def tiny_tabicl(folder: Path) -> Path:
    """A checkpoint of random weights: the answers mean nothing, all else is as with pretrained ones."""
    import torch
    from tabicl._model.tabicl import TabICL

    size = {"embed_dim": 16, "col_num_blocks": 1, "col_nhead": 2, "col_num_inds": 4, "row_num_blocks": 1}
    size |= {"row_nhead": 2, "row_num_cls": 2, "icl_num_blocks": 1, "icl_nhead": 2}
    path = folder / "tiny.ckpt"
    torch.save({"config": size, "state_dict": random_weights(TabICL(**size))}, path)
    return path


def tiny_tabpfn(folder: Path) -> Path:
    """As ``tiny_tabicl``."""
    from tabpfn.architectures import ARCHITECTURES
    from tabpfn.checkpoint import save_as_safetensors

    size = {"max_num_classes": 10, "num_buckets": 10, "emsize": 12, "nlayers": 1, "nhead": 2, "num_thinking_rows": 2}
    architecture = ARCHITECTURES["tabpfn_v2_5"]
    network = architecture.get_architecture(architecture.parse_config(size)[0])
    path = folder / "tiny.safetensors"
    checkpoint = {"config": size, "architecture_name": "tabpfn_v2_5", "state_dict": random_weights(network)}
    save_as_safetensors(checkpoint, path)
    return path


def random_weights(network: Any) -> dict[str, Any]:
    """Both packages begin with output layers of zeros, whose answers do not depend on anything."""
    import torch

    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2, generator=generator)
    return dict(network.state_dict())


@pytest.mark.parametrize(("name", "tiny"), [("tabicl", tiny_tabicl), ("tabpfn", tiny_tabpfn)])
def test_a_foundation_model_reads_its_weights_from_a_file(
    name: str, tiny: Callable[[Path], Path], tmp_path: Path
) -> None:
    pytest.importorskip(name, reason="needs the extra tabular")
    options = {"weights": str(tiny(tmp_path)), "rows": "60", "estimators": "2"}
    train, val = evidence(2 * (np.arange(90) % 3 == 0), 0, 3), evidence(np.arange(30) % 3, 1, 3)
    made = [registry.make("attack", name, options).fit(train, val, Context()) for _ in range(2)]
    proba = [attack.predict_proba(val.release) for attack in made]
    assert_probabilities(proba[0], (30, 3))
    assert np.ptp(proba[0][:, 0]) > 0
    assert not proba[0][:, 1].any()  # a class of which there was nobody in the context
    assert proba[0].tobytes() == proba[1].tobytes()
