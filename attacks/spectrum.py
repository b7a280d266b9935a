"""Fingerprints in the frequency domain (Frank et al., "Leveraging frequency analysis", ICML 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from aiakit.attacks.pixels import WIDEST, tiles
from aiakit.contracts import Context, LabelledRelease, Release, batches
from aiakit.plugins.bases import GridAttack, Sampled, in_chunks, subsample

CHUNK = 4_096
SIZES = (4, 32, 256)  # amplitudes given to the classifier


class _Amplitudes(GridAttack):
    """Logistic regression on the amplitudes that go most with the class, and on all; chosen on attacker-val."""

    def __init__(self, strengths: Sequence[float]) -> None:
        self.strengths = strengths

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Every number of amplitudes with every inverse penalty C."""
        return [
            make_pipeline(
                SelectKBest(f_classif, k=size), LogisticRegression(C=c, class_weight="balanced", max_iter=300)
            )
            for size in (*(size for size in SIZES if size < dims), dims)
            for c in self.strengths
        ]


class Spectrum(Sampled):
    """Logistic regression on the logarithms of a picture's Fourier amplitudes.

    Textures, up-sampling patterns and filters leave energy at certain frequencies whatever their phase: no single
    pixel tells and every class has the same mean picture, so linear classifiers of pixels are blind to them. The
    amplitudes are those of brightness and of the two colour differences. Cost is linear in N·D·log D; at most ``rows``
    of attacker-train, and of attacker-val, take part, since amplitudes take four times the memory of pictures.
    """

    view = "image"
    presets = ("fast", "strong")
    summary = "logistic regression on Fourier amplitudes (textures, fingerprints of filters)"

    def __init__(
        self,
        strengths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.001, 0.1),
        rows: Annotated[int, Field(ge=10)] = 5_000,
    ) -> None:
        self.strengths = strengths
        self.rows = rows

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        train, val = subsample(train, self.rows, ctx, "rows"), subsample(val, self.rows, ctx, "val rows")
        self._model = _Amplitudes(self.strengths).fit(_seen(train), _seen(val), ctx)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return in_chunks(lambda part: self._model.predict_proba(_as_embedding(part)), release)


def _as_embedding(release: Release) -> Release:
    """(N, 3·H·(W/2 + 1)) logarithms of amplitudes."""
    assert release.pixels is not None
    parts = [_amplitudes(release.pixels[rows]) for rows in batches(len(release), CHUNK)]
    return Release(embedding=np.concatenate(parts))


def _amplitudes(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    red, green, blue = tiles(pixels, WIDEST).transpose(1, 0, 2, 3)
    planes = np.stack([red + green + blue, red - green, blue - green], axis=1)
    amplitudes = np.abs(np.fft.rfft2(planes))
    return np.log1p(amplitudes).reshape(len(pixels), -1).astype(np.float32)


def _seen(evidence: LabelledRelease) -> LabelledRelease:
    return LabelledRelease(_as_embedding(evidence.release), evidence.labels, evidence.identity, evidence.classes)
