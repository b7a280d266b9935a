"""Mean projection: one orthogonal projection, along the difference of the class means."""

from __future__ import annotations

from typing import Self

import numpy as np
import torch

from aiakit.contracts import Context, Embeddings
from aiakit.defenses._concept_erasure import LeaceEraser
from aiakit.defenses._numbers import targets
from aiakit.networks.training import seeded
from aiakit.plugins.bases import AffineEraser


class MeanProjection(AffineEraser):
    """Projection onto the complement of the class means' differences (Haghighatkhah, Fokkens, Sommerauer, Speckmann,
    Verbeek, "Better Hit the Nail on the Head than Beat around the Bush: Removing Protected Attributes with a Single
    Projection", EMNLP 2022, arXiv 2212.04273).

    r(x) = x − B Bᵀ(x − E x), B an orthonormal basis of the span of μ_k − μ_j: one dimension goes for two classes, at
    most K − 1 for K. Every class has the same mean afterwards, on the people it was fitted on, so that there no linear
    classifier under a convex loss beats a constant (arXiv 2306.03819, section 3). On new people the means agree up to
    estimation error. Unlike LEACE it does not ask how x varies, and moves x further for the same end; differences of
    covariance between the classes stay. Classifiers that are not linear are not touched: nothing is guaranteed of them.
    Of numbers that are protected the covariance with x goes in the same way, a dimension each (Shao, Ziser, Cohen,
    EACL 2023, arXiv 2203.07893, which for classes is the same projection).
    """

    summary = "equal class means by one orthogonal projection: blinds linear attackers only"
    erases_numbers = True

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        with seeded(ctx, "mean-projection"):
            x = torch.from_numpy(train.embedding.astype(np.float64))
            z = torch.from_numpy(targets(train))
            scale = x.std().clamp_min(1e-12)  # the library's tolerance is absolute
            eraser = LeaceEraser.fit(x / scale, z, method="orth", svd_tol=1e-8)
        assert eraser.bias is not None
        self.keep((eraser.bias * scale).numpy(), eraser.P.numpy())
        return self
