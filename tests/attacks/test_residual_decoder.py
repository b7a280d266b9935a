"""Decoders of releases: what is known beforehand of a linear map, of noise, and of what only a network sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aiakit.attacks.decoders.residual import ResidualDecoder
from aiakit.contracts import Context, DecoderData
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.identification import identification_statistics
from aiakit.measures.inversion import InversionStatistics, Reconstructed, inversion_statistics
from aiakit.measures.searching import Search

DIMENSIONS = 12
Release = Callable[[Any], Any]


def faces(people: int, seed: int) -> tuple[Any, Any]:
    """Two images of each person, which share a mean, and who they show."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(people, DIMENSIONS)), 2, axis=0)
    return 1 + centres + 0.2 * rng.normal(size=centres.shape), np.repeat(np.arange(people), 2)


def inverted(release: Release) -> tuple[str, InversionStatistics, float]:
    """What is learned of 300 people of a kind of release, said of 150 others, and how often these are found first."""
    train, val = (faces(people, seed)[0] for people, seed in ((300, 1), (60, 2)))
    decoder = ResidualDecoder().fit(DecoderData(release(train), train), DecoderData(release(val), val), Context())
    true, shown = faces(150, 3)
    first, found = np.arange(len(true)) % 2 == 0, decoder.predict(release(true))
    bootstrap = IdentityBootstrap(shown, 100)
    statistics = inversion_statistics(Reconstructed(true, found, train.mean(axis=0), shown, first), bootstrap)
    search = Search(true[first], shown[first], found, shown, first)
    return decoder.setting, statistics, identification_statistics([search], bootstrap).point["rank_1_of_150"]


def test_an_invertible_linear_map_is_inverted() -> None:
    matrix = np.random.default_rng(5).normal(size=(DIMENSIONS, DIMENSIONS + 4))
    name, found, rank = inverted(lambda x: x @ matrix)
    assert name.startswith("ridge")
    assert found.point["cosine"] > 0.999
    assert rank == 1
    assert found.point["type_1_at_0.01"] == 1
    assert found.point["type_2_at_0.01"] > 0.99
    assert found.chance["type_1_at_0.01"] < 0.2
    assert found.ci95("gain")[0] > 0.2


def test_independent_noise_reads_as_a_constant_does() -> None:
    rng = np.random.default_rng(6)
    _, found, rank = inverted(lambda x: rng.normal(size=x.shape))
    low, high = found.ci95("gain")
    assert low - 0.01 <= 0 <= high + 0.01
    assert abs(found.point["gain"]) < 0.02
    assert rank < 0.05


def test_a_network_sees_what_no_linear_map_does() -> None:
    name, found, _ = inverted(lambda x: (x - 1) ** 3)
    assert name.startswith("network")
    assert found.ci95("gain")[0] > 0


def test_a_decoder_is_the_same_again() -> None:
    train, val = (faces(people, seed)[0] for people, seed in ((40, 1), (20, 2)))
    known, chooses = (DecoderData(np.sin(points), points) for points in (train, val))
    first, second = (ResidualDecoder().fit(known, chooses, Context()).predict(np.sin(val)) for _ in range(2))
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("people", "rates"), [(10, set()), (60, {0.01}), (160, {0.01, 0.001})])
def test_a_threshold_needs_pairs_of_strangers(people: int, rates: set[float]) -> None:
    true, shown = faces(people, 0)
    images = Reconstructed(true, true, np.ones(DIMENSIONS), shown, np.arange(len(true)) % 2 == 0)
    found = inversion_statistics(images, IdentityBootstrap(shown, 10))
    assert set(found.thresholds) == rates
    assert found.point["cosine"] == pytest.approx(1)
    assert all(found.point[f"type_1_at_{rate:g}"] == 1 for rate in rates)


def test_people_with_one_image_each_have_no_second_type() -> None:
    true = faces(60, 0)[0][::2]
    images = Reconstructed(true, true, np.ones(DIMENSIONS), np.arange(60), np.ones(60, bool))
    found = inversion_statistics(images, IdentityBootstrap(np.arange(60), 10))
    assert set(found.chance) == {"type_1_at_0.01"}
