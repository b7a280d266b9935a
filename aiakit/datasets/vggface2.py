"""VGGFace2 (Cao et al., "VGGFace2: A dataset for recognising faces across pose and age", 2018) as it is distributed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.listing import grouped
from aiakit.datasets.maad import maad_attributes
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.datasets.vggface2_texts import BOXES, LANDMARKS, TEXTS, read_boxes, read_landmarks, read_people
from aiakit.errors import InputError
from aiakit.storage.tables import find_file
from aiakit.storage.text import counted

FOLDERS = (".", "data", "VGG-Face2/data", "VGG-Face2")  # where train/ and test/ may lie
PARTS = ("train", "test")
NO_BOXES = f"there is no {BOXES}: the middle of each picture was taken"
MAAD = ("MAAD-Face.csv", "MAAD_Face.csv", "MAAD-Face.pkl", "MAAD_Face.pkl")


@dataclass(eq=False)
class VGGFace2(RawPhotographs):
    """3.3 million photographs of 9,131 people, 8,631 to train and 500 to test; gender from ``identity_meta.csv``.

    MAAD-Face's 47 attributes are added where its CSV lies beside. Faces are cropped by ``bb_landmark/loose_bb_*.csv``;
    without them the middle of each picture is taken. align=landmarks takes ``bb_landmark/loose_landmark_*.csv``.

    part : "both", "train" or "test". images_per_person : at most so many, evenly spread over their names; 0 for all.
    maad : the CSV of MAAD-Face; default ``ROOT/MAAD-Face.csv``.
    """

    summary: ClassVar[str] = "VGGFace2: cropped by its boxes, gender, MAAD-Face's 47 attributes, official partition"
    landmarks_in: ClassVar[str] = LANDMARKS

    part: Literal["both", "train", "test"] = "both"
    images_per_person: Annotated[int, Field(ge=0)] = 0
    maad: str | None = None

    def photographs(self, root: Path) -> Photographs:
        table = read_people(find_file([root / name for name in TEXTS], ["identity_meta.csv"], "gender comes from it"))
        paths, side, problems = self._images(root)
        files = [f"{path.parent.name}/{path.name}" for path in paths]
        parts = sorted(set(side))
        by_landmarks = self.align == "landmarks"
        places = (read_landmarks if by_landmarks else read_boxes)(root, parts, files)
        if places is not None and (unknown := np.isnan(places[:, 0])).any():
            absent = [files[row] for row in np.flatnonzero(unknown)]
            what = f"images have no {'landmarks' if by_landmarks else 'box'} and are left out"
            problems.append(counted(len(absent), len(files), what, absent))
            kept = np.flatnonzero(~unknown)
            places, paths, side = places[kept], [paths[row] for row in kept], [side[row] for row in kept]
            files = [files[row] for row in kept]
        people = [path.parent.name for path in paths]
        attributes, found, notes = attributes_by_key(table, 0, people, "people")
        maad = self._maad(root)
        if maad is not None:
            more, unlabelled = maad_attributes(maad, files)
            attributes, found = {**more, **attributes}, [*found, *unlabelled]
        return Photographs(
            name="vggface2",
            files=files,
            paths=paths,
            people=people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            boxes=None if by_landmarks else places,
            landmarks=places if by_landmarks else None,
            partition=np.array(side) if len(set(side)) > 1 else None,
            problems=[*found, *problems],
            remarks=[*notes, *([NO_BOXES] if places is None and self.align == "none" else [])],
        )

    def _images(self, root: Path) -> tuple[list[Path], list[str], list[str]]:
        """The images, the part that each is of, and what is not read."""
        wanted = PARTS if self.part == "both" else (self.part,)
        home = next((root / name for name in FOLDERS if any((root / name / part).is_dir() for part in wanted)), root)
        paths, side, problems = grouped(home, wanted, self.images_per_person)
        if not paths:
            raise InputError(f"{root} holds no {' or '.join(wanted)}/n000001/0001_01.jpg: unpack VGGFace2 there")
        return paths, side, problems

    def _maad(self, root: Path) -> Path | None:
        if self.maad is not None:
            return find_file([root, Path()], [str(Path(self.maad).expanduser())], "give the CSV of MAAD-Face (maad)")
        return next((root / name for name in MAAD if (root / name).is_file()), None)
