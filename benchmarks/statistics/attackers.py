"""What attackers read of the releases of a finished run: ``python -m benchmarks.statistics.attackers RUN``.

The run must be cross-fitted (``aiakit run --folds K``). Attacks learn from its stored releases as insiders and are
judged by the product's own functions: those that aiakit has, and those that were tried and not kept (``TRIED``).
``--release`` names the release, ``--attacks`` the attacks (all by default; what combines comes last), ``--folds`` the
folds that are tested (``0,3,6``), by default all: what is decided by some should be confirmed on others. Set
OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC
from torch import Tensor, nn

from aiakit.attacks.mlp import MultiLayerPerceptron
from aiakit.attacks.rfm import FeatureMachine
from aiakit.attacks.svm import SVM
from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.datasets.splits import DEFENDERS
from aiakit.errors import InputError
from aiakit.experiment.plan import make_plan
from aiakit.experiment.probing import combined_scores
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.deciding import spread_of_folds
from aiakit.measures.statistics import AttackStatistics, attack_statistics
from aiakit.networks.blocks import MLP
from aiakit.plugins import registry
from aiakit.plugins.bases import GridAttack

KEPT = ("logreg", "svm", "mlp", "rfm", "stack")
DRAWS = 2_000

Table = Mapping[str, NDArray[Any]]  # class probabilities under "val" and "test"


class Alike(Attack):
    """Another attack to which every image is of somebody else: classes weigh alike, and people by their images."""

    def __init__(self, attack: Attack) -> None:
        self.attack = attack

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        train, val = (replace(known, identity=np.arange(len(known))) for known in (train, val))
        self.attack.fit(train, val, ctx)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return self.attack.predict_proba(release)


class Still(MultiLayerPerceptron):
    """Without jitter."""

    jitter = 0.0


class Smooth(MultiLayerPerceptron):
    """SiLU in place of ReLU."""

    def network(self, features: int, classes: int) -> nn.Module:
        layers = [nn.Linear(features, 256), nn.SiLU(), nn.Dropout(0.2), nn.Linear(256, 128), nn.SiLU(), nn.Dropout(0.2)]
        return nn.Sequential(*layers, nn.Linear(128, classes))


class Products(nn.Module):
    """(N, D) → (N, D + count): the inputs, and products of pairs of learned directions."""

    def __init__(self, features: int, count: int) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(features, count), nn.Linear(features, count)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.left(x) * self.right(x)], dim=1)


class Quadratic(MultiLayerPerceptron):
    """A first layer of 64 products."""

    def network(self, features: int, classes: int) -> nn.Module:
        return nn.Sequential(Products(features, 64), MLP([features + 64, 256, 128, classes], dropout=0.2))


class Periodic(nn.Module):
    """(N, D) → (N, 4D): each input, and three mixtures of 16 cosines of it (RealMLP's PBLD, 2407.04491)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.rates = nn.Parameter(0.2 * math.pi * torch.randn(features, 16))
        self.phases = nn.Parameter(math.pi * (2 * torch.rand(features, 16) - 1))
        self.mix = nn.Parameter((2 * torch.rand(features, 16, 3) - 1) / 4)

    def forward(self, x: Tensor) -> Tensor:
        waves = torch.einsum("ndf,dfe->nde", torch.cos(x[:, :, None] * self.rates + self.phases), self.mix)
        return torch.cat([x, waves.flatten(1)], dim=1)


class RealMLP(MultiLayerPerceptron):
    """Periodic embeddings of the inputs, as in RealMLP."""

    def network(self, features: int, classes: int) -> nn.Module:
        return nn.Sequential(Periodic(features), MLP([4 * features, 256, 128, classes], dropout=0.2))


class Batched(nn.Module):
    """TabM (2410.24210): 8 members that share their layers' weights and differ in the scales around them."""

    def __init__(self, sizes: Sequence[int], members: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes[:-1]))
        signs = torch.randint(0, 2, (members, sizes[0])) * 2.0 - 1
        before = [signs, *(torch.ones(members, size) for size in sizes[1:-2])]
        self.before = nn.ParameterList(before)
        self.after = nn.ParameterList(torch.ones(members, size) for size in sizes[1:-1])
        self.heads = nn.Parameter((2 * torch.rand(members, sizes[-2], sizes[-1]) - 1) / math.sqrt(sizes[-2]))

    def forward(self, x: Tensor) -> Tensor:
        # in training a sample is one member's, so that each learns by a loss of its own, as in the paper
        members = torch.randint(len(self.heads), (len(x), 1)) if self.training else torch.arange(len(self.heads))
        x = x[:, None]
        for layer, before, after in zip(self.layers, self.before, self.after, strict=True):
            x = torch.dropout(torch.relu(layer(x * before[members]) * after[members]), 0.1, self.training)
        heads = self.heads[members].expand(len(x), -1, -1, -1)
        return torch.einsum("nmi,nmik->nmk", x, heads).mean(dim=1)


class TabM(MultiLayerPerceptron):
    """Networks of TabM in the place of perceptrons."""

    def network(self, features: int, classes: int) -> nn.Module:
        return Batched([features, 256, 256, classes])


