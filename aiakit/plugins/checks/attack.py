"""Checks of an attack on made-up releases."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score

from aiakit.contracts import VIEWS, Attack, Context, Knowledge, LabelledRelease, Release
from aiakit.measures.metrics import SMALLEST_RANK, auc
from aiakit.plugins import mock
from aiakit.plugins.checks.common import (
    PRESETS,
    Doubtful,
    PluginClass,
    Skipped,
    disturb_global_randomness,
    proba_problem,
    same_bytes,
    want,
)
from aiakit.plugins.checks.larger import evidence_within_larger, release_within_larger
from aiakit.plugins.checks.watch import Watch, watching

PEOPLE = {"train": 100, "val": 40, "test": 200}  # of 4, 4 and 2 images
BEATS_CHANCE = 0.75  # balanced accuracy on a leak that allows 0.98
HARDER_LEAK = 1.5  # allows an AUC of 0.86
COSTLY_TIES = 0.01  # of AUC
CHANCE_BAND = 0.12  # around ½: 3.4 standard deviations of a coin tossed for each of the 200 test people
LEARNED = 0.8  # of the 40 people of val: 3.8 standard deviations of a coin tossed for each
KNOWLEDGE = get_args(Knowledge)


class World:
    """Train and val evidence and a test release of different people, with a leak of a given strength."""

    def __init__(self, attack: type[Attack], classes: int = 2, leak: float = 4.0, sort_rows: bool = False) -> None:
        rng = np.random.default_rng(7)
        adaptive = attack.knowledge == "adaptive"
        made: list[tuple[mock.People, Release]] = []
        for part, count in PEOPLE.items():
            who = mock.people(count, 2 if part == "test" else 4, rng, classes)
            if sort_rows:
                order = np.argsort(who.labels, kind="stable")
                who = replace(who, labels=who.labels[order], identity=who.identity[order])
            if attack.unavailable(who.classes):  # an attack made for gender
                who = replace(who, classes=mock.GENDERS[:classes])
            if attack.combines:
                made.append((who, mock.log_probabilities(who, rng, leak)))
            else:
                made.append((who, mock.release(attack.view, who, rng, leak)))
        (train, train_release), (val, val_release), (self.test_people, self.test) = made
        self.train = mock.evidence(train_release, train, rng, adaptive)
        self.val = mock.evidence(val_release, val, rng, adaptive)

    @property
    def classes(self) -> int:
        """K."""
        return len(self.test_people.classes)

    def relabelled(self) -> World:
        """The same releases with labels dealt out anew, person by person."""
        other = object.__new__(World)
        rng = np.random.default_rng(11)
        other.test, other.test_people = self.test, self.test_people.relabelled(rng)
        other.train, other.val = (_relabel(part, rng) for part in (self.train, self.val))
        return other


def _relabel(known: LabelledRelease, rng: np.random.Generator) -> LabelledRelease:
    return replace(known, labels=mock.People(known.labels, known.identity, known.classes).relabelled(rng).labels)


class AttackSubject(PluginClass):
    """An attack under check, and one fit of it that several checks look at: networks take seconds to fit."""

    @cached_property
    def watch(self) -> Watch:
        """What ``fitted`` and ``proba`` were seen to look for in the process."""
        return Watch.of(self.cls)

    @cached_property
    def world(self) -> World:
        """Two classes and a strong leak."""
        return self.new_world()

    @cached_property
    def fitted(self) -> Any:
        """Fitted on ``world`` with seed 0, under ``watch``."""
        made = self.make()
        with watching(self.watch):
            self.returned = made.fit(self.world.train, self.world.val, Context())
        return made

    @cached_property
    def proba(self) -> NDArray[Any]:
        """What ``fitted`` says of the test release, said under ``watch``."""
        fitted = self.fitted
        with watching(self.watch):
            return self.predict(fitted, self.world)

    @cached_property
    def again(self) -> NDArray[Any]:
        """``proba`` of another fit with seed 0, on the same evidence in other memory (see ``larger``).

        The global random generators are in another state.
        """
        world = self.new_world()
        world.train, world.val = (evidence_within_larger(part) for part in (world.train, world.val))
        world.test = release_within_larger(world.test)
        disturb_global_randomness(2)
        return self.predict(self.fit(world), world)

    @cached_property
    def permuted(self) -> tuple[World, Any]:
        """A world whose labels were permuted by identity, and a fit on it."""
        world = self.new_world().relabelled()
        return world, self.fit(world)

    def new_world(self, classes: int = 2, leak: float = 4.0, sort_rows: bool = False) -> World:
        """Made-up evidence of this attack's view, the same at every call."""
        return World(cast(type[Attack], self.cls), classes, leak, sort_rows)

    def fit(self, world: World, seed: int = 0) -> Any:
        """A fresh instance after ``fit``."""
        return self.make().fit(world.train, world.val, Context(seed=seed))

    def predict(self, fitted: Any, world: World) -> NDArray[Any]:
        """Valid probabilities for the test release, or Failed."""
        proba: NDArray[Any] = fitted.predict_proba(world.test)
        problem = proba_problem(proba, len(world.test), world.classes)
        want(not problem, f"predict_proba {problem}")
        return proba

    def accuracy(self, world: World) -> float:
        """Balanced test accuracy of a fresh fit."""
        guesses = self.predict(self.fit(world), world).argmax(axis=1)
        return float(balanced_accuracy_score(world.test_people.labels, guesses))

    def must_learn(self) -> None:
        """Skip the check for an attack that learns from no release."""
        if self.cls.knowledge == "ignorant":  # type: ignore[attr-defined]
            raise Skipped("an ignorant attack learns from no release")


