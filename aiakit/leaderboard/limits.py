"""What an entry says that no attack exceeds: whether that can be, and whether it is more than somebody's word.

A defense proves a bound when it is fitted, and a certificate is counted on the values that a release takes: neither
follows from scores. What a submitter writes of it is refused where it cannot be, and else shown by who computed it.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from aiakit.contracts import BaseDefense
from aiakit.errors import AiakitError, InputError
from aiakit.experiment.config import PluginSpec
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.released import ROWS, read_release
from aiakit.leaderboard.tensors import FOLDS, Tensors
from aiakit.plugins import registry
from aiakit.results.certifying import values_of_views
from aiakit.results.row import Row

METRIC = "balanced_accuracy"


def check_limits(submission: Submission, row: Row) -> None:
    """Raise InputError where a defense that is known here proves no bound, and for a certificate that cannot be."""
    entry, path = submission.entry, submission.path
    if entry.accuracy_bound is not None and not any(map(_may_prove, entry.stages)):
        made_by = "+".join(stage.name for stage in entry.stages)
        raise InputError(f"{path} is refused: no attack is said to exceed {entry.accuracy_bound:.3f}, and {made_by} "
                         "proves no such bound")  # fmt: skip
    if row.certificate is None:
        return
    if entry.audits:
        raise InputError(f"{path} is refused: a release that was given as a file has no certificate")
    if len(_values(submission.tensors)) != len(entry.computing.seeds):
        raise InputError(f"{path} is refused: its certificate is not of the releases of all its seeds")
    if row.headline is not None and row.headline.ci95(METRIC)[0] > row.certificate.bound:
        raise InputError(
            f"{path} is refused: {row.strongest} reads {row.headline.point[METRIC]:.3f}, whose interval lies above the "
            f"{row.certificate.bound:.3f} that its certificate lets any attack read"
        )


def _may_prove(stage: PluginSpec) -> bool:
    """Whether a stage may prove a bound: a defense that can, or of which nothing is known here."""
    if stage.kind != "defense":
        return False
    if stage.name not in registry.names("defense"):
        return True
    try:
        return registry.load("defense", stage.name).accuracy_bound is not BaseDefense.accuracy_bound
    except AiakitError:
        return True


def without_limits(row: Row) -> Row:
    """A row that says nothing of what no attack exceeds."""
    return replace(row, accuracy_bound=None, certificate=None)


def require_same_values(submission: Submission) -> bool:
    """Compare the values that certify a release with those of the one that was submitted; whether there are any.

    Raises InputError where they differ.
    """
    stated = _values(submission.tensors)
    if not stated:
        return False
    release = read_release(submission)
    rows = np.arange(len(release["identity"])) if FOLDS in submission.tensors else np.asarray(release[ROWS["test"]])
    for seed, values in zip(submission.entry.computing.seeds, stated, strict=True):
        own = values_of_views([part for name, part in release.items() if name.startswith(f"{seed}.")], rows)
        several_draws = any(name.startswith(f"{seed}.") and name.count(".") > 1 for name in release)
        if own is None or several_draws or not _one_partition(own, np.asarray(values)):
            raise InputError(
                f"{submission.path} is refused: the values that its certificate is counted on are not those of the "
                "release that was submitted"
            )
    return True


def _values(tensors: Tensors) -> list[np.ndarray]:
    names = (f"values.{repeat}" for repeat in itertools.count())
    return [tensors[name] for name in itertools.takewhile(tensors.__contains__, names)]


def _one_partition(own: np.ndarray, other: np.ndarray) -> bool:
    """Whether two ways of naming cells name the same."""
    together = len(np.unique(np.stack([own, other]), axis=1).T)
    return together == len(np.unique(own)) == len(np.unique(other))
