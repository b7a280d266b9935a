"""Defenses of pictures: what a release shows, and SAN's collapse when the attacker trains anew."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from aiakit.contracts import Faces
from aiakit.plugins import mock


def pictures(count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def faces(images: np.ndarray) -> Faces:
    return Faces(images, np.arange(len(images)) % 2, np.arange(len(images)), ("a", "b"))


def publish(defense: Any, images: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, 3)."""
    return defense.release(images, np.random.default_rng(0)).pixels.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("blocks", [4, 5])
def test_pixelate_is_constant_in_blocks_and_keeps_their_means(fitted: Callable[..., Any], blocks: int) -> None:
    images = pictures(3)
    shown = publish(fitted("pixelate", faces(images), blocks=blocks), images)
    edges = np.linspace(0, 32, blocks + 1).round().astype(int)
    for top, bottom in itertools.pairwise(edges):
        for left, right in itertools.pairwise(edges):
            block = shown[:, top:bottom, left:right]
            assert np.ptp(block, axis=(1, 2)).max() == 0
            mean = images[:, top:bottom, left:right].mean((1, 2))
            assert np.abs(block[:, 0, 0] - mean).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(("name", "options"), [("blur", {}), ("pixelate", {}), ("downsample", {"size": 8})])
def test_a_filter_leaves_a_plain_picture_and_calms_noise(
    fitted: Callable[..., Any], name: str, options: dict[str, int]
) -> None:
    images = pictures(4)
    defense = fitted(name, faces(images), **options)
    plain = np.full_like(images, 77)
    assert np.array_equal(publish(defense, plain), plain)
    shown = publish(defense, images)
    assert shown.std() < 0.5 * images.std()
    assert shown.mean() == pytest.approx(images.mean(), abs=2)


def test_more_blur_is_smoother(fitted: Callable[..., Any]) -> None:
    images = pictures(4)
    steps = [
        np.abs(np.diff(publish(fitted("blur", faces(images), sigma=s), images).astype(float), axis=1)).mean()
        for s in (0.02, 0.05, 0.2)
    ]
    assert steps[0] > steps[1] > steps[2]


def test_downsampled_pictures_hold_no_more_than_the_few_pixels(fitted: Callable[..., Any]) -> None:
    images = pictures(200)
    shown = publish(fitted("downsample", faces(images), size=4), images).reshape(200, -1, 3).astype(float)
    for channel in range(3):
        sizes = np.linalg.svd(shown[:, :, channel] - shown[:, :, channel].mean(0), compute_uv=False)
        assert sizes[16] < 0.2 * sizes[15]  # 4 × 4 pixels; what is left is rounding


@pytest.mark.parametrize("components", [None, 20])
def test_k_same_shows_every_picture_to_at_least_k_people(fitted: Callable[..., Any], components: int | None) -> None:
    images = pictures(43, size=16)
    defense = fitted("k-same", faces(images), k=5, components=components)
    shown = publish(defense, images)
    different, group, counts = np.unique(shown, axis=0, return_inverse=True, return_counts=True)
    assert len(different) == 43 // 5
    assert counts.min() >= 5
    if components is None:
        for number in range(len(different)):
            members = images[group.ravel() == number].mean(0)
            assert np.abs(different[number] - members).max() <= 0.5 + 1e-3


def test_k_same_shows_a_new_face_one_of_the_same_pictures(fitted: Callable[..., Any]) -> None:
    gallery, new = pictures(30, size=16), pictures(50, size=16, seed=1)
    defense = fitted("k-same", faces(gallery), k=6)
    known = {picture.tobytes() for picture in publish(defense, gallery)}
    assert {picture.tobytes() for picture in publish(defense, new)} <= known


def test_k_same_counts_people_and_not_their_pictures(fitted: Callable[..., Any]) -> None:
    images = pictures(40, size=16)
    of_twenty = Faces(images, np.arange(40) % 2, np.arange(40) // 2, ("a", "b"))
    shown = publish(fitted("k-same", of_twenty, k=10), images[::2])
    assert np.unique(shown, axis=0, return_counts=True)[1].min() >= 10


def test_san_fools_the_frozen_classifier_and_no_fresh_one(fitted: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    train, val, attacker, test = (mock.faces(mock.people(n, 3, rng), rng) for n in (120, 30, 60, 60))
    san = fitted("san", train, val, epochs=12, width=8)
    frozen = san.claim(san.release(test.images, rng))
    assert balanced_accuracy_score(test.labels, frozen.argmax(1)) < 0.3

    def coarse(known: Faces) -> np.ndarray:
        shown = publish(san, known.images)[:, ::8, ::8].astype(float) / 255
        return shown.reshape(len(shown), -1)

    fresh = LogisticRegression(max_iter=2000).fit(coarse(attacker), attacker.labels)
    assert balanced_accuracy_score(test.labels, fresh.predict(coarse(test))) > 0.8
    change = np.abs(publish(san, test.images).astype(float) - test.images).mean()
    assert change < 40  # of 255 levels: it is a perturbation, not another picture
