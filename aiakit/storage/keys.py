"""Which row belongs to which key, where two lists spell their keys in different forms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError
from aiakit.storage.text import NAMED, cleaned, loose, plain_number

# Endings of pictures, which one list may have and another not.
ENDINGS = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic", ".heif",
    ".npy",
)  # fmt: skip


def as_path(key: str) -> str:
    """A key in one Unicode form and with the slashes of a relative path: ``.\\\\p00\\\\0.jpg`` is ``p00/0.jpg``."""
    parts = [part for part in cleaned(key).replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts)


def without_ending(key: str) -> str:
    """As ``as_path``, without a picture's ending, and numbers in one form: ``p00/0.jpg`` is ``p00/0``."""
    path = as_path(key)
    ending = next((ending for ending in ENDINGS if path.casefold().endswith(ending)), "")
    return plain_number(path[: len(path) - len(ending)])


def _loosely(key: str) -> str:
    return "/".join(map(loose, without_ending(key).split("/")))


FORMS: tuple[Callable[[str], str], ...] = (str, as_path, without_ending, _loosely)


def agree(left: str, right: str) -> bool:
    """Whether two keys are one in some form, or one of them is the end of the other: ``a/1.png`` and ``1``."""
    return left == right or any(_one_ends_in_the_other(form(left), form(right)) for form in FORMS[1:])


@dataclass(frozen=True)
class Matching:
    """places : (N,) the position of each wanted key among those offered, -1 where there is none.

    notes : which keys were matched although they are written otherwise.
    """

    places: NDArray[np.int64]
    notes: tuple[str, ...]


class Keys:
    """Keys that are offered; ``match`` finds others among them: the same ones first, then in looser and looser forms.

    The forms are: as written; one Unicode form and one kind of slash; without a picture's ending, ``7.0`` as ``7``;
    without capitals and leading zeros, spaces as underscores. In each, a key may also be the end of the other
    (``Ann_0001.jpg`` of ``Ann/Ann_0001.jpg``). A key that is there as written is never taken for another one.
    """

    def __init__(self, offered: Sequence[str], where: str) -> None:
        """where : what messages call the place that the keys are from."""
        self.offered = offered
        self.where = where
        self.exact: dict[str, list[int]] = defaultdict(list)
        for place, key in enumerate(offered):
            self.exact[key].append(place)

    def match(self, wanted: Sequence[str]) -> Matching:
        """Find each wanted key; equal ones are found at one place.

        Raises InputError that names a key which could be two of those offered, or the place that two keys would share.
        """
        distinct = list(dict.fromkeys(wanted))
        found: dict[str, int] = {}
        taken: dict[int, str] = {}
        for form in FORMS:
            self._match(form, [key for key in distinct if key not in found], found, taken)
        places = np.array([found.get(key, -1) for key in wanted], np.int64)
        otherwise = [(key, place) for key, place in found.items() if self.offered[place] != key]
        if not otherwise:
            return Matching(places, ())
        shown = ", ".join(f"{self.offered[place]} for {key}" for key, place in otherwise[:NAMED])
        more = ", …" if len(otherwise) > NAMED else ""
        note = f"{len(otherwise)} of {len(distinct)} names are written otherwise in {self.where} and were matched: "
        return Matching(places, (f"{note}{shown}{more}",))

    def _match(
        self, form: Callable[[str], str], wanted: Sequence[str], found: dict[str, int], taken: dict[int, str]
    ) -> None:
        """Find the keys that are there in this form. found, taken : key → place and place → key, so far."""
        if not wanted:
            return
        ends: dict[str, list[tuple[str, int]]] = defaultdict(list)
        if form is str:
            places = {key: self.exact.get(key, []) for key in wanted}
        else:
            for place, key in enumerate(self.offered):
                if key and place not in taken:
                    shaped = form(key)
                    ends[_end(shaped)].append((shaped, place))
            places = {}
            for key in wanted:
                shaped = form(key)
                near = ends.get(_end(shaped), []) if shaped else []
                same = [place for other, place in near if other == shaped]
                places[key] = same or [place for other, place in near if _one_ends_in_the_other(other, shaped)]
        newly: dict[int, str] = {}
        for key, candidates in places.items():
            if len(candidates) > 1:
                raise InputError(
                    f"{self.where} has {len(candidates)} rows for {key}: keep one, and name each image by its path"
                )
            if candidates:
                (place,) = candidates
                if place in newly:
                    raise InputError(
                        f"{self.where} has one row, {self.offered[place]}, for both {newly[place]} and {key}"
                    )
                newly[place] = key
                found[key] = place
        taken.update(newly)


def _end(key: str) -> str:
    return key.rpartition("/")[2]


def _one_ends_in_the_other(left: str, right: str) -> bool:
    return bool(left and right) and (f"/{left}".endswith(f"/{right}") or f"/{right}".endswith(f"/{left}"))
