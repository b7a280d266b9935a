"""The pages of a board in one file beside its entries, for machines that have not the labels to make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from aiakit.errors import InputError
from aiakit.report.board import CSV, INDEX, JSON
from aiakit.report.board_entry import ENTRIES

KEPT = (INDEX, JSON, CSV, f"{ENTRIES}/*.html")  # the records of entries are beside it already
EARLIEST = (1980, 1, 1, 0, 0, 0)  # so that the same pages are the same bytes


def pack(pages: Path, target: Path) -> Path:
    """Write the pages of a board that lie in a folder into one file."""
    with ZipFile(target, "w") as archive:
        for path in sorted(path for pattern in KEPT for path in pages.glob(pattern)):
            info = ZipInfo(path.relative_to(pages).as_posix(), EARLIEST)
            info.compress_type = ZIP_DEFLATED
            archive.writestr(info, path.read_bytes(), compresslevel=9)
    return target


def unpack(kept: Path, pages: Path) -> None:
    """Write the pages that are kept into a folder. Raises InputError where there are none, or others."""
    try:
        with ZipFile(kept) as archive:
            strange = [name for name in archive.namelist() if not any(Path(name).match(pattern) for pattern in KEPT)]
            if strange:
                raise InputError(f"{kept} holds {strange[0]}, which is no page of a board")
            archive.extractall(pages)
    except (OSError, BadZipFile) as error:
        raise InputError(f"{kept} cannot be read: {error}") from None


def kept_document(kept: Path) -> dict[str, Any]:
    """The ``board.json`` of the pages that are kept. Raises InputError where it cannot be read."""
    try:
        with ZipFile(kept) as archive:
            found: dict[str, Any] = json.loads(archive.read(JSON))
    except (OSError, BadZipFile, KeyError, ValueError) as error:
        raise InputError(f"{kept} cannot be read: {error}") from None
    return found