class Cubic(SVM):
    """Polynomials of degree 3 in place of a Gaussian kernel."""

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        return [
            SVC(kernel="poly", degree=3, coef0=1.0, C=c, gamma=1 / dims, class_weight="balanced") for c in (0.1, 1.0)
        ]


class Metric(FeatureMachine):
    """The inputs in the metric that a recursive feature machine learns."""

    def transform(self, x: NDArray[Any]) -> NDArray[Any]:
        values, vectors = np.linalg.eigh(self.metric_)
        return np.asarray(x @ (vectors * np.sqrt(np.maximum(values, 0))))

    def fit(self, x: NDArray[Any], y: NDArray[Any], sample_weight: NDArray[Any] | None = None) -> Self:
        return super().fit(x, y, np.ones(len(x)) if sample_weight is None else sample_weight)


class MetricNeighbours(GridAttack):
    """Nearest neighbours in a learned metric."""

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        return [make_pipeline(Metric(), KNeighborsClassifier(k, weights="distance")) for k in (20, 60, 180)]


class Spreading(Attack):
    """Labels spread along neighbours, through the release that is asked about as well (Zhou et al., 2003)."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self.known_ = train
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        assert self.known_.release.embedding is not None
        assert release.embedding is not None
        x = np.concatenate([self.known_.release.embedding, release.embedding])
        labels = np.concatenate([self.known_.labels, np.full(len(release), -1)])
        model = LabelSpreading(kernel="knn", n_neighbors=60, alpha=0.5).fit(x / x.std(axis=0), labels)
        found = model.label_distributions_[len(self.known_) :] + 1e-6
        return np.asarray(found / found.sum(axis=1, keepdims=True))


class OfFolds(Attack):
    """Perceptrons that each learn from four fifths of the attacker's people and stop by the last fifth, averaged."""

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        _, person = np.unique(train.identity, return_inverse=True)
        fold_of = ctx.rng("folds").permutation(person.max() + 1) % 5
        parts = [fold_of[person] == fold for fold in range(5)]
        self.members_ = [
            MultiLayerPerceptron(members=1).fit(_some(train, ~part), _some(train, part), replace(ctx, seed=number))
            for number, part in enumerate(parts)
        ]
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(np.mean([member.predict_proba(release) for member in self.members_], axis=0))


def _some(known: LabelledRelease, rows: NDArray[np.bool_]) -> LabelledRelease:
    assert known.release.embedding is not None
    release = Release(known.release.embedding[rows])
    return LabelledRelease(release, known.labels[rows], known.identity[rows], known.classes)


class Contrastive(Attack):
    """A perceptron on what a network learned without labels from the release that is asked about as well.

    The network tells two noisy views of a sample from those of others (Chen et al., 2002.05709), and its output stands
    beside the input.
    """

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self.known_ = train, val, ctx
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        train, val, ctx = self.known_
        parts = [part.embedding for part in (train.release, val.release, release) if part.embedding is not None]
        x = torch.from_numpy(np.concatenate(parts))
        x = (x - x.mean(dim=0)) / (x.std(dim=0) + 1e-6)
        torch.manual_seed(ctx.seed)
        network = MLP([x.shape[1], 256, 128])
        optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
        for _ in range(30):
            for rows in torch.split(torch.randperm(len(x)), 512):
                first, second = (
                    nn.functional.normalize(network(x[rows] + 0.4 * torch.randn_like(x[rows]))) for _ in range(2)
                )
                loss = nn.functional.cross_entropy(first @ second.T / 0.2, torch.arange(len(rows)))
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        with torch.no_grad():
            beside = torch.cat([x, nn.functional.normalize(network(x)) * 128**0.5], dim=1).numpy()
        ends = np.cumsum([len(part) for part in parts])[:-1]
        trained, held_out, asked = (Release(rows) for rows in np.split(beside, ends))
        attack = MultiLayerPerceptron()
        attack.fit(replace(train, release=trained), replace(val, release=held_out), ctx)
        return attack.predict_proba(asked)


