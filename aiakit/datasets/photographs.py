"""From a list of image files with labels to a FaceSet: what every data set of files has in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute, FaceSet, IntArray, LoadSettings, OfficialPairs
from aiakit.datasets.alignment import VERSION as SOUGHT
from aiakit.datasets.alignment import Alignment, Seen
from aiakit.datasets.crops import crop_doubts
from aiakit.datasets.detections import Detection, SoughtFaceSet
from aiakit.datasets.fingerprint import array_digest, fingerprinted
from aiakit.datasets.identities import people_of
from aiakit.datasets.listing import HEIF, is_file, listed, located
from aiakit.datasets.pixels import Box, Encoded, Source, decode_all, formats
from aiakit.errors import InputError
from aiakit.storage.cache import Batch, cached_pixels
from aiakit.storage.text import counted

VERSION = 4  # raise it with any change to how files become pixels
SHARED = "images show, pixel by pixel, an image of another person: one person under two names, or a wrong label"
REPEATED = "images repeat another pixel by pixel: whoever they show may be in training and in test"
TWICE = "images repeat one of the same person pixel by pixel: verification compares some images to themselves"


@dataclass(frozen=True)
class Photographs:
    """N image files as an index lists them; ``face_set`` reads those that can be read.

    files : N names as the data set spells them. paths : where they should be. people : N names of who is shown, as they
        are written; None where that is not known here, and all are one.
    identified : False where nobody knows it, and every image is a person of its own (``people`` is None).
    alignment : how a face is sought and cropped in each, about its box where there is one; None takes the box, or the
        central square.
    encoded : row → the bytes of that picture, where pictures are no files and ``paths`` are what they lie in.
    attributes : name → Attribute of N values.
    boxes : float (N, 4), one box for all, or None: the face in each image.
    landmarks : float (N, 10), x, y, x, y … of five in each image, for an alignment that takes such; or None.
    partition, pairs, default_attribute : as in FaceSet.
    problems : what is wrong with the labels, one line each: notes, or an InputError under ``strict``.
    remarks : notes that are no fault of the data.
    """

    name: str
    files: Sequence[str]
    paths: Sequence[Path]
    people: Sequence[str] | None
    attributes: Mapping[str, Attribute]
    default_attribute: str = ""
    boxes: NDArray[np.float64] | Box | None = None
    landmarks: NDArray[np.float64] | None = None
    partition: NDArray[np.str_] | None = None
    pairs: OfficialPairs | None = None
    problems: Sequence[str] = field(default=())
    remarks: Sequence[str] = field(default=())
    identified: bool = True
    encoded: Callable[[int], bytes] | None = None
    alignment: Alignment | None = None

    def face_set(self, settings: LoadSettings) -> FaceSet:
        """The faces, from the pixel cache where it holds them.

        Images of nobody, and those that are listed but absent or cannot be read, are left out, counted and named.

        Raises
        ------
        InputError : no image at all can be read; under ``strict``, anything that would be noted as a problem.
        """
        names, found = self._names()
        problems = [*self.problems, *found]
        stamps = _stamps(self.paths)
        places, moved = located(self.paths, stamps)
        stamps |= _stamps([places[row] for row in moved])
        present = np.array([row for row, path in enumerate(places) if path in stamps], np.int64)
        if len(present) < len(self.paths):
            absent = np.setdiff1d(np.arange(len(self.paths)), present)
            problems.append(
                counted(len(absent), len(self.paths), "images are missing", map(self.files.__getitem__, absent))
            )
        if not len(present):
            raise InputError(
                f"{self.name}: none of the {len(self.paths)} listed images exists, {self.paths[0]} for one"
            )
        self._refuse(problems, settings)
        present = present[[bool(names[row]) for row in present]]
        if not len(present):
            raise InputError(f"{self.name}: no image shows anybody who is known: name the people")
        faces_at = self.landmarks if self.alignment is not None and self.alignment.given else self.boxes
        places_of = faces_at[present] if isinstance(faces_at, np.ndarray) else faces_at
        paths = [places[row] for row in present]
        stamped = [(str(path), *stamps[path]) for path in (paths if self.encoded is None else dict.fromkeys(paths))]
        parts: list[Any] = [] if self.encoded is None else [[self.files[row] for row in present]]
        if any(path.suffix.lower() in HEIF for path in paths):
            parts.append(formats())  # what could not be read may be read later
        if self.alignment is not None:
            parts.append([SOUGHT, asdict(self.alignment)])
        key = array_digest(VERSION, settings.image_size, stamped, places_of, *parts)
        batches = self._decoded(present, paths, places_of, settings)
        pixels = cached_pixels(settings.cache, key, settings.image_size, batches)
        detections = [
            Detection(self.files[present[row]], paths[row], seen.faces, seen.box)
            for row, seen in ((row, Seen.of(stored)) for row, stored in pixels.seen.items())
        ]
        broken = [row for row in pixels.failed if row not in pixels.seen]
        if broken:
            shown = (self.files[present[row]] for row in broken)
            problems.append(counted(len(broken), len(self.paths), "images cannot be read", shown))
            if len(broken) == len(present):
                raise InputError(f"{self.name}: not one image can be read: {next(iter(pixels.failed.values()))}")
        sought = self.alignment is not None and not self.alignment.given
        if self.alignment is not None and sought:
            problems += self.alignment.problems(self.name, detections)
        self._refuse(problems, settings)
        kept = np.delete(present, list(pixels.failed))
        problems += self._repeated(kept, names, pixels.repeated)
        self._refuse(problems, settings)
        remarks = []
        if moved:
            spelt = (f"{places[row].name} for {self.files[row]}" for row in moved)
            remarks.append(counted(len(moved), len(places), "images are spelt otherwise in their folder", spelt))
        faces = self._select(kept, names, pixels.images, [*problems, *remarks])
        if sought:
            faces = SoughtFaceSet.of(faces, detections)
        elif faces_at is None:
            doubts = crop_doubts([places[row] for row in kept], pixels.images)
            faces = replace(faces, notes=(*faces.notes, *doubts))
        return fingerprinted(faces, pixels.digest)

    def _names(self) -> tuple[list[str], list[str]]:
        """Who is shown in each image, and what is to be said of it."""
        if not self.identified:
            return list(self.files), []
        return (["all"] * len(self.files), []) if self.people is None else people_of(self.people, "images")

    def _decoded(self, rows: IntArray, paths: Sequence[Path], places: Any, settings: LoadSettings) -> Iterator[Batch]:
        """What is made of the files of some rows; nothing is opened before the first batch is asked for."""
        seek, read = None, None
        if self.alignment is not None and self.alignment.given:
            read = self.alignment.placed
        elif self.alignment is not None:
            seek = self.alignment.seeker(settings.cache)

        def sources(part: slice) -> Sequence[Source]:
            return self._sources(rows[part], paths[part])

        yield from decode_all(len(paths), sources, places, settings, seek, read)

    def _sources(self, rows: IntArray, paths: Sequence[Path]) -> Sequence[Source]:
        """What is read of some rows: their files, or their parts of a file."""
        if self.encoded is None:
            return paths
        return [Encoded(f"{paths[0]}: {self.files[row]}", self.encoded(row)) for row in rows.tolist()]

    def _repeated(self, kept: IntArray, names: Sequence[str], repeated: Mapping[int, int]) -> list[str]:
        """Problems with images that hold the same pixels: people who may be one, pairs of an image with itself."""
        if not self.identified and repeated:
            shown = (f"{self.files[kept[first]]} and {self.files[kept[row]]}" for row, first in repeated.items())
            return [counted(len(repeated), len(kept), REPEATED, shown)]
        if self.people is None:
            return []
        pairs = [(int(kept[row]), int(kept[first])) for row, first in repeated.items()]
        found = []
        for of_one, what in ((False, SHARED), (True, TWICE)):
            chosen = [(first, row) for row, first in pairs if (names[row] == names[first]) == of_one]
            if chosen:
                shown = (f"{self.files[first]} and {self.files[row]}" for first, row in chosen)
                found.append(counted(len(chosen), len(kept), what, shown))
        return found

    def _refuse(self, problems: Sequence[str], settings: LoadSettings) -> None:
        if settings.strict and problems:
            more = f" (and {len(problems) - 1} other problems)" if len(problems) > 1 else ""
            raise InputError(f"{self.name}: {problems[0]}{more}; correct the data, or leave out --strict")

    def _select(self, kept: IntArray, names: Sequence[str], images: Any, problems: list[str]) -> FaceSet:
        shown = [names[row] for row in kept]
        people = sorted(set(shown))
        codes = {person: code for code, person in enumerate(people)}
        pairs = self.pairs
        if pairs is not None:
            position = np.full(len(self.paths), MISSING)
            position[kept] = np.arange(len(kept))
            left, right = position[pairs.left], position[pairs.right]
            whole = (left != MISSING) & (right != MISSING)
            if not whole.all():
                problems.append(f"{(~whole).sum()} of {len(whole)} official pairs lack an image and are left out")
            pairs = OfficialPairs(left[whole], right[whole], pairs.same[whole], pairs.fold[whole])
        return FaceSet(
            name=self.name,
            images=images,
            identity=np.array([codes[person] for person in shown], np.int64),
            people=tuple(people),
            files=tuple(self.files[row] for row in kept),
            attributes={n: Attribute(a.values[kept], a.classes) for n, a in self.attributes.items()},
            default_attribute=self.default_attribute,
            partition=None if self.partition is None else self.partition[kept],
            pairs=pairs,
            notes=(*problems, *self.remarks),
            identified=self.identified,
        )


def _stamps(paths: Sequence[Path]) -> dict[Path, tuple[int, ...]]:
    """Path → size, times and number of the files that exist. One listing a folder is quicker than asking for each.

    The time of change of the entry (ctime) cannot be set back, as the file's own (mtime) can: pictures that are
    replaced by others of the same name, size and time are read again.
    """
    wanted: dict[Path, set[str]] = {}
    for path in paths:
        wanted.setdefault(path.parent, set()).add(path.name)
    stamps: dict[Path, tuple[int, ...]] = {}
    for folder, names in wanted.items():
        if not os.path.isdir(folder):  # False, where Path raises, for names that no file system has
            continue
        for entry in listed(folder):
            if entry.name in names and is_file(entry):
                status = entry.stat()
                stamps[folder / entry.name] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return stamps
