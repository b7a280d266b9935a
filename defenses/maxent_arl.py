"""MaxEnt-ARL: the encoder wants the adversary to be undecided rather than wrong."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context
from aiakit.defenses._adversarial import AdversarialEncoder
from aiakit.networks.training import descend


class MaxEntArl(AdversarialEncoder):
    """Maximum-entropy adversarial representation learning (Roy and Boddeti, CVPR 2019, arXiv 1904.05514).

    A game of two different objectives: in every batch the adversary q takes a step that lowers its cross-entropy, and
    the encoder a step that lowers L_rec + α·L_Siamese + β·KL(q(s|z) ‖ uniform), KL = log K − H(q). Unlike the negated
    cross-entropy this has a minimum where q is undecided, and no reward for a confident wrong answer. As with every
    in-loop adversary, fresh attackers find what it has forgotten.

    Parameters as of AdversarialEncoder; ``beta`` is the paper's α.
    """

    summary = "encoder that maximises the entropy of its adversary's answers"

    def _begin(self, features: int, classes: int, ctx: Context) -> None:
        super()._begin(features, classes, ctx)
        self._attacker = torch.optim.Adam(self.modules_["adversary"].parameters(), lr=self.adversary_rate)

    def privacy(self, latent: Tensor, labels: Tensor, progress: float) -> Tensor:
        descend(self._attacker, self.adversary_loss(latent.detach(), labels))
        log_odds = F.log_softmax(self.modules_["adversary"](latent), dim=1)
        divergence = math.log(self.classes_) + (log_odds.exp() * log_odds).sum(1)
        return self.beta * divergence.mean()
