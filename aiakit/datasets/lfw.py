"""Labeled Faces in the Wild in its own layout, with the verified gender lists and the official pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.contracts import MISSING, Attribute, Dataset, FaceSet, IntArray, LoadSettings
from aiakit.datasets.labels import default_attribute
from aiakit.datasets.lfw_attributes import lfw_attributes
from aiakit.datasets.lfw_pairs import PAIRS, read_pairs
from aiakit.datasets.listing import images_in, overlooked, person_folders
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.keys import Keys
from aiakit.storage.tables import find_file, read_lines, require_root
from aiakit.storage.text import counted

FOLDERS = ("lfw-deepfunneled", "lfw_funneled", "lfw", "lfw-deepfunneled/lfw-deepfunneled")
FACE = (60.0, 60.0, 190.0, 190.0)  # what a face fills of the 250×250 pixels
LISTS = {"female": "female_names.txt", "male": "male_names.txt"}
ATTRIBUTES = "lfw_attributes.txt"


class LFW(Dataset):
    """13,233 photographs of 5,749 people.

    Gender comes from ``female_names.txt`` and ``male_names.txt``, one image a line. An image in both or in neither has
    no label. ``pairs.txt`` gives the ten-fold protocol.

    attributes : ``lfw_attributes.txt``, which adds 73 attributes by the signs of classifiers' scores; default
        ``ROOT/lfw_attributes.txt``, where it is there. With it the lists of names may be missing.
    """

    needs_root: ClassVar[bool] = True
    face_box = ((250, 250), FACE)
    summary: ClassVar[str] = "Labeled Faces in the Wild: gender from its name lists, official pairs, 73 more attributes"

    def __init__(self, root: str = "", attributes: str | None = None) -> None:
        self.root = root
        self.attributes = attributes

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing or malformed files."""
        root = require_root(self.root)
        home, paths = _photographs(root)
        files = [path.name for path in paths]
        people = [path.parent.name for path in paths]
        attributes, problems, notes = self._attributes(root, files, people)
        photographs = Photographs(
            name="lfw",
            files=files,
            paths=paths,
            people=people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            boxes=FACE,
            pairs=read_pairs(root / PAIRS, files) if (root / PAIRS).exists() else None,
            problems=[*problems, *overlooked(home, person_folders(home))],
            remarks=notes if (root / PAIRS).exists() else [*notes, f"there is no {PAIRS}: no official ten folds"],
        )
        return photographs.face_set(settings)

    def _attributes(
        self, root: Path, files: Sequence[str], people: Sequence[str]
    ) -> tuple[dict[str, Attribute], list[str], list[str]]:
        """Gender from the lists and what the file of attributes adds; what is wrong with them, and remarks."""
        path = root / ATTRIBUTES if (root / ATTRIBUTES).is_file() else None
        if self.attributes is not None:
            path = find_file([root, Path()], [str(Path(self.attributes).expanduser())], "give lfw_attributes.txt")
        scored, remarks = ({}, []) if path is None else lfw_attributes(path, files)
        if scored and not any((root / file).is_file() for file in LISTS.values()):
            return scored, [], remarks
        gender, problems, notes = _gender(root, files, people)
        return {"gender": Attribute(gender, tuple(LISTS)), **scored}, problems, [*notes, *remarks]


def _photographs(root: Path) -> tuple[Path, list[Path]]:
    """The folder of people's folders, and the images in them."""
    for folder in (*(root / name for name in FOLDERS), root):
        if folder.is_dir():
            paths = [image for person in person_folders(folder) for image in images_in(person)]
            if paths:
                return folder, paths
    raise InputError(f"{root} holds no {FOLDERS[0]}/NAME/NAME_0001.jpg: unpack LFW there, or point --data-root at it")


def _gender(root: Path, files: Sequence[str], people: Sequence[str]) -> tuple[IntArray, list[str], list[str]]:
    """(N,) codes of LISTS, what is wrong with them, and remarks."""
    listed: dict[str, set[str]] = {}
    notes: list[str] = []
    for name, file in LISTS.items():
        lines = read_lines(find_file([root], [file], "LFW's gender comes from it"))
        matching = Keys(list(dict.fromkeys(line for line in lines if line)), file).match(files)
        listed[name] = {file for file, place in zip(files, matching.places, strict=True) if place >= 0}
        notes += matching.notes
    values = np.full(len(files), MISSING)
    in_both: list[str] = []
    in_neither: list[str] = []
    for row, file in enumerate(files):
        codes = [code for code, name in enumerate(LISTS) if file in listed[name]]
        if len(codes) == 1:
            values[row] = codes[0]
        else:
            (in_both if codes else in_neither).append(file)
    problems = []
    if in_both:
        problems.append(counted(len(in_both), len(files), "images are in both gender lists and get no label", in_both))
    if in_neither:
        what = "images are in neither gender list and get no label"
        problems.append(counted(len(in_neither), len(files), what, in_neither))
    codes_of: dict[str, set[int]] = {}
    for name, code in zip(people, values.tolist(), strict=True):
        codes_of.setdefault(name, set()).add(code)
    mixed = [name for name, codes in codes_of.items() if len(codes - {MISSING}) > 1]
    if mixed:
        problems.append(counted(len(mixed), len(codes_of), "people are female in one image and male in another", mixed))
    return values, problems, notes
