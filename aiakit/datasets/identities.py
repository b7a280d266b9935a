"""Who is shown: one person under one name, and nobody under a word that says nothing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from aiakit.storage.text import about_unknown, cleaned, counted, is_inexact, loose, plain_number, says_nothing

NOBODY = "-1"  # what detectors and clusterings write for a face of nobody


def people_of(cells: Sequence[str], what: str = "rows") -> tuple[list[str], list[str]]:
    """N names, "" where nobody is known, and notes.

    Texts that differ in their Unicode form, in invisible characters or in the way a number is written (7 and 7.0) are
    one person. Those that differ in capitals, spaces or leading zeros stay apart, which a note says.

    what : what the cells are of, in the notes.
    """
    said = {cell: _person(cell) for cell in dict.fromkeys(cells)}
    names = [said[cell] for cell in cells]
    notes = []
    unknown = sum(not name for name in names)
    if unknown:
        notes.append(f"{unknown} of {len(cells)} {what} have no identity and are left out")
    notes += about_unknown("the identity", (cell for cell, name in said.items() if not name))
    return names, notes + _several_forms(said) + _alike(set(said.values()) - {""})


def _person(cell: str) -> str:
    text = cleaned(cell)
    name = plain_number(text)
    return "" if says_nothing(name) or name == NOBODY or is_inexact(text) else name


def _several_forms(said: Mapping[str, str]) -> list[str]:
    forms: dict[str, list[str]] = defaultdict(list)
    for cell, name in said.items():
        if name:
            forms[name].append(cell)
    several = [name for name, cells in forms.items() if len(cells) > 1]
    what = "people are written in several forms of one text (Unicode forms, invisible characters, 7.0 for 7)"
    return [counted(len(several), len(forms), f"{what} and are one person each", several)] if several else []


def _alike(names: Iterable[str]) -> list[str]:
    """People who may be one: whose names differ in capitals, spaces or leading zeros only.

    A space between two digits tells numbers apart: ``p1 1`` is not ``p11``.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[re.sub(r"(?<!\d) | (?!\d)", "", loose(name))].append(name)
    alike = [sorted(group) for group in groups.values() if len(group) > 1]
    if not alike:
        return []
    what = (
        "people differ from another in capitals, spaces or leading zeros only and were taken for different people; "
        "where they are one, that person may be in training and in test"
    )
    named = (" and ".join(group) for group in sorted(alike))
    return [counted(sum(map(len, alike)), sum(map(len, groups.values())), what, named)]
