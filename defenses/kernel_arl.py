"""Kernel ARL: an encoder on random Fourier features that solves the adversarial game in closed form."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.linalg import eigh
from scipy.spatial.distance import pdist
from threadpoolctl import threadpool_limits
from torch import nn

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release, batches
from aiakit.defenses._numbers import standardised_numbers
from aiakit.networks.autoencoder import Size
from aiakit.networks.serving import Affine, Fourier
from aiakit.plugins.bases import Learned, Served

MEDIAN_ROWS = 1000  # pairs of this many rows decide the width of the kernel
CHUNK = 8192  # rows whose features are in memory at a time
RANK = 1e-6  # of the greatest variance: what embeddings vary by less in is no dimension of theirs
STEPS, DAMPING, TINY = 8, 1e-3, 1e-12  # of the inversion, which from a linear guess converges in five steps


class KernelArl(Learned, Served, EmbeddingDefense):
    """The K-TOpt encoder (Sadeghi, Dehdashtian, Boddeti, TMLR 2022, arXiv 2109.03386).

    The release is z = Θ φ(x) on centred random Fourier features φ (Rahimi and Recht 2007) of a Gaussian kernel whose
    width is the median distance. Among all Θ with E zzᵀ + γΘΘᵀ = I it maximises (1 − λ)·Dep(z, y) − λ·Dep(z, s), where
    Dep is the squared Hilbert–Schmidt norm of a cross-covariance, s the one-hot attribute with classes weighing the
    same, and y what the release should still tell: here the embedding itself. The rows of Θ are the eigenvectors of
    the generalised problem ((1 − λ)B_y − λB_s)u = τ(C + γI)u with the largest τ > 0. B_y and B_s are scaled to a
    largest eigenvalue of 1, so that λ means the same on every embedding. Each number that is protected has a B of its
    own, of a linear kernel, which is scaled likewise and weighs λ as well. The optimum is global and needs no training
    loop, but Dep(z, s) is linear in z: attackers that are not linear on the release are not held off. Where the
    release has as many dimensions as the embedding varies in, anybody can undo the step who holds its parameters.

    Parameters
    ----------
    trade_off : λ, from 0 (keep everything) to 1 (remove only: nothing useful is left).
    latent : most dimensions of the release; as in the paper, directions with τ ≤ 0 are left out.
    features : number of random Fourier features. ridge : γ.
    """

    summary = "closed-form adversarial encoder on random Fourier features (K-TOpt)"
    erases_numbers = True
    learned = ("frequencies", "phases", "mean", "encoder", "centre", "spread", "decoder")

    def __init__(
        self,
        trade_off: Annotated[float, Field(ge=0, lt=1)] = 0.5,
        latent: Size = 64,
        features: Annotated[int, Field(ge=2, le=16_384)] = 1024,
        ridge: Annotated[float, Field(gt=0)] = 1e-4,
    ) -> None:
        self.trade_off = trade_off
        self.latent = latent
        self.features = features
        self.ridge = ridge

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        with threadpool_limits(ctx.threads):
            rng = ctx.rng("random Fourier features")
            x = train.embedding.astype(np.float64)
            width = _median_distance(x, rng)
            self.frequencies_ = (rng.standard_normal((x.shape[1], self.features)) / width).astype(np.float32)
            self.phases_ = rng.uniform(0, 2 * np.pi, self.features).astype(np.float32)
            one_hot = np.eye(len(train.classes))[train.labels]
            balance = 1 / one_hot.sum(0)[train.labels]
            balance /= balance.mean()
            centred = one_hot - np.average(one_hot, axis=0, weights=balance)
            numbers = standardised_numbers(train).T[:, :, None]
            moments = self._moments(train.embedding, x - x.mean(0), centred * balance[:, None], *numbers)
            mean, covariance, wanted, *private = moments
            constraint = covariance + self.ridge * np.eye(self.features)
            objective = (1 - self.trade_off) * wanted / _largest(wanted, constraint)
            for each in private:
                objective -= self.trade_off * each / _largest(each, constraint)
            most = min(self.latent, self.features)
            last = self.features - 1
            values, vectors = eigh(objective, constraint, subset_by_index=(self.features - most, last))
            useful = values > 1e-9
            useful[-1] = True  # a release has one dimension at least
            self.encoder_ = vectors[:, useful][:, ::-1].astype(np.float32)
            self.mean_ = mean.astype(np.float32)
            self._learn_inverse(train.embedding)
        return self

    def _learn_inverse(self, embedding: FloatArray) -> None:
        """In which directions embeddings vary, and a first guess of where one lies in them."""
        self.centre_ = embedding.mean(0, dtype=np.float64)
        values, vectors = np.linalg.eigh(np.cov(embedding, rowvar=False).reshape(2 * embedding.shape[1:]))
        varies = values > RANK * values[-1]
        self.spread_ = vectors[:, varies] * np.sqrt(values[varies])
        places = (embedding - self.centre_) @ np.linalg.pinv(self.spread_).T
        released = [self._released(embedding[rows]) for rows in batches(len(embedding), CHUNK)]
        self.decoder_ = np.linalg.lstsq(_with_ones(np.concatenate(released)), places, rcond=None)[0]

    def _moments(self, embedding: FloatArray, *targets: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Mean and covariance of the features, and B = ΣΣᵀ of their cross-covariance Σ with each centred target."""
        mean, second = np.zeros(self.features), np.zeros((self.features, self.features))
        crossed = [np.zeros((self.features, target.shape[1])) for target in targets]
        for rows in batches(len(embedding), CHUNK):
            phi = self._features(embedding[rows]).astype(np.float64)
            mean += phi.sum(0) / len(embedding)
            second += phi.T @ phi / len(embedding)
            for sums, target in zip(crossed, targets, strict=True):
                sums += phi.T @ target[rows] / len(embedding)
        return [mean, second - np.outer(mean, mean), *(sums @ sums.T for sums in crossed)]

    def _features(self, embedding: FloatArray) -> FloatArray:
        waves: FloatArray = np.cos(embedding @ self.frequencies_ + self.phases_)
        return waves * np.float32(np.sqrt(2 / self.features))

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self._released(embedding))

    def _released(self, embedding: FloatArray) -> FloatArray:
        released: FloatArray = (self._features(embedding) - self.mean_) @ self.encoder_
        return released

    def module(self) -> nn.Module:
        encoder = self.encoder_.T.astype(np.float64)
        return nn.Sequential(Fourier(self.frequencies_, self.phases_), Affine(encoder, -encoder @ self.mean_))

    def invert(self, embedding: FloatArray) -> NDArray[np.float64] | None:
        """By damped Gauss–Newton (Levenberg 1944); None where the release has fewer dimensions than it was given."""
        if self.spread_.shape[1] > self.encoder_.shape[1]:
            return None
        chunks = batches(len(embedding), CHUNK // 8)
        return np.concatenate([self._inverted(embedding[rows].astype(np.float64)) for rows in chunks])

    def _inverted(self, released: NDArray[np.float64]) -> NDArray[np.float64]:
        places = _with_ones(released) @ self.decoder_
        missed, phases = self._missed(places, released)
        damping = np.full(len(places), DAMPING)
        turned, scale = self.frequencies_.T @ self.spread_, np.sqrt(2 / self.features)
        for _ in range(STEPS):
            slopes = np.einsum("nf,fk,fp->nkp", -scale * np.sin(phases), self.encoder_, turned, optimize=True)
            normal = slopes.transpose(0, 2, 1) @ slopes
            size = np.trace(normal, axis1=1, axis2=2) / normal.shape[1]
            normal += (damping * size + TINY)[:, None, None] * np.eye(normal.shape[1])
            steps = np.linalg.solve(normal, np.einsum("nkp,nk->np", slopes, missed)[..., None])[..., 0]
            tried = self._missed(places + steps, released)
            better = (tried[0] ** 2).sum(1) < (missed**2).sum(1)
            places[better] += steps[better]
            missed[better], phases[better] = tried[0][better], tried[1][better]
            damping = np.where(better, damping / 4, damping * 8)
        return np.asarray(self.centre_ + places @ self.spread_.T)

    def _missed(
        self, places: NDArray[np.float64], released: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is missing to the release at these places, and the phases of the waves there."""
        phases = (self.centre_ + places @ self.spread_.T) @ self.frequencies_ + self.phases_
        return released - (np.cos(phases) * np.sqrt(2 / self.features) - self.mean_) @ self.encoder_, phases


def _median_distance(x: NDArray[np.float64], rng: np.random.Generator) -> float:
    rows = rng.permutation(len(x))[:MEDIAN_ROWS]
    return max(float(np.median(pdist(x[rows]))) if len(rows) > 1 else 1.0, 1e-6)


def _largest(matrix: NDArray[np.float64], constraint: NDArray[np.float64]) -> float:
    last = len(matrix) - 1
    value = eigh(matrix, constraint, eigvals_only=True, subset_by_index=(last, last))[0]
    return max(float(value), 1e-12)


def _with_ones(rows: NDArray[Any]) -> NDArray[Any]:
    return np.column_stack([rows, np.ones(len(rows))])
