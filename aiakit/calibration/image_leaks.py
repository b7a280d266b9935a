"""Pictures that leak in a known way.

A background is a smooth random colour field confined to low spatial frequencies, with white noise on top. What is
planted either avoids those frequencies or replaces the pixels, so the closed forms are exact up to the rounding to 8
bits, which adds 1/12 to a noise variance of 64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.calibration import laws
from aiakit.calibration.leaks import SECRET, Leak, Rng, Sample
from aiakit.contracts import IntArray

MIDDLE, CONTRAST, NOISE = 128.0, 30.0, 8.0  # grey levels: mean, rms of the background, σ of the noise
CYCLES = 3  # the background's highest spatial frequency, in cycles per picture

Pixels = NDArray[Any]  # float (n, 3, size, size) in grey levels


def _low(size: int) -> NDArray[Any]:
    """bool (size, size // 2 + 1): the frequencies of a real transform that the background may use."""
    rows = abs(np.fft.fftfreq(size, 1 / size))
    return np.asarray(np.maximum(rows[:, None], np.fft.rfftfreq(size, 1 / size)[None, :]) <= CYCLES)


def _background(n: int, size: int, rng: Rng) -> Pixels:
    """(n, 3, size, size): a smooth field whose channels are related as in photographs, plus white noise."""
    low = _low(size)
    spectrum = np.zeros((n, 3, *low.shape), dtype=complex)
    spectrum[..., low] = rng.normal(size=(n, 3, low.sum())) + 1j * rng.normal(size=(n, 3, low.sum()))
    spectrum[:, 1:] += 2 * spectrum[:, :1]
    field = np.fft.irfft2(spectrum, s=(size, size))
    scale = field.std(axis=(1, 2, 3), keepdims=True)
    return np.asarray(MIDDLE + CONTRAST * field / scale + NOISE * rng.normal(size=field.shape))


def _images(
    name: str,
    size: int,
    bayes: float,
    plant: Callable[[Pixels, NDArray[Any], Rng], Pixels],
    rule: Callable[[Pixels], NDArray[Any]],
) -> Leak:
    def sample(n: int, rng: Rng) -> Sample:
        labels: IntArray = rng.integers(2, size=n)
        pixels = plant(_background(n, size, rng), 2.0 * labels - 1, rng)
        return np.clip(np.rint(pixels), 0, 255).astype(np.uint8), labels

    return Leak(name, 3 * size * size, bayes, sample, lambda x: rule(x.astype(np.float64) - MIDDLE))


def _key(size: int) -> Pixels:
    """A secret ±1 pattern with the background's frequencies taken out, of mean square 1."""
    pattern = np.random.default_rng(SECRET).choice([-1.0, 1.0], size=(3, size, size))
    spectrum = np.fft.rfft2(pattern)
    spectrum[..., _low(size)] = 0
    key = np.fft.irfft2(spectrum, s=(size, size))
    return np.asarray(key / np.sqrt((key**2).mean()))


def key_pattern(size: int = 32, amplitude: float = 0.25) -> Leak:
    """Steganography: a secret pattern added with the sign of the class, far below the noise (amplitude in levels)."""
    key = _key(size)

    def plant(x: Pixels, sign: NDArray[Any], rng: Rng) -> Pixels:
        return x + amplitude * sign[:, None, None, None] * key

    bayes = laws.key_pattern(amplitude, key.size, NOISE)
    return _images("image-key-pattern", size, bayes, plant, lambda x: np.tensordot(x, key, 3) > 0)


def pixel_lsb(size: int = 32, flip: float = 0.25) -> Leak:
    """The lowest bit of every red value is the class, flipped with probability ``flip``."""

    def plant(x: Pixels, sign: NDArray[Any], rng: Rng) -> Pixels:
        red = np.clip(np.rint(x[:, 0]), 0, 255)
        bit = (sign[:, None, None] > 0) ^ (rng.random(red.shape) < flip)
        x[:, 0] = 2 * np.floor(red / 2) + bit
        return x

    def rule(x: Pixels) -> NDArray[Any]:
        return np.asarray(((x[:, 0] + MIDDLE) % 2).mean(axis=(1, 2)) > 0.5)

    return _images("image-lsb", size, laws.bit_plane(size * size, flip), plant, rule)


def coloured_corner(size: int = 32, side: int = 4, tint: float = 2.0) -> Leak:
    """A corner patch is a little redder in one class and a little bluer in the other (tint in levels)."""
    colour = np.array([1.0, 0.0, -1.0])[:, None, None]

    def plant(x: Pixels, sign: NDArray[Any], rng: Rng) -> Pixels:
        patch = MIDDLE + NOISE * rng.normal(size=(len(x), 3, side, side))
        x[:, :, :side, :side] = patch + tint * sign[:, None, None, None] * colour
        return x

    def rule(x: Pixels) -> NDArray[Any]:
        return np.asarray((x[:, :, :side, :side] * colour).sum(axis=(1, 2, 3)) > 0)

    return _images("image-corner", size, laws.key_pattern(tint, 2 * side * side, NOISE), plant, rule)


def texture(size: int = 32, amplitude: float = 0.5) -> Leak:
    """A checkerboard of random sign is added in one class and absent in the other: only its energy tells."""
    board = 1.0 - 2.0 * (np.indices((size, size)).sum(axis=0) % 2)
    unit = NOISE * np.sqrt(3 * size * size)
    strength = amplitude * np.sqrt(3 * size * size) / NOISE
    threshold = laws.texture_threshold(strength)

    def plant(x: Pixels, sign: NDArray[Any], rng: Rng) -> Pixels:
        random_sign = rng.choice([-1.0, 1.0], size=len(x)) * (sign > 0)
        return np.asarray(x + amplitude * random_sign[:, None, None, None] * board)

    def rule(x: Pixels) -> NDArray[Any]:
        return np.asarray(abs((x * board).sum(axis=(1, 2, 3)) / unit) > threshold)

    return _images("image-texture", size, laws.texture(strength), plant, rule)


def image_leaks(size: int = 32) -> tuple[Leak, ...]:
    """Every image leak, at ``size`` × ``size`` pixels."""
    return (key_pattern(size), pixel_lsb(size), coloured_corner(size), texture(size))
