"""Results of an attack that somebody ran on a submitted release, added to its entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from aiakit.errors import InputError
from aiakit.experiment.config import plugin_spec
from aiakit.experiment.runtime import Runtime
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.rerun import again_on_release
from aiakit.leaderboard.schema import AttackInfo
from aiakit.leaderboard.standing import note_computed
from aiakit.leaderboard.submit import provenance_of
from aiakit.leaderboard.tensors import check_probabilities
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import rewrite
from aiakit.results.judge import SPLITS
from aiakit.storage import tensorfile

Scores = Mapping[str, NDArray[Any]]


def add_attack(path: Path, scores: Path, name: str, submitter: str = "") -> Path:
    """Add an external attack's scores to an entry, whose figures then name it. A board shows it, and counts it nowhere.

    scores : a safetensors file with ``val`` (V, K) and ``test`` (N, K), the class probabilities of the entry's samples
    in the order in which it stores them, of several repeats ``0.val``, ``0.test``, ``1.val`` and so on; and
    ``val.identity`` (V,) and ``test.identity`` (N,), who is on each row, which shows that the order is the entry's.
    Raises InputError where the entry is not sound, has an attack of that name, or the scores do not fit; then nothing
    is changed.
    """
    submission = _sound(path, name)
    entry = submission.entry
    try:
        given = tensorfile.load(scores)
    except OSError as error:
        raise InputError(f"{scores} cannot be read ({error.strerror})") from None
    repeats = _repeats(given, scores)
    _require_rows(given, submission, scores)
    tensors = dict(submission.tensors)
    for repeat, table in enumerate(repeats):
        for split, proba in table.items():
            try:
                check_probabilities(proba, len(tensors[f"{split}.labels"]), len(entry.protocol.classes), name, split)
            except ValueError as error:
                raise InputError(f"{scores}: {error}") from None
            tensors[f"attack.{len(entry.attacks)}.{repeat}.{split}"] = np.asarray(proba, np.float64)
    try:
        numbered = tuple((0, repeat) for repeat in range(len(repeats)))
        added = AttackInfo(name=name, repeats=numbered, external=True, submitter=submitter)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        raise InputError(f"--{found['loc'][0]}: {found['msg']}") from None
    return _rewrite(submission, tensors, added)


def train_attack(path: Path, name: str, runtime: Runtime, submitter: str = "") -> Path:
    """Train a registered attack on the release of an entry, with the entry's seeds, and add it as external.

    Raises InputError as ``add_attack`` does, and where there is no release, or the attack cannot be trained on it.
    """
    submission = _sound(path, name)
    entry, computing = submission.entry, submission.entry.computing
    repeats = [(seed, attack_seed) for seed in computing.seeds for attack_seed in range(computing.attack_seeds)]
    spec = plugin_spec("attack", name, {})
    added = AttackInfo(**spec, repeats=tuple(repeats), external=True, submitter=provenance_of(submitter).submitter)
    with again_on_release(submission, [added]) as bench:
        if bench.reasons[name]:
            raise InputError(f"{name} cannot be trained on the release of {path}: {bench.reasons[name]}")
        scores = bench.scores(added, runtime)
    tensors = dict(submission.tensors)
    tensors |= {f"attack.{len(entry.attacks)}.{part}": found for part, found in scores.items()}
    written = _rewrite(submission, tensors, added)
    note_computed(read_submission(written), [name])
    return written


def _sound(path: Path, name: str) -> Submission:
    """The entry, whose figures are those of its scores, and which has no attack of this name."""
    submission = read_submission(path)
    verified(submission)
    if any(attack.name == name for attack in submission.entry.attacks):
        raise InputError(f"{path} has an attack named {name!r} already: choose another --name")
    return submission


def _rewrite(submission: Submission, tensors: Scores, added: AttackInfo) -> Path:
    return rewrite(submission, tensors, attacks=(*submission.entry.attacks, added))


def _repeats(given: Scores, scores: Path) -> list[dict[str, NDArray[Any]]]:
    """The probabilities of each repeat by split."""
    found = {name: proba for name, proba in given.items() if not name.endswith(".identity")}
    if set(SPLITS) <= found.keys():
        found = {f"0.{split}": found.pop(split) for split in SPLITS} | found
    repeats = len(found) // len(SPLITS)
    if repeats == 0 or set(found) != {f"{repeat}.{split}" for repeat in range(repeats) for split in SPLITS}:
        raise InputError(
            f"{scores} must hold val and test, or 0.val, 0.test, 1.val …, and val.identity and test.identity beside "
            "them: nothing else"
        )
    return [{split: found[f"{repeat}.{split}"] for split in SPLITS} for repeat in range(repeats)]


def _require_rows(given: Scores, submission: Submission, scores: Path) -> None:
    """Raise InputError unless every row is of the person whom the entry has there."""
    for split in SPLITS:
        name = f"{split}.identity"
        if name not in given:
            raise InputError(
                f"{scores} must hold {name}, who is on each row, as {submission.path.name} has it: without that nobody "
                "can tell whether the scores are of its samples, in its order"
            )
        wanted, stated = np.asarray(submission.tensors[name]), np.asarray(given[name])
        if stated.shape != wanted.shape:
            raise InputError(f"{scores}: {name} has shape {stated.shape}, {submission.path.name} has {wanted.shape}")
        other = np.flatnonzero(stated != wanted)
        if len(other):
            row = other[0]
            raise InputError(
                f"{scores}: row {row} of {split} is of person {stated[row]}, and in {submission.path.name} of person "
                f"{wanted[row]} ({len(other)} of {len(wanted)} rows differ): score the samples in the entry's order"
            )
