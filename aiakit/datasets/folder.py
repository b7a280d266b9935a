"""Your own photographs: a folder a person, or a CSV file that lists them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

from aiakit.contracts import Dataset, FaceSet, LoadSettings
from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.photographs import Photographs, images_in, person_folders
from aiakit.errors import InputError
from aiakit.storage.tables import FILE, Table, find_file, read_csv, require_root

PERSON = ("person", "identity", "name", "person_id", "id")


class Folder(Dataset):
    """Either ``ROOT/PERSON/*.{jpg,png,webp}`` with a CSV of attributes by person or by file, or a CSV of all.

    attributes : CSV whose first known column says whose row it is (person, name… or file, path…) and whose other
        columns are attributes. Default: ``ROOT/attributes.csv``.
    index : CSV with the columns path (relative to ROOT), identity, and attributes. It replaces the folders.
    """

    needs_root: ClassVar[bool] = True
    summary: ClassVar[str] = "your own photographs: one folder a person, attributes from CSV"

    def __init__(self, root: str = "", attributes: str | None = None, index: str | None = None) -> None:
        self.root = root
        self.attributes = attributes
        self.index = index

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError for a missing folder or file, wrong columns, or no images."""
        root = require_root(self.root)
        if self.index is not None and self.attributes is not None:
            raise InputError("folder takes either index or attributes: the index holds the attributes as well")
        photographs = self._indexed(root, Path(self.index)) if self.index is not None else self._listed(root)
        return photographs.face_set(settings)

    def _indexed(self, root: Path, given: Path) -> Photographs:
        table = read_csv(find_file([root, Path()], [str(given.expanduser())], "give the CSV that lists the images"))
        path, person = table.position(FILE, "the image"), table.position(PERSON, "the person")
        owners: dict[str, str] = {}
        for line, cells in table.rows:
            file, name = cells[path], cells[person]
            if not file or not name:
                raise InputError(f"{table.path}:{line} lacks its {'person' if file else 'path'}")
            if owners.setdefault(file, name) != name:
                raise InputError(f"{table.path}:{line} says that {file} shows {name}, an earlier line {owners[file]}")
        files = list(owners)
        attributes, problems, remarks = attributes_by_key(table, path, files, "images", skip=[person])
        return Photographs(
            name="folder",
            files=files,
            paths=[root / file for file in files],
            people=list(owners.values()),
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            problems=problems,
            remarks=remarks,
        )

    def _listed(self, root: Path) -> Photographs:
        paths = [image for person in person_folders(root) for image in images_in(person)]
        if not paths:
            raise InputError(f"{root} holds no PERSON/IMAGE.jpg (or png, webp): make one folder a person")
        files = [path.relative_to(root).as_posix() for path in paths]
        people = [path.parent.name for path in paths]
        given = self.attributes or "attributes.csv"
        table = read_csv(find_file([root, Path()], [str(Path(given).expanduser())], "give a CSV of attributes"))
        by_file = table.find(FILE)
        if by_file is not None:
            keys = _as_spelled(table, by_file, files)
            attributes, problems, remarks = attributes_by_key(table, by_file, keys, "images")
        else:
            by_person = table.position(PERSON + FILE, "the person or the file")
            attributes, problems, remarks = attributes_by_key(table, by_person, people, "people")
        return Photographs(
            name="folder",
            files=files,
            paths=paths,
            people=people,
            attributes=attributes,
            default_attribute=default_attribute(attributes),
            problems=problems,
            remarks=remarks,
        )


def _as_spelled(table: Table, column: int, files: list[str]) -> list[str]:
    """The files as the table names them: PERSON/IMAGE.jpg, or IMAGE.jpg where that is enough to tell them apart."""
    if any("/" in cells[column] for _, cells in table.rows):
        return files
    names = [Path(file).name for file in files]
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise InputError(f"{table.path}: several people have an image {repeated}: write PERSON/{repeated} there")
    return names
