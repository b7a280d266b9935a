"""Numbers that are protected beside the classes: what each eraser takes of them, and what it makes of unknown ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._numbers import standardised_numbers, targets
from aiakit.errors import InputError
from aiakit.plugins import registry
from aiakit.plugins.checks.defense import covarying

EXACT = ("leace", "mean-projection", "splince")
SMALL: dict[str, dict[str, Any]] = {
    "inlp": {"iterations": 6},
    "kernel-arl": {"features": 128},
    "obliviator": {"iterations": 2, "epochs": 2, "waves": 64},
}


def aged(known: Embeddings, seed: int = 0, unknown: float = 0.2) -> Embeddings:
    """The same people with an age, which two directions tell and one row in five has not."""
    rng = np.random.default_rng(seed)
    ages = 45 + 8 * known.embedding[:, 3] + 5 * known.embedding[:, 4] + rng.standard_normal(len(known))
    ages[rng.random(len(known)) < unknown] = np.nan
    return replace(known, numbers=ages[:, None].astype(np.float64))


def age_of(known: Embeddings) -> tuple[Any, Any]:
    """The ages that are known, and of which rows."""
    assert known.numbers is not None
    rows = np.isfinite(known.numbers[:, 0])
    return known.numbers[rows, 0], rows


@pytest.mark.parametrize("name", EXACT)
def test_no_covariance_with_the_number_is_left_and_the_class_means_stay_equal(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float], name: str
) -> None:
    train = aged(people(200, 1))
    z = released(fitted(name, train), train).astype(np.float64)
    ages, rows = age_of(train)
    assert LinearRegression().fit(train.embedding[rows], ages).score(train.embedding[rows], ages) > 0.9
    assert covarying(z, train.numbers[:, 0]) < 1e-9  # type: ignore[index]
    means = [z[train.labels == k].mean(0) for k in range(2)]
    assert np.abs(means[1] - means[0]).max() < 1e-5
    assert accuracy(LogisticRegression(class_weight="balanced"), z, train.labels, z, train.labels) < 0.55
    alone = released(fitted(name, replace(train, numbers=None)), train)
    assert LinearRegression().fit(alone[rows], ages).score(alone[rows], ages) > 0.9, "which nobody hid"


def test_after_leace_least_squares_estimates_the_mean(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train, test = aged(people(600, 1), unknown=0), aged(people(600, 2), 1, unknown=0)
    leace = fitted("leace", train)
    z, z_test = released(leace, train), released(leace, test)
    model = Ridge(1e-6).fit(z, age_of(train)[0])
    assert model.score(z, age_of(train)[0]) == pytest.approx(0, abs=1e-6)
    assert abs(model.score(z_test, age_of(test)[0])) < 0.01


@pytest.mark.parametrize("name", SMALL)
def test_what_goes_on_in_rounds_or_kernels_takes_most_of_the_number(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], name: str
) -> None:
    train, test = aged(people(300, 1)), aged(people(300, 2), 1)
    read = {}
    for what, known in (("both", train), ("alone", replace(train, numbers=None))):
        eraser = fitted(name, known, **SMALL[name])
        z, z_test = released(eraser, train), released(eraser, test)
        (ages, rows), (ages_test, rows_test) = age_of(train), age_of(test)
        read[what] = Ridge(1.0).fit(z[rows], ages).score(z_test[rows_test], ages_test)
    assert read["alone"] > 0.1  # of obliviator .20 to .34, as processors round
    assert read["both"] < 0.05


def test_obliviator_leaves_no_covariance_with_the_number(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    """Before its rows are put back on the sphere it leaves none at all."""
    train = aged(people(300, 1))
    z = released(fitted("obliviator", train, **SMALL["obliviator"]), train)
    assert covarying(z, train.numbers[:, 0]) < covarying(train.embedding, train.numbers[:, 0]) / 20  # type: ignore[index]


@settings(max_examples=15, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(0.01, 1e3), st.booleans())
def test_neither_unit_nor_zero_of_a_number_matters(shift: float, scale: float, turned: bool) -> None:
    train = made_up()
    assert train.numbers is not None
    other = replace(train, numbers=shift + (-scale if turned else scale) * train.numbers)
    one, two = (registry.make("defense", "leace", {}).fit(known, known, Context()) for known in (train, other))
    np.testing.assert_allclose(one.matrix_, two.matrix_, atol=1e-5)


def test_a_number_that_is_not_known_or_the_same_for_all_changes_nothing() -> None:
    train = made_up()
    plain = registry.make("defense", "leace", {}).fit(replace(train, numbers=None), train, Context())
    for value in (np.nan, 7.0):
        empty = replace(train, numbers=np.full((len(train), 1), value))
        for name in ("leace", "inlp", "kernel-arl"):
            assert registry.make("defense", name, SMALL.get(name, {})).fit(empty, empty, Context())
        np.testing.assert_allclose(
            registry.make("defense", "leace", {}).fit(empty, empty, Context()).matrix_, plain.matrix_, atol=1e-6
        )


def test_numbers_stand_beside_the_classes_standardised_over_those_who_are_known() -> None:
    numbers = np.array([[1.0, np.nan], [3.0, 5.0], [np.nan, 5.0]])
    known = Embeddings(np.zeros((3, 2), np.float32), np.array([0, 1, 1]), np.arange(3), ("a", "b"), numbers)
    np.testing.assert_array_equal(standardised_numbers(known), [[-1, 0], [1, 0], [0, 0]])
    np.testing.assert_array_equal(targets(known), [[1, 0, -1, 0], [0, 1, 1, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(targets(replace(known, numbers=None)), [[1, 0], [0, 1], [0, 1]])


def test_splince_says_what_does_not_fit_into_an_embedding() -> None:
    narrow = replace(made_up(), embedding=made_up().embedding[:, :2])
    with pytest.raises(InputError, match="needs 3 dimensions for 2 classes and 1 numbers"):
        registry.make("defense", "splince", {}).fit(narrow, narrow, Context())


def made_up() -> Embeddings:
    """150 rows of 75 people in 5 dimensions."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((150, 5)).astype(np.float32)
    labels = np.tile([0, 1], 75)
    x[:, 0] += labels
    numbers = x[:, :1] + x[:, 1:2] + rng.standard_normal((150, 1))
    return Embeddings(x, labels, np.repeat(np.arange(75), 2), ("a", "b"), numbers.astype(np.float64))
