"""Releases that leak in a known way: samples, the optimal rule, and the accuracy of that rule in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.calibration import laws
from aiakit.contracts import FloatArray, IntArray, PixelArray, Release, View

Sample = tuple[FloatArray | PixelArray, IntArray]
Rng = np.random.Generator
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

LSB_STEP = 1 / 32  # 8 bits over [−4, 4]
SECRET = 20_240_917  # seeds the rotations and key patterns: fixed, and unknown to an attacker


@dataclass(frozen=True)
class Leak:
    """Two equally likely classes and what a release shows of them.

    name : as in tables. d : numbers in one sample.
    bayes : the accuracy of the best possible attacker.
    sample : (n, generator) → float32 (n, d), or uint8 (n, 3, H, W) for an image leak; and int64 (n,) labels.
    rule : the optimal attacker, which knows every secret of the leak: samples → labels.
    images : how many samples in a row show one person.
    """

    name: str
    d: int
    bayes: float
    sample: Callable[[int, Rng], Sample]
    rule: Callable[[NDArray[Any]], NDArray[Any]]
    images: int = 1

    def draw(self, n: int, rng: Rng) -> tuple[Release, IntArray]:
        """``sample`` as a release: an embedding, or an image where the samples are pixels."""
        values, labels = self.sample(n, rng)
        return Release(image=values) if values.ndim == 4 else Release(embedding=values), labels

    @property
    def view(self) -> View:
        """What an attack on this leak reads: "embedding" or "image"."""
        return self.draw(2, np.random.default_rng(0))[0].views[0]


def _leak(
    name: str,
    d: int,
    bayes: float,
    plant: Callable[[Floats, Mask, Rng], None],
    rule: Callable[[NDArray[Any]], NDArray[Any]],
    rotate: bool = False,
) -> Leak:
    """White Gaussian noise (n, d) into which ``plant`` writes the class, seen through a secret rotation or not."""
    basis = np.linalg.qr(np.random.default_rng(SECRET).normal(size=(d, d)))[0] if rotate else None

    def sample(n: int, rng: Rng) -> Sample:
        labels = rng.integers(2, size=n)
        x = rng.normal(size=(n, d))
        plant(x, labels == 1, rng)
        return (x if basis is None else x @ basis).astype(np.float32), labels

    return Leak(name, d, bayes, sample, lambda x: rule(x if basis is None else x @ basis.T))


def _signs(mask: Mask) -> Floats:
    return np.where(mask, 1.0, -1.0)


def _product(bits: int, shift: float) -> Callable[[Floats, Mask, Rng], None]:
    """Plant signs in the first ``bits`` coordinates whose product is the class; each coordinate alone says nothing."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        signs = rng.choice([-1.0, 1.0], size=(len(x), bits))
        signs[:, 0] = signs[:, 1:].prod(axis=1) * _signs(one)
        x[:, :bits] += shift * signs

    return plant


def linear(d: int = 64, distance: float = 1.0) -> Leak:
    """The class shifts one coordinate."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        x[:, 0] += distance / 2 * _signs(one)

    return _leak("linear", d, laws.gaussian_shift(distance), plant, lambda x: x[:, 0] > 0)


def diffuse(d: int = 64, distance: float = 1.0) -> Leak:
    """The class shifts every coordinate by a little."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        x += (distance / 2 / np.sqrt(d) * _signs(one))[:, None]

    return _leak("diffuse", d, laws.gaussian_shift(distance), plant, lambda x: x.sum(axis=1) > 0)


def radial(d: int = 64, dims: int = 8, ratio: float = 1.5) -> Leak:
    """The class scales ``dims`` coordinates around an equal mean."""
    threshold = 2 * dims * np.log(ratio) / (1 - ratio**-2)

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        x[one, :dims] *= ratio

    return _leak("radial", d, laws.radial(dims, ratio), plant, lambda x: (x[:, :dims] ** 2).sum(axis=1) > threshold)


