"""State of the defenses that learn a handful of arrays."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np

from aiakit.contracts import State


class Learned:
    """Mixin: ``fit`` learns the arrays ``name_``, for each name in ``learned``, and they are all of the state.

    They are laid out row by row as soon as they are learned, as their stored copy is: products of another layout take
    another path through BLAS on some processors, and a restored defense would release other last digits.
    What is needed of a defense that takes the mean (D,) away::

        class Centre(Learned, EmbeddingDefense):
            summary = "takes the mean away"
            learned = ("mean",)

            def fit(self, train, val, ctx):
                self.mean_ = train.embedding.mean(0)
                return self

            def release(self, embedding, rng):
                return Release(embedding=embedding - self.mean_)
    """

    learned: ClassVar[tuple[str, ...]] = ()

    def __setattr__(self, name: str, value: Any) -> None:
        if name.endswith("_") and name[:-1] in self.learned:
            value = np.asarray(value, order="C")
        super().__setattr__(name, value)

    def state_dict(self) -> State:
        return {name: getattr(self, f"{name}_") for name in self.learned}

    def load_state_dict(self, state: State) -> Self:
        for name in self.learned:
            if name not in state:
                raise ValueError(f"the state has no {name}")
            setattr(self, f"{name}_", state[name])
        return self