def check_class_attributes(attack: AttackSubject) -> None:
    """``view``, ``knowledge`` and ``presets`` hold known words; ``combines`` and ``costly`` are truth values."""
    cls: Any = attack.cls
    want(cls.view in VIEWS, f"view must be one of {', '.join(VIEWS)}, not {cls.view!r}")
    want(cls.knowledge in KNOWLEDGE, f"knowledge must be one of {', '.join(KNOWLEDGE)}, not {cls.knowledge!r}")
    known = isinstance(cls.presets, tuple) and all(preset in PRESETS for preset in cls.presets)
    want(known, f"presets must be a tuple of {', '.join(PRESETS)}, not {cls.presets!r}")
    for name in ("combines", "costly"):
        want(isinstance(getattr(cls, name), bool), f"{name} must be True or False, not {getattr(cls, name)!r}")


def check_fit_returns_self(attack: AttackSubject) -> None:
    """``fit`` returns the instance, given evidence with the named view alone."""
    want(attack.fitted is attack.returned, "fit must return self")


def check_probabilities(attack: AttackSubject) -> None:
    """(N, K), finite, not negative, rows sum to 1; also for a single sample."""
    want(len(np.unique(attack.proba, axis=0)) > 1, "predict_proba says the same of every sample of a strong leak")
    problem = proba_problem(attack.fitted.predict_proba(attack.world.test[:1]), 1, attack.world.classes)
    want(not problem, f"predict_proba of one sample {problem}")


def check_log_probabilities(attack: AttackSubject) -> None:
    """Where ``predict_log_proba`` says anything, it is what ``predict_proba`` says."""
    logs = attack.fitted.predict_log_proba(attack.world.test)
    if logs is None:
        raise Skipped("the attack says probabilities alone")
    want(isinstance(logs, np.ndarray) and logs.shape == attack.proba.shape, "predict_log_proba must be an array (N, K)")
    want(bool(np.isfinite(logs).all()), "predict_log_proba must be finite")
    off = float(np.abs(softmax(logs.astype(np.float64), axis=1) - attack.proba).max())
    want(off < 1e-3, f"the softmax of predict_log_proba is off predict_proba by {off:.2g}")


