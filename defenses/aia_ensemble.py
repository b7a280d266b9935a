"""AIA hardened: the same three components in an honest min–max, from a start that leaks little already."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, EmbeddingDefense, Embeddings, FloatArray, Release, State
from aiakit.defenses._adversarial import Rate, Weight
from aiakit.defenses._adversaries import HEADS, Adversaries
from aiakit.defenses._people import person_weights
from aiakit.defenses.identity_transport import IdentityTransport
from aiakit.networks.autoencoder import Epochs, Size
from aiakit.networks.blocks import MLP, SiameseHead, contrastive_loss, load_state, state_of
from aiakit.networks.serving import Single
from aiakit.networks.training import PairSampler, descend, fit_loop, forward_in_batches, seeded, steps_per_epoch
from aiakit.plugins.bases import Served

ROWS = 256  # of a batch; each brings its partner
HIDDEN = 128
NOISE = 0.1  # standard deviations added to the inputs in training, so that the encoder cannot learn people by heart
MARGIN = 1.0
WARM_UP = 0.2  # share of the training in which beta grows from 0
FOLDS = 5


class Refinement(nn.Module):
    """(N, D) → (N, D): the identity beside a hidden layer that starts at nothing; batch-normalised, without a scale."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = MLP([features, HIDDEN, features], dropout=0.2)
        nn.init.zeros_(self.hidden[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.hidden[-1].bias)  # type: ignore[arg-type]
        self.norm = nn.BatchNorm1d(features, affine=False)

    def forward(self, inputs: Tensor) -> Tensor:
        latent: Tensor = self.norm(inputs + self.hidden(inputs))
        return latent

    @torch.no_grad()
    def calibrate(self, inputs: Tensor) -> None:
        """Take the moments of all inputs (N, D), so that the start can be judged before any training."""
        self.norm.momentum = None  # a plain average, here of one batch
        self.train()(inputs)
        self.norm.momentum = 0.1
        self.eval()


class AIAEnsemble(Served, EmbeddingDefense):
    """L = L_AE + α·L_Siamese + β·L_priv on embeddings, against several adversaries that are never left behind.

    As in AIA there are an autoencoder (a refinement of the start, and a decoder that predicts the start from the
    latent), a Siamese matcher and in-loop attackers. What differs:

    - the start is identity-transport's closed form (``transport=False``: its subspace alone);
    - L_priv is Σ KL(uniform ‖ answer) over the attackers, bounded below by 0, where −L_Adv has no bound;
    - ``adversaries`` attackers of different kinds (perceptron, linear, quadratic, random Fourier features, wide
      perceptron) take ``adversary_steps`` steps a batch, on the present latents and on remembered ones (``replay``),
      and every ``renew_every`` batches one of them begins anew;
    - every person weighs alike, and so does every class; the latent is standardised; β warms up;
    - the epoch that is kept, the start included, is the one on which *fresh* attackers (QDA and an RBF-SVM,
      cross-validated on the people of defender-val) read least. The attackers of the loop have no say in it.

    Parameters
    ----------
    alpha, beta : weights of the matcher's loss and of L_priv. latent : dimensions of the release.
    epochs, rate, adversary_rate : of the joint training.
    lookahead : steps of the adversaries that the encoder anticipates (unrolled optimisation; Metz et al., ICLR 2017).
    hsic : weight of a kernel dependence penalty between latent and attribute (Gretton et al., ALT 2005).
    select : whether the epoch is chosen so, or the last one is kept.
    """

    summary = "AIA hardened: closed-form start, diverse replayed adversaries, bounded objective, chosen on val"
    needs_pairs = True

    def __init__(
        self,
        alpha: Weight = 1.0,
        beta: Weight = 1.0,
        latent: Size = 24,
        epochs: Epochs = 20,
        rate: Rate = 5e-4,
        adversary_rate: Rate = 3e-3,
        adversaries: Annotated[int, Field(ge=1, le=len(HEADS))] = len(HEADS),
        adversary_steps: Annotated[int, Field(ge=1, le=100)] = 3,
        replay: bool = True,
        renew_every: Annotated[int, Field(ge=0)] = 100,
        lookahead: Annotated[int, Field(ge=0, le=20)] = 0,
        hsic: Weight = 0.0,
        transport: bool = True,
        select: bool = True,
    ) -> None:
        self.alpha = alpha
        self.beta = beta
        self.latent = latent
        self.epochs = epochs
        self.rate = rate
        self.adversary_rate = adversary_rate
        self.adversaries = adversaries
        self.adversary_steps = adversary_steps
        self.replay = replay
        self.renew_every = renew_every
        self.lookahead = lookahead
        self.hsic = hsic
        self.transport = transport
        self.select = select

    def fit(self, train: Embeddings, val: Embeddings, ctx: Context) -> Self:
        """Raises InputError as identity-transport does."""
        self.start_ = self._fresh_start().fit(train, val, ctx)
        starts = [torch.from_numpy(self._start_of(part.embedding)) for part in (train, val)]
        with seeded(ctx, "ensemble"):
            self._begin(starts[0].shape[1], len(train.classes), ctx)
            self._train(starts[0].to(ctx.device), train, starts[1], val)
        return self

    def _fresh_start(self) -> IdentityTransport:
        return IdentityTransport(latent=self.latent, erase=self.transport, transport=self.transport)

    def _start_of(self, embedding: FloatArray) -> FloatArray:
        start = self.start_.release(embedding, np.random.default_rng(0)).embedding  # nothing is drawn
        assert start is not None
        return start

    def _begin(self, features: int, classes: int, ctx: Context) -> None:
        self.ctx_, self.classes_ = ctx, classes
        self.encoder_ = Refinement(features).to(ctx.device).eval()
        self.against_ = Adversaries(
            features,
            classes,
            self.adversaries,
            self.adversary_rate,
            self.adversary_steps,
            self.replay,
            self.renew_every,
            self.lookahead,
        ).to(ctx.device)

    def _train(self, inputs: Tensor, train: Embeddings, val_inputs: Tensor, val: Embeddings) -> None:
        ctx, device = self.ctx_, inputs.device
        labels = torch.from_numpy(train.labels).to(device)
        weights = torch.from_numpy(_even(train).astype(np.float32)).to(device)
        decoder = MLP([inputs.shape[1], HIDDEN, inputs.shape[1]]).to(device)
        matcher = SiameseHead(inputs.shape[1]).to(device)
        kept = itertools.chain(self.encoder_.parameters(), decoder.parameters(), matcher.parameters())
        keeper = torch.optim.AdamW(kept, lr=self.rate, weight_decay=1e-2)
        pairs = PairSampler(train.identity, ctx.seed_for("pairs"))
        steps = self.epochs * steps_per_epoch(len(train), ROWS)
        done = itertools.count(1)

        def step(rows: Tensor) -> Tensor:
            partners, different = pairs.partners(rows)
            both = torch.cat([rows, partners]).to(device)
            start = inputs[both]
            latent = self.encoder_(start + NOISE * torch.randn_like(start))
            self.against_.learn(latent.detach(), labels[both], weights[both])
            matching = contrastive_loss(matcher(latent), different, MARGIN)
            private = self.against_.certainty(latent, labels[both], weights[both])
            if self.hsic:
                private = private + self.hsic * dependence(latent, labels[both], weights[both], len(train.classes))
            warm = min(1.0, next(done) / (WARM_UP * steps))
            reconstruction = F.mse_loss(decoder(latent), start)
            return descend(keeper, reconstruction + self.alpha * matching + self.beta * warm * private)

        def unread() -> float:
            return -fresh_advantage(self._refine(val_inputs), val, ctx)

        self.encoder_.calibrate(inputs)
        start_state = {name: value.clone() for name, value in self.encoder_.state_dict().items()}
        before = unread() if self.select else -np.inf
        after = fit_loop(
            step,
            module=nn.ModuleList([self.encoder_, decoder, matcher, self.against_.heads]),
            count=len(train),
            batch_size=ROWS,
            epochs=self.epochs,
            ctx=ctx,
            label="ensemble",
            validate=unread if self.select else None,
        )
        if self.select and before >= after:
            self.encoder_.load_state_dict(start_state)

    def _refine(self, inputs: Tensor) -> NDArray[np.float32]:
        return forward_in_batches(self.encoder_, inputs, self.ctx_, 4096)

    def release(self, embedding: FloatArray, rng: np.random.Generator) -> Release:
        return Release(embedding=self._refine(torch.from_numpy(self._start_of(embedding))))

    def module(self) -> nn.Module:
        return nn.Sequential(Single(self.start_.module()), self.encoder_)

    def claim(self, release: Release) -> NDArray[Any] | None:
        """The mean answer of the attackers in the loop."""
        assert release.embedding is not None
        latent = torch.from_numpy(release.embedding)
        answers = [forward_in_batches(head, latent, self.ctx_, 4096) for head in self.against_.heads]
        mean: NDArray[Any] = np.mean([torch.softmax(torch.from_numpy(a).double(), 1).numpy() for a in answers], axis=0)
        return mean

    def state_dict(self) -> State:
        return {
            "classes": np.array(self.classes_),
            **{f"start.{name}": value for name, value in self.start_.state_dict().items()},
            **state_of(self.encoder_, "encoder."),
            **state_of(self.against_.heads, "adversaries."),
        }

    def load_state_dict(self, state: State) -> Self:
        if "classes" not in state:
            raise ValueError("the state has no classes")
        start = {name.removeprefix("start."): value for name, value in state.items() if name.startswith("start.")}
        self.start_ = self._fresh_start().load_state_dict(start)
        self._begin(self.start_.maps_.shape[1], int(state["classes"]), Context())
        load_state(self.encoder_, state, "encoder.")
        load_state(self.against_.heads, state, "adversaries.")
        return self


def _even(train: Embeddings) -> NDArray[np.float64]:
    """(N,) weights of mean 1 under which all classes weigh alike, and within a class all people."""
    weights = person_weights(train.identity)
    sums = np.bincount(train.labels, weights, minlength=len(train.classes))
    weights /= sums[train.labels]
    even: NDArray[np.float64] = weights / weights.mean()
    return even


def dependence(latent: Tensor, labels: Tensor, weights: Tensor, classes: int) -> Tensor:
    """Weighted HSIC between latents (B, D), Gaussian kernel of median width, and labels (Gretton et al., ALT 2005)."""
    share = weights / weights.sum()
    distances = torch.cdist(latent, latent).square()
    kernel = torch.exp(-distances / distances.detach().median().clamp_min(1e-6))
    target = F.one_hot(labels, classes).to(latent.dtype)
    target = (target - share @ target) * share[:, None]
    return (target * (kernel @ target)).sum()


def fresh_advantage(latent: NDArray[np.float32], known: Embeddings, ctx: Context) -> float:
    """max |2·AUC − 1| of attackers cross-validated on people that the encoder has not seen, one class against all."""
    rarest = min(len(np.unique(known.identity[known.labels == code])) for code in np.unique(known.labels))
    if len(np.unique(known.labels)) < 2 or rarest < 2:
        return 0.0
    folds = StratifiedGroupKFold(min(FOLDS, rarest), shuffle=True, random_state=0)
    worst = 0.0
    with threadpool_limits(ctx.threads):
        for code in np.unique(known.labels):
            own = (known.labels == code).astype(np.int64)
            for attacker, method in (
                (QuadraticDiscriminantAnalysis(solver="eigen", shrinkage=0.3), "predict_proba"),
                (SVC(class_weight="balanced"), "decision_function"),
            ):
                scores = cross_val_predict(attacker, latent, own, groups=known.identity, cv=folds, method=method)
                scores = scores if scores.ndim == 1 else scores[:, 1]
                worst = max(worst, abs(2 * roc_auc_score(own, scores) - 1))
    return worst
