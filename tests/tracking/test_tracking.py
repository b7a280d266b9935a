"""Trackers: what they are told, and that none of them can spoil a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.remaining import Remaining
from aiakit.storage.store import Store
from aiakit.tracking.tracker import Figure, Step, flat, safe
from aiakit.tracking.watch import Tracking
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--defense", "original", "--attacks", "logreg", *TINY, *SHORT, "--name", "tracked")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests of this module share it: the first run computes, the others find its cells."""
    return tmp_path_factory.mktemp("tracking")


def test_both_trackers_hold_the_figures_of_the_document(folder: Path, aiakit: Aiakit, monkeypatch: Any) -> None:
    mlflow = pytest.importorskip("mlflow")
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.chdir(folder)  # MLflow keeps artifacts beside the place where it is called
    uri = f"sqlite:///{folder}/mlflow.db"
    answer = aiakit(*RUN, "--track", f"mlflow:{uri}", "--track", "tensorboard:events", "--json")
    assert answer.code == 0
    row = answer.document["rows"][0]
    reached, accuracy = row["strongest"]["balanced_accuracy"], row["utility"]["random"]["accuracy"]

    client = mlflow.MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("aiakit").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["dataset.params.people"] == "80"
    assert run.data.params["defenses.0.0.params.latent"] == "16"
    assert run.data.metrics["original/strongest/balanced_accuracy"] == pytest.approx(reached)
    assert run.data.metrics["original/utility/random/accuracy"] == pytest.approx(accuracy)
    (first,) = client.get_metric_history(run.info.run_id, "original/strongest/balanced_accuracy/per_seed")
    assert (first.step, first.value) == (0, pytest.approx(row["strongest"]["per_seed"][0]))
    cells = len(list((folder / "runs" / "tracked" / "cells").iterdir()))
    told = [metric for metric in run.data.metrics if metric.startswith("seconds/")]
    assert run.data.metrics["cells/finished"] == len(told) == cells - 1  # the shared autoencoder is a piece of a cell

    events = accumulator.EventAccumulator(str(folder / "events" / "tracked")).Reload()
    assert events.Scalars("original/strongest/balanced_accuracy")[0].value == pytest.approx(reached)
    assert events.Scalars("original/utility/random/accuracy")[0].value == pytest.approx(accuracy)
    assert len(events.Scalars("cells/finished")) == cells - 1


def test_a_tracker_that_fails_ends_after_the_results(folder: Path, aiakit: Aiakit, monkeypatch: Any) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(folder)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aiakit.tracking.tensorboard.TensorBoard.figures", full)
    answer = aiakit(*RUN, "--track", "tensorboard", "--json")
    assert answer.code == 1
    assert answer.document["complete"] is True
    assert "--track tensorboard failed: OSError: [Errno 28] No space left on device" in answer.message
    assert answer.err.count("tensorboard") == 1
    assert (folder / "runs" / "tracked" / "report.html").is_file()


