"""What a report shows besides the document: curves, per-group slices and sources, computed from stored scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.datasets.pairs import IMPOSTOR_KINDS
from aiakit.experiment.plan import AttackKey, CellSpec, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.measures.bootstrap import FloatArray
from aiakit.measures.deciding import Known
from aiakit.measures.influence import pair_weights, people_share
from aiakit.measures.intervals import Estimate
from aiakit.measures.units import Unit, sample_weights
from aiakit.measures.verification import IMPOSTORS_PER_FALSE_ACCEPT
from aiakit.results.evaluate import Evaluation
from aiakit.results.judge import Tables
from aiakit.results.repeats import repeats_of
from aiakit.storage.documents import sound
from aiakit.storage.store import Store

POINTS = 60  # of a DET curve


@dataclass(frozen=True)
class DetCurve:
    """Verification errors of one release against one kind of impostors, means over seeds.

    false_match, false_non_match : float (P,), rates; the genuine pairs of a person count once together.
    """

    release: str
    impostors: str
    false_match: FloatArray
    false_non_match: FloatArray


@dataclass(frozen=True)
class Share:
    """A proportion with its 95 % interval over people; None where there is nothing to count."""

    value: float | None
    ci95: tuple[float, float] | None

    @classmethod
    def of(cls, estimate: Estimate | None) -> Share:
        """What a figure says of a proportion."""
        return cls(None, None) if estimate is None else cls(estimate.point, (estimate.low, estimate.high))


@dataclass(frozen=True)
class Slice:
    """One class of people on one release.

    recall : images whose class the strongest attack gets right.
    """

    release: str
    group: str
    recall: Share


@dataclass(frozen=True)
class Figures:
    """det : verification curves. slices : per-class results.

    Digests of the cells that figures were computed from: sources : (defense, attack) → of the headline's.
    further : (attribute, defense, attack) → the same of a further attribute. claims, releases, utilities, matches :
    defense → of the in-loop attacker's claim, of making the release, of the verifier, of the matcher.
    """

    det: Sequence[DetCurve] = ()
    slices: Sequence[Slice] = ()
    sources: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    further: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)
    claims: dict[str, list[str]] = field(default_factory=dict)
    releases: dict[str, list[str]] = field(default_factory=dict)
    utilities: dict[str, list[str]] = field(default_factory=dict)
    matches: dict[str, list[str]] = field(default_factory=dict)


def figures_of(store: Store, evaluation: Evaluation) -> Figures:
    """Compute the figures of a run from the scores of its finished cells. Raises InputError where these are unsound."""
    with sound(store.folder):
        return _figures(store, evaluation)


def _figures(store: Store, evaluation: Evaluation) -> Figures:
    config, protocol = evaluation.config, evaluation.protocol
    plan = make_plan(config)
    det: list[DetCurve] = []
    slices: list[Slice] = []
    for name, row in evaluation.rows.items():
        found = [store.find(cell.digest) for (release, _), cell in plan.utilities.items() if release == name]
        det += _det_curves(name, protocol, [cell.tensors("scores") for cell in found if cell is not None])
        keys = [key for key in plan.attacks if (key.release, key.attack) == (name, row.strongest)]
        keys = [key for key in keys if key.counts_at(row.level)]
        attack = [repeat.scores for repeat in repeats_of(store, plan.attacks, keys, protocol) if repeat.scores]
        if attack:
            slices += _slices(name, protocol, evaluation.unit, attack)
    further = {
        (attribute, release, attack): digests
        for attribute, cells in plan.further.items()
        if attribute in evaluation.further
        for (release, attack), digests in _sources(store, cells.attacks, evaluation.further[attribute]).items()
    }
    claiming = {spec.name for spec in config.attacks if spec.shows_claim}
    claims = [(key.release, cell) for key, cell in plan.attacks.items() if key.attack in claiming]
    return Figures(
        det,
        slices,
        _sources(store, plan.attacks, evaluation),
        further,
        _by_release(store, claims),
        _by_release(store, ((release, cell) for (release, _), cell in plan.releases.items())),
        _by_release(store, ((release, cell) for (release, _), cell in plan.utilities.items())),
        _by_release(store, ((release, cell) for (release, _), cell in plan.matches.items())),
    )


def _by_release(store: Store, cells: Iterable[tuple[str, CellSpec]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for release, cell in cells:
        if store.has(cell.digest):
            found.setdefault(release, []).append(cell.digest)
    return found


def _sources(
    store: Store, cells: dict[AttackKey, CellSpec], evaluation: Evaluation
) -> dict[tuple[str, str], list[str]]:
    sources: dict[tuple[str, str], list[str]] = {}
    for key, cell in cells.items():
        if key.counts_at(evaluation.rows[key.release].level) and store.has(cell.digest):
            sources.setdefault((key.release, key.attack), []).append(cell.digest)
    return sources


def _det_curves(name: str, protocol: Protocol, tables: list[dict[str, NDArray[Any]]]) -> list[DetCurve]:
    curves = []
    for kind in IMPOSTOR_KINDS:
        rows = protocol.judged("test")
        pairs = protocol.pairs(f"test.{kind}", rows)
        if pairs is None or not tables:
            continue
        people = protocol.identity(rows)[pairs.left]
        curves.append(det_curve(name, kind, pairs.same, people, [table[f"test.{kind}"] for table in tables]))
    return curves


def det_curve(
    release: str, impostors: str, same: NDArray[np.bool_], people: NDArray[Any], repeats: Sequence[NDArray[Any]]
) -> DetCurve:
    """The curve of a release.

    same : (P,) whether pairs show one person. people : (P,) whom the first image shows. repeats : (P,) similarities of
    each seed.
    """
    lowest = min(0.5, IMPOSTORS_PER_FALSE_ACCEPT / np.count_nonzero(~same))  # below it a rate rests on a few pairs
    rates, weights = np.geomspace(lowest, 0.999, POINTS), pair_weights(same, people)
    missed = [_missed(scores, same, weights, rates) for scores in repeats]
    return DetCurve(release, impostors, rates, np.mean(missed, axis=0))


def _missed(scores: NDArray[Any], same: NDArray[np.bool_], weights: FloatArray, rates: FloatArray) -> FloatArray:
    """The false non-match rate at the lowest threshold whose false match rate is at most each of ``rates``."""
    impostors, order = np.sort(scores[~same]), np.argsort(scores[same], kind="stable")
    genuine, rejected = scores[same][order], np.concatenate([[0.0], np.cumsum(weights[same][order])])
    # accept what lies above the threshold: at most rate · n impostors do
    threshold = impostors[len(impostors) - 1 - np.floor(rates * len(impostors)).astype(int)]
    return np.asarray(rejected[np.searchsorted(genuine, threshold, "right")] / rejected[-1])


def _slices(name: str, protocol: Protocol, unit: Unit, attack: Tables) -> list[Slice]:
    val, test = protocol.judged("attacker-val"), protocol.judged("test")
    labels, val_labels = protocol.labels(test), protocol.labels(val)
    identity, folds = protocol.identity(test), protocol.fold_of(test)
    people, rows = np.unique(identity, return_inverse=True)
    weights = sample_weights(identity, labels, unit)
    known = Known(val_labels, sample_weights(protocol.identity(val), val_labels, unit), protocol.fold_of(val))
    correct = np.mean([known.decide(table["val"], table["test"], folds) == labels for table in attack], axis=0)
    slices = []
    for code, group in enumerate(protocol.classes):
        inside = labels == code
        recall = people_share(correct, weights * inside, rows, None, len(people), len(attack)) if inside.any() else None
        slices.append(Slice(name, group, Share.of(recall)))
    return slices
