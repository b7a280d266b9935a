"""Checks of a defense, of faces or of embeddings, on made-up people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, Release
from aiakit.plugins.checks.common import Skipped, proba_problem, same_bytes, views_problem, want
from aiakit.plugins.checks.trained import TRAINED_CHECKS, Made, TrainedSubject

INVERSE_OFF = 0.05  # of the size of a release, in the mean
AS_BEFORE = 0.9  # of what a number explained: more is no erasure


class DefenseSubject(TrainedSubject):
    """A defense under check."""

    @property
    def embedding(self) -> bool:
        """Whether it transforms embeddings rather than faces."""
        return issubclass(self.cls, EmbeddingDefense)

    def apply(self, fitted: Any, inputs: NDArray[Any]) -> Release:
        """What it publishes, drawn with seed 0."""
        return release(fitted, inputs)

    def same(self, left: Release, right: Release) -> bool:
        """Whether two releases are equal to the last bit."""
        return same(left, right)

    @property
    def stochastic(self) -> bool:
        """What the class says of itself."""
        return bool(self.cls.stochastic)  # type: ignore[attr-defined]


def release(defense: Any, inputs: NDArray[Any], seed: int = 0) -> Release:
    """A release drawn with a generator of this seed, or Failed where it is none."""
    published = defense.release(inputs, np.random.default_rng(seed))
    want(isinstance(published, Release), f"release must return a Release, not {type(published).__name__}")
    want(len(published) == len(inputs), f"release gave {len(published)} samples for {len(inputs)}")
    return published  # type: ignore[no-any-return]


def same(left: Release, right: Release) -> bool:
    """Equal to the last bit."""
    return same_bytes(left.embedding, right.embedding) and same_bytes(left.pixels, right.pixels)


def check_class_attributes(defense: DefenseSubject) -> None:
    """``produces``, ``stochastic``, ``needs_pairs`` and ``erases_numbers`` are of the right kind."""
    cls: Any = defense.cls
    problem = views_problem(cls.produces, ("embedding",) if defense.embedding else ("embedding", "image"))
    want(not problem, f"produces {problem}")
    for flag in ("stochastic", "needs_pairs", *(["erases_numbers"] if defense.embedding else [])):
        want(isinstance(getattr(cls, flag), bool), f"{flag} must be True or False")


def check_release_has_the_views(defense: DefenseSubject) -> None:
    """A release has the views that ``produces`` names, one sample for each input (``Release`` checks the values)."""
    produces = defense.cls.produces  # type: ignore[attr-defined]
    want(set(defense.outcome.views) == set(produces), f"release has {defense.outcome.views}, produces is {produces}")
    alone = release(defense.fitted, defense.made.inputs[:1])
    for view in ("embedding", "pixels"):
        one, many = getattr(alone, view), getattr(defense.outcome, view)
        want(one is None or one.shape[1:] == many.shape[1:], f"the {view} of one sample has another shape")


def check_stochastic_is_true_to_the_release(defense: DefenseSubject) -> None:
    """Two generators give different releases exactly where ``stochastic`` is True."""
    differs = not same(defense.outcome, release(defense.fitted, defense.made.inputs, seed=1))
    if defense.stochastic:
        want(differs, "stochastic is True, but two generators give the same release")
    else:
        want(not differs, "stochastic is False, but two generators give different releases")


def check_three_classes(defense: DefenseSubject) -> None:
    """K = 3: it trains, releases, and a claim has three columns."""
    made = Made(defense.embedding, classes=3)
    fitted = defense.fit(made)
    _check_claim(fitted.claim(release(fitted, made.inputs)), len(made.inputs), 3)


def check_claim(defense: DefenseSubject) -> None:
    """The in-loop attacker's scores are (N, K) probabilities, where there are any."""
    claim = defense.fitted.claim(defense.outcome)
    if claim is None:
        raise Skipped("this defense claims nothing")
    _check_claim(claim, len(defense.outcome), 2)


def check_inverse(defense: DefenseSubject) -> None:
    """What ``invert`` gives is released as what was inverted, where the defense says that it can be."""
    fitted, published = defense.fitted, defense.outcome.embedding
    inverted = fitted.invert(published) if defense.embedding and published is not None else None
    if inverted is None or published is None:
        raise Skipped("this defense tells no inverse")
    want(isinstance(inverted, np.ndarray) and inverted.dtype.kind == "f", "invert must return a float array (N, D)")
    want(inverted.shape == defense.made.inputs.shape, f"invert must return {defense.made.inputs.shape}")
    want(bool(np.isfinite(inverted).all()), "invert must be finite")
    off = np.abs(release(fitted, inverted.astype(np.float32)).embedding - published).mean() / np.abs(published).mean()
    want(off < INVERSE_OFF, f"what invert gives is released otherwise, by {off:.0%} of the size of a release")


def check_numbers_are_erased(defense: DefenseSubject) -> None:
    """Where ``erases_numbers`` is True: fitted with a number, not known of everybody, it releases less of it."""
    if not getattr(defense.cls, "erases_numbers", False):
        raise Skipped("this defense erases no numbers")
    made = (defense.made.train, defense.made.val)
    train, val = (with_number(known) for known in made if isinstance(known, Embeddings))
    fitted = defense.make().fit(train, val, Context())
    published = release(fitted, train.embedding).embedding
    assert train.numbers is not None
    assert published is not None
    before, after = (covarying(rows, train.numbers[:, 0]) for rows in (train.embedding, published))
    want(after < AS_BEFORE * before, f"numbers given to fit explain {after:.1%} of a release, and did {before:.1%}")


def with_number(known: Embeddings) -> Embeddings:
    """The same people with a number that their embeddings tell, which is not known of every seventh row."""
    numbers = known.embedding[:, :1].astype(np.float64)
    numbers[::7] = np.nan
    return replace(known, numbers=numbers)


def covarying(rows: NDArray[Any], number: NDArray[np.float64]) -> float:
    """The share of the variance of rows (N, D) that a number (N,) explains linearly, dimension by dimension."""
    known = np.isfinite(number)
    rows, number = rows[known] - rows[known].mean(0, dtype=np.float64), number[known] - number[known].mean()
    explained = (rows.T @ number / np.linalg.norm(number)) ** 2
    return float(explained.sum() / max(float((rows**2).sum()), 1e-12))


def _check_claim(claim: Any, rows: int, classes: int) -> None:
    problem = "" if claim is None else proba_problem(claim, rows, classes)
    want(not problem, f"claim {problem}")


DEFENSE_CHECKS = (
    check_class_attributes,
    *TRAINED_CHECKS,
    check_release_has_the_views,
    check_stochastic_is_true_to_the_release,
    check_three_classes,
    check_claim,
    check_inverse,
    check_numbers_are_erased,
)
