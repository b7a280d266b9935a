"""Faces and what is known of them, and what loads them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts.context import no_progress
from aiakit.contracts.plugin import Plugin
from aiakit.contracts.releases import FloatArray, IntArray, PixelArray, View
from aiakit.errors import InputError

MISSING = -1  # the code of an attribute value that is not known


@dataclass(frozen=True)
class Attribute:
    """A categorical attribute: ``values`` int64 (N,) index into the K ≥ 2 ``classes``, or MISSING."""

    values: IntArray
    classes: tuple[str, ...]


@dataclass(frozen=True)
class OfficialPairs:
    """A data set's own verification protocol.

    left, right : int64 (P,), image indices. same : bool (P,). fold : int64 (P,), the fold of each pair.
    """

    left: IntArray
    right: IntArray
    same: NDArray[np.bool_]
    fold: IntArray


@dataclass(frozen=True)
class FaceSet:
    """N images of P people, or N embeddings of images that are not there.

    name : as registered. images : uint8 (N, H, W, 3), usually a read-only memory map; (N, 0, 0, 3) of embeddings alone.
    embedding : float32 (N, D) of a data set that holds embeddings in place of images, else None.
    identity : int64 (N,), index into ``people``, P names. files : N names of the images, as the data set spells them.
    identified : False where nobody says who is shown: every image is a person of its own, and none is verified.
    attributes : name → Attribute. default_attribute : the name of gender in this data set ("" where it has none).
    numbers : name → float64 (N,) of attributes that are numbers, such as an age in years; NaN where not known.
    partition : None, or (N,) of "train" / "val" / "test". pairs : the official verification pairs, if there are any.
    bayes_ceiling : attribute name → the best balanced accuracy that any attack can reach, where it is known.
    notes : what is wrong with the data, a line each, for reports. fingerprint : a digest of all but the numbers.
    """

    name: str
    images: PixelArray
    identity: IntArray
    people: tuple[str, ...]
    files: tuple[str, ...]
    attributes: dict[str, Attribute]
    default_attribute: str = ""
    partition: NDArray[np.str_] | None = None
    pairs: OfficialPairs | None = None
    bayes_ceiling: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fingerprint: str = ""
    embedding: FloatArray | None = None
    identified: bool = True
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class LoadSettings:
    """How a data set is loaded. Raises InputError for an image size or a number of jobs that cannot be used.

    image_size : side of the square images in pixels, a multiple of 16 in 16..512. cache : the folder of pixel caches.
    jobs : how many threads decode or draw images, whatever the result. report : called with (label, done, in all).
    strict : whether missing, unreadable or contradictory data are an InputError rather than a note.
    """

    image_size: int
    cache: Path
    jobs: int = 1
    strict: bool = False
    report: Callable[[str, int, int], None] = no_progress

    def __post_init__(self) -> None:
        if self.image_size % 16 or not 16 <= self.image_size <= 512:
            raise InputError(f"the image size must be a multiple of 16 from 16 to 512, not {self.image_size}")
        if self.jobs < 1:
            raise InputError(f"the number of jobs must be at least 1, not {self.jobs}")


class Dataset(Plugin):
    """A source of labelled faces.

    needs_root : whether its first parameter, ``root: str``, must be given, which ``--data-root`` fills.
    face_box : (width, height) of its photographs and (left, top, right, bottom) of the face, where one is right for
        all, in pixels.
    real_people : whether its faces are of people who exist; pictures of them are put into pages only when asked for.
    """

    needs_root: ClassVar[bool] = False
    face_box: ClassVar[tuple[tuple[int, int], tuple[float, float, float, float]] | None] = None
    real_people: ClassVar[bool] = True

    def holds(self) -> View:
        """ "image", or "embedding" where there are no images but embeddings that exist already."""
        return "image"

    @abstractmethod
    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError where files are missing, malformed or (if strict) incomplete."""
