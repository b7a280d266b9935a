"""LEACE: the smallest change of an embedding after which no linear classifier finds the attribute."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._concept_erasure import LeaceEraser
from aiakit.defenses._numbers import targets
from aiakit.networks.training import seeded
from aiakit.plugins.bases import AffineEraser


class Leace(AffineEraser):
    """Least-squares concept erasure (Belrose et al., NeurIPS 2023, arXiv 2306.03819, section 4).

    r(x) = x − W⁺ P_{WΣ_xz} W (x − E x) with W = Σ_xx^{−1/2}: of all affine maps after which every class has the same
    mean, the one that moves x least in mean square. Equal class means hold exactly where no linear classifier under a
    convex loss beats a constant (section 3), on the people it was fitted on; on new people the means agree up to
    estimation error, and classifiers that are not linear are not touched. z are the one-hot classes and, beside them,
    the numbers that are protected (theorem 4.2 is of any z): with no covariance left, a least-squares regression on
    those people has no slope and estimates the mean. A number that is not known counts as the mean, for nothing.

    Parameters
    ----------
    shrinkage : estimate Σ_xx with the library's random-matrix shrinkage; without it, by the plain covariance.
    """

    summary = "equal class means by the smallest affine change: blinds linear attackers only"
    erases_numbers = True

    def __init__(self, shrinkage: bool = True) -> None:
        self.shrinkage = shrinkage

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        with seeded(ctx, "leace"):
            x = torch.from_numpy(train.embedding.astype(np.float64))
            z = torch.from_numpy(targets(train))
            # The tolerance is that of rounding: the library's .01 leaves weak correlations in. Its limit on the trace
            # mixes in another projection, after which class means differ again.
            eraser = LeaceEraser.fit(x, z, shrinkage=self.shrinkage, svd_tol=1e-8, constrain_cov_trace=False)
        assert eraser.bias is not None
        self.keep(eraser.bias.numpy(), eraser.P.numpy())
        return self
