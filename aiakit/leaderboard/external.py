"""Results of an attack that somebody ran on a submitted release, added to its entry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from aiakit.errors import InputError
from aiakit.leaderboard.entry import Submission, read_submission, write_entry, write_tensors
from aiakit.leaderboard.schema import AttackInfo
from aiakit.leaderboard.scores import check_probabilities, statistics_row
from aiakit.leaderboard.verify import verified
from aiakit.results.document import measured
from aiakit.results.judge import SPLITS
from aiakit.storage import tensorfile


def add_attack(path: Path, scores: Path, name: str) -> Path:
    """Add an external attack's scores to an entry, whose figures then count it.

    scores : a safetensors file with ``val`` (V, K) and ``test`` (N, K), the class probabilities of the entry's samples
    in the order in which it stores them; of several repeats ``0.val``, ``0.test``, ``1.val`` and so on.
    Raises InputError where the entry is not sound, has an attack of that name, or the scores do not fit; then nothing
    is changed.
    """
    submission = read_submission(path)
    verified(submission)
    entry = submission.entry
    if any(attack.name == name for attack in entry.attacks):
        raise InputError(f"{path} has an attack named {name!r} already: choose another --name")
    try:
        given = tensorfile.load(scores)
    except OSError as error:
        raise InputError(f"{scores} cannot be read ({error.strerror})") from None
    if {"val", "test"} <= given.keys():
        given = {f"0.{split}": given[split] for split in SPLITS}
    repeats = len(given) // len(SPLITS)
    if repeats == 0 or set(given) != {f"{repeat}.{split}" for repeat in range(repeats) for split in SPLITS}:
        raise InputError(f"{scores} must hold val and test, or 0.val, 0.test, 1.val … and nothing else")
    tensors = dict(submission.tensors)
    classes = len(entry.protocol.classes)
    for key, proba in given.items():
        split = key.rpartition(".")[2]
        try:
            check_probabilities(proba, len(tensors[f"{split}.labels"]), classes, name, split)
        except ValueError as error:
            raise InputError(f"{scores}: {error}") from None
        tensors[f"attack.{len(entry.attacks)}.{key}"] = np.asarray(proba, np.float64)
    try:
        added = AttackInfo(name=name, repeats=tuple((0, repeat) for repeat in range(repeats)), external=True)
    except ValidationError as error:
        raise InputError(f"--name: {error.errors(include_url=False)[0]['msg']}") from None
    attacks = (*entry.attacks, added)
    figures = measured(statistics_row(entry.protocol, attacks, tensors))
    return _replace(submission, attacks, figures, tensors)


def _replace(submission: Submission, attacks: tuple[AttackInfo, ...], figures: dict, tensors: dict) -> Path:  # type: ignore[type-arg]
    """Write new scores, then the entry that names them, then drop the old scores."""
    entry, folder = submission.entry, submission.path.parent
    try:
        ref = write_tensors(folder, entry.name, tensors)
        updated = entry.model_copy(update={"attacks": attacks, "figures": figures, "scores": ref})
        path = write_entry(updated, folder)
        if path == submission.path and ref.file != entry.scores.file:
            (folder / entry.scores.file).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written to ({error.strerror})") from None
    return path
