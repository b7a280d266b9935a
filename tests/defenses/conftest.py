"""Made-up embeddings whose leaks are known, and the fresh attackers that look for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from aiakit.contracts import Context, Embeddings, Release
from aiakit.plugins import registry

IMAGES = 3  # of each person


@pytest.fixture
def people() -> Callable[..., Embeddings]:
    """``people(count, seed)``: 16 dimensions, 3 rows a person; the class shifts one direction and stretches another."""

    def make(
        count: int, seed: int, shift: float = 3.0, stretch: float = 3.0, classes: int = 2, dims: int = 16
    ) -> Embeddings:
        rng = np.random.default_rng(seed)
        identity = np.repeat(np.arange(count), IMAGES)
        labels = (np.arange(count) % classes)[identity]
        x = rng.standard_normal((count, dims))[identity] + 0.3 * rng.standard_normal((len(identity), dims))
        x[:, 1] *= stretch**labels
        x[:, 0] += shift * labels
        rotation = np.linalg.qr(np.random.default_rng(99).standard_normal((dims, dims)))[0]
        return Embeddings(
            (x @ rotation).astype(np.float32), labels, identity, tuple(f"class {k}" for k in range(classes))
        )

    return make


@pytest.fixture
def fitted() -> Callable[..., Any]:
    """``fitted(name, train, **options)``: a registered defense after ``fit``, with val people of the same kind."""

    def make(name: str, train: Any, val: Any = None, seed: int = 0, **options: Any) -> Any:
        return registry.make("defense", name, options).fit(train, train if val is None else val, Context(seed=seed))

    return make


@pytest.fixture
def released() -> Callable[..., Any]:
    """``released(defense, of)``: the embedding (N, D) that the defense publishes."""

    def make(defense: Any, of: Embeddings, seed: int = 0) -> Any:
        release: Release = defense.release(of.embedding, np.random.default_rng(seed))
        assert release.embedding is not None
        return release.embedding

    return make


@pytest.fixture
def accuracy() -> Callable[..., float]:
    """``accuracy(attacker, x, y, x_test, y_test)``: balanced accuracy of a fresh scikit-learn classifier."""

    def measure(attacker: Any, x: Any, y: Any, x_test: Any, y_test: Any) -> float:
        return float(balanced_accuracy_score(y_test, attacker.fit(x, y).predict(x_test)))

    return measure
