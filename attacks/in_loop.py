"""The defense's own adversary: a claim, never a result."""

from __future__ import annotations

from typing import Any, Self

from numpy.typing import NDArray

from aiakit.contracts import Attack, Context, LabelledRelease, Release


class InLoop(Attack):
    """The attacker that the defense was trained against, as the defense left it. It learns nothing from the release.

    An in-loop attacker at chance proves nothing (Elazar and Goldberg, EMNLP 2018): its figure is shown as *claimed*.
    """

    view = "claim"
    knowledge = "in-loop"
    summary = "the defense's own attacker: shown as claimed, never as the result"

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        assert release.claim is not None
        return release.claim
