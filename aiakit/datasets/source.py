"""What is audited as it lies on a disk: a file of embeddings, or a folder of protected pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aiakit.contracts import LoadSettings, no_progress
from aiakit.datasets.listing import EXTENSIONS, images_in, overlooked, person_folders
from aiakit.datasets.parallel import usable_cores
from aiakit.datasets.photographs import Photographs
from aiakit.errors import InputError
from aiakit.storage.cache import cache_folder
from aiakit.storage.embeddings import Source, read_embeddings


def read_source(
    path: Path, key: str | None = None, image_size: int = 64, report: Callable[[str, int, int], None] = no_progress
) -> Source:
    """Read a file (``read_embeddings``), or a folder of pictures. Raises InputError where that cannot be done."""
    return _pictures(path, image_size, report) if path.is_dir() else read_embeddings(path, key)


def _pictures(root: Path, image_size: int, report: Callable[[str, int, int], None]) -> Source:
    """``ROOT/IMAGE.png`` or ``ROOT/PERSON/IMAGE.png``; the columns are file and, with folders of people, person."""
    people = person_folders(root)
    paths = images_in(root) + [image for person in people for image in images_in(person)]
    if not paths:
        raise InputError(f"{root} holds no pictures ({', '.join(EXTENSIONS)}), neither there nor in folders of people")
    files = [path.relative_to(root).as_posix() for path in paths]
    owners = {file: path.parent.name if path.parent != root else "" for file, path in zip(files, paths, strict=True)}
    settings = LoadSettings(image_size, cache_folder(), usable_cores(), report=report)
    faces = Photographs(root.name, files, paths, None, {}).face_set(settings)
    columns = {"file": list(faces.files)}
    notes = (*faces.notes, *overlooked(root, people, pictures_in_root=True))
    if any(owners.values()):
        columns["person"] = [owners[file] for file in faces.files]
    return Source(root.name, faces.images, columns, ("file",), "file", notes)
