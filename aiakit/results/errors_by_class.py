"""Verification errors of each class of the private attribute at thresholds that are the same for everybody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.measures.bootstrap import FloatArray
from aiakit.measures.influence import pair_weights, people_share
from aiakit.measures.verification import OPERATING_POINTS, fit_threshold, threshold_for
from aiakit.results.judge import Tables, Truth
from aiakit.results.row import ByClass, Errors, ErrorsOfClass

GENUINE, IMPOSTORS = "random", "same_attribute"  # the kinds of pairs whose genuine ones, whose impostors are counted


def errors_by_class(truth: Truth, similarities: Mapping[str, Tables]) -> ByClass:
    """The errors at the threshold of accuracy ("accuracy") and at those for FMR 1 % and 0.1 %, where these are known.

    Thresholds are set on attacker-val with random impostors, for all classes together, a repeat each. The genuine pairs
    of a person count once together. similarities : as of ``Scores``. Empty without pairs of both kinds.
    """
    if not {GENUINE, IMPOSTORS} <= truth.pairs.keys() & similarities.keys():
        return {}
    val, on_val = truth.pairs[GENUINE]["val"], [table["val"] for table in similarities[GENUINE]]
    weights = pair_weights(val.same, truth.identity["val"][val.left])
    setting: dict[str, Callable[[NDArray[Any]], float]] = {
        "accuracy": partial(fit_threshold, same=val.same, weights=weights),
        **{name: partial(threshold_for, same=val.same, rate=rate) for name, rate in OPERATING_POINTS.items()},
    }
    found: ByClass = {}
    for name, threshold in setting.items():
        levels = [threshold(scores) for scores in on_val]
        if not np.isnan(levels).any():
            wrong = {}  # kind → (P,) in which share of the repeats a pair is decided wrongly
            for kind in (GENUINE, IMPOSTORS):
                repeats_of, same = zip(similarities[kind], levels, strict=True), truth.pairs[kind]["test"].same
                wrong[kind] = np.mean([(table["test"] > level) != same for table, level in repeats_of], axis=0)
            repeats = len(levels)
            found[name] = {
                code: ErrorsOfClass(
                    _errors(truth, GENUINE, wrong[GENUINE], code, repeats),
                    _errors(truth, IMPOSTORS, wrong[IMPOSTORS], code, repeats),
                )
                for code in range(truth.classes)
            }
    return found


def _errors(truth: Truth, kind: str, wrong: FloatArray, code: int, repeats: int) -> Errors | None:
    """The errors among the genuine pairs, or the impostors, that show this class alone. wrong : (P,), over repeats."""
    pairs, labels, genuine = truth.pairs[kind]["test"], truth.labels["test"], kind == GENUINE
    chosen = (pairs.same == genuine) & (labels[pairs.left] == code) & (labels[pairs.right] == code)
    if not chosen.any():
        return None
    people, rows = np.unique(truth.identity["test"], return_inverse=True)
    left, right = rows[pairs.left[chosen]], rows[pairs.right[chosen]]
    weights = pair_weights(pairs.same[chosen], left)
    other = None if genuine else right
    rate = people_share(wrong[chosen], weights, left, other, len(people), repeats, few_decide=True)
    shown = len(np.unique(np.concatenate([left, right])))
    return Errors(rate, int(np.count_nonzero(chosen)), shown, float(wrong[chosen].sum()))
