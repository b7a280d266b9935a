"""A scikit-learn classifier as an attack, in one line of a plugin file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import NearestCentroid
from sklearn.svm import LinearSVC

from aiakit.contracts import Context, Release
from aiakit.plugins import mock
from aiakit.plugins.bases import from_sklearn
from aiakit.plugins.registry import Registry
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
FILE = """from sklearn.ensemble import HistGradientBoostingClassifier

from aiakit.plugins.bases import from_sklearn

Boosting = from_sklearn(HistGradientBoostingClassifier, view="embedding", max_iter=5)
"""
NAME = "hist-gradient-boosting-classifier"


def test_a_file_of_five_lines_is_an_attack(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "boosting.py").write_text(FILE)
    answer = aiakit("check", tmp_path / "boosting.py", "--json")
    assert (answer.code, answer.document["failed"]) == (0, 0), answer.out
    command = ["run", "--defense", "original", "--attacks", NAME, "--no-utility", *TINY, *SHORT, "--out", tmp_path]
    given = ["--plugin", tmp_path / "boosting.py", "--set", f"{NAME}.max_iter=2", "--json"]
    answer = aiakit(*command, *given)
    assert answer.code == 0, answer.err
    assert NAME in answer.document["rows"][0]["attacks"]
    assert "must be a valid integer" in aiakit(*command, *given[:2], "--set", f"{NAME}.max_iter=many").message


def test_its_options_are_those_that_were_given(tmp_path: Path) -> None:
    (tmp_path / "boosting.py").write_text(FILE)
    plugins = Registry()
    plugins.register_file(tmp_path / "boosting.py")
    assert plugins.parameters("attack", NAME, {"max_iter": "7"}) == {"max_iter": 7}
    assert plugins.make("attack", NAME).get_params() == {"max_iter": 5}


@pytest.mark.parametrize(
    ("estimator", "options"),
    [
        (HistGradientBoostingClassifier, {"max_iter": 20}),
        (GradientBoostingClassifier, {"n_estimators": 20}),
        (LinearSVC, {}),
        (GaussianNB, {}),
        (NearestCentroid, {}),
    ],
)
def test_it_reads_a_leak_and_gives_probabilities(estimator: type, options: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    who = [mock.people(60, 4, rng) for _ in range(3)]
    train, val, test = (mock.evidence(mock.release("embedding", each, rng), each, rng) for each in who)
    attack = from_sklearn(estimator, **options)().fit(train, val, Context())
    proba = attack.predict_proba(Release(embedding=test.release.embedding))
    assert proba.shape == (len(test), 2)
    assert np.abs(proba.sum(axis=1) - 1).max() < 1e-6
    assert (proba.argmax(axis=1) == test.labels).mean() > 0.8


@pytest.mark.parametrize(
    ("estimator", "options"), [(GaussianNB, {}), (LinearSVC, {}), (HistGradientBoostingClassifier, {"max_iter": 5})]
)
def test_a_class_that_nobody_has_gets_a_column(estimator: type, options: dict[str, int]) -> None:
    rng = np.random.default_rng(0)
    who = [mock.people(60, 4, rng, classes=3) for _ in range(2)]
    train, val = (mock.evidence(mock.release("embedding", each, rng), each, rng) for each in who)
    proba = (
        from_sklearn(estimator, **options)().fit(train[train.labels != 1], val, Context()).predict_proba(val.release)
    )
    assert proba.shape == (len(val), 3)
    assert np.abs(proba.sum(axis=1) - 1).max() < 1e-6
    assert proba[:, 1].max() < 0.01


def test_texts_become_what_the_defaults_are(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(
        "from sklearn.neural_network import MLPClassifier\n\nfrom aiakit.attacks import from_sklearn\n\n"
        "Layers = from_sklearn(MLPClassifier, hidden_layer_sizes=(8,), shuffle=True, alpha=1e-4, batch_size='auto')\n"
    )
    plugins = Registry()
    (entry,) = plugins.register_file(tmp_path / "layers.py")
    given = {"hidden_layer_sizes": "8,4", "shuffle": "false", "alpha": "0.1"}
    assert plugins.parameters("attack", entry.name, given) == {
        "hidden_layer_sizes": (8, 4),
        "shuffle": False,
        "alpha": 0.1,
        "batch_size": "auto",
    }


def test_what_cannot_be_wrapped_is_refused() -> None:
    with pytest.raises(ValueError, match="view 'embedding'"):
        from_sklearn(GaussianNB, view="image")
    with pytest.raises(TypeError, match="no parameter 'trees'"):
        from_sklearn(GaussianNB, trees=5)
