"""From photographs to upright faces: a face is sought, turned by its landmarks, and cropped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from aiakit.contracts import PixelArray
from aiakit.datasets.colours import PROFILE, in_colour, in_srgb
from aiakit.datasets.detections import Detection
from aiakit.datasets.pixels import Box, Seek, Source, encoded, opened, unpack_reduced
from aiakit.errors import InputError
from aiakit.networks.landmarks import TEMPLATE, frontal_faces, landmarks, similarity, turned
from aiakit.plugins.extras import not_installed
from aiakit.storage.journal import Journal
from aiakit.storage.text import counted

VERSION = 3  # raise it with any change to what is found in a photograph, or to how it is turned
MOST = 16_000_000  # pixels in which faces are sought: a strip of 10×6000 is not enlarged to 480×288000
DETECTED = 72  # side in pixels of the smallest face that the detector finds; measured on LFW at five scales
# Where dlib's mean face has, as x + iy in the square from its brows to its chin, what the five-point model finds: the
# outer and the inner corner of the eye on the right, of the eye on the left, the base of the nose.
MEAN: NDArray[np.complex128] = np.array(
    [0.8596 + 0.2135j, 0.6461 + 0.2290j, 0.1206 + 0.2137j, 0.3341 + 0.2291j, 0.4901 + 0.6278j]
)
# The same in the detector's box, of whose side that square takes 0.764 (614 photographs of LFW).
UPRIGHT = 0.118 + 0.11j + 0.764 * MEAN
# The same of landmarks that data sets bring, which are those of recognisers' template: the eyes are where dlib's are.
EYES = (UPRIGHT[2:4].mean(), UPRIGHT[:2].mean())
GIVEN: NDArray[np.complex128] = EYES[0] + (TEMPLATE - TEMPLATE[0]) * (EYES[1] - EYES[0]) / (TEMPLATE[1] - TEMPLATE[0])
AROUND = 2  # sides of a box that a data set gives of a face, within which the face is sought
MORE = "photographs show several faces, of which the one nearest to the middle was taken"


class Seen(NamedTuple):
    """What a detector saw in a photograph, in pixels of the photograph upright.

    faces : how many that are large enough. box, points : of the one that is taken, and its five landmarks as
        x, y, x, y …; None and () without any.
    """

    faces: int
    box: Box | None = None
    points: tuple[float, ...] = ()

    @classmethod
    def of(cls, stored: Sequence[Any]) -> Seen:
        """From its JSON."""
        faces, box, points = stored
        return cls(faces, None if box is None else tuple(box), tuple(points))


class View(NamedTuple):
    """A photograph as it is looked at, maybe smaller than its file; its width and height there, and where in it a face
    is sought: left, top, right, bottom in pixels of the file.
    """

    image: Image.Image
    full: tuple[int, int]
    part: Box


class Face(NamedTuple):
    """A face that was found: its box, and what gives its landmarks, (5,) points x + iy, when it is taken."""

    box: Box
    points: Callable[[], NDArray[np.complex128]]


@dataclass(frozen=True)
class Alignment:
    """How faces are sought, and how they are cropped.

    A photograph is read upright (as EXIF says), and dlib's detector of frontal faces sees it with a shorter side of
    ``DETECTED / smallest`` pixels. Of the faces that are at least ``smallest`` of the shorter side wide, the one whose
    middle is nearest to the middle of the photograph is taken. Its five landmarks are brought by a similarity (a turn,
    a scale and a shift; nothing is sheared) as close as least squares can to those of dlib's mean face in the box that
    the detector gives it, from above the brows to the chin. That box lies in the middle of the crop: ``margin`` of the
    crop's side lies outside it on each side, as encoders with an option of that name expect. What lies outside the
    photograph is black.

    Where a data set says where the face is, it is sought in the photograph as it is stored, in a square of ``AROUND``
    times the size of that box, which then counts as the photograph.

    given : whether landmarks of the data set's own (eyes, nose, corners of the mouth) take the place of the search.
    """

    margin: float = 0.1
    smallest: float = 0.15
    given: bool = False

    def require(self, name: str) -> None:
        """Raise InputError, which begins with the option's name, where the detector is not installed."""
        if lacking := not_installed("judges", "dlib", "face_recognition_models"):
            raise InputError(f"{name} needs a detector of faces: {lacking}")

    def seeker(self, cache: Path) -> Seek:
        """What crops the face in a photograph, or says that there is none; for several threads.

        What was seen is kept in ``cache`` by the content of the file, as soon as it is known: another image size,
        another margin, or a search that was interrupted finds it there.
        """
        journal = Journal(cache / f"faces-{VERSION}-{self.smallest:g}.jsonl")

        def seek(source: Source, image_size: int, about: Box | None) -> tuple[PixelArray | None, Seen]:
            picture = encoded(source)
            key = hashlib.sha256(picture.data).hexdigest()
            if about is not None:
                key += " " + " ".join(f"{value:g}" for value in about)
            known = journal.get(key)
            face, seen = self.face(picture, image_size, about, None if known is None else Seen.of(known))
            if known is None:
                journal.add(key, seen)
            return face, seen

        return seek

    def read(self, source: Source, image_size: int) -> PixelArray:
        """uint8 (image_size, image_size, 3): the face in one photograph. Raises InputError where there is none."""
        face, _ = self.face(source, image_size)
        if face is None:
            raise InputError(
                f"{source} shows no frontal face that is {self.smallest:.0%} of its shorter side wide, and the data "
                "set of this run seeks one in each photograph (align=face)"
            )
        return face

    def face(
        self, source: Source, image_size: int, about: Box | None = None, seen: Seen | None = None
    ) -> tuple[PixelArray | None, Seen]:
        """The crop, None where there is no face, and what was seen.

        about : a box of the face that is meant, in pixels of the photograph as stored. seen : what is known of it
        already. What is seen does not depend on the image size, nor the crop on what is known already.
        """
        if seen is not None and not seen.faces:
            return None, seen
        largest = max(DETECTED, image_size) / self.smallest
        view = _view(source, DETECTED / self.smallest if seen is None else largest, about)
        if seen is None:
            seen = self.see(view)
            if not seen.faces:
                return None, seen
            side = min(view.part[2] - view.part[0], view.part[3] - view.part[1])
            shrunk = view.image.width / view.full[0]
            if shrunk < min(1, 2 * largest / side):  # it was read too small for the crop
                view = _view(source, largest, about)
        return self.crop(view.image, view.full, seen, image_size), seen

    def placed(self, source: Source, image_size: int, points: Sequence[float]) -> PixelArray:
        """The crop by landmarks that a data set gives: x, y, x, y … of five, in pixels of the photograph as stored.

        Raises InputError as ``read_image`` does, and for landmarks that lie in one place or outside the photograph.
        """
        found = np.array(points[::2]) + 1j * np.array(points[1::2])
        wanted = self._wanted(GIVEN, image_size)
        with opened(source) as image:
            full = image.size
            inside = (found.real >= 0) & (found.real < full[0]) & (found.imag >= 0) & (found.imag < full[1])
            shrink = float(np.std(found) / np.std(wanted))
            if not inside.any() or not shrink > 0:
                raise ValueError(f"the landmarks {list(points)} are those of no face in its {full[0]}×{full[1]} pixels")
            unpack_reduced(image, shrink / 2)
            return _cut(in_colour(image), full, found, wanted, image_size)

    def problems(self, name: str, detections: Sequence[Detection]) -> list[str]:
        """What is to be said of the photographs of a data set. Raises InputError where none shows a face."""
        none = [each.file for each in detections if not each.faces]
        several = [each.file for each in detections if each.faces > 1]
        if len(none) == len(detections):
            raise InputError(
                f"{name}: no frontal face that is {self.smallest:.0%} of the shorter side wide was found in any of "
                f"{len(none)} photographs, {none[0]} for one: seek smaller ones (smallest_face), or take crops of "
                "faces as they are (align=none)"
            )
        lines = ((none, "photographs show no face and are left out"), (several, MORE))
        return [counted(len(files), len(detections), what, files) for files, what in lines if files]

    def see(self, view: View) -> Seen:
        """What is in a photograph, or in the part of it where a face is sought."""
        left, top, right, bottom = view.part
        sides = (right - left, bottom - top)
        scale = min(DETECTED / (self.smallest * min(sides)), (MOST / (sides[0] * sides[1])) ** 0.5)
        width, height = (max(1, round(side * scale)) for side in sides)
        shrunk = (view.image.width / view.full[0], view.image.height / view.full[1])
        box = (left * shrunk[0], top * shrunk[1], right * shrunk[0], bottom * shrunk[1])
        # Bilinear takes half the time of Lanczos and finds the same: landmarks 0.3 % of the eyes' span apart on LFW.
        small = view.image.resize((width, height), Image.Resampling.BILINEAR, box, reducing_gap=3)
        across, down = sides[0] / width, sides[1] / height
        least = self.smallest * min(sides) / across
        found = [face for face in faces_in(np.asarray(small)) if face.box[2] - face.box[0] >= least - 0.5]
        if not found:
            return Seen(0)

        def distance(face: Face) -> float:
            begin, above, end, below = face.box
            return abs(complex(begin + end - width, above + below - height))

        taken = min(found, key=distance)
        points = taken.points() + (0.5 + 0.5j)
        placed = np.stack([left + points.real * across, top + points.imag * down], axis=1) - 0.5
        begin, above, end, below = taken.box
        corners = (left + begin * across, top + above * down, left + end * across, top + below * down)
        rounded = tuple(round(float(value), 1) for value in corners)
        return Seen(len(found), rounded, tuple(np.round(placed.ravel(), 2).tolist()))  # type: ignore[arg-type]

    def crop(self, upright: Image.Image, full: tuple[int, int], seen: Seen, image_size: int) -> NDArray[np.uint8]:
        """uint8 (image_size, image_size, 3): the face that was taken, as the class says."""
        pairs = np.array(seen.points).reshape(-1, 2)
        return _cut(upright, full, pairs[:, 0] + 1j * pairs[:, 1], self._wanted(UPRIGHT, image_size), image_size)

    def _wanted(self, within: NDArray[np.complex128], image_size: int) -> NDArray[np.complex128]:
        """Where the crop has landmarks, of which ``within`` says where the detector's box has them."""
        return (self.margin * (1 + 1j) + (1 - 2 * self.margin) * within) * image_size - (0.5 + 0.5j)


