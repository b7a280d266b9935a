"""Checks of a defense, of faces or of embeddings, on made-up people."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, Faces, Release
from aiakit.plugins import mock
from aiakit.plugins.checks.common import (
    PluginClass,
    Skipped,
    disturb_global_randomness,
    proba_problem,
    same_bytes,
    views_problem,
    want,
)

PEOPLE = {"train": 24, "val": 8, "other": 6}  # of 4 images each


class Made:
    """Train and val people of the defender's, and the inputs of others to release."""

    def __init__(self, embedding: bool, classes: int = 2) -> None:
        rng = np.random.default_rng(5)
        make = mock.embeddings if embedding else mock.faces
        self.train, self.val, self.other = (make(mock.people(count, 4, rng, classes), rng) for count in PEOPLE.values())

    @property
    def inputs(self) -> NDArray[Any]:
        """What is released: images (N, H, W, 3) or embeddings (N, D)."""
        return inputs_of(self.other)


def inputs_of(known: Faces | Embeddings) -> NDArray[Any]:
    """The images or the embeddings of some people."""
    return known.images if isinstance(known, Faces) else known.embedding


class DefenseSubject(PluginClass):
    """A defense under check, and one fit of it that several checks look at."""

    @property
    def embedding(self) -> bool:
        """Whether it transforms embeddings rather than faces."""
        return issubclass(self.cls, EmbeddingDefense)

    @cached_property
    def made(self) -> Made:
        """Two classes."""
        return Made(self.embedding)

    @cached_property
    def fitted(self) -> Any:
        """Fitted on ``made`` with seed 0."""
        return self.fit(self.made)

    @cached_property
    def released(self) -> Release:
        """What ``fitted`` publishes of other people."""
        return release(self.fitted, self.made.inputs)

    def fit(self, made: Made) -> Any:
        """A fresh instance after ``fit``."""
        return self.make().fit(made.train, made.val, Context())

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
    """``produces``, ``stochastic`` and ``needs_pairs`` are of the right kind."""
    cls: Any = defense.cls
    problem = views_problem(cls.produces, ("embedding",) if defense.embedding else ("embedding", "image"))
    want(not problem, f"produces {problem}")
    for flag in ("stochastic", "needs_pairs"):
        want(isinstance(getattr(cls, flag), bool), f"{flag} must be True or False")


def check_fit_returns_self(defense: DefenseSubject) -> None:
    """``fit`` returns the instance."""
    made = defense.make()
    want(made.fit(defense.made.train, defense.made.val, Context()) is made, "fit must return self")


def check_release_has_the_views(defense: DefenseSubject) -> None:
    """A release has the views that ``produces`` names, one sample for each input (``Release`` checks the values)."""
    produces = defense.cls.produces  # type: ignore[attr-defined]
    want(set(defense.released.views) == set(produces), f"release has {defense.released.views}, produces is {produces}")
    alone = release(defense.fitted, defense.made.inputs[:1])
    for view in ("embedding", "pixels"):
        one, many = getattr(alone, view), getattr(defense.released, view)
        want(one is None or one.shape[1:] == many.shape[1:], f"the {view} of one sample has another shape")


def check_same_seed_same_bytes(defense: DefenseSubject) -> None:
    """Two fits with one seed, and two releases with one generator, agree to the last bit."""
    disturb_global_randomness(1)
    first = release(defense.fit(defense.made), defense.made.inputs)
    disturb_global_randomness(2)
    second = release(defense.fit(defense.made), defense.made.inputs)
    want(same(first, second), "two fits with one seed differ: draw only from ctx and the generator")


def check_stochastic_is_true_to_the_release(defense: DefenseSubject) -> None:
    """Two generators give different releases exactly where ``stochastic`` is True."""
    differs = not same(defense.released, release(defense.fitted, defense.made.inputs, seed=1))
    if defense.stochastic:
        want(differs, "stochastic is True, but two generators give the same release")
    else:
        want(not differs, "stochastic is False, but two generators give different releases")


def check_state_restores_the_release(defense: DefenseSubject) -> None:
    """``load_state_dict`` on a fresh instance gives the same release, to the last bit."""
    state = defense.fitted.state_dict()
    for name, array in state.items():
        plain = isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
        want(plain, f"state_dict must map names to arrays of numbers, {name!r} is {type(array).__name__}")
    fresh = defense.make()
    want(fresh.load_state_dict({name: array.copy() for name, array in state.items()}) is fresh, "it must return self")
    want(same(defense.released, release(fresh, defense.made.inputs)), "the restored defense releases something else")


def check_state_that_does_not_fit_is_refused(defense: DefenseSubject) -> None:
    """A state with a missing array raises ValueError."""
    state = defense.fitted.state_dict()
    if not state:
        raise Skipped("this defense learns nothing")
    state.pop(next(iter(state)))
    try:
        defense.make().load_state_dict(state)
    except ValueError:
        return
    want(False, "load_state_dict must raise ValueError where an array is missing")


def check_input_is_not_modified(defense: DefenseSubject) -> None:
    """``fit`` and ``release`` leave what they are given as it was."""
    used, untouched = Made(defense.embedding), Made(defense.embedding)
    release(defense.fit(used), used.inputs)
    for part in ("train", "val", "other"):
        left, right = getattr(used, part), getattr(untouched, part)
        want(same_bytes(inputs_of(left), inputs_of(right)), f"the inputs of {part} were changed")
        want(same_bytes(left.labels, right.labels), f"the labels of {part} were changed")
        want(same_bytes(left.identity, right.identity), f"the identities of {part} were changed")


def check_three_classes(defense: DefenseSubject) -> None:
    """K = 3: it trains, releases, and a claim has three columns."""
    made = Made(defense.embedding, classes=3)
    fitted = defense.fit(made)
    _check_claim(fitted.claim(release(fitted, made.inputs)), len(made.inputs), 3)


def check_claim(defense: DefenseSubject) -> None:
    """The in-loop attacker's scores are (N, K) probabilities, where there are any."""
    claim = defense.fitted.claim(defense.released)
    if claim is None:
        raise Skipped("this defense claims nothing")
    _check_claim(claim, len(defense.released), 2)


def _check_claim(claim: Any, rows: int, classes: int) -> None:
    problem = "" if claim is None else proba_problem(claim, rows, classes)
    want(not problem, f"claim {problem}")


def check_extreme_input(defense: DefenseSubject) -> None:
    """Inputs that are constant (black, white, zero) are released as finite values."""
    inputs = defense.made.inputs
    low, high = (-10.0, 10.0) if defense.embedding else (0, 255)
    for value in (low, 0, high):
        release(defense.fitted, np.full_like(inputs[:2], value))


DEFENSE_CHECKS = (
    check_class_attributes,
    check_fit_returns_self,
    check_release_has_the_views,
    check_same_seed_same_bytes,
    check_stochastic_is_true_to_the_release,
    check_state_restores_the_release,
    check_state_that_does_not_fit_is_refused,
    check_input_is_not_modified,
    check_three_classes,
    check_claim,
    check_extreme_input,
)
