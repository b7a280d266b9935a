"""SAN: a picture that fools one frozen classifier of the attribute."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Defense, Faces, PixelArray, Release, State, batches
from aiakit.errors import InputError
from aiakit.networks.autoencoder import Epochs
from aiakit.networks.blocks import ConvEncoder, contrastive_loss, load_state, state_of
from aiakit.networks.training import (
    PairSampler,
    Pixels,
    autocast,
    descend,
    fit_classifier,
    fit_loop,
    forward_in_batches,
    seeded,
)

BATCH = 128
RATE = 1e-3
DESCRIPTOR = 64
Weight = Annotated[float, Field(ge=0)]


class Perturber(nn.Module):
    """A picture and a prototype (N, 3, S, S each, in [0, 1]) → the perturbed picture. It starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise([6, width, 2 * width]):
            layers += [nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)]
        layers += [nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True)]
        last = nn.ConvTranspose2d(width, 3, 4, 2, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.layers = nn.Sequential(*layers, last)

    def forward(self, images: Tensor, prototypes: Tensor) -> Tensor:
        change = self.layers(torch.cat([images, prototypes], 1) * 2 - 1).float()
        return torch.sigmoid(torch.logit(images, eps=0.01) + change)


class San(Defense):
    """A semi-adversarial network (Mirjalili, Raschka, Namboodiri, Ross, ICB 2018, arXiv 1712.00321).

    A convolutional autoencoder takes a face and the prototype (mean face) of a class. Trained against two frozen
    networks, a classifier of the attribute and a face matcher, with J = J_D + λ_A·J_A + λ_M·J_M: with the prototype of
    the face's own class the picture should stay as it is (J_D, cross-entropy of pixels) and be classified rightly,
    with that of another class be classified as that one (both J_A, cross-entropy); in both the matcher's descriptor
    should not move (J_M, squared distance). A training step gives each face one of the two, by a coin. A face is
    released with the prototype of the class that the classifier finds least likely. The paper uses grey 224×224
    pictures and ready networks (VGG-Face descriptors); here both frozen networks are trained on the defender's people
    first.

    Only the frozen classifier is fooled, and it is fooled systematically: an attacker that trains on releases reads
    the perturbation itself. It stands here as a caution.

    Parameters
    ----------
    attribute, matching : λ_A and λ_M. width : channels of the first convolution. epochs : of each of the three parts.
    """

    summary = "picture perturbed against a frozen classifier: collapses when attackers retrain"
    produces = ("image",)
    needs_pairs = True

    def __init__(
        self,
        attribute: Weight = 1.0,
        matching: Weight = 1.0,
        width: Annotated[int, Field(ge=1, le=256)] = 16,
        epochs: Epochs = 5,
    ) -> None:
        self.attribute = attribute
        self.matching = matching
        self.width = width
        self.epochs = epochs

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        size = int(train.images.shape[1])
        if size % 16:
            raise InputError(f"san needs pictures of a multiple of 16 pixels, not {size}: choose another --image-size")
        pixels = Pixels(train.images, ctx)
        with seeded(ctx, "san"):
            self._begin(size, len(train.classes), ctx)
            self.prototypes_ = _prototypes(train)
            self._train_classifier(pixels, train, val)
            matcher = self._train_matcher(pixels, train)
            self._train_perturber(pixels, train, matcher)
        return self

    def _begin(self, size: int, classes: int, ctx: Context) -> None:
        self.ctx_, self.size_, self.classes_ = ctx, size, classes
        self.classifier_ = self._on_device(ConvEncoder(size, classes, self.width))
        self.perturber_ = self._on_device(Perturber(self.width))

    def _on_device(self, module: nn.Module) -> nn.Module:
        return module.to(self.ctx_.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]

    def _train_classifier(self, pixels: Pixels, train: Faces, val: Faces) -> None:
        fit_classifier(
            self.classifier_,
            pixels.batch,
            train,
            lambda: forward_in_batches(self.classifier_, Pixels(val.images, self.ctx_), self.ctx_),
            val,
            ctx=self.ctx_,
            label="classifier",
            epochs=self.epochs,
            batch_size=BATCH,
            rate=RATE,
            weight_decay=1e-3,
            patience=None,
        )
        self.classifier_.requires_grad_(False)

    def _train_matcher(self, pixels: Pixels, train: Faces) -> nn.Module:
        matcher = self._on_device(ConvEncoder(self.size_, DESCRIPTOR, self.width))
        pairs = PairSampler(train.identity, self.ctx_.seed_for("pairs"))
        optimizer = torch.optim.Adam(matcher.parameters(), lr=RATE)

        def step(rows: Tensor) -> Tensor:
            partners, different = pairs.partners(rows)
            with autocast(self.ctx_):
                descriptors = matcher(pixels.batch(torch.cat([rows, partners])))
            return descend(optimizer, contrastive_loss(F.normalize(descriptors.float(), dim=1), different, 1.0))

        self._loop(step, matcher, len(train), BATCH // 2, "matcher")
        return matcher.requires_grad_(False)

    def _train_perturber(self, pixels: Pixels, train: Faces, matcher: nn.Module) -> None:
        device = self.ctx_.device
        labels = torch.from_numpy(train.labels).to(device)
        prototypes = torch.from_numpy(self.prototypes_).to(device)
        optimizer = torch.optim.Adam(self.perturber_.parameters(), lr=RATE)

        def step(rows: Tensor) -> Tensor:
            images, own = pixels.batch(rows), labels[rows.to(device)]
            other = (own + torch.randint(1, self.classes_, own.shape).to(device)) % self.classes_
            keep = torch.rand(own.shape).to(device) < 0.5  # these are given the prototype of their own class
            wanted = torch.where(keep, own, other)
            with autocast(self.ctx_):
                perturbed = self.perturber_(images, prototypes[wanted])
                answers = self.classifier_(perturbed).float()
                before, after = matcher(images).float(), matcher(perturbed).float()
            differences = F.binary_cross_entropy(perturbed.float(), images, reduction="none").mean((1, 2, 3))
            kept = (differences * keep).mean()
            moved = F.normalize(after, dim=1) - F.normalize(before, dim=1)
            fooled = F.cross_entropy(answers, wanted)
            return descend(optimizer, kept + self.attribute * fooled + self.matching * moved.square().sum(1).mean())

        self._loop(step, self.perturber_, len(train), BATCH // 2, "perturber")

    def _loop(self, step: Any, module: nn.Module, count: int, batch_size: int, label: str) -> None:
        fit_loop(
            step, module=module, count=count, batch_size=batch_size, epochs=self.epochs, ctx=self.ctx_, label=label
        )

    def release(self, images: PixelArray, rng: np.random.Generator) -> Release:
        prototypes = torch.tensor(self.prototypes_, device=self.ctx_.device)  # a copy: a stored state is read-only

        def perturb(batch: Tensor) -> Tensor:
            least_likely = self.classifier_(batch).argmin(1)
            return self.perturber_(batch, prototypes[least_likely])  # type: ignore[no-any-return]

        return Release(image=forward_in_batches(perturb, Pixels(images, self.ctx_), self.ctx_))

    def claim(self, release: Release) -> NDArray[Any] | None:
        """The frozen classifier's scores."""
        assert release.pixels is not None
        logits = forward_in_batches(self.classifier_, Pixels(release.pixels, self.ctx_), self.ctx_)
        probabilities: NDArray[Any] = torch.softmax(torch.from_numpy(logits).double(), 1).numpy()
        return probabilities

    def state_dict(self) -> State:
        networks = {**state_of(self.classifier_, "classifier."), **state_of(self.perturber_, "perturber.")}
        return {"prototypes": self.prototypes_, **networks}

    def load_state_dict(self, state: State) -> Self:
        if "prototypes" not in state:
            raise ValueError("the state has no prototypes")
        self.prototypes_ = state["prototypes"]
        classes, _, size, _ = self.prototypes_.shape
        self._begin(size, classes, Context())
        load_state(self.classifier_, state, "classifier.")
        load_state(self.perturber_, state, "perturber.")
        return self


def _prototypes(train: Faces) -> NDArray[np.float32]:
    """The mean face (K, 3, S, S) of every class, in [0, 1]."""
    sums = np.zeros((len(train.classes), *train.images.shape[1:]))
    for rows in batches(len(train), 1024):
        np.add.at(sums, train.labels[rows], np.asarray(train.images[rows]) / 255)
    counts = np.bincount(train.labels, minlength=len(train.classes))
    means = sums / np.maximum(counts, 1)[:, None, None, None]
    return np.ascontiguousarray(means.transpose(0, 3, 1, 2), dtype=np.float32)
