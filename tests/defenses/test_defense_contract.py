"""What every defense of the field keeps besides the checks of plugins (``tests/plugins/test_built_in.py``)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, Faces, State
from aiakit.errors import InputError
from aiakit.plugins import mock, registry
from aiakit.plugins.checks import run_checks
from tests.defenses.short import SHORT


def test_k_same_eigen_passes_the_checks_of_a_plugin() -> None:
    results = run_checks("defense", "k-same", {"k": 4, "components": 5})
    assert [result for result in results if result.status == "fail"] == []


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("gaussian-noise", "epsilon", "0"),
        ("gaussian-noise", "delta", "1"),
        ("laplace-noise", "epsilon", "-1"),
        ("laplace-noise", "epsilon", "nan"),
        ("grl", "alpha", "-0.1"),
        ("aia-ensemble", "adversaries", "6"),
        ("aia-ensemble", "alpha", "-0.1"),
        ("identity-transport", "evenness", "1.1"),
        ("identity-transport", "latent", "0"),
        ("maxent-arl", "beta", "-1"),
        ("kram", "penalty", "-1"),
        ("obliviator", "iterations", "0"),
        ("vib", "latent", "0"),
        ("vib", "epochs", "0"),
        ("ive", "eliminate", "1"),
        ("kernel-arl", "trade_off", "1"),
        ("inlp", "iterations", "0"),
        ("splince", "directions", "0"),
        ("r-lace", "rank", "0"),
        ("density-matching", "rank", "0"),
        ("fare", "cells", "1"),
        ("fare", "trade_off", "1"),
        ("r-lace", "rate", "0"),
        ("pe-miu", "block", "0"),
        ("blur", "sigma", "0"),
        ("pixelate", "blocks", "0"),
        ("k-same", "k", "0"),
        ("san", "matching", "-1"),
    ],
)
def test_an_option_out_of_bounds_is_refused(name: str, option: str, value: str) -> None:
    with pytest.raises(InputError, match=f"{name}.{option} must be") as caught:
        registry.make("defense", name, {option: value})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("pe-miu", {"block": 5}, "does not cut 16 dimensions"),
        ("pe-miu", {"block": 16}, "does not cut 16 dimensions"),
        ("pixelate", {"blocks": 33}, "pictures of 32 pixels"),
        ("downsample", {"size": 32}, "pictures of 32 pixels"),
        ("k-same", {"k": 7}, "as many people"),
        ("san", {}, "a multiple of 16"),
    ],
)
def test_options_that_do_not_fit_the_data_are_refused(name: str, options: dict[str, int], says: str) -> None:
    rng = np.random.default_rng(0)
    who = mock.people(6, 2, rng)
    defense = registry.make("defense", name, options)
    sample = mock.embeddings(who, rng) if isinstance(defense, EmbeddingDefense) else mock.faces(who, rng)
    if name == "san":
        sample = type(sample)(mock.images(who, rng, size=24), sample.labels, sample.identity, sample.classes)
    with pytest.raises(InputError, match=says):
        defense.fit(sample, sample, Context())


def test_quadratic_leace_needs_two_samples_of_every_class() -> None:
    rng = np.random.default_rng(0)
    made = mock.embeddings(mock.people(3, 1, rng), rng)
    with pytest.raises(InputError, match="two samples of every class"):
        registry.make("defense", "quadratic-leace").fit(made, made, Context())


@cache
def fitted(name: str) -> tuple[Embeddings | Faces, State]:
    """What a defense was fitted to, and its state."""
    rng = np.random.default_rng(0)
    who = mock.people(24, 4, rng)
    defense = registry.make("defense", name, SHORT[name])
    sample = mock.embeddings(who, rng) if isinstance(defense, EmbeddingDefense) else mock.faces(who, rng)
    return sample, defense.fit(sample, sample, Context()).state_dict()


@pytest.mark.parametrize("name", SHORT)
def test_what_is_learned_lies_as_its_stored_copy_does(name: str) -> None:
    """Products of strided arrays round otherwise on some processors: the restored defense would be another one."""
    _, state = fitted(name)
    assert [key for key, array in state.items() if not np.asarray(array).flags.c_contiguous] == []


@pytest.fixture
def every_warning_is_an_error() -> Iterator[None]:
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(False)


@pytest.mark.usefixtures("every_warning_is_an_error")
@pytest.mark.parametrize("name", SHORT)
def test_a_state_that_cannot_be_written_to_releases_without_a_warning(name: str) -> None:
    """What is read from a run's folder is such a one."""
    sample, state = fitted(name)
    stored = {key: np.array(array) for key, array in state.items()}
    for array in stored.values():
        array.flags.writeable = False
    restored = registry.make("defense", name, SHORT[name]).load_state_dict(stored)
    given = sample.embedding if isinstance(sample, Embeddings) else sample.images
    assert len(restored.release(given, np.random.default_rng(1))) == len(sample)


LEARNING = [name for name in SHORT if issubclass(registry.load("defense", name), EmbeddingDefense)]


@pytest.mark.parametrize("name", [name for name in LEARNING if name != "aia-ensemble"])  # whose attackers take a minute
def test_it_learns_the_joint_classes_of_three_attributes(name: str) -> None:
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(96), 2)
    x = (rng.standard_normal((192, 24)) + (who % 8)[:, None] / 8).astype(np.float32)
    given = Embeddings(x, who % 8, who, tuple("abcdefgh"))
    made = registry.make("defense", name, SHORT[name]).fit(given, given, Context())
    release = made.release(x, np.random.default_rng(1))
    assert len(release) == 192
    claim = made.claim(release)
    assert claim is None or claim.shape == (192, 8)
