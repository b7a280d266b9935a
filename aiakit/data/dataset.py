"""What every data set implements: parameters in, a FaceSet out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from aiakit.contracts import Plugin, no_progress
from aiakit.data.cache import cache_folder
from aiakit.data.faceset import FaceSet
from aiakit.errors import InputError


@dataclass(frozen=True)
class LoadSettings:
    """How a data set is loaded, whichever it is.

    image_size : side of the square images in pixels, a multiple of 16 in 16..512.
    cache : the folder of pixel caches.
    jobs : how many threads decode or draw images. The result does not depend on it.
    strict : whether missing, unreadable or contradictory data are an InputError rather than a note.
    report : called with (label, images done, images in all).

    Raises
    ------
    InputError : an image size or a number of jobs that cannot be used.
    """

    image_size: int = 64
    cache: Path = field(default_factory=cache_folder)
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

    Annotate the parameters of ``__init__`` as attacks and defenses do. A data set that reads a folder takes
    ``root: str`` as its first parameter and sets ``needs_root``: the command line's ``--data-root`` fills it.

    needs_root : whether ``root`` must be given.
    face_box : the size in pixels (width, height) of its photographs and the box of the face in each (left, top, right,
        bottom), where one box is right for all; so that a photograph of one's own is cropped as those are.
    real_people : whether its faces are of people who exist; pictures of them are put into pages only when asked for.
    summary : one line for lists.
    """

    needs_root: ClassVar[bool] = False
    face_box: ClassVar[tuple[tuple[int, int], tuple[float, float, float, float]] | None] = None
    real_people: ClassVar[bool] = True
    summary: ClassVar[str] = ""

    @abstractmethod
    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. Raises InputError where files are missing, malformed or (if strict) incomplete."""
