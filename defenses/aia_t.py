"""AIA without the task: AIA\\T in the poster's tables."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from aiakit.defenses.aia import AIA, Weight
from aiakit.networks.autoencoder import Epochs, Size


class AIAWithoutTask(AIA):
    r"""AIA with α = 0: the Siamese term is left out (AIA\\T, read as set-minus; an inference from the poster's tables).

    Parameters as of AIA, without ``alpha`` and ``margin``.
    """

    summary = "AIA without the Siamese term (alpha = 0)"

    def __init__(
        self,
        beta: Weight = 1.0,
        latent: Size = 128,
        width: Size = 24,
        epochs: Epochs = 8,
        rate: Annotated[float, Field(gt=0)] = 5e-4,
        adversary_rate: Annotated[float, Field(gt=0)] = 1e-3,
        bound: Annotated[float, Field(gt=0)] = 2.0,
    ) -> None:
        super().__init__(
            alpha=0.0,
            beta=beta,
            latent=latent,
            width=width,
            epochs=epochs,
            rate=rate,
            adversary_rate=adversary_rate,
            bound=bound,
        )
