"""GRL: adversarial training in one backward pass, by a layer that reverses the gradient."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from aiakit.defenses._adversarial import AdversarialEncoder


class Grl(AdversarialEncoder):
    """Gradient reversal (Ganin et al., JMLR 2016, "Domain-adversarial training of neural networks", arXiv 1505.07818).

    Between latent and adversary lies a layer that is the identity forwards and −βλ_p backwards, so
    one step of one optimiser moves the adversary towards the attribute and the encoder away from it. λ_p =
    2/(1 + e^{−10p}) − 1 grows from 0 to 1 with the progress p. The game ends where this adversary
    fails, not where every classifier does (Elazar and Goldberg, EMNLP 2018).

    Parameters as of AdversarialEncoder; ``beta`` scales the reversed gradient, 1 in the paper.
    """

    summary = "encoder trained through a gradient reversal layer (DANN)"

    def parameter_groups(self) -> list[dict[str, Any]]:
        adversary = {"params": self.modules_["adversary"].parameters(), "lr": self.adversary_rate}
        return [*super().parameter_groups(), adversary]

    def privacy(self, latent: Tensor, labels: Tensor, progress: float) -> Tensor:
        factor = self.beta * (2 / (1 + math.exp(-10 * progress)) - 1)
        return self.adversary_loss(_Reverse.apply(latent, factor), labels)


class _Reverse(torch.autograd.Function):
    """The identity whose gradient is multiplied by −factor."""

    @staticmethod
    def forward(context: Any, latent: Tensor, factor: float) -> Tensor:
        context.factor = factor
        return latent.view_as(latent)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.factor * gradient, None
