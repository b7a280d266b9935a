"""What the release is still good for: verification pairs of the audited people, and their similarity."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, IntArray, batches
from aiakit.datasets.audited_splits import AuditedSplit, AuditSplit
from aiakit.datasets.official import why_unjudgeable
from aiakit.datasets.pairs import sample_pairs
from aiakit.datasets.samples import Samples
from aiakit.errors import InputError
from aiakit.experiment.config import PairsSpec
from aiakit.experiment.protocol import PROTOCOLS
from aiakit.measures.verification import Pairs

Score = Literal["cosine", "euclidean", "siamese"]
SCORES: tuple[Score, ...] = get_args(Score)
CHUNK = 65_536  # pairs compared together
JUDGED: tuple[AuditSplit, ...] = ("attacker-val", "test")


def verification_tensors(
    samples: Samples, attribute: str, split: AuditedSplit, score: Score, ctx: Context
) -> dict[str, NDArray[Any]]:
    """Sampled and official pairs with their scores, under names that ``Protocol`` and the measurements read.

    ``pairs.SPLIT.KIND.left/right/same`` and ``similarity.SPLIT.KIND``, with KIND random or same_attribute;
    ``pairs.official.*``, ``similarity.official``. The scores "cosine" and "euclidean" train nothing, so every official
    pair is judged; "siamese" is trained on attacker-train, and only official pairs of two test people are judged, where
    they are enough for folds.

    Raises
    ------
    InputError : nobody with two rows, or no two people of one attribute value.
    """
    compare = _Siamese(samples, attribute, split, ctx) if score == "siamese" else _Direct(samples, score)
    tensors: dict[str, NDArray[Any]] = {}
    for part in JUDGED:
        for kind in PROTOCOLS:
            pairs = _sampled(samples, attribute, split.rows[part], kind, ctx.rng("pairs", part, kind))
            tensors |= _named(f"{part}.{kind}", pairs, compare(pairs))
    if samples.pairs is not None:
        left, right = samples.pairs.left, samples.pairs.right
        fair = np.ones(len(left), bool)
        if score == "siamese":
            fair = np.isin(left, split.rows["test"]) & np.isin(right, split.rows["test"])
        official, fold = Pairs(left[fair], right[fair], samples.pairs.same[fair]), samples.pairs.fold[fair]
        if not why_unjudgeable(official.same, fold):
            tensors |= _named("official", official, compare(official)) | {"pairs.official.fold": fold}
    return tensors


def _sampled(samples: Samples, attribute: str, rows: IntArray, kind: str, rng: np.random.Generator) -> Pairs:
    numbers = PairsSpec()
    pairs = sample_pairs(
        samples.identity[rows],
        rng,
        genuine=numbers.genuine,
        impostor=numbers.impostor,
        attribute=samples.attributes[attribute].values[rows],
        same_attribute=kind == "same_attribute",
    )
    return Pairs(rows[pairs.left], rows[pairs.right], pairs.same)


def _named(name: str, pairs: Pairs, scores: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    sides = {"left": pairs.left, "right": pairs.right, "same": pairs.same}
    return {f"pairs.{name}.{side}": values for side, values in sides.items()} | {f"similarity.{name}": scores}


class _Direct:
    """Compares embeddings as they are."""

    def __init__(self, samples: Samples, score: Score) -> None:
        if samples.view != "embedding":
            raise InputError(f"--score {score} compares embeddings, and these are pictures: use --score siamese")
        self.values, self.score = samples.values, score

    def __call__(self, pairs: Pairs) -> NDArray[np.float64]:
        scores = np.empty(len(pairs))
        for part in batches(len(pairs), CHUNK):
            left, right = (self.values[side[part]].astype(np.float64) for side in (pairs.left, pairs.right))
            if self.score == "euclidean":
                scores[part] = -np.linalg.norm(left - right, axis=1)
            else:
                lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
                product = np.einsum("pd,pd->p", left, right)
                scores[part] = np.divide(product, lengths, out=np.zeros_like(product), where=lengths > 0)
        return scores


class _Siamese:
    """The verifier of ``aiakit run``, trained on the attacker's training people."""

    def __init__(self, samples: Samples, attribute: str, split: AuditedSplit, ctx: Context) -> None:
        from aiakit.networks.verifier import SiameseVerifier

        train, val = split.rows["attacker-train"], split.rows["attacker-val"]
        chosen = _sampled(samples, attribute, val, "random", ctx.rng("verifier pairs"))
        inside = Pairs(np.searchsorted(val, chosen.left), np.searchsorted(val, chosen.right), chosen.same)
        self.samples = samples
        self.verifier = SiameseVerifier().fit(
            samples.release(train), samples.identity[train], samples.release(val), inside, ctx
        )

    def __call__(self, pairs: Pairs) -> NDArray[np.float64]:
        rows = np.unique(np.concatenate([pairs.left, pairs.right]))
        points = self.verifier.transform(self.samples.release(rows))
        positions = Pairs(np.searchsorted(rows, pairs.left), np.searchsorted(rows, pairs.right), pairs.same)
        return self.verifier.scores(points, positions)