def xor(d: int = 64, shift: float = 1.5, rotate: bool = False) -> Leak:
    """The class is the product of two coordinates' signs, along the axes or in a secret rotation."""
    name = "xor-rotated" if rotate else "xor"
    return _leak(name, d, laws.parity(shift, 2), _product(2, shift), lambda x: x[:, 0] * x[:, 1] > 0, rotate)


def xor_whitened(d: int = 64, shift: float = 1.5) -> Leak:
    """Rotated XOR at unit variance in every direction: principal components no longer point at it."""
    product, scale = _product(2, shift), np.sqrt(1 + shift**2)

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        product(x, one, rng)
        x[:, :2] /= scale

    return _leak("xor-whitened", d, laws.parity(shift, 2), plant, lambda x: x[:, 0] * x[:, 1] > 0, rotate=True)


def four_modes(d: int = 64, radius: float = 2.0) -> Leak:
    """Modes at ±a on one axis against ±a on another: equal class means, which LEACE leaves as they are."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        x[np.arange(len(x)), np.where(one, 0, 1)] += radius * rng.choice([-1.0, 1.0], size=len(x))

    return _leak("four-modes", d, laws.four_modes(radius), plant, lambda x: abs(x[:, 0]) > abs(x[:, 1]), rotate=True)


def randomised_response(d: int = 64, flip: float = 0.3) -> Leak:
    """One coordinate is the class as ±1, replaced by the other class with probability ``flip``."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        x[:, 0] = _signs(one ^ (rng.random(len(x)) < flip))

    return _leak("randomised-response", d, laws.randomised_response(flip), plant, lambda x: x[:, 0] > 0)


def lsb(d: int = 64, step: float = LSB_STEP) -> Leak:
    """Every coordinate is quantised, and the lowest bit of one is the class."""

    def plant(x: Floats, one: Mask, rng: Rng) -> None:
        levels = np.floor(x / step)
        levels[:, 0] = 2 * np.floor(levels[:, 0] / 2) + one
        x[:] = levels * step

    return _leak("lsb", d, 1.0, plant, lambda x: np.rint(x[:, 0] / step) % 2)


def parity(d: int = 64, shift: float = 2.0, bits: int = 3) -> Leak:
    """The class is the product of three coordinates' signs: no coordinate and no pair says anything."""
    return _leak(
        f"parity-{bits}", d, laws.parity(shift, bits), _product(bits, shift), lambda x: x[:, :bits].prod(axis=1) > 0
    )


def null(d: int = 64) -> Leak:
    """Nothing: every attack is at chance."""
    return _leak("null", d, 0.5, lambda x, one, rng: None, lambda x: x[:, 0] > 0)


def identity(d: int = 64, images: int = 4) -> Leak:
    """Who is shown and nothing else: with people apart every attack is at chance (see ``identity_only``)."""

    def sample(n: int, rng: Rng) -> Sample:
        x, labels, _ = identity_only(-(-n // images), images, rng, d)
        return x[:n], labels[:n]

    return Leak("identity-only", d, 0.5, sample, lambda x: x[:, 0] > 0, images)


def embedding_leaks(d: int = 64) -> tuple[Leak, ...]:
    """Every embedding leak, simplest first, those with nothing to find last."""
    return (
        linear(d),
        diffuse(d),
        radial(d),
        xor(d),
        xor(d, rotate=True),
        xor_whitened(d),
        four_modes(d),
        randomised_response(d),
        lsb(d),
        parity(d),
        identity(d),
        null(d),
    )


def identity_only(
    people: int, images: int, rng: Rng, d: int = 64, noise: float = 0.3
) -> tuple[FloatArray, IntArray, IntArray]:
    """People with a recognisable signature and a class that is a coin flip: nothing but identity can be learned.

    Returns float32 (people·images, d), labels and identity. Split by identity every attack is at ½; split by image it
    is as good as recognition (near 1 at this noise): a harness that scores above ½ here splits people apart.
    """
    signature = rng.normal(size=(people, d))
    identity = np.repeat(np.arange(people), images)
    x = signature[identity] + noise * rng.normal(size=(len(identity), d))
    return x.astype(np.float32), rng.integers(2, size=people)[identity], identity
