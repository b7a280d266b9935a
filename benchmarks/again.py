"""An entry beside its own command, given once more for its release and first seed: what it says that the run does not.

Scores that are made up are sound in themselves: figures follow from them. Only who makes the release again sees that
another attack, or another level, reads more of it than the entry has them say.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from aiakit.cli.main import main as aiakit_main
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.gather import WORDS, differing
from aiakit.leaderboard.of_run import submissions_of
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.scores import statistics_row
from aiakit.leaderboard.standing import measured_by

OWN = ("--defense", "--seeds", "--out", "--name", "--jobs")  # options of a command that are given here instead
Figure = tuple[str, float, float]  # what it is, as stated, as made again


def made_again(submission: Submission) -> Submission:
    """What the command of an entry gives now, of its release and its first seed. Raises InputError where it fails."""
    entry = submission.entry
    with tempfile.TemporaryDirectory() as out:
        own = ["--defense", entry.release, "--seeds", "1", "--jobs", "1", "--out", out, "--name", "again"]
        kept = without(entry.provenance.command or (), OWN)
        command = [*(word.replace("…/", "") for word in kept), *own]  # a plugin stands beside the entry
        with contextlib.chdir(submission.path.parent), contextlib.redirect_stdout(sys.stderr):
            code = aiakit_main(command)
        if code:
            raise InputError(f"{entry.release} cannot be made again: its command ends with {code}")
        (found,) = submissions_of(Run.open(Path(out) / "again"), [entry.release])
    return found


def without(command: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments of a command without some of its options, each of which takes a value."""
    kept, skip = [], False
    for argument in command:
        if skip:
            skip = False
        elif argument in options:
            skip = True
        elif argument.partition("=")[0] not in options:
            kept.append(argument)
    return kept


def not_as_its_command(stated: Entry, again: Entry) -> Iterator[str]:
    """In which ways an entry was measured otherwise than its command measures."""
    yield from (f"another {WORDS.get(name, name)}" for name in differing(stated.protocol, again.protocol))
    if [_made_of(stage) for stage in stated.stages] != [_made_of(stage) for stage in again.stages]:
        yield "a release that is made otherwise"
    missing = measured_by(stated) - measured_by(again)
    if missing:
        yield f"attacks that its command does not make so: {', '.join(sorted(name for name, _ in missing))}"
    levels = sorted(stated.levels - again.levels)
    if levels:
        yield f"levels that its command does not try: {', '.join(levels)}"


def _made_of(stage: Any) -> tuple[Any, ...]:
    return stage.kind, stage.name, stage.params, stage.produces, stage.claims


def compared(stated: Submission, again: Submission) -> Iterator[Figure]:
    """What must be equal: the entry's strongest attack, and verification, of the first seed.

    An attack that is not the strongest of one seed may be left out of later folds there: the one that is stands for it.
    """
    entry = stated.entry
    strongest = entry.figures["strongest"]
    reads = _reads(again.entry).get(entry.level, {})
    if strongest is not None and reads:
        name = strongest["attack"] if strongest["attack"] in reads else max(reads, key=lambda name: reads[name][1])
        yield name, strongest["per_seed"][0], reads[name][0]
    of_first = {name: part for name, part in stated.tensors.items()
                if not name.startswith("verifier.") or name.startswith("verifier.0.")}  # fmt: skip
    alone = statistics_row(entry.model_copy(update={"attacks": (), "beside": ()}), of_first)
    for kind, found in alone.utility.items():
        if kind in again.entry.figures["utility"]:
            accuracy = again.entry.figures["utility"][kind]["accuracy"]
            yield f"verification, {kind}", found.point["accuracy"], accuracy


def at_least(stated: Entry, again: Entry) -> Iterator[Figure]:
    """What an entry must not understate: every attack, the strongest of every level, and what is certified."""
    own, made = _reads(stated), _reads(again)
    for level in made.keys() & own.keys():
        both = sorted(made[level].keys() & own[level].keys())
        yield from ((f"{name} ({level})", own[level][name][0], made[level][name][0]) for name in both)
        first, second = (max(read.values(), key=lambda figure: figure[1])[0] for read in (own[level], made[level]))
        yield f"the strongest of {level} attackers", first, second
    bounds, of_run = _bounds(stated), _bounds(again)
    yield from ((what, bound, of_run.get(what, 1.0)) for what, bound in bounds.items())


def _bounds(entry: Entry) -> dict[str, float]:
    """What its defense proves, and what is certified of few values, where there are any."""
    certificate = entry.figures.get("certificate")
    proven = {} if entry.accuracy_bound is None else {"what no attack exceeds": entry.accuracy_bound}
    return proven | ({"the certificate": float(certificate["bound"])} if certificate else {})


def _reads(entry: Entry) -> dict[str, dict[str, tuple[float, float]]]:
    """Level → attack → balanced accuracy of the first seed, and on attacker-val of all."""
    figures = entry.figures
    levels: dict[str, Any] = {entry.level: figures["attacks"], **figures.get("knowledge", {})}
    return {
        level: {name: (of["per_seed"][0], of["val_balanced_accuracy"]) for name, of in attacks.items()}
        for level, attacks in levels.items()
        if attacks
    }