@runtime_checkable
class Aligning(Protocol):
    """A data set that may seek the faces in its photographs."""

    def alignment(self) -> Alignment | None:
        """How; None where it takes them as they are. Raises InputError for options that contradict each other."""


def faces_in(image: PixelArray) -> list[Face]:
    """The faces that dlib finds in a contiguous uint8 (H, W, 3) picture."""
    return [
        Face((found.left(), found.top(), found.right() + 1, found.bottom() + 1), partial(_five, image, found))
        for found in frontal_faces(image)
    ]


def _five(image: PixelArray, found: Any) -> NDArray[np.complex128]:
    return np.array([complex(point.x, point.y) for point in landmarks(image, found, "five").parts()])


def _cut(
    image: Image.Image,
    full: tuple[int, int],
    points: NDArray[np.complex128],
    wanted: NDArray[np.complex128],
    image_size: int,
) -> NDArray[np.uint8]:
    """The picture turned so that its landmarks, in pixels of ``full``, come to lie where they are wanted."""
    found = (points + (0.5 + 0.5j)) * (image.width / full[0])
    shrink = np.std(found) / np.std(wanted)  # the turn takes single pixels: it must not skip any
    if shrink > 1:
        image, found = _around(image, found, wanted, image_size)
        size = [max(1, round(side / shrink)) for side in image.size]
        found = found.real * size[0] / image.width + 1j * found.imag * size[1] / image.height
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=3)
    crop = turned(image, found - (0.5 + 0.5j), wanted, image_size)
    if PROFILE not in image.info:
        return crop
    small = Image.fromarray(crop)
    small.info[PROFILE] = image.info[PROFILE]
    return np.asarray(in_srgb(small))


