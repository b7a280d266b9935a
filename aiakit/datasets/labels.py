"""Categorical attributes from columns of text, by person or by file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from aiakit.contracts import MISSING, Attribute
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import Table
from aiakit.storage.text import LONGEST_NUMBER, NUMBER, about_unknown, cleaned, counted, plain_number, says_nothing

GENDER = ("gender", "sex", "male")  # what the default attribute may be called
MOST_CLASSES = 50  # a column with more distinct values is a measurement or a name, not a category
TRUTH = {"true": "1", "false": "0"}
SHOWN = 6  # groups of spellings that a note shows


def categorical(cells: Sequence[str]) -> Attribute:
    """The classes are the sorted distinct values; cells that say nothing are MISSING.

    Values that differ in their Unicode form, in spaces, in capitals or in the way a number is written (1, 1.0, True)
    are one class, called as it is written most often. ``about_classes`` says which.
    """
    by_value = _spellings(cells)
    called = {value: max(sorted(written), key=written.__getitem__) for value, written in by_value.items()}
    classes = tuple(sorted(called.values()))
    code_of = {name: code for code, name in enumerate(classes)}
    codes = {cell: code_of[called[value]] for cell in dict.fromkeys(cells) if (value := _value(cell)) in called}
    return Attribute(np.array([codes.get(cell, MISSING) for cell in cells], np.int64), classes)


def about_classes(name: str, cells: Sequence[str]) -> list[str]:
    """Notes on how the values of a column are written: what was taken for one value or for none, what may be one."""
    spellings = _spellings(cells)
    merged = [
        " and ".join(repr(each) for each in sorted(written)) for written in spellings.values() if len(written) > 1
    ]
    notes = []
    if merged:
        notes.append(f"{name}: taken for one value each: {_listed(merged)}")
    initials = [
        f"{short!r} and {long!r}"
        for short in spellings
        for long in spellings
        if len(short) == 1 and short.isalpha() and len(long) > 1 and long.startswith(short)
    ]
    if initials and len(spellings) <= MOST_CLASSES:
        notes.append(f"{name}: may be one value, and are not taken for one: {_listed(initials)}")
    if suspects := _may_be_unknown(spellings):
        notes.append(
            f"{name} is {' or '.join(sorted(spellings))}, {len(spellings)} classes: where {' or '.join(suspects)} "
            "means that nothing is known, leave it empty"
        )
    return notes + about_unknown(name, (cell for cell in dict.fromkeys(cells) if not _value(cell)))


def _may_be_unknown(values: Iterable[str]) -> list[str]:
    """The few values among three classes and more that may stand for what is not known.

    These are numbers among words, what is negative among whole numbers from 0 on, -1, 0 and 1 (where it is 0), and the
    nines of questionnaires, unless they go on from the other numbers.
    """
    distinct = set(values)
    numbers = {value for value in distinct if NUMBER.fullmatch(value)}
    if not 3 <= len(distinct) <= MOST_CLASSES or not numbers:
        return []
    if len(numbers) < len(distinct):
        return sorted(numbers) if len(numbers) == 1 else []
    if distinct == {"-1", "0", "1"}:
        return ["-1", "0"]
    whole = {int(value) for value in numbers if value.lstrip("+-").isdecimal() and len(value) <= LONGEST_NUMBER}
    negative = [each for each in whole if each < 0]
    nines = [each for each in whole if each == max(whole) and set(str(each)) == {"9"} and each - 1 not in whole]
    return [str(each) for each in [*(negative if len(negative) == 1 else []), *nines]]


def _listed(parts: Sequence[str]) -> str:
    return "; ".join(parts[:SHOWN]) + ("; …" if len(parts) > SHOWN else "")


def _value(cell: str) -> str:
    """What a cell says, in one form; "" where nothing."""
    text = plain_number(cleaned(cell), zeros=True).casefold()
    return "" if says_nothing(text) else TRUTH.get(text, text)


def _spellings(cells: Sequence[str]) -> dict[str, Counter[str]]:
    """Value → how it is written, and how often."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for cell, count in Counter(cells).items():
        if value := _value(cell):
            found[value][cleaned(cell)] += count
    return found


def default_attribute(attributes: Mapping[str, Attribute]) -> str:
    """The attribute that is gender under one of its usual names, else ""."""
    by_folded = {name.casefold(): name for name in attributes}
    return next((by_folded[name] for name in GENDER if name in by_folded), "")


def attributes_by_key(
    table: Table, key: int, keys: Sequence[str], what: str, skip: Sequence[int] = ()
) -> tuple[dict[str, Attribute], list[str], list[str]]:
    """Attributes of N images from the rows of a table.

    key : position of the column that holds a person's or file's name. keys : N, that name for each image.
    what : "people" or "images", for the notes. skip : positions of columns that are no attributes.

    Keys are matched in any form (``Keys``); those without a row, and those whose rows disagree, are MISSING.

    Returns the attributes, the problems and the remarks. Raises InputError for a table of others.
    """
    others = [position for position in range(len(table.columns)) if position not in (key, *skip)]
    rows: dict[str, tuple[str, ...]] = {}
    disputed: dict[tuple[str, int], None] = {}
    for _, cells in table.rows:
        earlier = rows.setdefault(cells[key], cells)
        disputed.update(
            {(cells[key], place): None for place in others if _value(earlier[place]) != _value(cells[place])}
        )
    wanted = dict.fromkeys(keys)
    offered = [name for name in rows if name]
    matching = Keys(offered, table.path.name).match(list(wanted))
    row_of = {name: offered[place] for name, place in zip(wanted, matching.places, strict=True) if place >= 0}
    problems, remarks = list[str](), list(matching.notes)
    if wanted and not row_of:
        raise InputError(
            f"{table.path} names none of the {len(wanted)} {what}, {next(iter(wanted))} for one, in whatever form: its "
            f"column {table.columns[key]} has {', '.join(offered[:3]) or 'nothing'}{', …' if len(offered) > 3 else ''}"
        )
    unlabelled = [name for name in wanted if name not in row_of]
    if unlabelled:
        problems.append(counted(len(unlabelled), len(wanted), f"{what} have no row in {table.path.name}", unlabelled))
    if disputed:
        names = dict.fromkeys(name for name, _ in disputed)
        problems.append(counted(len(names), len(wanted), f"{what} have rows in {table.path.name} that disagree", names))
    attributes: dict[str, Attribute] = {}
    for place in others:
        name = table.columns[place]
        cell_of = {who: "" if (row, place) in disputed else rows[row][place] for who, row in row_of.items()}
        texts = [cell_of.get(who, "") for who in keys]
        attribute = categorical(texts)
        if len(attribute.classes) > MOST_CLASSES:
            count = len(attribute.classes)
            remarks.append(f"column {name} has {count} distinct values: not categorical, left out")
        elif attribute.classes:
            attributes[name] = attribute
            remarks += about_classes(name, texts)
    return attributes, problems, remarks
