"""Attacks that an entry's run left out of later folds: whether the scores of the first ones say that it could."""

from __future__ import annotations

import numpy as np

from aiakit.leaderboard.schema import AttackInfo, Entry
from aiakit.leaderboard.tensors import FOLDS, Tensors, check_probabilities, tensor
from aiakit.measures.halving import RUNGS, learned_in, outdone


def shows_left_out(entry: Entry, tensors: Tensors) -> bool:
    """Whether `check_left_out` has nothing to say against scores."""
    try:
        check_left_out(entry, tensors)
    except ValueError:
        return False
    return True


def check_left_out(entry: Entry, tensors: Tensors) -> None:
    """Raise ValueError unless the scores show of each attack that was left out that it is not the strongest."""
    for done in range(1, RUNGS + 1):
        gone = [attack.name for attack in entry.attacks if attack.left_after == done]
        if not gone:
            continue
        learned = learned_in(np.asarray(tensor(tensors, FOLDS)))
        seen, classes = learned < done, len(entry.protocol.classes)
        proba = {}
        for number, attack in enumerate(entry.attacks):
            if not _competes(attack) or (attack.left_after or RUNGS) < done:
                continue
            told = np.ones(len(learned), bool) if attack.left_after is None else learned < attack.left_after
            scores = [tensor(tensors, f"attack.{number}.{repeat}.val") for repeat in range(len(attack.repeats))]
            for part in scores:
                check_probabilities(part, int(np.count_nonzero(told)), classes, attack.name, "val")
            proba[attack.name] = [part[seen[told]] for part in scores]
        labels, identity = (np.asarray(tensor(tensors, f"val.{what}"))[seen] for what in ("labels", "identity"))
        weaker = outdone(gone, proba, labels, identity, learned[seen], classes, entry.protocol.unit)
        for name in gone:
            if name not in weaker:
                raise ValueError(f"{name} was left out of later folds, and its scores do not show that it is weaker")


def _competes(attack: AttackInfo) -> bool:
    return not (attack.combines or attack.external or attack.knowledge in ("in-loop", "ignorant"))
