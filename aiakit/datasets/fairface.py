"""FairFace (Kärkkäinen and Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age", 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.keys import as_path
from aiakit.storage.paths import is_file
from aiakit.storage.tables import FILE, Table, read_csv

TABLES = {"fairface_label_train.csv": "train", "fairface_label_val.csv": "test"}  # → side of the partition
FOLDERS = (".", "FairFace", "fairface-img-margin025-trainval", "fairface-img-margin125-trainval")
NO_ATTRIBUTE = "service_test"  # whether commercial services were tested on an image


@dataclass(eq=False)
class FairFace(RawPhotographs):
    """108,501 faces, balanced by race: age in nine groups, gender, race in seven.

    Nobody says who is shown, so each image counts as a person of its own. The images of ``fairface_label_val.csv`` are
    the test, those of ``fairface_label_train.csv`` everything else.
    """

    summary: ClassVar[str] = "FairFace: age, gender and race, balanced; without identities, so attacks only"

    def photographs(self, root: Path) -> Photographs:
        table, side = _tables(root)
        column = table.position(FILE, "the image")
        table.position(("gender",), "the gender")
        files = [as_path(cells[column]) for _, cells in table.rows]
        home = next((home for name in FOLDERS if is_file((home := root / name) / files[0])), root)
        service = table.find((NO_ATTRIBUTE,))
        attributes, problems, remarks = attributes_by_key(
            table, column, files, "images", skip=[] if service is None else [service]
        )
        return Photographs(
            name="fairface",
            files=files,
            paths=[home / file for file in files],
            people=None,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            partition=np.array(side) if len(set(side)) > 1 else None,
            problems=problems,
            remarks=[*table.notes, *remarks],
            identified=False,
        )


def _tables(root: Path) -> tuple[Table, list[str]]:
    """The rows of both tables as one, and the side that each is of. Raises InputError where there is none."""
    found = [(read_csv(root / name), side) for name, side in TABLES.items() if (root / name).is_file()]
    if not found:
        raise InputError(f"there is no {' or '.join(TABLES)} in {root}: FairFace's labels come from them")
    first = found[0][0]
    lines: dict[str, str] = {}
    column = first.position(FILE, "the image")
    for table, _ in found:
        if table.columns != first.columns:
            raise InputError(f"{table.path} and {first.path} have different columns: get whole copies")
        for line, cells in table.rows:
            where = f"{table.path}:{line}"
            if lines.setdefault(cells[column], where) != where:
                raise InputError(f"{where} lists {cells[column]} again, after {lines[cells[column]]}: get a whole copy")
    rows = tuple(row for table, _ in found for row in table.rows)
    side = [side for table, side in found for _ in table.rows]
    return Table(first.path, first.columns, rows, first.notes), side
