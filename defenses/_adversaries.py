"""Several unlike adversaries that are kept from overfitting to the moment: the ensemble of the hardened min–max."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.networks.blocks import MLP
from aiakit.networks.training import descend

REPLAYED = 20  # batches that adversaries look back on
WAVES = 256  # random features of the kernel head
STRIDE = 0.02  # of an anticipated step of plain gradient descent: short enough for the kernel head to descend


class Quadratic(nn.Module):
    """(N, D) → (N, K): linear in the variables and their products, what QDA sees."""

    pairs: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("pairs", torch.triu_indices(features, features))
        self.linear = nn.Linear(features + self.pairs.shape[1], classes)

    def forward(self, latent: Tensor) -> Tensor:
        products = latent[:, self.pairs[0]] * latent[:, self.pairs[1]] / math.sqrt(latent.shape[1])
        logits: Tensor = self.linear(torch.cat([latent, products], dim=1))
        return logits


class Kernel(nn.Module):
    """(N, D) → (N, K): linear in random Fourier features of a Gaussian kernel as wide as a standardised latent."""

    frequencies: Tensor
    phases: Tensor

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(features, WAVES) / math.sqrt(features))
        self.register_buffer("phases", 2 * math.pi * torch.rand(WAVES))
        self.linear = nn.Linear(WAVES, classes)

    def forward(self, latent: Tensor) -> Tensor:
        logits: Tensor = self.linear(math.sqrt(2) * torch.cos(latent @ self.frequencies + self.phases))
        return logits


HEADS: dict[str, Callable[[int, int], nn.Module]] = {
    "mlp": lambda features, classes: MLP([features, 128, 64, classes]),
    "linear": lambda features, classes: nn.Linear(features, classes),
    "quadratic": Quadratic,
    "kernel": Kernel,
    "wide": lambda features, classes: MLP([features, 256, classes]),
}


class Adversaries:
    """The first ``count`` of ``HEADS`` and their optimisers.

    steps : how many batches they learn from at each call, the first the present one, the others remembered ones
        (``replay``). renew_every : after so many calls one of them, in turn, forgets everything; 0 for never.
    lookahead : how many steps ahead of what they have learned ``certainty`` judges by.
    """

    def __init__(
        self,
        features: int,
        classes: int,
        count: int,
        rate: float,
        steps: int,
        replay: bool,
        renew_every: int,
        lookahead: int,
    ) -> None:
        makers = list(HEADS.values())[:count]
        self._make = [partial(make, features, classes) for make in makers]
        self.heads = nn.ModuleList([make() for make in self._make])
        self._rate, self._steps, self._renew_every, self._lookahead = rate, steps, renew_every, lookahead
        self._seen: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=REPLAYED if replay else 1)
        self._calls = itertools.count(1)

    def to(self, device: str) -> Adversaries:
        """Moves them, and makes their optimisers."""
        self.heads.to(device)
        self._optimizers = [self._optimizer(head) for head in self.heads]
        return self

    def _optimizer(self, head: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(head.parameters(), lr=self._rate, weight_decay=1e-3)

    def learn(self, latent: Tensor, labels: Tensor, weights: Tensor) -> None:
        """Lower each one's weighted cross-entropy on latents (B, D), detached."""
        self._seen.append((latent, labels, weights))
        for step in range(self._steps):
            back = 0 if step == 0 else int(torch.randint(len(self._seen), ()))
            remembered, known, counted = self._seen[-1 - back]
            for head, optimizer in zip(self.heads, self._optimizers, strict=True):
                descend(optimizer, _weighted_cross_entropy(head(remembered), known, counted))
        call = next(self._calls)
        if self._renew_every and call % self._renew_every == 0:
            self._renew((call // self._renew_every - 1) % len(self.heads))

    def _renew(self, place: int) -> None:
        device = next(self.heads[place].parameters()).device
        self.heads[place] = self._make[place]().to(device)
        self._optimizers[place] = self._optimizer(self.heads[place])

    def certainty(self, latent: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Sum over the heads of the weighted mean of KL(uniform ‖ their answers): 0 where none knows anything.

        Bounded below, so that the encoder has nothing to gain from answers that are wrong (−cross-entropy would be).
        With ``lookahead`` the answers are those after so many gradient steps on these latents, and the gradient goes
        through the steps (unrolled optimisation; Metz et al., ICLR 2017, arXiv 1611.02163, section 2.2).
        """
        total = latent.new_zeros(())
        for head in self.heads:
            logs = F.log_softmax(self._anticipate(head, latent, labels, weights), dim=1)
            total = total + ((-logs.mean(1) - math.log(logs.shape[1])) * weights).mean()
        return total

    def _anticipate(self, head: nn.Module, latent: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        parameters: dict[str, Tensor] = dict(head.named_parameters())
        for _ in range(self._lookahead):
            answers: Tensor = functional_call(head, parameters, (latent,))
            loss = _weighted_cross_entropy(answers, labels, weights)
            slopes = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
            stepped = (value - STRIDE * slope for value, slope in zip(parameters.values(), slopes, strict=True))
            parameters = dict(zip(parameters, stepped, strict=True))
        logits: Tensor = functional_call(head, parameters, (latent,))
        return logits


def _weighted_cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    return (F.cross_entropy(logits, labels, reduction="none") * weights).mean()