@pytest.mark.parametrize(
    ("track", "said"),
    [
        ("wandb", "unknown tracker 'wandb'. Known: mlflow, tensorboard"),
        ("mlfow", "unknown tracker 'mlfow': did you mean mlflow?"),
        ("mlflow", "--track mlflow cannot be used: mlflow is not installed: pip install 'aiakit[mlflow]'"),
        ("tensorboard:x", "tensorboard is not installed: pip install 'aiakit[tensorboard]'"),
    ],
)
def test_a_tracker_that_cannot_be_used_is_told_before_anything_runs(
    track: str, said: str, tmp_path: Path, aiakit: Aiakit, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("aiakit.plugins.extras.find_spec", lambda name: None)
    answer = aiakit(*RUN, "--track", track)
    assert answer.code == 2
    assert said in answer.err
    assert answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_told_before_anything_is_computed(
    tmp_path: Path, aiakit: Aiakit, monkeypatch: Any
) -> None:
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    answer = aiakit(*RUN, "--track", "tensorboard:file")
    assert answer.code == 2
    assert "--track tensorboard failed: NotADirectoryError" in answer.message
    assert not list((tmp_path / "runs" / "tracked" / "cells").glob("*"))


class Recorder:
    """A tracker that writes down what it is told, and fails at the call that it is made for."""

    modules = ()

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.told: list[Any] = []

    def _hear(self, name: str, *what: Any) -> None:
        self.told.append((name, *what))
        if name == self.fails_at:
            raise ConnectionError("the server\nis gone")

    def begin(self, folder: str, configuration: Mapping[str, Any]) -> None:
        self._hear("begin", folder)

    def step(self, step: Step) -> None:
        self._hear("step", step.label, step.finished, step.cells, step.failure)

    def figures(self, figures: Sequence[Figure], document: Mapping[str, Any]) -> None:
        self._hear("figures", *figures)

    def close(self, complete: bool) -> None:
        self._hear("close", complete)


class Heard:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def begin(self, remaining: Remaining) -> None:
        self.told.append(("begin", remaining.total, remaining.finished))

    def start(self, label: str) -> None:
        self.told.append(("start", label))

    def step(self, label: str, done: int, total: int) -> None:
        self.told.append(("step", label, done, total))

    def end(self, label: str, failure: str | None) -> None:
        self.told.append(("end", label, failure))


def tracking_of(monkeypatch: Any, **trackers: Recorder) -> Tracking:
    monkeypatch.setattr("aiakit.tracking.watch.open_tracker", lambda name: (name, trackers[name]))
    return Tracking(list(trackers))


def test_the_observer_hears_all_and_a_failing_tracker_no_more(monkeypatch: Any, tmp_path: Path) -> None:
    good, bad, heard = Recorder(), Recorder("step"), Heard()
    tracking = tracking_of(monkeypatch, good=good, bad=bad)
    tracking.begin("runs/x", {})
    watch = tracking.watch(heard)
    cells = [CellSpec({"kind": "made-up", "number": number}, f"cell {number}") for number in range(3)]
    watch.begin(Remaining(Store(tmp_path), cells, cells[1:]))
    watch.start("a")
    watch.step("epoch", 1, 2)
    watch.end("a", None)
    watch.end("b", "it broke")
    assert heard.told == [
        ("begin", 3, 1),
        ("start", "a"),
        ("step", "epoch", 1, 2),
        ("end", "a", None),
        ("end", "b", "it broke"),
    ]
    problems = tracking.finish([Figure("x/auc", 0.5)], {})
    assert problems == ["--track bad failed: ConnectionError: the server is gone"]
    assert good.told[1:3] == [("step", "a", 2, 3, None), ("step", "b", 3, 3, "it broke")]
    assert good.told[3:] == [("figures", Figure("x/auc", 0.5)), ("close", True)]
    assert bad.told[-1][0] == "step"


def test_an_interrupted_run_is_closed_as_incomplete(monkeypatch: Any) -> None:
    recorder = Recorder()
    with pytest.raises(KeyboardInterrupt), tracking_of(monkeypatch, one=recorder):
        raise KeyboardInterrupt
    assert recorder.told == [("close", False)]


def test_without_trackers_the_observer_is_the_runs_own() -> None:
    heard = Heard()
    tracking = Tracking([])
    assert tracking.watch(heard) is heard
    assert tracking.finish([], {}) == []


def test_names_and_configurations_are_fit_for_trackers() -> None:
    assert safe("aia+leace/utility/random") == "aia_leace/utility/random"
    assert safe("svm on aia, seed 0.1") == "svm_on_aia_seed_0.1"
    nested = {"a": 1, "split": {"seed": 0}, "chains": [[{"name": "x"}], [{"name": "y"}]], "sizes": [1, 2]}
    assert flat(nested) == {
        "a": 1,
        "split.seed": 0,
        "chains.0.0.name": "x",
        "chains.1.0.name": "y",
        "sizes": [1, 2],
    }
