"""Balanced Faces in the Wild (Robinson et al., "Face Recognition: Too Bias, or Not Too Bias?", 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.contracts import Attribute
from aiakit.datasets.listing import grouped
from aiakit.datasets.official import read_official_pairs
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.pickles import ENDINGS, refuse_pickle
from aiakit.storage.tables import find_file

FOLDERS = (".", "bfw-cropped-aligned", "face-samples")
ETHNICITY = ("asian", "black", "indian", "white")
GENDER = ("female", "male")
GROUPS = {
    f"{ethnicity}_{gender}s": (ethnicity_code, gender_code)
    for ethnicity_code, ethnicity in enumerate(ETHNICITY)
    for gender_code, gender in enumerate(GENDER)
}
INSTEAD = "write it as CSV with the columns left, right (paths), same (1 or 0) and fold"


@dataclass(eq=False)
class BFW(RawPhotographs):
    """20,000 photographs of 800 people of VGGFace2, 100 of each of eight groups: gender and ethnicity by folder.

    pairs : a CSV of verification pairs, left,right,same,fold. The table that comes with BFW is a pickle, which is not
        read.
    """

    summary: ClassVar[str] = "Balanced Faces in the Wild: gender and ethnicity by folder"

    pairs: str | None = None

    def photographs(self, root: Path) -> Photographs:
        home = next((root / name for name in FOLDERS if any((root / name / of).is_dir() for of in GROUPS)), root)
        paths, groups, problems = grouped(home, list(GROUPS))
        if not paths:
            raise InputError(f"{root} holds no {next(iter(GROUPS))}/n000009/0010_01.jpg: unpack BFW there")
        files = [path.relative_to(home).as_posix() for path in paths]
        codes = np.array([GROUPS[group] for group in groups], np.int64)
        pairs, remarks = None, list[str]()
        if self.pairs is not None:
            table = find_file([root, Path()], [str(Path(self.pairs).expanduser())], "give the CSV of pairs (pairs)")
            refuse_pickle(table, INSTEAD)
            pairs = read_official_pairs(table, files, len(files))
        elif found := sorted(path.name for path in root.iterdir() if path.suffix.lower() in ENDINGS):
            remarks.append(f"{found[0]} is a pickle and was not read: no official pairs; {INSTEAD} (bfw.pairs=FILE)")
        return Photographs(
            name="bfw",
            files=files,
            paths=paths,
            people=[path.parent.name for path in paths],
            attributes={"gender": Attribute(codes[:, 1], GENDER), "ethnicity": Attribute(codes[:, 0], ETHNICITY)},
            default_attribute="gender",
            pairs=pairs,
            problems=problems,
            remarks=remarks,
        )
