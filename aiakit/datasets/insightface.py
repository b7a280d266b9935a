"""Record files of insightface: aligned faces of many people, as recognisers are trained on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from aiakit.contracts import Dataset, FaceSet, LoadSettings
from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.listing import spread
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.records import Records
from aiakit.storage.tables import find_file, read_csv, require_root

INDEX = "train.idx"
LABEL = ("label", "identity", "person", "id", "class")  # what the column of people may be called
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"BM", b"GIF8")  # how pictures that are read begin


class InsightFace(Dataset):
    """The pictures of ``train.rec``; a person is a label, and what is known of people comes from a CSV.

    attributes : CSV whose column ``label`` says whose row it is and whose other columns are attributes; default
        ``ROOT/attributes.csv``. images_per_person : at most so many of each, evenly spread; 0 for all.
    """

    needs_root: ClassVar[bool] = True
    summary: ClassVar[str] = "insightface's records (train.idx, train.rec): attributes from a CSV by label"

    def __init__(
        self, root: str = "", attributes: str | None = None, images_per_person: Annotated[int, Field(ge=0)] = 0
    ) -> None:
        self.root = root
        self.attributes = attributes
        self.images_per_person = images_per_person

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for missing, truncated or foreign files."""
        root = require_root(self.root)
        given = str(Path(self.attributes or "attributes.csv").expanduser())
        table = read_csv(find_file([root, Path()], [given], "give a CSV with the columns label and attributes"))
        column = table.position(LABEL, "the label")
        records = Records(find_file([root], [INDEX], "it says where the pictures of train.rec begin"))
        keys = _pictures(records)
        people = [_label(records, key) for key in keys]
        if self.images_per_person:
            of_person: dict[str, list[int]] = {}
            for row, person in enumerate(people):
                of_person.setdefault(person, []).append(row)
            kept = sorted(row for rows in of_person.values() for row in spread(rows, self.images_per_person))
            keys, people = [keys[row] for row in kept], [people[row] for row in kept]
        attributes, problems, remarks = attributes_by_key(table, column, people, "people")
        photographs = Photographs(
            name="insightface",
            files=[str(key) for key in keys],
            paths=[records.path] * len(keys),
            people=people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            problems=problems,
            remarks=[*table.notes, *remarks],
            encoded=lambda row: records.read(keys[row]).data,
        )
        return photographs.face_set(settings)


def _pictures(records: Records) -> list[int]:
    """The keys of the pictures: up to the number that record 0 names, or all where it is a picture itself."""
    keys = sorted(records.places)
    first = records.read(keys[0])
    if keys[0] == 0 and first.listed and not first.data:
        end = first.labels[0]
        if not (math.isfinite(end) and end > 1):
            raise InputError(f"record 0 of {records.path} must say where its pictures end, not {end:g}")
        keys = list(range(1, int(end)))
        absent = next((key for key in keys if key not in records.places), None)
        if absent is not None:
            raise InputError(f"{records.path} should hold {len(keys)} pictures, and its index lacks {absent}")
    if not records.read(keys[0]).data.startswith(SIGNATURES):
        raise records.foreign(keys[0])
    return keys


def _label(records: Records, key: int) -> str:
    label = records.label(key)
    if not (math.isfinite(label) and label.is_integer()):
        raise InputError(f"record {key} of {records.path} has the label {label:g}: a whole number says who is shown")
    return str(int(label))
