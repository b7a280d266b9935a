"""What an adversary implements against the other risks: linkers, decoders, and regressors of numbers.

Each is given images of people whom the attacker knows, as points: embeddings, or pictures shrunk to rows of numbers.
Of the people of test it is shown points and nothing else.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts.context import Context
from aiakit.contracts.plugin import Plugin, RiskName
from aiakit.contracts.releases import IntArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class LinkerData:
    """N images in two releases, and who they show.

    source : (N, p), in the one. target : (N, q), in the other. people : (N,), who. same : whether both are one release,
    of which different images are compared.
    """

    source: Points
    target: Points
    people: IntArray
    same: bool = False

    def __len__(self) -> int:
        return len(self.people)


@dataclass(frozen=True)
class DecoderData:
    """N images. released : (N, p), what was published. undefended : (N, q), what it was made of."""

    released: Points
    undefended: Points

    def __len__(self) -> int:
        return len(self.released)


@dataclass(frozen=True)
class RegressorData:
    """N images whose number is known, inputs and numbers standardised on attacker-train.

    points : (N, D). values : (N,), the numbers. weights : (N,), what each counts: a person counts once, whoever many
    images there are of him.
    """

    points: Points
    values: Points
    weights: Points

    def __len__(self) -> int:
        return len(self.values)


class RiskAttack(Plugin):
    """What linkers, decoders and regressors share.

    risks : those that it measures; it takes part wherever one of them is asked for, and the strongest counts.
    setting : what ``fit`` chose on attacker-val, in a few words, which results repeat; "" where nothing is to be said.
    """

    risks: ClassVar[tuple[RiskName, ...]]
    setting: str = ""


class Linker(RiskAttack):
    """Takes two releases to one space, in which cosines tell whether two images show one person.

    The strongest is the one that tells people of attacker-val apart best (the area under the ROC curve).
    """

    risks: ClassVar[tuple[RiskName, ...]] = ("identity", "linkage")

    @abstractmethod
    def fit(self, train: LinkerData, val: LinkerData, ctx: Context) -> Self:
        """Learn from ``train``; choose hyper-parameters and when to stop on ``val`` only."""

    @abstractmethod
    def of_source(self, points: Points) -> NDArray[Any]:
        """(N, d) of (N, p) points of the source release, each by itself: finite."""

    @abstractmethod
    def of_target(self, points: Points) -> NDArray[Any]:
        """(N, d) of (N, q) points of the target release, each by itself: finite."""


class Decoder(RiskAttack):
    """Computes undefended images back from released ones.

    The strongest is the one whose reconstructions of attacker-val are most alike (the mean cosine).
    """

    risks: ClassVar[tuple[RiskName, ...]] = ("inversion",)

    @abstractmethod
    def fit(self, train: DecoderData, val: DecoderData, ctx: Context) -> Self:
        """Learn from ``train``; choose hyper-parameters and when to stop on ``val`` only."""

    @abstractmethod
    def predict(self, points: Points) -> NDArray[Any]:
        """(N, q) undefended points of (N, p) released ones, each by itself: finite."""


class Regressor(RiskAttack):
    """Estimates an attribute that is a number.

    The strongest is the one with the least squared error on attacker-val. Estimates beyond a standard deviation of the
    least and the greatest number of attacker-train are put there.
    """

    risks: ClassVar[tuple[RiskName, ...]] = ("numeric",)

    @abstractmethod
    def fit(self, train: RegressorData, val: RegressorData, ctx: Context) -> Self:
        """Learn from ``train``; choose hyper-parameters and when to stop on ``val`` only."""

    @abstractmethod
    def predict(self, points: Points) -> NDArray[Any]:
        """(N,) standardised numbers of (N, D) standardised points, each by itself: finite."""

    def learns_from(self, rows: int) -> int:
        """How many images it learns from where ``rows`` are known, which results repeat."""
        return rows