def _around(
    image: Image.Image, found: NDArray[np.complex128], wanted: NDArray[np.complex128], side: int
) -> tuple[Image.Image, NDArray[np.complex128]]:
    """The part of a picture that a crop takes anything from, and where the landmarks are in it."""
    turn, shift = similarity(found, wanted)
    corners = turn * np.array([0, side, side * 1j, side * (1 + 1j)]) + shift
    edge = 8 * abs(turn)  # more than a filter reaches
    left, right = np.clip([corners.real.min() - edge, corners.real.max() + edge + 1], 0, image.width).astype(int)
    top, bottom = np.clip([corners.imag.min() - edge, corners.imag.max() + edge + 1], 0, image.height).astype(int)
    return image.crop((left, top, right, bottom)), found - (left + 1j * top)


def _view(source: Source, side: float, about: Box | None) -> View:
    """A photograph upright; as it is stored where ``about`` says where the face is there.

    A JPEG is read smaller where the shorter side of the part in question has more than twice ``side`` pixels even so.
    """
    with opened(source) as image:
        if about is not None:
            part = _part(image.size, about)
            full = image.size
            unpack_reduced(image, min(part[2] - part[0], part[3] - part[1]) / (2 * side))
            return View(in_colour(image), full, part)
        width, height = image.size
        unpack_reduced(image, min(width, height) / (2 * side))
        stored = image.size
        upright = ImageOps.exif_transpose(image)
        full = (width, height) if upright.size == stored else (height, width)
        return View(in_colour(upright), full, (0, 0, *full))


def _part(full: tuple[int, int], box: Box) -> Box:
    """The square of ``AROUND`` times the size of a box, about its middle and inside the picture. Raises ValueError."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = AROUND * max(box[2] - box[0], box[3] - box[1]) / 2
    if not (half > 0 and 0 <= x < full[0] and 0 <= y < full[1]):
        plain = ", ".join(f"{value:g}" for value in box)
        raise ValueError(f"the face box ({plain}) does not lie in its {full[0]}×{full[1]} pixels")
    return max(x - half, 0.0), max(y - half, 0.0), min(x + half, full[0]), min(y + half, full[1])
