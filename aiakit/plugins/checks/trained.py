"""What checks of defenses and of encoders share: both learn from the defender's people and keep a state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, Embeddings, Faces
from aiakit.plugins import mock
from aiakit.plugins.checks.common import PluginClass, Skipped, disturb_global_randomness, same_bytes, want
from aiakit.plugins.checks.watch import Watch, watching

PEOPLE = {"train": 24, "val": 8, "other": 6}  # of 4 images each


class Made:
    """Train and val people of the defender's, and others of whom something is made."""

    def __init__(self, embedding: bool = False, classes: int = 2) -> None:
        rng = np.random.default_rng(5)
        make = mock.embeddings if embedding else mock.faces
        self.train, self.val, self.other = (make(mock.people(count, 4, rng, classes), rng) for count in PEOPLE.values())

    @property
    def inputs(self) -> NDArray[Any]:
        """Of the others: images (N, H, W, 3) or embeddings (N, D)."""
        return inputs_of(self.other)


def inputs_of(known: Faces | Embeddings) -> NDArray[Any]:
    """The images or the embeddings of some people."""
    return known.images if isinstance(known, Faces) else known.embedding


class TrainedSubject(PluginClass, ABC):
    """A plugin under check that is trained, and one fit of it that several checks look at."""

    @property
    def embedding(self) -> bool:
        """Whether it reads embeddings rather than faces."""
        return False

    @cached_property
    def made(self) -> Made:
        """Two classes."""
        return Made(self.embedding)

    @cached_property
    def watch(self) -> Watch:
        """What ``fitted`` and ``outcome`` were seen to look for in the process."""
        return Watch.of(self.cls)

    @cached_property
    def fitted(self) -> Any:
        """Fitted on ``made`` with seed 0, under ``watch``."""
        made = self.make()
        with watching(self.watch):
            self.returned = made.fit(self.made.train, self.made.val, Context())
        return made

    @cached_property
    def outcome(self) -> Any:
        """What ``fitted`` makes of other people the first time that it is asked, under ``watch``."""
        fitted = self.fitted
        with watching(self.watch):
            return self.apply(fitted, self.made.inputs)

    def fit(self, made: Made) -> Any:
        """A fresh instance after ``fit``."""
        return self.make().fit(made.train, made.val, Context())

    @abstractmethod
    def apply(self, fitted: Any, inputs: NDArray[Any]) -> Any:
        """What a fitted instance makes of inputs, or Failed where that is nothing valid."""

    @abstractmethod
    def same(self, left: Any, right: Any) -> bool:
        """Whether two outcomes are equal to the last bit."""


def check_fit_returns_self(subject: TrainedSubject) -> None:
    """``fit`` returns the instance."""
    want(subject.fitted is subject.returned, "fit must return self")


def check_same_seed_same_bytes(subject: TrainedSubject) -> None:
    """Two fits with one seed agree to the last bit, whatever the global random generators do."""
    first = subject.outcome
    disturb_global_randomness(2)
    second = subject.apply(subject.fit(subject.made), subject.made.inputs)
    want(subject.same(first, second), "two fits with one seed differ: draw only from ctx and the generator")


def check_state_restores_it(subject: TrainedSubject) -> None:
    """``load_state_dict`` on a fresh instance gives one that does the same, to the last bit."""
    state = subject.fitted.state_dict()
    for name, array in state.items():
        plain = isinstance(name, str) and isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
        want(plain, f"state_dict must map names to arrays of numbers, {name!r} is {type(array).__name__}")
    fresh = subject.make()
    want(fresh.load_state_dict({name: array.copy() for name, array in state.items()}) is fresh, "it must return self")
    want(subject.same(subject.outcome, subject.apply(fresh, subject.made.inputs)), "the restored one does otherwise")


def check_state_that_does_not_fit_is_refused(subject: TrainedSubject) -> None:
    """A state with a missing array raises ValueError."""
    state = subject.fitted.state_dict()
    if not state:
        raise Skipped("it learns nothing")
    state.pop(next(iter(state)))
    try:
        subject.make().load_state_dict(state)
    except ValueError:
        return
    want(False, "load_state_dict must raise ValueError where an array is missing")


def check_input_is_not_modified(subject: TrainedSubject) -> None:
    """What it is given to learn from, and to work on, stays as it was."""
    want(subject.outcome is not None, "it makes nothing of its input")  # it has learned and worked by now
    used, untouched = subject.made, Made(subject.embedding)
    for part in ("train", "val", "other"):
        left, right = getattr(used, part), getattr(untouched, part)
        want(same_bytes(inputs_of(left), inputs_of(right)), f"the inputs of {part} were changed")
        want(same_bytes(left.labels, right.labels), f"the labels of {part} were changed")
        want(same_bytes(left.identity, right.identity), f"the identities of {part} were changed")


def check_extreme_input(subject: TrainedSubject) -> None:
    """Of inputs that are constant (black, white, zero) it makes finite values."""
    low, high = (-10.0, 10.0) if subject.embedding else (0, 255)
    for value in (low, 0, high):
        subject.apply(subject.fitted, np.full_like(subject.made.inputs[:2], value))


TRAINED_CHECKS = (
    check_fit_returns_self,
    check_same_seed_same_bytes,
    check_state_restores_it,
    check_state_that_does_not_fit_is_refused,
    check_input_is_not_modified,
    check_extreme_input,
)
