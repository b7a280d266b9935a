"""UTKFace (Zhang et al., "Age progression/regression by conditional adversarial autoencoder", 2017), cropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attribute, FaceSet, LoadSettings
from aiakit.datasets.listing import images_in, overlooked
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.text import counted

FOLDERS = (".", "UTKFace", "utkface_aligned_cropped/UTKFace", "crop_part1")
# [age]_[gender]_[race]_[date and time].jpg, or .jpg.chip.jpg of the crops
NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])_(?P<race>[0-4])_\d+\s*(\.jpg)?(\.chip)?\.[a-z]+", re.IGNORECASE)
GENDER = ("male", "female")
RACE = ("White", "Black", "Asian", "Indian", "Other")
AGES = {0: "0-2", 3: "3-9", 10: "10-19", 20: "20-29", 30: "30-39", 40: "40-49", 50: "50-59", 60: "60-69", 70: "70+"}


@dataclass(eq=False)
class UTKFace(RawPhotographs):
    """Some 23,700 cropped faces with age (in FairFace's nine groups, and in years), gender and race in their names.

    Nobody says who is shown, so each image counts as a person of its own. Files whose names lack a field are left out.
    """

    summary: ClassVar[str] = "UTKFace, cropped: age, gender and race; without identities, so attacks only"

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces, with their age in years. Raises InputError as of all photographs."""
        faces = super().load(settings)
        return replace(faces, numbers={"age": _ages(faces.files)})

    def photographs(self, root: Path) -> Photographs:
        home, paths, misnamed = _named(root)
        problems = overlooked(home, (), pictures_in_root=True)
        if misnamed:
            total = len(paths) + len(misnamed)
            what = "images are not called [age]_[gender]_[race]_[date].jpg and are left out"
            problems.append(counted(len(misnamed), total, what, [path.name for path in misnamed]))
        return Photographs(
            name="utkface",
            files=[path.name for path in paths],
            paths=paths,
            people=None,
            attributes=_attributes([path.name for path in paths]),
            default_attribute="gender",
            problems=problems,
            identified=False,
        )


def _named(root: Path) -> tuple[Path, list[Path], list[Path]]:
    """The folder of the pictures, those whose names say what is known of them, and the others."""
    for home in (root / name for name in FOLDERS):
        paths = images_in(home) if home.is_dir() else []
        named = [path for path in paths if NAME.fullmatch(path.name)]
        if named:
            return home, named, [path for path in paths if not NAME.fullmatch(path.name)]
    raise InputError(f"{root} holds no picture called [age]_[gender]_[race]_[date].jpg: unpack UTKFace's crops there")


def _ages(names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([int(match["age"]) for name in names if (match := NAME.fullmatch(name))], np.float64)


def _attributes(names: Sequence[str]) -> dict[str, Attribute]:
    found = [match for name in names if (match := NAME.fullmatch(name))]
    codes = {key: np.array([int(match[key]) for match in found], np.int64) for key in ("age", "gender", "race")}
    groups = np.searchsorted(np.array(list(AGES)), codes["age"], side="right").astype(np.int64) - 1
    return {
        "age": Attribute(groups, tuple(AGES.values())),
        "gender": Attribute(codes["gender"], GENDER),
        "race": Attribute(codes["race"], RACE),
    }
