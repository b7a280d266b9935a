"""VIB: keep few bits of the embedding, whatever they are about."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from aiakit.contracts import FloatArray, Release
from aiakit.defenses._adversarial import Rate, ResidualEncoder, TrainedEncoder, Weight
from aiakit.networks.autoencoder import Epochs, Size


class Vib(TrainedEncoder):
    """The deep variational information bottleneck (Alemi et al., ICLR 2017, arXiv 1612.00410, equation 17).

    The release is a draw z ~ N(μ(x), diag σ²(x)), trained with L_rec + α·L_Siamese + β·KL(N(μ, σ²) ‖ N(0, I)). The mean
    KL bounds I(Z; X) and with it what any attacker can learn, in nats; the private attribute plays no part in the
    training, so what goes first is what matching needs least, not what is private.

    Parameters as of TrainedEncoder; ``beta`` as in the paper, where 1e-3 to 1e-1 are useful.
    """

    summary = "variational information bottleneck: few bits, blind to what is private"
    stochastic = True

    def __init__(
        self, alpha: Weight = 1.0, beta: Weight = 1e-2, latent: Size = 64, epochs: Epochs = 30, rate: Rate = 1e-3
    ) -> None:
        super().__init__(alpha, beta, latent, epochs, rate)

    def modules(self, features: int, classes: int) -> dict[str, nn.Module]:
        return {"encoder": ResidualEncoder(features, 2 * self.latent)}

    def represent(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.modules_["encoder"](inputs).chunk(2, dim=1)
        rate = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        noise = torch.randn_like(mean)
        return mean + (0.5 * log_variance).exp() * noise, self.beta * rate

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        mean, log_variance = np.split(self._apply(self.modules_["encoder"], embedding), 2, axis=1)
        # exp(50) is far beyond any use: the limit only keeps strange inputs finite
        deviation = np.exp(np.minimum(0.5 * log_variance, 50))
        return Release(embedding=mean + deviation * rng.standard_normal(mean.shape, dtype=np.float32))
