"""Fine structure of single coordinates: low-order bits, quantisation lattices, periodic watermarks."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aiakit.attacks._screened import Matrix, Screened, association
from aiakit.contracts import Context, Release
from aiakit.plugins.bases import embedding

MANTISSA = 23  # bits of a float32 that carry no scale
FOUND = np.dtype([("column", "i4"), ("bit", "i4"), ("cycles", "f8"), ("phase", "f8")])


class Bits(Screened):
    """Looks where smooth classifiers are blind: does the class ride on a coordinate's last bits?

    For every coordinate the label-weighted characteristic function, a histogram with 2·``bins`` frequencies turned by
    one FFT, shows periods down to the bin width (the lowest bit of a value on a lattice is a wave of two steps); every
    bit of the float32 mantissa is tried as well. Cost is D·(N + bins·log bins).
    """

    presets = ("fast", "strong")
    summary = "low-order bits and periodic structure of each coordinate, found by FFT"

    def __init__(
        self,
        bins: Annotated[int, Field(ge=64, le=2**20)] = 2**15,
        proposals: Annotated[int, Field(ge=1)] = 100,
    ) -> None:
        self.bins = bins
        self.proposals = proposals

    def propose(self, release: Release, goal: Matrix, ctx: Context) -> NDArray[Any]:
        """The strongest waves and mantissa bits."""
        raw = embedding(release)
        self._low = raw.min(axis=0).astype(np.float64)
        self._range = np.maximum(raw.max(axis=0) - self._low, 1e-30)
        peaks = [self._peaks(raw, goal, column) for column in ctx.track(range(raw.shape[1]), "Bits")]
        waves = _strongest(peaks, self.proposals)
        for wave in waves:
            wave["cycles"], wave["phase"] = _refine(self._unit(raw, wave["column"]), goal, wave["cycles"])
        return np.concatenate([waves, self._planes(raw, goal)])

    def expand(self, release: Release, found: NDArray[Any]) -> Matrix:
        """(N, F): cosines, and bits as 0 or 1."""
        raw = embedding(release)
        out = np.empty((len(raw), len(found)), dtype=np.float32)
        for at, (column, bit, cycles, phase) in enumerate(found):
            if bit >= 0:
                out[:, at] = (np.ascontiguousarray(raw[:, column]).view(np.uint32) >> bit) & 1
            else:
                out[:, at] = np.cos(2 * np.pi * cycles * self._unit(raw, column) - phase)
        return out

    def _unit(self, raw: Matrix, column: int) -> NDArray[np.float64]:
        """One coordinate on the scale where the training range is 0 … 1 (huge outliers of a test set are cut)."""
        values = (raw[:, column].astype(np.float64) - self._low[column]) / self._range[column]
        return np.asarray(np.clip(values, -10, 10))

    def _peaks(self, raw: Matrix, goal: Matrix, column: int) -> tuple[NDArray[np.float64], NDArray[Any]]:
        """The ten frequencies at which a coordinate goes most with a target, in cycles over its range, and how much."""
        cell = np.minimum((self._unit(raw, column) * self.bins).astype(np.int64), self.bins - 1)
        spectra = np.stack([np.fft.rfft(np.bincount(cell, weight, 2 * self.bins)) for weight in goal.T])
        power = (np.abs(spectra) ** 2 / np.maximum((goal**2).sum(axis=0), 1e-12)[:, None]).max(axis=0)
        peaks = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])) + 1
        peaks = peaks[np.argsort(-power[peaks], kind="stable")[:10]]
        found = np.zeros(len(peaks), dtype=FOUND)
        found["column"], found["bit"], found["cycles"] = column, -1, peaks / 2
        return power[peaks], found

    def _planes(self, raw: Matrix, goal: Matrix) -> NDArray[Any]:
        """The mantissa bits that go most with a target."""
        words, found, strengths = np.ascontiguousarray(raw).view(np.uint32), [], []
        for bit in range(MANTISSA):
            plane = ((words >> np.uint32(bit)) & np.uint32(1)).astype(np.float32)
            strengths.append(association(plane, goal))
            found += [(column, bit, 0.0, 0.0) for column in range(raw.shape[1])]
        return _strongest([(np.concatenate(strengths), np.array(found, dtype=FOUND))], self.proposals)


def _strongest(parts: list[tuple[NDArray[np.float64], NDArray[Any]]], most: int) -> NDArray[Any]:
    strengths, found = (np.concatenate(column) for column in zip(*parts, strict=True))
    return np.asarray(found[np.argsort(-strengths, kind="stable")[:most]])


def _refine(unit: NDArray[np.float64], goal: Matrix, cycles: float) -> tuple[float, float]:
    """The frequency near ``cycles`` (half a cycle either side was sampled) and the phase of its strongest wave."""
    nearby = cycles + np.linspace(-0.5, 0.5, 41)
    waves = np.exp(2j * np.pi * nearby[:, None] * unit) @ goal
    at, target = np.unravel_index(np.argmax(np.abs(waves)), waves.shape)
    return float(nearby[at]), float(np.angle(waves[at, target]))
