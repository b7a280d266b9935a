"""Linear classifiers of pixels: the matched filter for secret patterns, watermarks in low bits, tinted regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import uniform_filter
from sklearn.linear_model import RidgeClassifier

from aiakit.contracts import Context, FloatArray, LabelledRelease, Release
from aiakit.plugins.bases import GridAttack, Sampled, in_chunks, mean_auc, subsample

WIDEST = 64  # pixels: larger pictures are read as tiles of this side
COARSE = 8  # tiles a side of the coarse form
BLUR = 5  # pixels: side of the surroundings


class _Ridge(GridAttack):
    """Least-squares classifiers, their penalty chosen on attacker-val."""

    def __init__(self, penalties: Sequence[float]) -> None:
        self.penalties = penalties

    def screen(self, rows: int) -> int:
        """All: the best penalty depends on the number of rows."""
        return rows

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """One classifier for each penalty, a multiple of N."""
        return [RidgeClassifier(alpha=penalty * len(train), class_weight="balanced") for penalty in self.penalties]


class Pixels(Sampled):
    """Ridge classifiers of means over tiles, of what a blur leaves over, and of the lowest bits.

    Where a faint fixed pattern is added to noise the optimal rule is linear (the matched filter) and depends on
    position, to which convolutional networks are nearly blind. High-pass residuals are what steganalysis looks at
    (Fridrich and Kodovský, 2012): pictures are smooth, and what was added is not. The form that orders attacker-val
    best is kept. Cost is min(N, D)²·max(N, D) for D pixels, so at most ``rows`` of attacker-train, and of
    attacker-val, take part.
    """

    view = "image"
    presets = ("fast", "strong")
    summary = "linear classifiers of tiles, high-pass residuals and low bits (matched filter)"

    def __init__(
        self,
        penalties: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.3, 1.0, 3.0),
        rows: Annotated[int, Field(ge=10)] = 5_000,
    ) -> None:
        self.penalties = penalties
        self.rows = rows

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        train, val = subsample(train, self.rows, ctx, "rows"), subsample(val, self.rows, ctx, "val rows")
        best = -np.inf
        for form in ctx.track(list(FORMS), "Pixels"):
            model = _Ridge(self.penalties).fit(_seen(train, form), _seen(val, form), ctx.child(form))
            score = mean_auc(model.predict_proba(_as_embedding(val.release, form)), val)
            if score > best:
                best, self._form, self._model = score, form, model
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return in_chunks(lambda part: self._model.predict_proba(_as_embedding(part, self._form)), release)


def tiles(pixels: NDArray[np.uint8], side: int) -> FloatArray:
    """(N, 3, ≤ side, ≤ side) means over equal tiles; the rows and columns that fill no tile are left out."""
    n, channels, height, width = pixels.shape
    rows, columns = max(1, height // side), max(1, width // side)
    kept = pixels[:, :, : height // rows * rows, : width // columns * columns]
    shape = (n, channels, kept.shape[2] // rows, rows, kept.shape[3] // columns, columns)
    return np.asarray(kept.reshape(shape).mean(axis=(3, 5), dtype=np.float32))


def residual(pictures: FloatArray) -> FloatArray:
    """What is left of (N, 3, H, W) when the mean of each pixel's surroundings is taken off."""
    return np.asarray(pictures - uniform_filter(pictures, (0, 0, BLUR, BLUR)))


FORMS = {
    "tiles": lambda pixels: tiles(pixels, COARSE),
    "residual": lambda pixels: residual(tiles(pixels, WIDEST)),
    "bits": lambda pixels: tiles(pixels & 1, WIDEST),
}


def _as_embedding(release: Release, form: str) -> Release:
    assert release.pixels is not None
    values = FORMS[form](release.pixels)
    return Release(embedding=values.reshape(len(values), -1))


def _seen(evidence: LabelledRelease, form: str) -> LabelledRelease:
    return LabelledRelease(_as_embedding(evidence.release, form), evidence.labels, evidence.identity, evidence.classes)
