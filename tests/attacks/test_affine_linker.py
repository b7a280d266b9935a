"""Trained linkers: what is known beforehand of releases that a key has turned, and of noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from aiakit.attacks.linkers.affine import AffineLinker
from aiakit.contracts import Context, LinkerData
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.maps import ridges, rotation, whitened
from aiakit.measures.pairing import ProbePairs
from aiakit.measures.unlinkability import LinkageStatistics, Linked, linkage_statistics

DIMENSIONS, EACH = 16, 2


def faces(people: int, seed: int, noise: float = 0.2) -> tuple[Any, Any]:
    """Two images of each person, and who they show."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(people, DIMENSIONS)), EACH, axis=0)
    return centres + noise * rng.normal(size=centres.shape), np.repeat(np.arange(people), EACH)


def turned(points: Any, key: int) -> Any:
    """A release under a key: a random rotation."""
    return points @ np.linalg.qr(np.random.default_rng(key).normal(size=(DIMENSIONS, DIMENSIONS)))[0]


def learned(release: Any, other: Any, people: int = 200) -> tuple[AffineLinker, LinkerData]:
    """The linker between two kinds of releases of attacker's people (points → points), and attacker-val."""
    train, val = (faces(count, seed) for count, seed in ((people, 1), (60, 2)))
    shown = [LinkerData(release(points), other(points), who) for points, who in (train, val)]
    return AffineLinker().fit(shown[0], shown[1], Context()), shown[1]


def told_apart(val: LinkerData, linker: AffineLinker | None = None) -> float:
    """How well people of attacker-val are, by where a linker puts them or by a cosine."""
    pairs = ProbePairs.of(val.people, val.same, np.random.default_rng(0))
    assert pairs is not None
    if linker is None:
        return pairs.area(val.source, val.target)
    return pairs.area(linker.of_source(val.source), linker.of_target(val.target))


def linked(source: Any, target: Any, who: Any) -> LinkageStatistics:
    pairs = Linked(target[::EACH], who[::EACH], source[1::EACH], who[1::EACH])
    return linkage_statistics(pairs, IdentityBootstrap(who, 100), np.random.default_rng(0))


def test_two_rotations_hide_nothing_from_a_linker_and_everything_from_a_cosine() -> None:
    linker, val = learned(lambda x: turned(x, 1), lambda x: turned(x, 2))
    points, who = faces(200, 3)
    source, target = turned(points, 1), turned(points, 2)
    assert linked(source, target, who).point["d_sys"] < 0.15  # two rotations of 16 dimensions share a little by chance
    assert linked(linker.of_source(source), linker.of_target(target), who).point["d_sys"] > 0.99
    assert told_apart(val, linker) > 0.99
    assert told_apart(val) < 0.65


def test_of_noise_nothing_is_learned() -> None:
    rng = np.random.default_rng(0)
    linker, _ = learned(lambda x: rng.normal(size=x.shape), lambda x: x)
    points, who = faces(200, 3)
    source = rng.normal(size=points.shape)
    low, high = linked(linker.of_source(source), linker.of_target(points), who).ci95("d_sys")
    assert low <= 0 <= high


def test_a_matcher_of_one_release_finds_people_behind_what_they_do_not_differ_in() -> None:
    rng, loud = np.random.default_rng(0), 30.0

    def hidden(points: Any) -> Any:
        return turned(np.concatenate([points[:, :8], loud * rng.normal(size=points[:, 8:].shape)], axis=1), 1)

    (train, people), (val, others) = faces(300, 1), faces(60, 2)
    train, val = hidden(train), hidden(val)
    known = LinkerData(val, val, others, True)
    linker = AffineLinker().fit(LinkerData(train, train, people, True), known, Context())
    assert linker.setting.startswith("whitened")
    assert told_apart(known, linker) > 0.95
    assert told_apart(known) < 0.65


def test_a_rotation_is_found_again_from_fewer_images_than_dimensions() -> None:
    points, _ = faces(5, 0)
    assert np.allclose(rotation(points, turned(points, 4))(points), turned(points, 4))


def test_a_weak_ridge_inverts_a_linear_map_and_a_strong_one_says_the_mean() -> None:
    points, _ = faces(200, 0)
    source = points @ np.random.default_rng(1).normal(size=(DIMENSIONS, 24))
    weak, *_, strong = dict(ridges(source, points)).values()
    assert np.allclose(weak(source), points, atol=0.05)
    assert np.abs(strong(source) - points.mean(axis=0)).max() < np.abs(points - points.mean(axis=0)).max() / 2


def test_images_that_are_one_point_each_have_no_scatter_to_whiten() -> None:
    assert not list(whitened(np.repeat(np.eye(4), 2, axis=0), np.repeat(np.arange(4), 2)))
    assert not list(whitened(np.eye(4), np.arange(4)))
