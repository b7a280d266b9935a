"""Data sets of photographs as they were taken: what they share is whether a face is sought in each, and how."""

# Annotations here are no texts: those of the data sets that inherit them would be looked up in their own modules.

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from aiakit.contracts import Dataset, FaceSet, LoadSettings
from aiakit.datasets.alignment import Alignment
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.tables import require_root


@dataclass(eq=False)
class RawPhotographs(Dataset):
    """A folder of photographs. A data set of them is a dataclass of this kind, with options of its own.

    align : "face" seeks the face in each photograph and turns it upright (extra judges), about the box that the data
        set gives of it, where it gives one; "landmarks" turns it by five landmarks that the data set gives, and needs
        no detector; "none" takes the box, else the central square.
    margin : the part of a crop's side, on each side, that lies outside the face. smallest_face : the least width of a
        face that is sought, as a part of the photograph's shorter side. See ``Alignment``.
    """

    needs_root: ClassVar[bool] = True
    landmarks_in: ClassVar[str] = ""  # the file that gives landmarks

    root: str = ""
    align: Literal["none", "face", "landmarks"] = field(default="none", kw_only=True)
    margin: Annotated[float, Field(ge=0, le=0.4)] = field(default=Alignment.margin, kw_only=True)
    smallest_face: Annotated[float, Field(ge=0.05, le=0.9)] = field(default=Alignment.smallest, kw_only=True)

    @abstractmethod
    def photographs(self, root: Path) -> Photographs:
        """What lies in the folder. Raises InputError for missing or malformed files."""

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing or malformed files, no images, or no way to align them."""
        root = require_root(self.root)
        alignment = self.alignment()
        found = self.photographs(root)
        option = f"{found.name}.align={self.align}"
        if alignment is not None and not alignment.given:
            alignment.require(option)
        elif alignment is not None and found.landmarks is None:
            lacking = f"there is no {self.landmarks_in}" if self.landmarks_in else "this data set gives none"
            raise InputError(f"{option} needs landmarks, and {lacking}: align=face seeks the faces")
        return replace(found, alignment=alignment).face_set(settings)

    def alignment(self) -> Alignment | None:
        """How faces are aligned; None where they are taken as they are. Raises InputError for other ways' options."""
        asked = Alignment(self.margin, self.smallest_face, given=self.align == "landmarks")
        if self.align == "none" and asked != Alignment():
            raise InputError("margin and smallest_face are of align=face (and landmarks): set that as well")
        if self.align == "landmarks" and self.smallest_face != Alignment.smallest:
            raise InputError("smallest_face is of align=face: no face is sought with align=landmarks")
        return None if self.align == "none" else asked
