"""The drawn faces: the same whoever draws them, bounded as they say, and people one can tell apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from aiakit.datasets.people import DIRECTION, cast
from aiakit.datasets.synthetic import Synthetic


def test_a_face_set_is_the_same_for_any_number_of_jobs(settings: Any, tmp_path: Path) -> None:
    first = Synthetic(people=10, images_per_person=3).load(settings(32, jobs=1))
    pixels = np.array(first.images)
    (tmp_path / "cache").rename(tmp_path / "other")
    second = Synthetic(people=10, images_per_person=3).load(settings(32, jobs=2))
    assert np.array_equal(pixels, second.images)
    assert first.fingerprint == second.fingerprint


def test_more_people_begin_with_the_same_people(settings: Any) -> None:
    few = Synthetic(people=6, images_per_person=2).load(settings())
    many = Synthetic(people=11, images_per_person=2).load(settings())
    assert np.array_equal(few.images, many.images[: len(few)])
    assert few.files == many.files[: len(few)]
    assert few.fingerprint != many.fingerprint
    for name, attribute in few.attributes.items():
        assert np.array_equal(attribute.values, many.attributes[name].values[: len(few)])


def test_the_second_start_draws_nothing(settings: Any) -> None:
    drawn: list[tuple[str, int, int]] = []
    watched = replace(settings(), report=lambda *step: drawn.append(step))
    Synthetic(people=4, images_per_person=2).load(watched)
    assert drawn[-1] == ("drawing faces", 8, 8)
    drawn.clear()
    faces = Synthetic(people=4, images_per_person=2).load(watched)
    assert drawn == []
    assert isinstance(faces.images, np.memmap)
    assert not faces.images.flags.writeable


def test_genders_balance_and_every_attribute_varies(settings: Any) -> None:
    faces = Synthetic(people=60, images_per_person=4).load(settings())
    assert np.bincount(faces.attributes["gender"].values).tolist() == [120, 120]
    for attribute in faces.attributes.values():
        assert set(attribute.values) == set(range(len(attribute.classes)))
    assert faces.images.shape == (240, 16, 16, 3)
    assert faces.default_attribute == "gender"


def test_the_ceiling_is_reached_by_the_likelihood_ratio_on_the_identity_parameters() -> None:
    people = cast(range(4000), 1, 1, 2.0)
    score = people.u @ np.array(list(DIRECTION.values()))
    accuracy = ((score > 0) == people.gender).mean()
    assert accuracy == pytest.approx(ndtr(1.0), abs=0.02)


def test_nothing_but_the_identity_parameters_knows_the_gender() -> None:
    """Given u, every drawn quantity is independent of gender: at δ = 0 no attribute or nuisance correlates with it."""
    people = cast(range(4000), 1, 0, 0.0)
    gender = people.gender - people.gender.mean()
    drawn = np.hstack([people.u, people.normals, people.uniforms, people.colours.reshape(4000, -1)])
    drawn = (drawn - drawn.mean(0)) / drawn.std(0)
    correlation = drawn.T @ gender / len(gender) / gender.std()
    assert np.abs(correlation).max() < 4.5 / np.sqrt(4000)


def test_gender_reaches_the_picture_through_the_identity_parameters_only() -> None:
    """Two casts with other genders and the same parameters look the same."""
    one = cast(range(6), 2, 0, 0.0)
    other = type(one)(1 - one.gender, one.u, one.normals, one.uniforms, one.colours, one.generators, one.each)
    for name, values in vars(one.look()).items():
        assert np.array_equal(values, getattr(other.look(), name)), name
    assert np.array_equal(one.attributes()["beard"].values, other.attributes()["beard"].values)


def test_the_ceiling_follows_from_delta(settings: Any) -> None:
    assert Synthetic(people=2, delta=0).load(settings()).bayes_ceiling == {"gender": 0.5}
    assert 0.90 <= Synthetic(people=2).load(settings()).bayes_ceiling["gender"] <= 0.95


def test_people_can_be_told_apart_and_gender_be_read_below_the_ceiling(settings: Any) -> None:
    """Linear attackers on pixels of new people, far weaker than the suite: both signals must be there."""
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    faces = Synthetic(people=300, images_per_person=6).load(settings(32))
    train, test = np.arange(0, 1200), np.arange(1200, 1800)
    pixels = faces.images.reshape(len(faces), -1) / 255
    codes = PCA(60, random_state=0, whiten=True).fit(pixels[train]).transform(pixels)
    gender = faces.attributes["gender"].values
    accuracy = LogisticRegression(C=0.1, max_iter=300).fit(codes[train], gender[train]).score(codes[test], gender[test])
    assert 0.68 < accuracy < faces.bayes_ceiling["gender"]
    space = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.01, n_components=30)
    placed = space.fit(codes[train], faces.identity[train]).transform(codes[test])
    placed /= np.linalg.norm(placed, axis=1, keepdims=True)
    upper = np.triu_indices(len(test), 1)
    same = faces.identity[test][upper[0]] == faces.identity[test][upper[1]]
    assert roc_auc_score(same, (placed @ placed.T)[upper]) > 0.9
