"""Racial Faces in the Wild (Wang et al., 2019): four groups of people, with pairs of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.contracts import Attribute, IntArray, OfficialPairs
from aiakit.datasets.lfw_pairs import paired_rows
from aiakit.datasets.listing import grouped
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.tables import read_lines
from aiakit.storage.text import counted

FOLDERS = ("data", "test/data", "test_aligned/data", ".")
TEXTS = ("txts", "test/txts")
GROUPS = ("African", "Asian", "Caucasian", "Indian")
FOLDS = 10  # of each group's pairs, one after another


@dataclass(eq=False)
class RFW(RawPhotographs):
    """Some 40,000 photographs of 11,400 people; ``ethnicity`` by folder, and 6,000 pairs of each group.

    A person is who has the name of a folder: a few lie in the folders of two groups.
    """

    summary: ClassVar[str] = "Racial Faces in the Wild: ethnicity by folder, official pairs"

    def photographs(self, root: Path) -> Photographs:
        home = next((root / name for name in FOLDERS if any((root / name / of).is_dir() for of in GROUPS)), root)
        paths, groups, problems = grouped(home, GROUPS)
        if not paths:
            raise InputError(f"{root} holds no data/{GROUPS[0]}/ID/ID_0001.jpg: unpack RFW there")
        people = [path.parent.name for path in paths]
        shown: dict[str, set[str]] = {}
        for person, group in zip(people, groups, strict=True):
            shown.setdefault(person, set()).add(group)
        several = [person for person, found in shown.items() if len(found) > 1]
        if several:
            problems.append(counted(len(several), len(shown), "people lie in the folders of two groups", several))
        pairs, remarks = _pairs(root, paths, np.array([GROUPS.index(group) for group in groups]))
        return Photographs(
            name="rfw",
            files=[path.relative_to(home).as_posix() for path in paths],
            paths=paths,
            people=people,
            attributes={"ethnicity": Attribute(np.array([GROUPS.index(group) for group in groups], np.int64), GROUPS)},
            pairs=pairs,
            problems=problems,
            remarks=remarks,
        )


def _pairs(root: Path, paths: Sequence[Path], groups: IntArray) -> tuple[OfficialPairs | None, list[str]]:
    """The pairs of all groups, each list in ten folds as it stands, and a remark on groups without a list."""
    parts, without = list[OfficialPairs](), list[str]()
    for code, group in enumerate(GROUPS):
        rows = np.flatnonzero(groups == code)
        places = (root / name / group / f"{group}_pairs.txt" for name in TEXTS)
        path = next((place for place in places if place.is_file()), None)
        if path is None or not len(rows):
            without += [group] if len(rows) else []
            continue
        left, right, same = paired_rows(path, read_lines(path), [paths[row].name for row in rows.tolist()])
        fold = np.arange(len(same)) * FOLDS // max(len(same), 1)
        parts.append(OfficialPairs(rows[left], rows[right], same, fold))
    remarks = [f"there is no GROUP_pairs.txt of {', '.join(without)}: no official pairs of theirs"] if without else []
    if not parts:
        return None, remarks
    fields = ([getattr(part, name) for part in parts] for name in ("left", "right", "same", "fold"))
    return OfficialPairs(*(np.concatenate(field) for field in fields)), remarks
