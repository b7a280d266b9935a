"""Whether a release may take a rank: whether its scores are more than somebody's word, and who was measured by what.

Whoever submits an entry writes its scores. Those that this machine computed, in a run or by training an attack again on
the submitted release, are known in the user's folder for caches, which nobody else writes to; of others only the
submitter's word is known, and a rank goes by nobody's word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.contracts import Attack
from aiakit.datasets.fingerprint import array_digest
from aiakit.errors import AiakitError
from aiakit.experiment.config import LADDER, Level
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.schema import AttackInfo, Entry
from aiakit.storage.cache import cache_folder
from aiakit.storage.store import write_atomically

HASHED = "sha256:"  # how a file is told among the options of an entry's attack
FOLDER = "computed"  # in the user's folder for caches: a file for each attack of which the scores are no mere word


def computed_here(submission: Submission) -> frozenset[str]:
    """The attacks of an entry whose scores this machine has computed; of a run all."""
    if submission.of_run:
        return frozenset(attack.name for attack in submission.entry.attacks if not attack.external)
    return frozenset(
        attack.name
        for number, attack in enumerate(submission.entry.attacks)
        if _path(submission, number, attack).is_file()
    )


def note_computed(submission: Submission, names: Collection[str]) -> None:
    """Remember that this machine has computed the scores of these attacks of an entry."""
    for number, attack in enumerate(submission.entry.attacks):
        if attack.name in names:
            _note(_path(submission, number, attack), entry=submission.entry.name, attack=attack.name)


def limits_computed_here(submission: Submission) -> bool:
    """Whether this machine has computed what no attack on a release exceeds."""
    return submission.of_run or _path_of_limits(submission).is_file()


def note_limits(submission: Submission) -> None:
    """Remember that this machine has computed what no attack on a release exceeds."""
    _note(_path_of_limits(submission), entry=submission.entry.name)


def _note(path: Path, **what: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(what) + "\n")


def _path(submission: Submission, number: int, attack: AttackInfo) -> Path:
    return _path_of(submission, f"attack.{number}.", attack.model_dump(mode="json"))


def _path_of_limits(submission: Submission) -> Path:
    return _path_of(submission, "values.", submission.entry.accuracy_bound)


def _path_of(submission: Submission, prefix: str, what: Any) -> Path:
    """The file that says that something of an entry was computed, with the tensors that begin so."""
    protocol, *stages = (part.model_dump(mode="json") for part in (submission.entry.protocol, *submission.entry.stages))
    found = sorted((name, part) for name, part in submission.tensors.items() if name.startswith(prefix))
    named = [part for name, tensor in found for part in (name.removeprefix(prefix), np.asarray(tensor))]
    return cache_folder() / FOLDER / f"{array_digest([protocol, what, *stages], *named)[:32]}.json"


Known = tuple[str, str]  # an attack's name, and its options as JSON


def _known(attack: AttackInfo) -> Known:
    return attack.name, json.dumps(attack.params, sort_keys=True)


def measured_by(entry: Entry) -> set[Known]:
    """The attacks that an entry was measured by, left out of later folds or not; none that somebody added."""
    return {_known(attack) for attack in entry.attacks if not attack.shows_claim and not attack.external}


def _reads(entry: Entry, attack: AttackInfo) -> bool:
    """Whether an attack could have been tried on a release: it has the view, and photographs for an adaptive one."""
    last = entry.stages[-1]
    views = last.params["views"] if last.kind == "file" and "views" in last.params else last.produces
    if attack.knowledge == "adaptive" and entry.audits:
        return False
    return attack.combines or not attack.view or not views or attack.view in views


def suite_of(entries: Sequence[Entry], names: Collection[str] | None = None) -> dict[Known, AttackInfo]:
    """The attacks, with their options, that a release has to be measured by to take a rank.

    Those by which at least half of the entries were measured that they could be tried on; ``names``: of these only
    the ones named, with the options that most entries have.
    """
    attacks = {_known(attack): attack for entry in entries for attack in entry.attacks
               if not attack.shows_claim and not attack.external}  # fmt: skip
    counts = Counter(known for entry in entries for known in measured_by(entry))
    if names is not None:
        most = {name: max((known for known in attacks if known[0] == name), key=counts.__getitem__, default=None)
                for name in names}  # fmt: skip
        return {known: attacks[known] for known in most.values() if known is not None}
    able = {known: sum(_reads(entry, attack) for entry in entries) for known, attack in attacks.items()}
    return {known: attack for known, attack in attacks.items() if 2 * counts[known] >= able[known]}


def levels_of(entries: Sequence[Entry]) -> list[Level]:
    """What attackers must know of a release that takes a rank: the levels that at least half of the entries tried."""
    counts = Counter(level for entry in entries for level in entry.levels)
    return [level for level in LADDER if 2 * counts[level] >= len(entries) and counts[level]]


def lacking(entry: Entry, suite: dict[Known, AttackInfo], levels: Sequence[Level] = ()) -> list[str]:
    """The attacks of a suite, and levels, that could have been tried on a release and were not (with these options)."""
    measured = measured_by(entry)
    attacks = [attack.name for known, attack in suite.items() if known not in measured and _reads(entry, attack)]
    return attacks + [f"{level} attackers" for level in levels if not any(_knows(own, level) for own in entry.levels)]


def untrained(entry: Entry, suite: Collection[Known], computed: Collection[str]) -> list[str]:
    """The attacks of a suite that only a submitter says to have measured a release by, though they could be trained
    again. ``computed`` : the attacks whose scores this machine computed.
    """
    return [
        attack.name
        for attack in entry.attacks
        if _known(attack) in suite
        and not (attack.shows_claim or attack.external or attack.name in computed)
        and _trained_on_a_release(attack)
    ]


def _trained_on_a_release(attack: AttackInfo) -> bool:
    """Whether an attack needs nothing but the release that is submitted. What needs photographs, the scores of others
    or a file is told by the plugin that is registered here and by the options, which a suite is made of: an entry may
    say anything of its attacks.
    """
    if any(str(value).startswith(HASHED) for value in attack.params.values()):
        return False
    try:
        own: type[Attack] = attack.registered().load()
    except AiakitError:
        return True
    return not (own.combines or own.knowledge == "adaptive")


def _knows(level: Level, other: Level) -> bool:
    """Whether attackers of a level know at least what those of another do."""
    own, others = ({*name.split("+")} - {"informed"} for name in (level, other))
    return others <= own
