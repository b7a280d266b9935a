"""Rows that are the same or nearly so, found in bounded memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from aiakit.contracts import IntArray, batches
from aiakit.datasets.splits import SplitName

LEAST_COSINE = 1 - 1e-6  # more alike than this counts as the same picture
RADIUS = np.sqrt(2 * (1 - LEAST_COSINE))  # the distance of two unit vectors of that cosine
AXES = 12  # of the projection that is searched
SAMPLE = 1024  # rows that the axes are taken from
NEIGHBOURS = 8  # looked at for each row
FEWEST_DIMENSIONS = 8  # with fewer, unrelated rows point in nearly the same direction by chance
THUMBNAIL = 8  # pictures are compared as thumbnails of this side
CHUNK = 8192
COMMON = 0.2  # share of all pairs; where more point in nearly the same direction …
NEARLY = 1 - 1e-4  # … by this cosine, direction tells nothing, and rows are compared as they differ from the mean row


def clusters_of_duplicates(values: NDArray[Any]) -> IntArray:
    """(N,) cluster numbers: rows in one cluster are linked by equality or by a cosine above 1 − 10⁻⁶.

    Equal rows are found by a digest. For the others, unit vectors are projected to a few orthonormal axes and the
    nearest neighbours there are compared in full: a projection never lengthens a distance, so no near-duplicate is
    farther away there than here. Only a row with more than 8 nearer neighbours can be missed. Memory beyond the rows
    themselves is 12 numbers a row, plus a chunk.

    Rows of zeros are linked to nothing: no face was found there. Where most rows point in one direction (they lie far
    from zero, or one dimension is very much larger than the others), they are compared after each dimension is
    standardised.

    values : (N, D) embeddings, or uint8 (N, H, W, 3) pictures, which are compared as thumbnails.
    """
    compared = _Compared.of(values)
    first = np.unique(_digests(values), return_index=True, return_inverse=True)
    unique, same = first[1], first[2].astype(np.int64)
    left, right = _near(compared, unique)
    _, cluster = connected_components(
        coo_array((np.ones(len(left)), (left, right)), shape=(len(unique), len(unique))), directed=False
    )
    clusters = np.asarray(cluster, np.int64)[same]
    if values.ndim == 2:
        zero = np.flatnonzero([not row.any() for row in values])
        clusters[zero] = len(clusters) + np.arange(len(zero))
    return clusters


def shared_with_test(values: NDArray[Any], rows: Mapping[SplitName, IntArray], files: Sequence[str]) -> list[str]:
    """A line where rows of test are in another split as well, equal or nearly so; none where none is.

    values : as of ``clusters_of_duplicates``. rows : split → its rows. files : what each row is called.
    """
    clusters = clusters_of_duplicates(values)
    others = {name: chosen for name, chosen in rows.items() if name != "test" and len(chosen)}
    seen = np.isin(clusters[rows["test"]], np.concatenate([clusters[chosen] for chosen in others.values()]))
    if not seen.any():
        return []
    first = int(rows["test"][seen][0])
    where, twin = next(
        (name, int(chosen[clusters[chosen] == clusters[first]][0]))
        for name, chosen in others.items()
        if (clusters[chosen] == clusters[first]).any()
    )
    return [
        f"OVERLAP, figures may be too high: {np.count_nonzero(seen)} of {len(seen)} images of test are in other splits "
        f"too, equal or with a cosine above 1 − 10⁻⁶ ({files[first]} is {files[twin]} of {where}, for one): one "
        "person under two names?"
    ]


@dataclass(frozen=True)
class _Compared:
    """Rows as they are compared: as they are, or less ``mean`` and in units of ``deviation``, (D,) each."""

    values: NDArray[Any]
    mean: NDArray[np.float64] | float = 0.0
    deviation: NDArray[np.float64] | float = 1.0

    @classmethod
    def of(cls, values: NDArray[Any]) -> _Compared:
        plain = cls(values)
        if values.ndim != 2:
            return plain
        rows = np.arange(len(values))[:: max(1, len(values) // SAMPLE)][:SAMPLE]
        units = plain.units(rows)
        alike = (units @ units.T)[np.triu_indices(len(units), 1)] > NEARLY
        if not len(alike) or alike.mean() <= COMMON:
            return plain
        chosen = values[rows].astype(np.float64)
        deviation = chosen.std(axis=0)
        return cls(values, chosen.mean(axis=0), np.where(deviation > 0, deviation, 1))

    @property
    def dimensions(self) -> int:
        return int(np.prod(self.values.shape[1:]))

    def units(self, rows: IntArray) -> NDArray[np.float64]:
        """float64 (n, D) rows of length 1; a row of zeros stays."""
        chosen = self.values[rows]
        if chosen.ndim == 4:
            chosen = _thumbnails(chosen)
        chosen = (chosen.astype(np.float64) - self.mean) / self.deviation
        length = np.linalg.norm(chosen, axis=1, keepdims=True)
        return np.asarray(np.divide(chosen, length, out=np.zeros_like(chosen), where=length > 0))


def _digests(values: NDArray[Any]) -> NDArray[np.void]:
    """(N,) 16-byte digests of rows."""
    found = [hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest() for row in values]
    return np.frombuffer(b"".join(found), dtype="V16")


def _near(values: _Compared, unique: IntArray) -> tuple[IntArray, IntArray]:
    """Positions in ``unique`` of rows that are nearly the same."""
    none = np.empty(0, np.int64)
    if len(unique) < 2 or (values.dimensions < FEWEST_DIMENSIONS):
        return none, none
    sample = values.units(unique[:: max(1, len(unique) // SAMPLE)][:SAMPLE])
    axes = np.linalg.svd(sample - sample.mean(0), full_matrices=False)[2][:AXES].T
    points = np.concatenate([values.units(unique[rows]) @ axes for rows in batches(len(unique), CHUNK)])
    tree = KDTree(points)
    found = [none], [none]
    for rows in batches(len(unique), CHUNK):
        _, near = tree.query(points[rows], k=NEIGHBOURS + 1, distance_upper_bound=RADIUS * 1.01)
        left = np.repeat(np.arange(rows.start, rows.stop), NEIGHBOURS + 1)
        right = near.ravel()
        candidates = right < len(unique)  # where there are fewer neighbours the tree answers N
        candidates &= left != right
        left, right = left[candidates], right[candidates]
        for part in batches(len(left), CHUNK):
            one, other = (values.units(unique[side[part]]) for side in (left, right))
            alike = np.einsum("nd,nd->n", one, other) > LEAST_COSINE
            found[0].append(left[part][alike])
            found[1].append(right[part][alike])
    return np.concatenate(found[0]), np.concatenate(found[1])


def _thumbnails(pictures: NDArray[Any]) -> NDArray[np.float64]:
    """Means over blocks; a rest at the right and the bottom is left out."""
    count, height, width, channels = pictures.shape
    down, across = max(1, height // THUMBNAIL), max(1, width // THUMBNAIL)
    rows, columns = min(THUMBNAIL, height), min(THUMBNAIL, width)
    blocks = pictures[:, : rows * down, : columns * across].reshape(count, rows, down, columns, across, channels)
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(count, -1))
