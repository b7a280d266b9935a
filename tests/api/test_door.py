"""What ``import aiakit`` offers: names, signatures, answers to what nobody knows, and results that are read."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit
from aiakit.api.progress import NotebookBar, shown
from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.engine import SilentObserver
from aiakit.experiment.remaining import Remaining
from aiakit.storage.store import Store

SMALL = {
    "data": {"people": 80, "images_per_person": 3},
    "image_size": 16,
    "precision": "fp32",
    "options": {"original": {"epochs": 1, "width": 8, "latent": 16}},
    "pairs": 200,
}


def test_the_names_are_the_api() -> None:
    names = dir(aiakit)
    assert set(names) == {*aiakit.__all__, "__version__"}
    for name in (
        "run",
        "audit",
        "sweep",
        "load",
        "compare",
        "load_defense",
        "attacks",
        "defenses",
        "Attack",
        "Defense",
    ):
        assert name in names
        assert getattr(aiakit, name) is not None
    for name in ("run", "audit", "sweep", "load", "compare", "load_defense"):
        function = getattr(aiakit, name)
        assert "Raises" in (inspect.getdoc(function) or ""), name
        assert all(
            each.annotation is not inspect.Parameter.empty for each in inspect.signature(function).parameters.values()
        )
    with pytest.raises(AttributeError, match="did you mean audit"):
        _ = aiakit.audti


def test_the_plugins_are_found_by_name() -> None:
    assert "logreg" in aiakit.attacks.names()
    assert "leace" in aiakit.defenses.names()


def test_an_unknown_keyword_is_answered_with_the_nearest() -> None:
    wrong: dict[str, Any] = {"attribute": {"gender": [0, 1]}}
    with pytest.raises(aiakit.InputError, match=r"unknown option 'attribute' of aiakit.audit: did you mean attributes"):
        aiakit.audit(np.ones((2, 2)), identity=[0, 1], **wrong)
    with pytest.raises(aiakit.InputError, match=r"unknown option 'atacks' of aiakit.run: did you mean attacks"):
        aiakit.run("leace", atacks="all")  # type: ignore[arg-type]


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "aiakit", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, "0.1.0" in done.stdout) == (0, True), done.stderr


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> aiakit.Result:
    out = tmp_path_factory.mktemp("runs")
    return aiakit.run("leace,laplace-noise", attacks="logreg", out=out, name="mine", **SMALL)  # type: ignore[arg-type]


def test_a_run_is_a_result(result: aiakit.Result, tmp_path: Path) -> None:
    assert result.complete
    assert len(repr(result)) < 400
    assert "gender read from original" in repr(result)
    shown_html = result._repr_html_()
    for words in ("<table>", "<svg", "leace", "balanced_accuracy"):
        assert words in shown_html
    frame = result.to_pandas()
    assert list(frame["release"].unique()) == ["original", "leace", "laplace-noise"]
    assert frame.loc[frame["release"] == "original", "balanced_accuracy"].item() > 0.5
    assert result.plot().to_dict()["$schema"]
    assert result.to_dict()["rows"][0]["release"] == "original"
    page = result.report(tmp_path / "page")
    assert page.name == "report.html"
    assert "leace" in page.read_text()
    assert aiakit.load(result.run.folder).to_dict() == result.to_dict()
    compared = aiakit.compare(result, result.run.folder)
    assert compared["same"] == ["original", "leace", "laplace-noise"]
    one = aiakit.compare(result, f"{result.run.folder}:leace")
    assert [row["releases"] for row in one["rows"][:1]] == [["original", "leace"]]


def test_a_trained_defense_is_called_on_arrays(result: aiakit.Result) -> None:
    defense = aiakit.load_defense(result.run.folder, "leace")
    pictures = np.random.default_rng(0).integers(0, 256, (100, 20, 24, 3), dtype=np.uint8)
    defense(pictures[:1])
    release = defense(pictures)
    assert release.embedding is not None
    assert release.embedding.shape == (100, 16)
    np.testing.assert_array_equal(defense.transform(pictures), release.embedding)
    assert "leace" in repr(defense)
    noisy = aiakit.load_defense(result.run.folder, "laplace-noise")
    first, second = noisy.transform(pictures, noise_seed=3), noisy.transform(pictures, noise_seed=3)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(noisy.transform(pictures), noisy.transform(pictures))
    for wrong in (np.ones((3, 5)), pictures.astype(np.float32), pictures[:, :, :, :2]):
        with pytest.raises(aiakit.InputError, match="uint8 pictures"):
            defense(wrong)
    with pytest.raises(aiakit.InputError, match="several defenses"):
        aiakit.load_defense(result.run.folder)


def test_a_sweep(tmp_path: Path) -> None:
    found = aiakit.sweep(
        "laplace-noise",
        {"epsilon": [1.0, 4.0]},
        attacks="logreg",
        out=tmp_path,
        **{**SMALL, "utility": False},  # type: ignore[arg-type]
    )
    assert [record["laplace-noise.epsilon"] if "laplace-noise.epsilon" in record else record["epsilon"]
            for record in found.table()] == [1.0, 4.0]  # fmt: skip
    assert found.to_pandas().shape[0] == 2
    assert "2 points of laplace-noise" in repr(found)
    assert "<table>" in found._repr_html_()
    assert found.report(tmp_path / "page").exists()


class Handle:
    """Stands for what a notebook displays."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, markup: str) -> None:
        self.shown.append(markup)


def test_progress_in_a_notebook(tmp_path: Path) -> None:
    handle = Handle()
    bar = NotebookBar(handle, str)
    cells = [CellSpec({"kind": "attack", "number": number}, str(number)) for number in range(3)]
    bar.begin(Remaining(Store(tmp_path), cells, cells[1:]))
    bar.start("logreg on <aia>")
    bar.step("epochs", 1, 2)
    bar.end("logreg on <aia>", "out of luck")
    bar.end("lda", None)
    assert 'value="1" max="3"' in handle.shown[0]
    assert "logreg on &lt;aia&gt;" in handle.shown[1]
    assert "out of luck" in handle.shown[-1]
    assert 'value="3" max="3"' in handle.shown[-1]
    assert isinstance(shown(None), SilentObserver)
    assert shown(bar) is bar
