"""MAAD-Face (Terhörst et al., "MAAD-Face", 2021): 47 attributes of the images of VGGFace2."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aiakit.contracts import Attribute
from aiakit.datasets.signs import by_sign
from aiakit.datasets.vggface2_texts import name_id
from aiakit.errors import InputError
from aiakit.storage.longtables import read_rows
from aiakit.storage.pickles import refuse_pickle
from aiakit.storage.text import counted

SIGNS = {"1": 1, "1.0": 1, "-1": -1, "-1.0": -1, "0": 0, "0.0": 0}  # 0 is undefined
AS_TEXT = "get MAAD-Face.csv, the same table as text"


def maad_attributes(path: Path, files: Sequence[str]) -> tuple[dict[str, Attribute], list[str]]:
    """The attributes of N images ``nXXXXXX/IMAGE.jpg``, and what is wrong with them.

    Raises InputError for a pickle, a missing column, a value other than 1, 0 and -1, or a table of other images.
    """
    refuse_pickle(path, AS_TEXT)
    head, rows = read_rows(path)
    file, person = head.position(("filename",), "the image"), head.position(("identity",), "the person")
    places = [place for place in range(len(head.columns)) if place not in (file, person)]
    row_of = {name_id(name): row for row, name in enumerate(files)}
    values = np.zeros((len(files), len(places)), np.int8)
    found = np.zeros(len(files), bool)
    for line, cells in rows:
        row = row_of.get(name_id(cells[file]))
        if row is None:  # of an image that is not here
            continue
        try:
            values[row] = [SIGNS[cells[place]] for place in places]
        except KeyError as error:
            raise InputError(f"{path}:{line} holds {error.args[0]!r}: expected 1, -1, or 0 for undefined") from None
        found[row] = True
    if not found.any():
        raise InputError(f"{path} names none of the {len(files)} images, {files[0]} for one: it is of other images")
    problems = []
    if not found.all():
        absent = (files[row] for row in np.flatnonzero(~found).tolist())
        problems.append(counted(int((~found).sum()), len(files), f"images have no row in {path.name}", absent))
    return by_sign([head.columns[place] for place in places], values), problems
