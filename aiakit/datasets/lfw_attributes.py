"""``lfw_attributes.txt`` (Kumar et al., "Attribute and simile classifiers for face verification", 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aiakit.contracts import Attribute
from aiakit.datasets.lfw_pairs import lfw_file
from aiakit.datasets.signs import by_sign
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import read_lines
from aiakit.storage.text import counted

FIRST = ["person", "imagenum"]  # columns, before those of the attributes


def lfw_attributes(path: Path, files: Sequence[str]) -> tuple[dict[str, Attribute], list[str]]:
    """The attributes of N images, by the signs of the classifiers' scores, and remarks.

    The file holds a comment, ``# person imagenum Male Asian …``, and a line for each image, all separated by tabs. The
    published one lacks some of LFW's images: of those nothing is known.

    Raises InputError for a malformed file, or one of other images.
    """
    lines = [(number, line.split("\t")) for number, line in enumerate(read_lines(path), start=1) if line]
    while lines and [word.strip("# ") for word in lines[0][1] if word.strip("# ")][:2] != FIRST:
        if not lines[0][1][0].startswith("#"):
            raise InputError(f"{path}:{lines[0][0]} must be '# person imagenum …', separated by tabs, before any row")
        del lines[0]
    names = [word.strip("# ") for word in lines.pop(0)[1] if word.strip("# ")][2:] if lines else []
    if not names or not lines:
        raise InputError(f"{path} is empty: expected '# person imagenum Male …' and a line for each image")
    rows: dict[str, tuple[int, list[float]]] = {}
    for number, words in lines:
        file = lfw_file(words[0], words[1]) if len(words) == len(names) + 2 else ""
        try:
            scores = [float(word) for word in words[2:]] if file else []
        except ValueError:
            scores = []
        if len(scores) != len(names):
            raise InputError(f"{path}:{number} must be a person, a number and {len(names)} scores, separated by tabs")
        if file in rows:
            raise InputError(f"{path}:{number} lists {file} of line {rows[file][0]} again: get a whole copy")
        rows[file] = number, scores
    matching = Keys(list(rows), path.name).match(files)
    unknown = np.flatnonzero(matching.places < 0)
    if len(unknown) == len(files):
        raise InputError(f"{path} names none of the {len(files)} images, {files[0]} for one: it is of other images")
    scored = np.array([scores for _, scores in rows.values()] + [[np.nan] * len(names)])
    remarks = list(matching.notes)
    if len(unknown):
        what = f"images have no line in {path.name}, and their values are not known"
        remarks.append(counted(len(unknown), len(files), what, (files[row] for row in unknown.tolist())))
    return by_sign(names, scored[matching.places]), remarks
