"""What a detector of faces found in the photographs of a data set, and the table that says it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from aiakit.contracts import FaceSet
from aiakit.errors import InputError

COLUMNS = ("path", "faces", "left", "top", "right", "bottom")


@dataclass(frozen=True)
class Detection:
    """What was found in a photograph. file : as in FaceSet. path : where it is. faces : how many that are large enough.

    box : (left, top, right, bottom) of the one that was taken, in pixels of the photograph upright; None without any.
    """

    file: str
    path: Path
    faces: int
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class SoughtFaceSet(FaceSet):
    """Images of faces that were sought in photographs.

    detections : of each photograph that could be read, also of those that are left out since they show no face.
    """

    detections: tuple[Detection, ...] = ()

    @classmethod
    def of(cls, faces: FaceSet, detections: Sequence[Detection]) -> SoughtFaceSet:
        """The same faces, with what was found."""
        held = {field.name: getattr(faces, field.name) for field in fields(FaceSet)}
        return cls(**held, detections=tuple(detections))


def save_detections(faces: FaceSet, path: Path) -> None:
    """Write a CSV, one photograph a row: ``COLUMNS``, the box empty where no face was found.

    Raises InputError where no face was sought, or the file cannot be written.
    """
    if not isinstance(faces, SoughtFaceSet):
        raise InputError(
            f"no faces are sought in {faces.name}, so there is nothing to list: data sets of photographs seek them "
            "with align=face"
        )
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([each.file, each.faces, *(each.box or ("",) * 4)] for each in faces.detections)
    try:
        path.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise InputError(f"cannot write the table of faces {path}: {error.strerror or error}") from error
