"""Your own photographs: a folder a person, or a CSV file that lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from aiakit.datasets.labels import attributes_by_key, default_attribute
from aiakit.datasets.listing import images_in, overlooked, person_folders
from aiakit.datasets.photographs import Photographs
from aiakit.datasets.raw import RawPhotographs
from aiakit.errors import InputError
from aiakit.storage.keys import as_path
from aiakit.storage.tables import FILE, Table, find_file, read_csv

PERSON = (
    "person", "identity", "subject", "person_id", "identity_id", "subject_id", "person_name", "who", "name", "id",
)  # fmt: skip
ROW_NUMBER = "id"  # the one of them that may also number the rows


@dataclass(eq=False)
class Folder(RawPhotographs):
    """Either ``ROOT/PERSON/*.{jpg,png,webp}`` with a CSV of attributes by person or by file, or a CSV of all.

    attributes : CSV whose first known column says whose row it is (person, name… or file, path…) and whose other
        columns are attributes. Default: ``ROOT/attributes.csv``.
    index : CSV with the columns path (relative to ROOT), identity, and attributes. It replaces the folders.
    """

    summary: ClassVar[str] = "your own photographs: one folder a person, attributes from CSV"

    attributes: str | None = None
    index: str | None = None

    def photographs(self, root: Path) -> Photographs:
        if self.index is not None and self.attributes is not None:
            raise InputError("folder takes either index or attributes: the index holds the attributes as well")
        return self._indexed(root, Path(self.index)) if self.index is not None else self._listed(root)

    def _indexed(self, root: Path, given: Path) -> Photographs:
        table = read_csv(find_file([root, Path()], [str(given.expanduser())], "give the CSV that lists the images"))
        path, person = table.position(FILE, "the image"), table.position(PERSON, "the person")
        _require_people(table, person)
        owners: dict[str, str] = {}
        lines: dict[str, int] = {}
        rows = []
        for line, cells in table.rows:
            file, name = as_path(cells[path]), cells[person]
            if not file or not name:
                raise InputError(f"{table.path}:{line} lacks its {'person' if file else 'path'}")
            if owners.setdefault(file, name) != name:
                raise InputError(
                    f"{table.path}:{line} says that {file} shows {name}, and line {lines[file]} that it shows "
                    f"{owners[file]}"
                )
            lines.setdefault(file, line)
            rows.append((line, (*cells[:path], file, *cells[path + 1 :])))
        table = replace(table, rows=tuple(rows))
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
            remarks=[*table.notes, *remarks],
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
            _require_paths(table, by_file, paths)
            attributes, problems, remarks = attributes_by_key(table, by_file, files, "images")
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
            problems=[*problems, *overlooked(root, person_folders(root))],
            remarks=[*table.notes, *remarks],
        )


def _require_paths(table: Table, column: int, paths: Sequence[Path]) -> None:
    """Refuse file names without folders where several people have an image of one name."""
    if any("/" in as_path(cells[column]) for _, cells in table.rows):
        return
    repeated = next((name for name, count in Counter(path.name for path in paths).items() if count > 1), None)
    if repeated is not None:
        raise InputError(f"{table.path}: several people have an image {repeated}: write PERSON/{repeated} there")


def _require_people(table: Table, person: int) -> None:
    """Refuse a column ``id`` that numbers the rows instead of naming people."""
    names = [cells[person] for _, cells in table.rows]
    if table.columns[person].casefold() == ROW_NUMBER and len(names) > 1 and len(set(names)) == len(names):
        raise InputError(
            f"{table.path}: the column {table.columns[person]} has another value in every row, so it numbers the rows "
            f"and not the people: name the column of people {PERSON[0]} (or this one, if it does name them)"
        )
