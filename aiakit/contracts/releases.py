"""What plugins are given and what they make: releases, and labelled samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
PixelArray = NDArray[np.uint8]
Values = NDArray[Any] | None
View = Literal["embedding", "image", "claim", "inverted"]  # what is published, and what is claimed and told of it
VIEWS: tuple[View, ...] = get_args(View)


class Release:
    """What the adversary sees of N samples.

    embedding : float (N, D), stored as float32.
    image : uint8 (N, 3, H, W), or float in [0, 1], which is rounded: a picture is published with 8 bits a channel.
    claim : float (N, K), the class probabilities of the defense's own in-loop attacker. It is a claim about the
        release, not a part of what is published, and only the ``in-loop`` attack is given it.
    inverted : float (N, D), the embedding that the last step of the defense was given, computed back from what it
        released (``EmbeddingDefense.invert``): what anybody has who holds the release and the defense's parameters.
    Raises ValueError for no view, wrong dimensions, different N, non-finite values, pixels outside [0, 1].
    """

    def __init__(
        self, embedding: Values = None, image: Values = None, claim: Values = None, inverted: Values = None
    ) -> None:
        self.embedding = _floats(embedding, 2, "embedding (N, D)")
        self.pixels = _pixels(image)
        self.claim = _floats(claim, 2, "claim (N, K)")
        self.inverted = _floats(inverted, 2, "inverted (N, D)")
        lengths = {len(values) for values in self._by_view().values() if values is not None}
        if len(lengths) != 1:
            different = f"the views of a release have different lengths: {sorted(lengths)}"
            raise ValueError(different if lengths else "a release needs an embedding, an image or both")

    def __len__(self) -> int:
        return next(len(values) for values in self._by_view().values() if values is not None)

    @property
    def image(self) -> FloatArray | None:
        """float32 (N, 3, H, W) in [0, 1], converted at each access: index ``pixels`` to convert a batch at a time."""
        return None if self.pixels is None else self.pixels.astype(np.float32) / np.float32(255)

    @property
    def views(self) -> tuple[View, ...]:
        """The views that are present."""
        return tuple(view for view, values in self._by_view().items() if values is not None)

    def _by_view(self) -> dict[View, Any]:
        return {"embedding": self.embedding, "image": self.pixels, "claim": self.claim, "inverted": self.inverted}

    def __getitem__(self, rows: slice | NDArray[Any]) -> Release:
        """The same views of some samples (a slice, an index array or a mask)."""
        return self._make(*(None if values is None else values[rows] for values in self._by_view().values()))

    def only(self, view: View) -> Release:
        """The release with a single view: what an attack that names this view is given."""
        if view not in self.views:
            raise ValueError(f"this release has no {view} view, only {', '.join(self.views)}")
        return self._make(*(values if name == view else None for name, values in self._by_view().items()))

    @classmethod
    def _make(cls, embedding: Any, pixels: Any, claim: Any, inverted: Any) -> Release:
        """Views of views need no second validation, which would read a whole memory map."""
        release = cls.__new__(cls)
        release.embedding, release.pixels, release.claim, release.inverted = embedding, pixels, claim, inverted
        return release


def _floats(array: Values, dimensions: int, what: str) -> FloatArray | None:
    if array is None:
        return None
    if array.ndim != dimensions or array.dtype.kind != "f":
        raise ValueError(f"{what} must be a floating array, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what} has non-finite values")
    return np.ascontiguousarray(array, dtype=np.float32)


def _pixels(image: Values) -> PixelArray | None:
    if image is None:
        return None
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f"image must have shape (N, 3, H, W), got {image.shape}")
    if image.dtype == np.uint8:
        return np.ascontiguousarray(image)
    if image.dtype.kind != "f":
        raise ValueError(f"image must be float in [0, 1] or uint8, got {image.dtype}")
    if len(image) and not (image.min() >= 0 and image.max() <= 1):  # also false for NaN
        raise ValueError("image has values outside [0, 1]")
    return np.ascontiguousarray(np.rint(image * 255).astype(np.uint8))


class _Labelled:  # what labelled samples share
    labels: IntArray
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def weights(self) -> NDArray[np.float64]:
        """(N,) sample weights of mean 1 under which every class that occurs weighs the same."""
        counts = np.bincount(self.labels, minlength=len(self.classes))
        return len(self) / (np.count_nonzero(counts) * counts[self.labels])


@dataclass(frozen=True)
class Faces(_Labelled):
    """Labelled photographs that a defense is trained on.

    images : uint8 (N, H, W, 3), an array or rows of a memory map: index it a batch at a time, ``np.asarray`` copies it.
    labels : int64 (N,) in [0, K), the private attribute, of K ``classes``. identity : int64 (N,), equal for one person.
    """

    images: PixelArray
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class LabelledRelease(_Labelled):
    """What an adversary has to learn from: a release of people whose private attribute it knows.

    release : the N released samples, with the single view that the attack names.
    labels, identity, classes : as of ``Faces``.
    images : uint8 (N, H, W, 3) or None, the attacker's own photographs, to attacks with ``knowledge = "adaptive"``.
    undefended : the undefended release of the same photographs, or None (as ``images``).
    """

    release: Release
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]
    images: PixelArray | None = None
    undefended: Release | None = None

    @property
    def weights(self) -> NDArray[np.float64]:
        """(N,) sample weights of mean 1: classes that occur weigh the same, and in them a person with m images √m, who
        teaches an attack more than one image does, and less than m people."""
        _, person, images = np.unique(self.identity, return_inverse=True, return_counts=True)
        weights = 1 / np.sqrt(images[person])
        weights /= np.bincount(self.labels, weights, len(self.classes))[self.labels]
        return np.asarray(weights / weights.mean())

    def __getitem__(self, rows: slice | NDArray[Any]) -> LabelledRelease:
        """The same evidence on some samples."""
        parts: dict[str, Any] = {"images": self.images, "undefended": self.undefended}
        some = {name: part[rows] for name, part in parts.items() if part is not None}
        return replace(self, release=self.release[rows], labels=self.labels[rows], identity=self.identity[rows], **some)


@dataclass(frozen=True)
class Embeddings(_Labelled):
    """Labelled embeddings that an embedding defense is trained on: float32 (N, D), and as in ``Faces``.

    numbers : float64 (N, M), the numbers that are protected beside the attribute, such as an age in years, NaN where
        one is not known. None where there is none, and for defenses whose ``erases_numbers`` is False.
    """

    embedding: FloatArray
    labels: IntArray
    identity: IntArray
    classes: tuple[str, ...]
    numbers: NDArray[np.float64] | None = None


def batches(count: int, size: int) -> Iterator[slice]:
    """Consecutive slices that cover ``range(count)``, each at most ``size`` long."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
