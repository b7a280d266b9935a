"""What the closed-form erasers remove and what they leave: the facts of their papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

LINEAR = LogisticRegression(class_weight="balanced")
QUADRATIC = QuadraticDiscriminantAnalysis(reg_param=0.01)


@pytest.mark.parametrize("classes", [2, 3])
def test_leace_makes_the_class_means_equal(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], classes: int
) -> None:
    train = people(120, 1, classes=classes)
    z = released(fitted("leace", train), train)
    means = [z[train.labels == k].mean(0) for k in range(classes)]
    assert all(np.abs(mean - means[0]).max() < 1e-5 for mean in means)
    before = [train.embedding[train.labels == k].mean(0) for k in range(classes)]
    assert np.linalg.norm(before[1] - before[0]) > 2


def test_leace_blinds_linear_attackers_on_the_defenders_people_and_no_others(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(600, 1), people(600, 2)
    leace = fitted("leace", train)
    z, z_test = released(leace, train), released(leace, test)
    assert accuracy(LINEAR, train.embedding, train.labels, test.embedding, test.labels) > 0.9
    assert accuracy(LINEAR, z, train.labels, z, train.labels) < 0.52
    assert accuracy(QUADRATIC, z, train.labels, z_test, test.labels) > 0.7


def test_leace_changes_one_direction_only(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(300, 1)
    change = released(fitted("leace", train), train) - train.embedding
    sizes = np.linalg.svd(change, compute_uv=False)
    assert sizes[0] > 1
    assert sizes[1] < 1e-3 * sizes[0]


def test_quadratic_leace_removes_class_means_and_covariances(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(800, 1, shift=9.0), people(800, 2, shift=9.0)
    eraser = fitted("quadratic-leace", train)
    z, z_test = released(eraser, train), released(eraser, test)

    def difference(x: Any, labels: Any) -> Any:
        first, second = (np.cov(x[labels == k].T) for k in (0, 1))
        return np.linalg.norm(first - second) / np.linalg.norm(first)

    assert difference(train.embedding, train.labels) > 1
    assert difference(z, train.labels) < 0.1
    assert accuracy(QUADRATIC, train.embedding, train.labels, test.embedding, test.labels) > 0.99
    assert accuracy(QUADRATIC, z, train.labels, z_test, test.labels) < 0.6


def test_quadratic_leace_leaves_a_quadratic_attacker_less_than_leace(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(800, 1, shift=4.0), people(800, 2, shift=4.0)
    left = {}
    for name in ("leace", "quadratic-leace"):
        eraser = fitted(name, train)
        left[name] = accuracy(QUADRATIC, released(eraser, train), train.labels, released(eraser, test), test.labels)
    assert left["quadratic-leace"] < left["leace"] - 0.05


@pytest.mark.parametrize(("classes", "lost"), [(2, 4), (3, 12)])
def test_inlp_loses_one_dimension_for_each_direction(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], classes: int, lost: int
) -> None:
    train = people(150, 1, classes=classes)
    z = released(fitted("inlp", train, iterations=4), train)
    sizes = np.linalg.svd(z - z.mean(0), compute_uv=False)
    assert 16 - lost <= (sizes > 1e-3 * sizes[0]).sum() < 16
    assert (sizes > 1e-3 * sizes[0]).sum() <= 16 - 4


def test_inlp_blinds_linear_attackers_and_no_others(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(600, 1), people(600, 2)
    inlp = fitted("inlp", train, iterations=2)
    z, z_test = released(inlp, train), released(inlp, test)
    assert accuracy(LINEAR, z, train.labels, z, train.labels) < 0.56
    assert accuracy(SVC(), z, train.labels, z_test, test.labels) > 0.65


def test_inlp_leaves_a_dimension_however_many_rounds_it_is_given(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(60, 1)
    z = released(fitted("inlp", train, iterations=100), train)
    assert np.linalg.matrix_rank(z - z.mean(0), tol=1e-3) >= 1


def test_ive_finds_the_telling_variables_and_keeps_the_others_as_they_are(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    made = people(300, 1, shift=0.0, stretch=1.0)
    made.embedding[:, [3, 11]] += 3 * made.labels[:, None].astype(np.float32)
    ive = fitted("ive", made, eliminate=0.25, trees=30, rounds=2)
    assert ive.kept_.shape == (12,)
    assert not {3, 11} & set(ive.kept_.tolist())
    assert np.array_equal(released(ive, made), made.embedding[:, ive.kept_])


def test_kernel_arl_trades_the_attribute_for_the_rest(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any], accuracy: Callable[..., float]
) -> None:
    train, test = people(600, 1, stretch=1.0), people(600, 2, stretch=1.0)
    found, kept = [], []
    for trade_off in (0.0, 0.5, 0.95):
        encoder = fitted("kernel-arl", train, trade_off=trade_off, features=256, latent=15)
        z, z_test = released(encoder, train), released(encoder, test)
        found.append(accuracy(LINEAR, z, train.labels, z_test, test.labels))
        predicted = z_test @ np.linalg.lstsq(z, train.embedding - train.embedding.mean(0), rcond=None)[0]
        centred = test.embedding - train.embedding.mean(0)
        kept.append(1 - np.square(centred - predicted).sum() / np.square(centred).sum())
    assert found[0] > 0.85
    assert found[0] > found[1] + 0.05
    assert found[2] < 0.6
    assert kept[0] > 0.8
    assert kept[2] > 0.5


def test_kernel_arl_releases_uncorrelated_dimensions_of_bounded_variance(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(300, 1)
    covariance = np.cov(released(fitted("kernel-arl", train, features=128, latent=8), train).T)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 0.05
    assert (np.diag(covariance) < 1.01).all()


def test_kernel_arl_is_undone_by_its_parameters(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train, test = people(300, 1), people(300, 2)
    encoder = fitted("kernel-arl", train, trade_off=0.0, features=256, latent=16)
    assert released(encoder, train).shape[1] == 16
    inverted = encoder.invert(released(encoder, test))
    off = np.square(inverted - test.embedding).sum(axis=1) / np.square(test.embedding).sum(axis=1).mean()
    assert np.median(off) < 1e-6
    assert np.mean(off < 0.01) > 0.95
    narrow = fitted("kernel-arl", train, features=256, latent=8)
    assert narrow.invert(released(narrow, test)) is None  # eight values do not tell sixteen


def test_kernel_arl_leaves_out_directions_that_tell_more_of_the_attribute_than_of_the_rest(
    people: Any, fitted: Callable[..., Any], released: Callable[..., Any]
) -> None:
    train = people(300, 1)
    wide = released(fitted("kernel-arl", train, features=128, latent=64), train)
    assert wide.shape[1] <= 16  # the embedding has 16 dimensions: no more directions say anything of it