def check_saturation(attack: AttackSubject) -> None:
    """Samples that are given a probability of exactly 0 or 1 tie: a warning where ties could cost a point of AUC."""
    if attack.fitted.predict_log_proba(attack.world.test) is not None or not _saturated(attack.proba).any():
        return
    attack.must_learn()
    world = attack.new_world(leak=HARDER_LEAK)
    proba = attack.predict(attack.fit(world), world)
    tied, labels = _saturated(proba), world.test_people.labels
    ends = np.array([np.bincount(labels[tied & (proba.argmax(axis=1) == k)], minlength=2) for k in range(2)])
    cost = 0.5 * float(ends.prod(axis=1).sum() / np.bincount(labels, minlength=2).prod())  # of tied pairs, half
    if cost > COSTLY_TIES:
        area = auc(proba, labels)
        raise Doubtful(
            f"{tied.mean():.0%} of the samples of a leak that is not easy are given a probability of exactly 0 or 1: "
            f"among these nothing is ranked, the AUC is {area:.3f} and could be up to {area + cost:.3f}. If they "
            "come from log-odds, return these by predict_log_proba"
        )


def _saturated(proba: NDArray[Any]) -> NDArray[np.bool_]:
    """(N,) whether all classes but one are given a probability of 0, so that nothing is left that ranks the sample."""
    return np.asarray(np.sort(proba, axis=1)[:, :-1].sum(axis=1) <= SMALLEST_RANK)


def check_same_seed_same_bytes(attack: AttackSubject) -> None:
    """Two fits with one seed agree to the last bit, whatever the global random generators do."""
    first = attack.proba
    with suppress(Exception):  # where it reads beyond its arrays, which another check is about
        if same_bytes(first, attack.again):
            return
    disturb_global_randomness(2)
    second = attack.predict(attack.fit(attack.world), attack.world)
    want(same_bytes(first, second), "two fits with one seed differ: draw only from ctx.rng or ctx.seed_for")


def check_prediction_repeats(attack: AttackSubject) -> None:
    """``predict_proba`` of one fit gives the same answer twice."""
    want(same_bytes(attack.proba, attack.predict(attack.fitted, attack.world)), "two calls of predict_proba differ")


def check_rows_are_scored_alone(attack: AttackSubject) -> None:
    """A sample's score depends neither on the other samples nor on the order: nothing is learned from the test."""
    order = np.argsort(attack.proba[:, 0], kind="stable")[:50]  # a company unlike the whole
    off = float(np.abs(attack.fitted.predict_proba(attack.world.test[order]) - attack.proba[order]).max())
    want(off < 1e-3, f"a sample's probabilities change by {off:.2g} with the samples beside it")


def check_input_is_not_modified(attack: AttackSubject) -> None:
    """``fit`` and ``predict_proba`` leave what they are given as it was."""
    want(len(attack.proba) > 0, "predict_proba says nothing")
    used, untouched = attack.world, attack.new_world()
    for part in ("train", "val"):
        left, right = getattr(used, part), getattr(untouched, part)
        want(same_bytes(left.labels, right.labels), f"fit changed the labels of {part}")
        want(same_bytes(left.identity, right.identity), f"fit changed the identities of {part}")
        want(_same_release(left.release, right.release), f"fit changed the release of {part}")
    want(_same_release(used.test, untouched.test), "predict_proba changed the release")


def check_three_classes(attack: AttackSubject) -> None:
    """K = 3 gives three columns, and a strong leak is found."""
    attack.must_learn()
    accuracy = attack.accuracy(attack.new_world(classes=3))
    want(accuracy >= 0.6, f"balanced accuracy {accuracy:.2f} on a planted leak of 3 classes (chance is 0.33)")


def check_single_class_in_train(attack: AttackSubject) -> None:
    """Where attacker-train has one class only: valid probabilities, or a ValueError that says "class"."""
    world = attack.new_world()
    world.train = world.train[world.train.labels == 0]
    _works_or_names_the_class(attack, world)


