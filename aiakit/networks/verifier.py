"""The Siamese verifier: what a release is still good for.

It is trained afresh on each release, by the contrastive loss, and never sees a test person.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aiakit.contracts import Context, FloatArray, IntArray, Release, batches
from aiakit.measures.ranking import area_under_roc
from aiakit.measures.verification import Pairs
from aiakit.networks.blocks import ConvEncoder, SiameseHead, contrastive_loss
from aiakit.networks.training import (
    PairSampler,
    Pixels,
    autocast,
    descend,
    fit_loop,
    forward_in_batches,
    one_cycle,
    seeded,
)

BATCH = 256
RATE = 2e-3
MARGIN = 1.0
PAIRS_AT_ONCE = 2**11  # so that their differences stay in a processor's cache
IMAGE_WIDTH = 24  # channels of the first convolution where the release has no embedding


class SiameseVerifier:
    """Two branches with shared weights whose Euclidean distance tells whether two samples show one person.

    On an embedding the branch is one hidden layer beside a linear path; on pictures a convolutional encoder comes
    first. Training stops early on the AUC of validation pairs.
    """

    def __init__(self, epochs: int = 40, patience: int = 8) -> None:
        self.epochs = epochs
        self.patience = patience

    def fit(self, train: Release, identity: IntArray, val: Release, val_pairs: Pairs, ctx: Context) -> Self:
        """Learn from a release of people with known identities, int64 (N,)."""
        self.ctx_ = ctx
        with seeded(ctx, "verifier"):
            self._prepare(train)
            inputs = self._inputs(train)
            pairs = PairSampler(identity, ctx.seed_for("verifier pairs"))
            optimizer = torch.optim.AdamW(self.branch_.parameters(), lr=RATE, weight_decay=1e-2)
            schedule = one_cycle(optimizer, RATE, len(train), BATCH, self.epochs)

            def step(rows: Tensor) -> Tensor:
                partners, different = pairs.partners(rows)
                with autocast(ctx):
                    points = self.branch_(_batch(inputs, torch.cat([rows, partners])))
                return descend(optimizer, contrastive_loss(points.float(), different, MARGIN))

            fit_loop(
                step,
                module=self.branch_,
                count=len(train),
                batch_size=BATCH,
                epochs=self.epochs,
                ctx=ctx,
                label="verifier",
                validate=lambda: area_under_roc(self.scores(self.transform(val), val_pairs), val_pairs.same),
                patience=self.patience,
                schedulers=(schedule,),
            )
        return self

    def transform(self, release: Release) -> FloatArray:
        """Unit vectors (N, 64) whose distances the verifier goes by."""
        return forward_in_batches(self.branch_, self._inputs(release), self.ctx_, 2048)

    def scores(self, points: FloatArray, pairs: Pairs) -> NDArray[np.float64]:
        """(P,) minus the distance of each pair: higher is more similar."""
        scores, exact = np.empty(len(pairs)), points.astype(np.float64)
        for rows in batches(len(pairs), PAIRS_AT_ONCE):
            difference = exact[pairs.left[rows]] - exact[pairs.right[rows]]
            scores[rows] = -np.sqrt(np.square(difference, out=difference).sum(1))
        return scores

    def _prepare(self, train: Release) -> None:
        device = self.ctx_.device
        if train.embedding is not None:
            self.mean_ = train.embedding.mean(0)
            self.scale_ = np.maximum(train.embedding.std(0), 1e-6)
            self.branch_: nn.Module = SiameseHead(train.embedding.shape[1]).to(device)
        else:
            assert train.pixels is not None
            encoder = ConvEncoder(int(train.pixels.shape[2]), 128, IMAGE_WIDTH)
            network = nn.Sequential(encoder, SiameseHead(128))
            self.branch_ = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _inputs(self, release: Release) -> Any:
        if release.embedding is not None:
            return torch.from_numpy((release.embedding - self.mean_) / self.scale_).to(self.ctx_.device)
        assert release.pixels is not None
        return Pixels(release.pixels, self.ctx_)


def _batch(inputs: Any, rows: Tensor) -> Tensor:
    batch: Tensor = inputs.batch(rows) if isinstance(inputs, Pixels) else inputs[rows.to(inputs.device)]
    return batch
