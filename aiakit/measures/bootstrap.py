"""The bootstrap over people, where a person with all of their images is drawn or is not, and what statistics hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from aiakit.measures.intervals import Estimate, with_seeds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FEWEST_ERRORS, FEWEST_PEOPLE = 30, 100  # below either an interval is no more than a hint (Rule of 30, ISO/IEC 19795-1)
FEWEST_SEEDS = 3  # two tell the variance over seeds with one degree of freedom: Student's quantile is 12.7
SIGNED = ("advantage", "d_sys")  # metrics that are 0 where nothing is told, and may be below it by chance
CHUNK = 2**18  # weights held at once: they and their sums stay in the processor's cache


class IdentityBootstrap:
    """How often each person is drawn when P people are drawn with replacement, for each of B draws.

    The draws depend on the sorted people, ``draws`` and ``seed`` only. Two bootstraps made alike therefore hold the
    same draws (their ``key`` is equal), and differences of results under them are paired.

    people : (P,) the distinct identities, ascending. rows : int64 (N,) the position in ``people`` of each sample.

    Parameters
    ----------
    identity : int (N,), equal for images of one person.
    draws : how many resamples; 2,000 or more for a 95 % interval.
    """

    def __init__(self, identity: NDArray[Any], draws: int = 2000, seed: int = 0) -> None:
        if len(identity) == 0 or draws < 1:
            raise ValueError("a bootstrap needs at least one sample and one draw")
        self.people, rows = np.unique(np.asarray(identity, np.int64), return_inverse=True)
        self.rows = rows.astype(np.int64)
        self.draws = draws
        self.seed = seed
        self._counts = _drawn(len(self.people), draws, seed)
        made_of = f"{draws} {seed} ".encode() + self.people.tobytes()
        self.key = hashlib.sha256(made_of).hexdigest()

    def chunks(self, samples: int) -> Iterator[slice]:
        """Consecutive slices of the draws, short enough that weights of so many samples fit the cache."""
        size = max(1, min(256, CHUNK // max(1, samples)))
        for start in range(0, self.draws, size):
            yield slice(start, min(start + size, self.draws))

    def weights(self, chunk: slice, rows: IntArray) -> FloatArray:
        """(draws in chunk, len(rows)): how often each of these people (positions in ``people``) was drawn."""
        return np.asarray(self._counts[chunk].astype(np.float64).take(rows, axis=1))

    def counts(self, chunk: slice, rows: IntArray, out: IntArray) -> IntArray:
        """The same as whole numbers, which are summed in a sixth of the time, in memory that is used again and again.

        out : (draws in the longest chunk, len(rows)).
        """
        return self._counts[chunk].astype(np.int64).take(rows, axis=1, out=out[: chunk.stop - chunk.start], mode="clip")

    def sums(self, values: FloatArray, rows: IntArray) -> FloatArray:
        """(draws, M) weighted sums of ``values`` (N, M), whose N samples belong to the people at ``rows`` (N,).

        A sum needs each person's subtotal only, so this costs no pass over the samples per draw.
        """
        shape = (len(self.people), len(rows))
        members = csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=shape)
        subtotals = np.asarray(members @ values)
        return np.concatenate([self._counts[part].astype(np.float64) @ subtotals for part in self.chunks(shape[0])])

    def positions(self, identity: NDArray[Any]) -> IntArray:
        """The position in ``people`` of each given identity. Raises ValueError for a person who is not drawn from."""
        found = np.minimum(np.searchsorted(self.people, identity), len(self.people) - 1)
        if not np.array_equal(self.people[found], identity):
            raise ValueError("the bootstrap was made from other people than these samples show")
        return found.astype(np.int64)

    def map(self, samples: int, metric: Callable[[slice], FloatArray]) -> FloatArray:
        """``metric`` of every chunk of draws, (draws, …), where it looks at so many samples at once."""
        return np.concatenate([metric(chunk) for chunk in self.chunks(samples)])


def _drawn(people: int, draws: int, seed: int) -> NDArray[np.uint16]:
    """(draws, people): how often each is drawn. Some draws at once, whose numbers fit the cache: the same numbers."""
    rng, counts = np.random.default_rng(seed), np.empty((draws, people), np.uint16)
    size = max(1, CHUNK // people)
    for start in range(0, draws, size):
        part = counts[start : start + size]
        places = rng.integers(0, people, part.shape) + people * np.arange(len(part))[:, None]
        part[:] = np.bincount(places.ravel(), minlength=part.size).reshape(part.shape)
    return counts


def few_people(counts: Mapping[str, float]) -> str | None:
    """Why an interval over so many people is no more than a hint; None where they are enough."""
    people = counts["effective_people"]
    return f"too few people: {people:.0f}, where {FEWEST_PEOPLE} are needed" if people < FEWEST_PEOPLE else None


@dataclass(frozen=True)
class Statistics:
    """Metrics of one thing measured, each the mean over repeats (seeds), with their uncertainty over people.

    point : metric → value. draws : metric → (B,), the same under every bootstrap draw; NaN in a draw without a class.
    per_repeat : metric → one value a repeat. bootstrap_key : which draws these are; only equal keys can be paired.
    estimates : metric → its interval by a closed form; the others have the percentile interval of their draws.
    counts : what the figures rest on. seeds : the defense's seed of each repeat; empty: each repeat has its own.
    """

    point: dict[str, float]
    draws: dict[str, FloatArray]
    per_repeat: dict[str, list[float]]
    bootstrap_key: str
    estimates: dict[str, Estimate]
    counts: dict[str, float]
    seeds: tuple[int, ...]

    def ci95(self, metric: str) -> tuple[float, float]:
        """The 95 % interval over people and seeds; with one seed the variance over seeds is not known, nor in it."""
        low, high = self.people_ci95(metric)
        low, high = with_seeds(low, self.point[metric], high, self.seed_means(metric))
        least, most = (-1.0 if metric in SIGNED else 0.0), max(1.0, self.point[metric])
        return max(low, least), min(high, most)

    def people_ci95(self, metric: str) -> tuple[float, float]:
        """The 95 % interval over people for what these seeds trained."""
        if metric in self.estimates:
            return self.estimates[metric].low, self.estimates[metric].high
        return interval(self.draws[metric])

    def seed_means(self, metric: str) -> FloatArray:
        """(S,) the metric of each of the defense's seeds, the mean over its attack seeds; of those where it has one."""
        values = np.asarray(self.per_repeat[metric])
        seeds = np.asarray(self.seeds)
        if len(np.unique(seeds)) < 2:
            return values
        return np.array([values[seeds == seed].mean() for seed in np.unique(seeds)])

    def std_over_repeats(self, metric: str) -> float:
        """Standard deviation over repeats (seeds); NaN for a single one."""
        values = self.per_repeat[metric]
        return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")

    @property
    def caution(self) -> str | None:
        """Why no interval of these figures is to be relied on; None where errors, people and seeds are enough.

        With a single seed the interval is one over people alone, and says nothing of seeds.
        """
        if self.counts["errors"] < FEWEST_ERRORS:
            return f"too few errors: {self.counts['errors']:.0f}, where {FEWEST_ERRORS} are needed"
        few = few_people(self.counts)
        if few is not None:
            return few
        seeds = len(self.seed_means(next(iter(self.point))))
        if 1 < seeds < FEWEST_SEEDS:
            return f"too few seeds: {seeds}, where one or {FEWEST_SEEDS} are needed"
        return None

    def certainty_as_json(self, headline: str) -> dict[str, Any]:
        """The intervals of all metrics, that of the headline under "ci95" as well, and what they rest on."""
        return {
            "ci95": numbers(self.ci95(headline)),
            **{f"{metric}_ci95": numbers(self.ci95(metric)) for metric in self.point},
            "people_ci95": numbers(self.people_ci95(headline)),
            "std_over_seeds": number(self.std_over_repeats(headline)),
            "counts": {name: round(value, 1) for name, value in self.counts.items()},
            "caution": self.caution,
        }


def interval(draws: FloatArray, confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap draws. Draws in which the metric is not defined (NaN) are left out."""
    defined = draws[~np.isnan(draws)]
    if len(defined) == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def number(value: float) -> float | None:
    """The value for JSON, which knows no NaN."""
    return None if np.isnan(value) else float(value)


def numbers(values: tuple[float, float]) -> list[float | None]:
    """An interval for JSON."""
    return [number(value) for value in values]
