"""A ridge regression, and a small network on what it leaves over.

Of eight penalties the best on attacker-val is taken (the mean cosine), and a perceptron with one hidden layer learns
the residual; it is kept where attacker-val is the better for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from aiakit.contracts import Context, Decoder, DecoderData, Points
from aiakit.measures.maps import ridges
from aiakit.measures.similarity import cosine

ALIKE = 0.9999  # the mean cosine beyond which nothing is left to learn
Decode = Callable[[Points], Points]


class ResidualDecoder(Decoder):
    """Linear where a linear map is the best, else with a network on top."""

    summary = "ridge regression, and a perceptron on what it leaves over"

    def fit(self, train: DecoderData, val: DecoderData, ctx: Context) -> Self:
        """Learn on ``train``, and choose on ``val``."""
        from aiakit.networks.decoder import fit_residual

        def score(decode: Decode) -> float:
            return float(cosine(decode(val.released), val.undefended).mean())

        name, linear = max(ridges(train.released, train.undefended), key=lambda each: score(each[1]))
        self.setting = name
        self._decode: Decode = linear
        if score(linear) > ALIKE:
            return self
        residual = train.undefended - linear(train.released)
        learned = fit_residual(train.released, residual, lambda more: score(_sum(linear, more)), ctx)
        both = _sum(linear, learned)
        if score(both) > score(linear):
            self.setting, self._decode = f"network on {name}", both
        return self

    def predict(self, points: Points) -> Points:
        """Undefended points of released ones."""
        return self._decode(points)


def _sum(one: Decode, other: Decode) -> Decode:
    return lambda points: one(points) + other(points)
