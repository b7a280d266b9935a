"""What an adversary implements."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

from numpy.typing import NDArray

from aiakit.contracts.context import Context
from aiakit.contracts.plugin import Plugin, RiskName
from aiakit.contracts.releases import LabelledRelease, Release, View

Knowledge = Literal["in-loop", "ignorant", "informed", "adaptive"]


class Attack(Plugin):
    """An adversary that infers the private attribute from a release.

    view : the view it reads. A release without that view is skipped.
    combines : True where it reads the other attacks' log-probabilities on a release instead, side by side as an
        embedding (N, A·K). It is fitted on attacker-val only: scores on attacker-train would be those of memory.
    knowledge : "informed" (the default) learns from the release; "adaptive" is also given the attacker's own
        photographs and their undefended release; "ignorant" needs no training on any release (an off-the-shelf model);
        "in-loop" is the defense's own attacker, which alone reads the view "claim".
    risks : what it measures. presets : the presets besides ``all`` that it belongs to ("fast", "strong"). costly : it
        is left out of ``all``.
    """

    view: ClassVar[View] = "embedding"
    combines: ClassVar[bool] = False
    knowledge: ClassVar[Knowledge] = "informed"
    risks: ClassVar[tuple[RiskName, ...]] = ("attribute",)
    presets: ClassVar[tuple[str, ...]] = ()
    costly: ClassVar[bool] = False

    @abstractmethod
    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        """Learn from ``train``; choose hyper-parameters and when to stop on ``val`` only."""

    @abstractmethod
    def predict_proba(self, release: Release) -> NDArray[Any]:
        """(N, K) class probabilities: finite, non-negative, rows that sum to 1."""

    def predict_log_proba(self, release: Release) -> NDArray[Any] | None:
        """(N, K) finite logarithms of ``predict_proba``, up to a constant in each row (log-odds will do); or None.

        For attacks surer than probabilities can say (1 − 10⁻¹⁷ is 1, and ties rank nothing): scores are made of these.
        """
        return None

    def approximation(self, rows: int) -> str | None:
        """What its large-sample form makes of ``rows`` samples ("a sample of 5,000"), which results repeat; or None."""
        return None
