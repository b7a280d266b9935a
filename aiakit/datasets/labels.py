"""Categorical attributes from columns of text, by person or by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aiakit.contracts import MISSING, Attribute
from aiakit.datasets.photographs import counted
from aiakit.storage.tables import Table

GENDER = ("gender", "sex", "male")  # what the default attribute may be called
UNKNOWN = ("", "na", "n/a", "nan", "null", "none", "?")  # cells that say nothing
MOST_CLASSES = 50  # a column with more distinct values is a measurement or a name, not a category


def categorical(cells: Sequence[str]) -> Attribute:
    """The classes are the sorted distinct values; cells that say nothing are MISSING."""
    classes = tuple(sorted({cell for cell in cells if cell.casefold() not in UNKNOWN}))
    codes = {name: code for code, name in enumerate(classes)}
    return Attribute(np.array([codes.get(cell, MISSING) for cell in cells], np.int64), classes)


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

    Returns the attributes, the problems and the remarks. Keys without a row, and keys whose rows disagree, are MISSING.
    """
    others = [position for position in range(len(table.columns)) if position not in (key, *skip)]
    rows: dict[str, tuple[str, ...]] = {}
    disputed: dict[tuple[str, int], None] = {}
    for _, cells in table.rows:
        earlier = rows.setdefault(cells[key], cells)
        disputed.update({(cells[key], place): None for place in others if earlier[place] != cells[place]})
    wanted = dict.fromkeys(keys)
    problems = []
    unlabelled = [name for name in wanted if name not in rows]
    if unlabelled:
        problems.append(counted(len(unlabelled), len(wanted), f"{what} have no row in {table.path.name}", unlabelled))
    if disputed:
        names = dict.fromkeys(name for name, _ in disputed)
        problems.append(counted(len(names), len(wanted), f"{what} have rows in {table.path.name} that disagree", names))
    blank = ("",) * len(table.columns)
    attributes: dict[str, Attribute] = {}
    remarks = []
    for place in others:
        texts = ["" if (name, place) in disputed else rows.get(name, blank)[place] for name in keys]
        attribute = categorical(texts)
        if len(attribute.classes) > MOST_CLASSES:
            count = len(attribute.classes)
            remarks.append(f"column {table.columns[place]} has {count} distinct values: not categorical, left out")
        elif attribute.classes:
            attributes[table.columns[place]] = attribute
    return attributes, problems, remarks