def check_single_class_in_val(attack: AttackSubject) -> None:
    """Where attacker-val has one class only: valid probabilities, or a ValueError that says "class"."""
    world = attack.new_world()
    world.val = world.val[world.val.labels == 1]
    _works_or_names_the_class(attack, world)


def check_constant_input(attack: AttackSubject) -> None:
    """A release that is the same for everybody gives valid probabilities, equal for all samples."""
    world = attack.new_world()
    first = np.zeros(1, dtype=np.int64)
    for part in (world.train, world.val):
        object.__setattr__(part, "release", part.release[np.repeat(first, len(part))])
    world.test = world.test[np.repeat(first, len(world.test))]
    proba = attack.predict(attack.fit(world), world)
    want(float(np.ptp(proba, axis=0).max()) < 1e-3, "equal samples are given different probabilities")


def check_beats_chance_on_a_leak(attack: AttackSubject) -> None:
    """A leak that allows a balanced accuracy of 0.98 is found."""
    attack.must_learn()
    guesses = attack.proba.argmax(axis=1)
    accuracy = balanced_accuracy_score(attack.world.test_people.labels, guesses)
    want(accuracy >= BEATS_CHANCE, f"balanced accuracy {accuracy:.2f} on a planted leak that allows 0.98")


def check_chance_on_permuted_labels(attack: AttackSubject) -> None:
    """With labels dealt out anew, person by person, there is nothing to find."""
    world, fitted = attack.permuted
    _at_chance(attack.predict(fitted, world), world, "labels that were permuted by identity")


def check_does_not_learn_from_val(attack: AttackSubject) -> None:
    """Attacker-val is for choosing epochs and hyper-parameters: who learned its labels by heart is chosen by them."""
    world, fitted = attack.permuted
    guesses = np.asarray(fitted.predict_proba(world.val.release)).argmax(axis=1)
    accuracy = balanced_accuracy_score(world.val.labels, guesses)
    want(
        accuracy <= LEARNED,
        f"balanced accuracy {accuracy:.2f} on labels of attacker-val that say nothing (chance is 0.50): learn from "
        "attacker-train alone, and choose on attacker-val",
    )


def check_chance_on_sorted_noise(attack: AttackSubject) -> None:
    """Noise whose rows happen to be sorted by class: an attack that reads row numbers would beat chance."""
    world = attack.new_world(leak=0, sort_rows=True)
    _at_chance(attack.predict(attack.fit(world), world), world, "noise, its rows sorted by class")


def _at_chance(proba: NDArray[Any], world: World, what: str) -> None:
    accuracy = balanced_accuracy_score(world.test_people.labels, proba.argmax(axis=1))
    want(abs(accuracy - 0.5) <= CHANCE_BAND, f"balanced accuracy {accuracy:.2f} on {what} (chance is 0.50)")


def _works_or_names_the_class(attack: AttackSubject, world: World) -> None:
    try:
        fitted = attack.fit(world)
    except ValueError as error:
        want("class" in str(error), f'the ValueError must say that a class is missing, it says "{error}"')
    else:
        attack.predict(fitted, world)


def _same_release(left: Release, right: Release) -> bool:
    return all(
        same_bytes(getattr(left, view), getattr(right, view)) for view in ("embedding", "pixels", "claim", "inverted")
    )


ATTACK_CHECKS = (
    check_class_attributes,
    check_fit_returns_self,
    check_probabilities,
    check_log_probabilities,
    check_saturation,
    check_prediction_repeats,
    check_same_seed_same_bytes,
    check_rows_are_scored_alone,
    check_input_is_not_modified,
    check_three_classes,
    check_single_class_in_train,
    check_single_class_in_val,
    check_constant_input,
    check_beats_chance_on_a_leak,
    check_chance_on_permuted_labels,
    check_does_not_learn_from_val,
    check_chance_on_sorted_noise,
)
