"""VGGFace2 (Cao et al., "VGGFace2: A dataset for recognising faces across pose and age", 2018) as it is distributed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from aiakit.contracts import Dataset, FaceSet, LoadSettings
from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.listing import grouped
from aiakit.datasets.maad import maad_attributes
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.vggface2_texts import TEXTS, read_boxes, read_people
from aiakit.errors import InputError
from aiakit.storage.tables import find_file, require_root
from aiakit.storage.text import counted

FOLDERS = (".", "data", "VGG-Face2/data", "VGG-Face2")  # where train/ and test/ may lie
PARTS = ("train", "test")
MAAD = ("MAAD-Face.csv", "MAAD_Face.csv", "MAAD-Face.pkl", "MAAD_Face.pkl")


class VGGFace2(Dataset):
    """3.3 million photographs of 9,131 people, 8,631 to train and 500 to test; gender from ``identity_meta.csv``.

    MAAD-Face's 47 attributes are added where its CSV lies beside. Faces are cropped by ``bb_landmark/loose_bb_*.csv``;
    without them the middle of each picture is taken.

    part : "both", "train" or "test". images_per_person : at most so many, evenly spread over their names; 0 for all.
    maad : the CSV of MAAD-Face; default ``ROOT/MAAD-Face.csv``.
    """

    needs_root: ClassVar[bool] = True
    summary: ClassVar[str] = "VGGFace2: cropped by its boxes, gender, MAAD-Face's 47 attributes, official partition"

    def __init__(
        self,
        root: str = "",
        part: Literal["both", "train", "test"] = "both",
        images_per_person: Annotated[int, Field(ge=0)] = 0,
        maad: str | None = None,
    ) -> None:
        self.root = root
        self.part = part
        self.images_per_person = images_per_person
        self.maad = maad

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing or malformed files."""
        root = require_root(self.root)
        table = read_people(find_file([root / name for name in TEXTS], ["identity_meta.csv"], "gender comes from it"))
        paths, side, problems = self._images(root)
        files = [f"{path.parent.name}/{path.name}" for path in paths]
        boxes, remarks = read_boxes(root, sorted(set(side)), files)
        if boxes is not None and (unboxed := np.isnan(boxes[:, 0])).any():
            absent = [files[row] for row in np.flatnonzero(unboxed)]
            problems.append(counted(len(absent), len(files), "images have no box and are left out", absent))
            kept = np.flatnonzero(~unboxed)
            boxes, paths, side = boxes[kept], [paths[row] for row in kept], [side[row] for row in kept]
            files = [files[row] for row in kept]
        people = [path.parent.name for path in paths]
        attributes, found, notes = attributes_by_key(table, 0, people, "people")
        maad = self._maad(root)
        if maad is not None:
            more, unlabelled = maad_attributes(maad, files)
            attributes, found = {**more, **attributes}, [*found, *unlabelled]
        photographs = Photographs(
            name="vggface2",
            files=files,
            paths=paths,
            people=people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            boxes=boxes,
            partition=np.array(side) if len(set(side)) > 1 else None,
            problems=[*found, *problems],
            remarks=[*notes, *remarks],
        )
        return photographs.face_set(settings)

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
