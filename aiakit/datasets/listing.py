"""What lies in folders of pictures: the pictures that are read, and those that are not, counted."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeVar

from aiakit.errors import InputError
from aiakit.plugins.extras import not_installed
from aiakit.storage.keys import Keys
from aiakit.storage.text import counted

T = TypeVar("T")
HEIF = (".heic", ".heif")  # what telephones write
NO_HEIF = not_installed("heif", "pillow_heif")
EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", *(() if NO_HEIF else HEIF))
UNREAD = (
    *HEIF, ".tif", ".tiff", ".avif", ".jp2", ".jxl", ".ppm", ".pgm", ".pnm", ".tga", ".ico", ".psd",
    ".dng", ".cr2", ".nef", ".raw", ".svg", ".eps",
)  # fmt: skip
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF8", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"\xff\x0a")
BOXES = (b"avif", b"avis", b"heic", b"heix", b"mif1")  # what follows "ftyp" in a picture


def listed(folder: Path) -> list[os.DirEntry[str]]:
    """What lies in a folder, sorted by name. Raises InputError where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be listed: {error.strerror or error}") from error


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file, or a link to one; False of a link that leads in a circle, where DirEntry raises."""
    try:
        return entry.is_file()
    except OSError:
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; False as ``is_file`` is."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def person_folders(root: Path) -> list[Path]:
    """The visible folders in a folder, sorted by name."""
    return [Path(entry.path) for entry in listed(root) if is_folder(entry) and not entry.name.startswith((".", "__"))]


def images_in(folder: Path) -> list[Path]:
    """The visible image files in a folder, sorted by name."""
    return [Path(entry.path) for entry in listed(folder) if _is_image(entry)]


def grouped(root: Path, groups: Sequence[str], most: int = 0) -> tuple[list[Path], list[str], list[str]]:
    """The images ``ROOT/GROUP/PERSON/IMAGE``, the group of each, and what lies there and is not read.

    most : how many images of a person are taken, evenly spread over their names; 0 for all.
    """
    paths, of, problems = list[Path](), list[str](), list[str]()
    for group in groups:
        if not (root / group).is_dir():
            continue
        people = person_folders(root / group)
        found = [path for person in people for path in spread(images_in(person), most)]
        paths += found
        of += [group] * len(found)
        problems += overlooked(root / group, people)
    return paths, of, problems


def spread(items: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, evenly spread; 0 for all."""
    if not most or len(items) <= most:
        return items
    return [items[place * len(items) // most] for place in range(most)]


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(EXTENSIONS) and not entry.name.startswith(".") and is_file(entry)


def overlooked(root: Path, people: Sequence[Path], pictures_in_root: bool = False) -> list[str]:
    """One line for each kind of picture that is not read: of another format, deeper, in no folder of a person, absent.

    pictures_in_root : whether pictures beside the folders are read.
    """
    found: dict[str, list[str]] = defaultdict(list)
    total = 0
    for folder in [root, *people]:
        read = 0
        for entry in listed(folder):
            if entry.name.startswith((".", "__")):
                continue
            if _is_image(entry):
                read += folder != root or pictures_in_root
                if folder == root and not pictures_in_root:
                    found["pictures lie in no folder of a person"].append(entry.name)
            elif entry.is_symlink() and not os.path.exists(entry.path):
                found["links lead nowhere"].append(os.path.relpath(entry.path, root))
            elif is_folder(entry) and folder != root:
                deeper = _deeper(Path(entry.path))
                found["pictures lie deeper than PERSON/IMAGE"] += [os.path.relpath(path, root) for path in deeper]
            elif NO_HEIF and entry.name.lower().endswith(HEIF) and is_file(entry):
                found[f"pictures are HEIF ({NO_HEIF})"].append(os.path.relpath(entry.path, root))
            elif is_file(entry) and _is_unread(entry):
                what = f"pictures are of a kind that is not read ({', '.join(EXTENSIONS)} are)"
                found[what].append(os.path.relpath(entry.path, root))
        total += read
        if folder != root and not read:
            found["folders hold no picture that is read"].append(folder.name)
    return [
        counted(
            len(names),
            len(people) if what.startswith("folders") else total + len(names),
            f"{what} and are left out",
            names,
        )
        for what, names in found.items()
        if names
    ]


def _deeper(folder: Path) -> list[Path]:
    """The pictures below a folder."""
    return sorted(
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(EXTENSIONS + UNREAD) and not name.startswith(".")
    )


def _is_unread(entry: os.DirEntry[str]) -> bool:
    """Whether a file is a picture by its ending or by its first bytes."""
    if entry.name.lower().endswith(UNREAD):
        return True
    try:
        with open(entry.path, "rb") as file:
            head = file.read(12)
    except OSError:  # what cannot be opened shows nothing
        return False
    webp = head.startswith(b"RIFF") and head[8:] == b"WEBP"
    return head.startswith(SIGNATURES) or webp or (head[4:8] == b"ftyp" and head[8:] in BOXES)


def located(paths: Sequence[Path], present: Collection[Path]) -> tuple[list[Path], list[int]]:
    """Where the files are, and the rows of those that are spelt otherwise there: ``1.png`` for ``1.jpg``, NFD for NFC.

    present : the paths that exist as they are written. A file that is listed itself is not taken for another.
    """
    places = list(paths)
    absent: dict[Path, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        if path not in present:
            absent[path.parent].append(row)
    moved = []
    for folder, rows in absent.items():
        home = _folder(folder)
        if home is None:
            continue
        names = [path.name for path in images_in(home) if path not in present]
        try:
            found = Keys(names, str(home)).match([paths[row].name for row in rows]).places
        except InputError:  # a name that could be two files is none of them
            continue
        for row, place in zip(rows, found, strict=True):
            if place >= 0:
                places[row] = home / names[place]
                moved.append(row)
    return places, sorted(moved)


def _folder(folder: Path) -> Path | None:
    """The folder, or the one beside it whose name is written otherwise; None where there is none."""
    if os.path.isdir(folder):
        return folder
    if not os.path.isdir(folder.parent):
        return None
    names = [beside.name for beside in person_folders(folder.parent)]
    try:
        (place,) = Keys(names, str(folder.parent)).match([folder.name]).places
    except InputError:
        return None
    return folder.parent / names[place] if place >= 0 else None