class TabKit(Attack):
    """A network of pytabkit with its tuned defaults, which chooses its epoch on attacker-val by the cross-entropy.

    It is no dependency of aiakit: python -m pip install pytabkit. It takes no weights of samples.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        import pytabkit

        rows = [part.release.embedding for part in (train, val) if part.release.embedding is not None]
        make = getattr(pytabkit, self.name)
        self.model_ = make(device="cpu", random_state=ctx.seed, n_threads=ctx.threads, verbosity=0,
                           val_metric_name="cross_entropy")  # fmt: skip
        held_out = np.arange(len(train), len(train) + len(val))
        self.model_.fit(np.concatenate(rows), np.concatenate([train.labels, val.labels]), val_idxs=held_out)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return np.asarray(self.model_.predict_proba(release.embedding), np.float64)


TRIED: Mapping[str, Callable[[], Attack]] = {
    "mlp-by-images": lambda: Alike(MultiLayerPerceptron()),
    "mlp-still": Still,
    "mlp-silu": Smooth,
    "mlp-products": Quadratic,
    "mlp-periodic": RealMLP,
    "mlp-tabm": TabM,
    "svm-by-images": lambda: Alike(SVM()),
    "svm-cubic": Cubic,
    "rfm-round": lambda: registry.make("attack", "rfm", {"rounds": "0"}),
    "knn-in-rfm-metric": MetricNeighbours,
    "label-spreading": Spreading,
    "mlp-of-folds": OfFolds,
    "mlp-contrastive": Contrastive,
    "pytabkit-realmlp": lambda: TabKit("RealMLP_TD_Classifier"),
    "pytabkit-tabm": lambda: TabKit("TabM_D_Classifier"),
}


class Insider:
    """What an insider has of one release of a run. Raises InputError where the run has none, or no folds."""

    def __init__(self, folder: Path, release: str) -> None:
        run = Run.open(folder)
        plan = make_plan(run.config)
        made = {name: cell.digest for (name, _), cell in plan.releases.items()}
        if release not in made:
            raise InputError(f"{folder} has no release {release!r}, only {', '.join(made)}")
        if run.config.split.folds < 2:
            raise InputError(f"{folder} is not cross-fitted: give aiakit run --folds 10")
        self.embedding = np.array(run.store.read(made[release]).tensors("release")["embedding"])
        self.folds = run.config.split.folds
        self.of_fold = [Protocol.read(run.store, plan.protocol.digest, fold=fold) for fold in range(self.folds)]

    def known(self, fold: int, *splits: str) -> LabelledRelease:
        """The release of the people of some splits, with their labels."""
        protocol = self.of_fold[fold]
        rows = protocol.rows(*splits)
        return LabelledRelease(
            Release(self.embedding[rows]), protocol.labels(rows), protocol.identity(rows), protocol.classes
        )

    def scored(self, attack: Attack, fold: int) -> Table:
        """Class probabilities on attacker-val and on test."""
        train, val = self.known(fold, "attacker-train", *DEFENDERS), self.known(fold, "attacker-val")
        attack.fit(train, val, Context(seed=fold))
        return {
            "val": attack.predict_proba(val.release),
            "test": attack.predict_proba(self.known(fold, "test").release),
        }

    def combined(self, tables: Sequence[Table], fold: int) -> Table:
        """The same of the stack of other attacks."""
        val = self.known(fold, "attacker-val")
        known, attack = (val.labels, val.identity), registry.make("attack", "stack", {})
        return combined_scores(
            tables, known, val.classes, attack, registry.entry("attack", "stack"), Context(seed=fold)
        )

    def judged(self, tables: Mapping[int, Table]) -> AttackStatistics:
        """The statistics of an attack on the folds that were tested."""
        sides: dict[str, tuple[NDArray[Any], ...]] = {}
        for name, split in (("val", "attacker-val"), ("test", "test")):
            each = {fold: self.known(fold, split) for fold in tables}
            of = [np.full(len(known), (fold + (name == "val")) % self.folds) for fold, known in each.items()]
            sides[name] = (
                np.concatenate([tables[fold][name] for fold in each]),
                np.concatenate([known.labels for known in each.values()]),
                np.concatenate([known.identity for known in each.values()]),
                np.concatenate(of),
            )
        (val, val_labels, val_identity, val_of), (test, labels, identity, of_test) = sides["val"], sides["test"]
        return attack_statistics(
            [val], val_labels, [test], labels, IdentityBootstrap(identity, DRAWS), val.shape[1],
            val_identity=val_identity, folds=(val_of, of_test), spread=spread_of_folds(self.folds),
        )  # fmt: skip


def row(name: str, found: AttackStatistics, seconds: float) -> str:
    """A line of the table."""
    low, high = found.ci95("balanced_accuracy")
    accuracy = f"{found.point['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]"
    return f"| {name} | {found.val_auc:.3f} | {found.point['auc']:.3f} | {accuracy} | {seconds:.0f} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--release", default="identity-transport")
    parser.add_argument("--attacks", default=",".join((*KEPT, *TRIED)), type=lambda text: text.split(","))
    parser.add_argument("--folds", default=None, type=lambda text: [int(fold) for fold in text.split(",")])
    asked = parser.parse_args()
    insider = Insider(asked.run, asked.release)
    print("| attack | AUC on attacker-val | AUC | balanced accuracy [95 %] | seconds a fold |\n|---|---|---|---|---|")
    kept: dict[int, list[Table]] = {}
    for name in asked.attacks:
        start, tables = time.perf_counter(), {}
        for fold in asked.folds or range(insider.folds):
            if name == "stack":
                tables[fold] = insider.combined(kept[fold], fold)
                continue
            attack = TRIED[name]() if name in TRIED else registry.make("attack", name, {})
            tables[fold] = insider.scored(attack, fold)
            if name not in TRIED:
                kept.setdefault(fold, []).append(tables[fold])
        print(row(name, insider.judged(tables), (time.perf_counter() - start) / len(tables)), flush=True)


if __name__ == "__main__":
    main()
