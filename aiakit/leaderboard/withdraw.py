"""Entries and external attacks that are taken back, or spoken against. That they were, when and why, stays there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from aiakit.errors import InputError
from aiakit.experiment.config import Record
from aiakit.leaderboard.entry import read_record, read_submission
from aiakit.leaderboard.schema import Entry, Flag, Withdrawn, WithdrawnAttack
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import remove_files, rewrite, write_entry
from aiakit.storage.documents import writing

R = TypeVar("R", bound=Record)


def withdraw_entry(path: Path, reason: str) -> Path:
    """Put a record of the withdrawal in the place of an entry, and remove its scores and its release.

    Raises InputError where it is no entry, or cannot be written to.
    """
    entry = read_record(path)
    if not isinstance(entry, Entry):
        raise InputError(f"{path} is no entry that could be withdrawn: its kind is {entry.kind}")
    left = _record(
        Withdrawn,
        reason,
        name=entry.name,
        release=entry.release,
        dataset=entry.protocol.dataset,
        attribute=entry.protocol.attribute,
    )
    with writing(path.parent):
        target = write_entry(left, path.parent)
        if target != path:
            path.unlink()
        remove_files(path.parent, entry)
    return target


def flag_entry(path: Path, reason: str) -> Path:
    """Say what speaks against an entry, which keeps its scores and its rank; "" takes that back.

    Raises InputError where it is no entry, or cannot be written to.
    """
    entry = read_record(path)
    if not isinstance(entry, Entry):
        raise InputError(f"{path} is no entry that could be flagged: its kind is {entry.kind}")
    flag = _record(Flag, reason) if reason else None
    with writing(path.parent):
        return write_entry(entry.model_copy(update={"flag": flag}), path.parent)


def withdraw_attack(path: Path, name: str, reason: str) -> Path:
    """Take the scores of an external attack out of an entry, whose figures then no longer count it.

    The attacks of the run stay: without one of them a release would look more private than it was measured to be.
    Raises InputError where the entry is not sound or has no such external attack.
    """
    submission = read_submission(path)
    verified(submission)
    entry = submission.entry
    gone = next((number for number, attack in enumerate(entry.attacks) if attack.name == name), None)
    if gone is None or not entry.attacks[gone].external:
        external = [attack.name for attack in entry.attacks if attack.external]
        why = "has no attack of that name" if gone is None else "was probed with it, and only external ones can go"
        raise InputError(
            f"{name} cannot be withdrawn from {path}: it {why} (external: {', '.join(external) or 'none'})"
        )
    tensors = {}
    for key, scores in submission.tensors.items():
        kind, _, rest = key.partition(".")
        number, _, where = rest.partition(".")
        if kind != "attack":
            tensors[key] = scores
        elif int(number) != gone:
            tensors[f"attack.{int(number) - (int(number) > gone)}.{where}"] = scores
    attacks = tuple(attack for number, attack in enumerate(entry.attacks) if number != gone)
    withdrawn = (*entry.withdrawn, _record(WithdrawnAttack, reason, name=name))
    return rewrite(submission, tensors, attacks=attacks, withdrawn=withdrawn)


def _record(kind: type[R], reason: str, **fields: Any) -> R:
    fields |= {"date": datetime.now(UTC).date().isoformat(), "reason": reason}
    try:
        return kind(**fields)
    except ValidationError as error:
        raise InputError(f"--reason cannot be used: {error.errors(include_url=False)[0]['msg']}") from None
