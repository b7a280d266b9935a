"""Maps that are learned in closed form: from one release to another, and to where images of one person lie together.

Everything is an affine map of points in float64, and depends on nothing but its arguments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
PENALTIES = tuple(10.0**power for power in range(-5, 3))  # of ridge, in units of the mean variance of a dimension
SHRINKAGES = (1.0, 0.1, 0.01, 0.001, 0.0001)  # of the scatter within people, likewise
SMALL = 1e-12


@dataclass(frozen=True)
class Affine:
    """x ↦ (x − centre) @ matrix + offset. centre : (p,). matrix : (p, q). offset : (q,)."""

    centre: FloatArray
    matrix: FloatArray
    offset: FloatArray

    def __call__(self, points: FloatArray) -> FloatArray:
        """(N, q) of (N, p)."""
        found: FloatArray = (points - self.centre) @ self.matrix + self.offset
        return found


def ridges(source: FloatArray, target: FloatArray) -> Iterator[tuple[str, Affine]]:
    """Ridge regression of target (N, q) on source (N, p), standardised, for each of ``PENALTIES``."""
    centre, offset = source.mean(axis=0), target.mean(axis=0)
    scale = source.std(axis=0)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > SMALL * max(1.0, float(scale.max())))
    points = (source - centre) * inverse
    values, vectors = _directions(points)
    products = vectors.T @ (points.T @ (target - offset) / len(points))
    for penalty in PENALTIES:
        within = vectors @ (products / (values + penalty)[:, None])
        yield f"ridge {penalty:g}", Affine(centre, inverse[:, None] * within, offset)


def _directions(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean squares of points (N, p) along their principal directions, and these (p, min(N, p))."""
    count, dimensions = points.shape
    if count < dimensions:
        _, roots, rows = np.linalg.svd(points, full_matrices=False)
        return roots**2 / count, rows.T
    values, vectors = np.linalg.eigh(points.T @ points / count)
    return np.maximum(values, 0), vectors


def rotation(source: FloatArray, target: FloatArray) -> Affine:
    """The rotation (orthogonal Procrustes, Schönemann 1966) that takes source (N, D) closest to target (N, D).

    Of fewer images than dimensions it takes the span of the ones to that of the others, and the rest to nothing.
    """
    centre, offset = source.mean(axis=0), target.mean(axis=0)
    one, other = (_directions(points)[1] for points in (source - centre, target - offset))
    left, _, right = np.linalg.svd(((source - centre) @ one).T @ ((target - offset) @ other), full_matrices=False)
    return Affine(centre, one @ left @ right @ other.T, offset)


def centred(points: FloatArray) -> Affine:
    """Nothing but the mean of the points (N, D) taken off."""
    return Affine(points.mean(axis=0), np.eye(points.shape[1]), np.zeros(points.shape[1]))


def whitened(points: FloatArray, people: IntArray) -> Iterator[tuple[str, Affine]]:
    """Where images of one person scatter alike in every direction (WCCN, Hatch et al. 2006), by each shrinkage.

    So the directions in which people differ more than their own images decide a cosine. Nothing where nobody has two
    images. points : (N, D). people : (N,), who each shows.
    """
    _, place, count = np.unique(people, return_inverse=True, return_counts=True)
    several = count[place] > 1
    if not several.any():
        return
    sums = np.zeros((len(count), points.shape[1]))
    np.add.at(sums, place, points)
    apart = (points - sums[place] / count[place][:, None])[several]
    freedom = max(1, int(several.sum() - np.count_nonzero(count > 1)))
    mean = float(np.square(apart).sum()) / freedom / apart.shape[1]
    if mean <= SMALL * float(np.square(points).mean()):
        return  # the images of a person are one point
    values, vectors = _directions(apart)
    for shrinkage in SHRINKAGES:
        elsewhere = 1 / np.sqrt(shrinkage * mean)
        roots = 1 / np.sqrt(values * len(apart) / freedom + shrinkage * mean)
        matrix = elsewhere * np.eye(apart.shape[1]) + (vectors * (roots - elsewhere)) @ vectors.T
        yield f"whitened {shrinkage:g}", Affine(points.mean(axis=0), matrix, np.zeros(len(matrix)))


def of_length_one(points: FloatArray) -> FloatArray:
    """Points at length 1; those without a length stay where they are."""
    length = np.linalg.norm(points, axis=-1, keepdims=True)
    found: FloatArray = np.divide(points, length, out=np.zeros_like(points), where=length > 0)
    return found
