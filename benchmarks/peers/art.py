"""aiakit's attacks against the Adversarial Robustness Toolbox's on the same embeddings, people and split.

    python -m benchmarks.peers.art [--attacks fast] [--n 4000] [--seed 0] [--only NAME]

ART is no dependency of aiakit: python -m pip install 'adversarial-robustness-toolbox>=1.20,<2'. Its
``AttributeInferenceBaseline`` runs with each of its model types and their defaults. It has no use for a validation
set, so it learns from attacker-train and attacker-val together, and its strongest type is picked on test, which
flatters it. aiakit's strongest is picked on attacker-val. Both are judged by balanced accuracy on test. Seconds are
processor seconds over all threads, which hardly change when other programs keep the machine busy.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from typing import Any

import numpy as np

from aiakit import registry
from aiakit.calibration.score import Trial
from aiakit.contracts import Context
from aiakit.metrics import balanced_accuracy
from benchmarks.attack_costs import readers
from benchmarks.peers.data import Case, cases

MODEL_TYPES = ("nn", "rf", "gb", "lr", "dt", "knn", "svm")


def art_attack() -> Any:
    """ART's class. Ends the program with one line where ART is not installed."""
    try:
        from art.attacks.inference.attribute_inference import AttributeInferenceBaseline
    except ImportError as error:
        sys.exit(f"ART cannot be imported ({error}): python -m pip install 'adversarial-robustness-toolbox>=1.20,<2'")
    return AttributeInferenceBaseline


def run_art(case: Case, seed: int) -> dict[str, tuple[float, float]]:
    """Model type → (balanced accuracy on test, processor seconds)."""
    import torch

    known = [np.column_stack([part.release.embedding, part.labels]) for part in (case.train, case.val)]
    table = np.concatenate(known).astype(np.float32)
    found = {}
    for kind in MODEL_TYPES:
        np.random.seed(seed)
        torch.manual_seed(seed)
        began = time.process_time()
        attack = art_attack()(attack_model_type=kind, attack_feature=table.shape[1] - 1)
        attack.fit(table)
        guesses = np.asarray(attack.infer(case.test.release.embedding, values=[0, 1])).reshape(-1).astype(np.int64)
        found[kind] = balanced_accuracy(case.test.labels, guesses, 2), time.process_time() - began
    return found


def run_ours(case: Case, names: list[str], seed: int, threads: int) -> tuple[Trial, float]:
    """The attacks' scores on the case, and processor seconds in all."""
    val, test, seconds = {}, {}, {}
    for name in names:
        began = time.process_time()
        attack = registry.make("attack", name).fit(case.train, case.val, Context(seed=seed, threads=threads))
        val[name], test[name] = (attack.predict_proba(part.release) for part in (case.val, case.test))
        seconds[name] = time.process_time() - began
    labels = {"val": case.val.labels, "test": case.test.labels}
    return Trial(val, test, labels, case.test.identity, seconds), sum(seconds.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attacks", default="fast", help="a preset, or names (a,b)")
    parser.add_argument("--n", type=int, default=4000, help="samples of each leak")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    art_attack()
    names = readers(options.attacks)
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    print(f"| release | Bayes | strongest of ART | seconds | {options.attacks} | seconds |\n|---|---|---|---|---|---|")
    for case in cases(options.n, options.seed):
        if not case.name.startswith(options.only):
            continue
        theirs = run_art(case, options.seed)
        best = max(theirs, key=lambda kind: theirs[kind][0])
        ours, seconds = run_ours(case, names, options.seed, threads)
        bayes = "–" if case.bayes is None else f"{case.bayes:.3f}"
        print(
            f"| {case.name} | {bayes} | {theirs[best][0]:.3f} ({best}) | {sum(s for _, s in theirs.values()):.0f} | "
            f"{ours.accuracies[ours.selected]:.3f} ({ours.selected}) | {seconds:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
