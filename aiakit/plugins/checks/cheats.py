"""Checks that a plugin takes nothing but what it is handed, and treats everybody alike.

They find what a cheat does on made-up people. One that first makes sure it is not being checked passes: in a run it is
the processes of their own (``experiment.apart``) that leave a plugin nothing to find.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Release
from aiakit.plugins.checks.attack import AttackSubject
from aiakit.plugins.checks.common import Failed, Skipped, same_bytes, want
from aiakit.plugins.checks.defense import DefenseSubject, release, same
from aiakit.plugins.checks.trained import inputs_of
from aiakit.plugins.checks.watch import Watch

BATCH = 256  # as in a run
CALLS = 16
REPEATS = 256  # draws of a stochastic release
MOST_ERRORS = 6.0  # standard errors by which means of draws may differ: by chance in one of 10⁸ comparisons


def want_nothing_found(watch: Watch) -> None:
    """Raise Failed where the plugin looked for anything."""
    want(not watch.found, f"{'; '.join(dict.fromkeys(watch.found))}: use what is handed to it and nothing else")


def check_attack_searches_nothing(attack: AttackSubject) -> None:
    """Neither ``fit`` nor ``predict_proba`` looks at the call stack, or at the objects of the process."""
    want(len(attack.proba) > 0, "predict_proba says nothing")  # both were called, under watch
    want_nothing_found(attack.watch)


def check_arrays_are_read_within_their_bounds(attack: AttackSubject) -> None:
    """What lies beside its arrays in memory, reached by ``.base``, changes nothing."""
    want(
        same_bytes(attack.proba, attack.again),
        "its scores depend on what lies beside its arrays (.base): other people's data",
    )


def check_defense_searches_nothing(defense: DefenseSubject) -> None:
    """Neither ``fit`` nor ``release`` looks at the call stack, or at the objects of the process."""
    want(len(defense.outcome) > 0, "it releases nothing")  # it was fitted and has released, under watch
    want_nothing_found(defense.watch)


def check_samples_are_released_alone(defense: DefenseSubject) -> None:
    """A sample's release depends neither on the samples beside it nor on its place among them."""
    inputs = defense.made.inputs
    batch = inputs[np.arange(BATCH) % len(inputs)]
    if defense.stochastic:
        for row in range(3):
            _same_on_average(defense, inputs[row], batch)
        return
    whole = release(defense.fitted, batch)
    for row in range(3):
        _same_sample(release(defense.fitted, inputs[row : row + 1]), 0, whole, row)
    backwards = release(defense.fitted, inputs[::-1].copy())
    for row in range(len(inputs)):
        _same_sample(backwards, len(inputs) - 1 - row, whole, row)


def _same_sample(one: Release, first: int, other: Release, second: int) -> None:
    if one.embedding is not None and other.embedding is not None:
        scale = float(np.abs(other.embedding).max()) + 1e-12
        off = float(np.abs(one.embedding[first] - other.embedding[second]).max()) / scale
        want(off < 1e-3, f"a sample's embedding changes by {off:.2g} with the samples beside it")
    if one.pixels is not None and other.pixels is not None:
        levels = int(np.abs(one.pixels[first].astype(int) - other.pixels[second]).max())
        want(levels <= 1, f"a sample's picture changes by {levels} of 255 levels with the samples beside it")


def _same_on_average(defense: DefenseSubject, sample: NDArray[Any], others: NDArray[Any]) -> None:
    """Many draws of one sample have the same mean among themselves as among others."""
    copies = np.repeat(sample[None], REPEATS, axis=0)
    alone = release(defense.fitted, copies, seed=2)
    mixed = np.stack([copies, others[np.arange(REPEATS) % len(others)]], axis=1).reshape(-1, *sample.shape)
    among = release(defense.fitted, mixed, seed=3)[::2]
    for view in ("embedding", "pixels"):
        one, other = getattr(alone, view), getattr(among, view)
        if one is None:
            continue
        left, right = (draws.reshape(REPEATS, -1).astype(np.float64) for draws in (one, other))
        error = np.sqrt((left.var(axis=0) + right.var(axis=0)) / REPEATS)
        floor = 1e-3 * (np.abs(left).max() + 1e-12)  # rounding, where hardly anything is drawn
        off = float((np.abs(left.mean(axis=0) - right.mean(axis=0)) / np.maximum(error, floor / MOST_ERRORS)).max())
        want(
            off <= MOST_ERRORS, f"a sample's mean {view} moves by {off:.1f} standard errors with the samples beside it"
        )


def check_release_is_the_same_at_every_call(defense: DefenseSubject) -> None:
    """The same samples under the same generator are released alike, however many were released before."""
    fitted, inputs = defense.fitted, defense.made.inputs
    first = defense.outcome
    for call in range(CALLS):
        release(fitted, inputs[np.arange(BATCH // 4) % len(inputs)], seed=call + 1)
        want(same(first, release(fitted, inputs)), f"release() of the same samples differs after {2 * call + 2} calls")


def check_training_people_are_released_alike(defense: DefenseSubject) -> None:
    """A restored defense releases its own training people like the one that was fitted."""
    if not defense.fitted.state_dict():
        raise Skipped("this defense learns nothing")
    inputs = inputs_of(defense.made.train)
    restored = defense.make().load_state_dict({name: np.array(a) for name, a in defense.fitted.state_dict().items()})
    if not same(release(defense.fitted, inputs), release(restored, inputs)):
        raise Failed("it remembers the people that it was fitted on outside of its state, and releases them otherwise")


ATTACK_CHEATS = (check_attack_searches_nothing, check_arrays_are_read_within_their_bounds)
DEFENSE_CHEATS = (
    check_defense_searches_nothing,
    check_samples_are_released_alone,
    check_release_is_the_same_at_every_call,
    check_training_people_are_released_alike,
)
