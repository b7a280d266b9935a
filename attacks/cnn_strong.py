"""The strong setting of the CNN: a network for photographs beside networks for what is hidden in them."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from aiakit.attacks._steganalysis import Steganalysis
from aiakit.attacks.cnn import CNN
from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.networks.timm_models import known_model


class StrongCNN(Attack):
    """A timm model with flips and shifts, and two steganalysis networks without; their logits are weighed on val.

    A network of photographs is built to overlook what steganalysis networks look for, and the other way round, so
    each is trained alone. Weights that are not negative are fitted on attacker-val: one that sees nothing gets none.

    Parameters
    ----------
    model, epochs, shift : of the network of photographs (``cnn``). resnet18 in its place found nothing of a fine
        texture of which resnet10t, trained as long, found most (docs/calibration.md).
    width, hidden_epochs : of the steganalysis networks: their learned features, and the passes of each.
    """

    view = "image"
    presets = ("strong",)
    costly = True  # as long as all the others together
    summary = "the CNN with shifts and more epochs, and steganalysis networks (high-pass, low bits, position)"

    def __init__(
        self,
        model: Annotated[str, AfterValidator(known_model)] = "resnet10t",
        epochs: Annotated[int, Field(ge=1)] = 8,
        shift: Annotated[int, Field(ge=0)] = 3,
        width: Annotated[int, Field(ge=1)] = 16,
        hidden_epochs: Annotated[int, Field(ge=1)] = 12,
    ) -> None:
        self.model = model
        self.epochs = epochs
        self.shift = shift
        self.width = width
        self.hidden_epochs = hidden_epochs

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        members: dict[str, Attack] = {
            "photograph": CNN(self.model, epochs=self.epochs, shift=self.shift),
            "tiles": Steganalysis(self.width, self.hidden_epochs),
            "high-pass": Steganalysis(0, self.hidden_epochs),
        }
        self.members_ = {name: member.fit(train, val, ctx.child(name)) for name, member in members.items()}
        self.weights_ = member_weights(self._logits(val.release), val)
        return self

    def _logits(self, release: Release) -> NDArray[np.float64]:
        """(members, N, K)."""
        proba = np.stack([member.predict_proba(release) for member in self.members_.values()])
        return np.asarray(np.log(np.maximum(proba, 1e-12)))

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(softmax(np.tensordot(self.weights_, self._logits(release), 1), axis=1))


def member_weights(logits: NDArray[np.float64], val: LabelledRelease) -> NDArray[np.float64]:
    """(M,) weights ≥ 0 under which the sum of (M, N, K) logits has the least balanced log-loss on ``val``."""
    rows = np.arange(len(val))

    def loss(weights: NDArray[np.float64]) -> float:
        chosen = log_softmax(np.tensordot(weights, logits, 1), axis=1)[rows, val.labels]
        return -float(np.mean(val.weights * chosen))

    start = np.full(len(logits), 1 / len(logits))
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=[(0, 10)] * len(logits)).x)
