"""Tiny made-up people for the checks of plugins: seconds to learn, with a leak whose strength is known.

Person and class are independent of the row order, every person has one class, and train, val and test are different
people. ``leak`` is the distance between neighbouring class means in standard deviations: at 4, two classes are told
apart with Φ(2) = 98 % accuracy; at 0 nothing is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from aiakit.contracts import Embeddings, Faces, FloatArray, IntArray, LabelledRelease, PixelArray, Release, View

DIMENSIONS = 16
IMAGE_SIZE = 32
GENDERS = ("female", "male")  # classes for attacks that know gender only


@dataclass(frozen=True)
class People:
    """labels int64 (N,) in [0, K), identity int64 (N,), and the names of the K classes; rows in random order."""

    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]

    def relabelled(self, rng: np.random.Generator) -> People:
        """The labels dealt out anew, person by person: they keep their frequencies and say nothing any more."""
        _, first, rows = np.unique(self.identity, return_index=True, return_inverse=True)
        return replace(self, labels=rng.permutation(self.labels[first])[rows])


def people(count: int, images: int, rng: np.random.Generator, classes: int = 2) -> People:
    """``count`` people with ``images`` rows each, the classes as equally frequent as possible."""
    identity = rng.permutation(np.repeat(np.arange(count), images))
    of_person = rng.permutation(np.arange(count) % classes)
    return People(of_person[identity], identity, tuple(f"class {k}" for k in range(classes)))


def embedding(who: People, rng: np.random.Generator, leak: float = 4.0) -> FloatArray:
    """float32 (N, 16): half of the noise belongs to the person, half to the row; the class shifts all dimensions."""
    of_person = rng.standard_normal((who.identity.max() + 1, DIMENSIONS))
    noise = np.sqrt(0.5) * (of_person[who.identity] + rng.standard_normal((len(who.labels), DIMENSIONS)))
    shifted: NDArray[np.float64] = noise + leak / np.sqrt(DIMENSIONS) * who.labels[:, None]
    return shifted.astype(np.float32)


def images(who: People, rng: np.random.Generator, leak: float = 4.0, size: int = IMAGE_SIZE) -> PixelArray:
    """uint8 (N, size, size, 3): a square of the person's colour on a grey ground whose brightness leaks the class."""
    ground = 90 + 8 * (leak * who.labels + rng.standard_normal(len(who.labels)))
    pictures = np.broadcast_to(ground[:, None, None, None], (len(ground), size, size, 3)).copy()
    colours = rng.uniform(0, 255, (who.identity.max() + 1, 3))
    quarter = size // 4
    pictures[:, quarter : 3 * quarter, quarter : 3 * quarter] = colours[who.identity][:, None, None]
    pictures += rng.normal(0, 4, pictures.shape)
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def release(view: View, who: People, rng: np.random.Generator, leak: float = 4.0) -> Release:
    """A release with one view only. The claim of a leak is a noisy confidence in the true class."""
    if view == "embedding":
        return Release(embedding=embedding(who, rng, leak))
    if view == "inverted":
        return Release(inverted=embedding(who, rng, leak))
    if view == "image":
        return Release(image=images(who, rng, leak).transpose(0, 3, 1, 2))
    scores = rng.standard_normal((len(who.labels), len(who.classes)))
    scores[np.arange(len(who.labels)), who.labels] += leak
    proba: NDArray[np.float64] = np.exp(scores)
    return Release(claim=proba / proba.sum(axis=1, keepdims=True))


def log_probabilities(who: People, rng: np.random.Generator, leak: float = 4.0) -> Release:
    """What an attack that combines reads: (N, 16·K), each dimension of an embedding read by an attack of its own."""
    gaps = embedding(who, rng, leak)[:, :, None] - np.arange(len(who.classes))  # from where the leak of 4 puts a class
    return Release(embedding=log_softmax(-(gaps**2) / 2, axis=2).reshape(len(gaps), -1))


def evidence(released: Release, who: People, rng: np.random.Generator, adaptive: bool = False) -> LabelledRelease:
    """What an attack is given; to an adaptive one also the photographs and their undefended release."""
    known = LabelledRelease(released, who.labels, who.identity, who.classes)
    if not adaptive:
        return known
    view: View = "image" if released.pixels is not None else "embedding"
    return replace(known, images=images(who, rng), undefended=release(view, who, rng, leak=6.0))


def faces(who: People, rng: np.random.Generator) -> Faces:
    """What a defense is trained on."""
    return Faces(images(who, rng), who.labels, who.identity, who.classes)


def embeddings(who: People, rng: np.random.Generator) -> Embeddings:
    """What an embedding defense is trained on."""
    return Embeddings(embedding(who, rng), who.labels, who.identity, who.classes)
