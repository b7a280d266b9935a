"""VGG Face (Parkhi et al., "Deep Face Recognition", 2015) as it is distributed, with gender from a CSV."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.listing import EXTENSIONS, images_in, overlooked, person_folders
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.tables import Table, find_file, read_csv, read_lines

TEXTS = ("files", "vgg_face_dataset/files", ".")  # where the text files are looked for
IMAGES = ("images", "vgg_face_dataset/images", "files", "vgg_face_dataset/files", ".")
GENDER = ("gender.csv", "genders.csv", "vgg_face_dataset/gender.csv")


@dataclass
class Listing:
    """Images so far: names, places, people and face boxes (left, top, right, bottom), row by row, and problems."""

    files: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    boxes: list[tuple[float, ...]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(eq=False)
class VGGFace1(RawPhotographs):
    """2,622 people; a text file each, and the images that could still be downloaded in ``PERSON/ID.jpg``.

    Each line of a text file is ``id url left top right bottom pose detection_score curation``. Without text files the
    folders alone are read, and the middle of each image is taken for the face.

    gender_csv : CSV with the columns name and gender; default ``ROOT/gender.csv``.
    curated : whether to take only the images whose curation is 1.
    """

    summary: ClassVar[str] = "VGG Face: cropped by its boxes, gender from a CSV name,gender"

    gender_csv: str | None = None
    curated: bool = False

    def photographs(self, root: Path) -> Photographs:
        wanted = GENDER if self.gender_csv is None else (str(Path(self.gender_csv).expanduser()),)
        table = read_csv(find_file([root, Path()], wanted, "give a CSV with the columns name,gender (gender_csv)"))
        listing = self._listing(root)
        name = table.position(("name", "person", "identity"), "the person")
        if table.find(("gender", "sex")) is None:
            table.position(("gender",), "the gender")
        table = Table(
            table.path,
            table.columns,
            tuple((line, (*cells[:name], _folded(cells[name]), *cells[name + 1 :])) for line, cells in table.rows),
        )
        keys = [_folded(person) for person in listing.people]
        attributes, problems, remarks = attributes_by_key(table, name, keys, "people")
        return Photographs(
            name="vggface1",
            files=listing.files,
            paths=listing.paths,
            people=listing.people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            boxes=np.array(listing.boxes) if listing.boxes else None,
            problems=[*problems, *listing.problems],
            remarks=remarks,
        )

    def _listing(self, root: Path) -> Listing:
        texts = next((found for name in TEXTS if (found := sorted((root / name).glob("*.txt")))), [])
        homes = [root / name for name in IMAGES if (root / name).is_dir()]
        listing = Listing()
        for text in texts:
            folder = next((home / text.stem for home in homes if (home / text.stem).is_dir()), homes[0] / text.stem)
            self._read(text, folder, listing)
        if not texts:
            home = next((home for home in homes if any(images_in(person) for person in person_folders(home))), None)
            if home is None:
                raise InputError(f"{root} holds neither text files of people nor PERSON/ID.jpg: unpack VGG Face there")
            listing.problems += overlooked(home, person_folders(home))
            for person in person_folders(home):
                for path in images_in(person):
                    listing.files.append(f"{person.name}/{path.name}")
                    listing.paths.append(path)
                    listing.people.append(person.name)
        if not listing.files:
            raise InputError(f"the text files in {texts[0].parent} list no images")
        return listing

    def _read(self, text: Path, folder: Path, listing: Listing) -> None:
        """Add the images that one person's text file lists."""
        lines: dict[str, int] = {}
        found = {path.stem: path for path in images_in(folder)} if folder.is_dir() else {}
        for number, line in enumerate(read_lines(text), start=1):
            if not line:
                continue
            words = line.split()
            try:
                *box, _, _, curation = (float(word) for word in words[-7:])
                if len(words) < 9 or len(box) != 4 or not np.isfinite(box).all():
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"{text}:{number} must be: id url left top right bottom pose detection_score curation"
                ) from None
            if lines.setdefault(words[0], number) != number:
                raise InputError(f"{text}:{number} lists the image {words[0]} of line {lines[words[0]]} again")
            if self.curated and curation != 1:
                continue
            path = found.get(words[0], folder / f"{words[0]}{EXTENSIONS[0]}")
            listing.files.append(f"{text.stem}/{path.name}")
            listing.paths.append(path)
            listing.people.append(text.stem)
            listing.boxes.append(tuple(box))


def _folded(name: str) -> str:
    """A person's name as the text files spell it: ``A.J. Buckley`` → ``A.J._Buckley``."""
    return "_".join(name.split())
