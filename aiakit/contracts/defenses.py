"""What makes a release: defenses of faces, encoders, and defenses of the embeddings that these make."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts.context import Context, State
from aiakit.contracts.plugin import Plugin
from aiakit.contracts.releases import Embeddings, Faces, FloatArray, PixelArray, Release, View


class BaseDefense(Plugin):
    """What both kinds of defenses share.

    produces : the views that ``release`` returns. needs_pairs : True where ``fit`` needs people with two images.
    stochastic : True where two releases of one sample differ (the generator is used).
    """

    produces: ClassVar[tuple[View, ...]]
    stochastic: ClassVar[bool] = False
    needs_pairs: ClassVar[bool] = False

    @abstractmethod
    def state_dict(self) -> State:
        """All that ``fit`` learned, as named arrays: enough for ``load_state_dict`` on a fresh instance."""

    @abstractmethod
    def load_state_dict(self, state: State) -> Self:
        """Restore what ``state_dict`` returned, on the CPU. Raises ValueError where the arrays do not fit."""

    def claim(self, release: Release) -> NDArray[Any] | None:
        """(N, K) probabilities by the in-loop attacker for a release of this defense; None where it has none."""
        return None

    def accuracy_bound(self, draws: int = 1) -> float | None:
        """What no attacker's balanced accuracy on the private attribute can exceed, given ``draws`` independent
        releases of a sample, where the fitted defense proves that (differential privacy does); else None."""
        return None


class Defense(BaseDefense):
    """A way of publishing faces."""

    produces: ClassVar[tuple[View, ...]] = ("embedding", "image")

    @abstractmethod
    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        """Learn the transformation from the defender's people; ``val`` holds other people of the defender's."""

    @abstractmethod
    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        """Publish uint8 (N, H, W, 3) images. Called in batches: one sample's release must not depend on its batch."""


class Encoder(Plugin):
    """A recogniser or another model that makes embeddings of faces: what an embedding defense protects.

    whole : True where ``encode`` wants the images of a data set in one call (a memory map) instead of in batches.
    shorthand : the options that may follow its name, ``--encoder NAME:FIRST`` or ``NAME:FIRST=SECOND``.
    notes : what ``encode`` found out that belongs beside the figures, one line each.
    """

    whole: ClassVar[bool] = False
    shorthand: ClassVar[tuple[str, ...]] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def depends_on(cls, params: Mapping[str, Any]) -> dict[str, str]:
        """Option or other word → digest or version, of what embeddings depend on beside code, parameters and files."""
        return {}

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        """Learn from the defender's people, and remember ``ctx``. A pretrained encoder learns nothing here."""
        self.ctx_ = ctx
        return self

    @abstractmethod
    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """(N, D) embeddings of uint8 (N, H, W, 3) images, zeros where no face is found; ``files`` are their names."""

    def state_dict(self) -> State:
        """As ``BaseDefense.state_dict``; empty where nothing was learned."""
        return {}

    def load_state_dict(self, state: State) -> Self:
        """As ``BaseDefense.load_state_dict``."""
        self.ctx_ = Context()
        return self


class EmbeddingDefense(BaseDefense):
    """A way of publishing embeddings that an encoder, or the defense before it in a chain, made of faces.

    erases_numbers : True where ``fit`` also hides ``Embeddings.numbers``.
    """

    produces: ClassVar[tuple[View, ...]] = ("embedding",)
    erases_numbers: ClassVar[bool] = False

    @abstractmethod
    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Learn the transformation from the defender's people; ``val`` holds other people of the defender's."""

    @abstractmethod
    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        """Publish (N, D) embeddings. Called in batches: one sample's release must not depend on its batch."""

    def invert(self, embedding: FloatArray) -> NDArray[Any] | None:
        """(N, D) embeddings that are released as these, or nearly, to whom its parameters tell them; else None."""
        return None
