"""aiakit's attacks against the Adversarial Robustness Toolbox's on the same embeddings, people and split.

    python -m benchmarks.peers.art dlib autoencoder leaks [--attacks fast --attacks all] [--n 4000] [--only NAME]

ART is an extra: python -m pip install 'aiakit[art]'. Its ``AttributeInferenceBaseline`` runs with each of its model
types and their defaults. It has no use for a validation set, so it learns from attacker-train and attacker-val
together, and its strongest type is picked on test, which flatters it. aiakit's strongest is picked on attacker-val.
Both are judged by balanced accuracy on test. Seconds are processor seconds over all threads, which hardly change when
other programs keep the machine busy. "dlib" and "autoencoder" are LFW's embeddings, raw and erased by LEACE.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import replace

import numpy as np

from aiakit.attacks.art import MODELS, fit_art, infer_art
from aiakit.contracts import Context, Release
from aiakit.datasets.parallel import threads_in_all
from aiakit.measures.metrics import balanced_accuracy
from aiakit.plugins import registry
from benchmarks.peers.data import GROUPS, Case, cases
from benchmarks.peers.ours import part_of, run, suite


def run_art(case: Case, ctx: Context) -> dict[str, tuple[float, float]]:
    """Model type → (balanced accuracy on test, processor seconds)."""
    both = (case.train, case.val)
    known = replace(
        case.train,
        release=Release(np.concatenate([part.release.embedding for part in both])),
        labels=np.concatenate([part.labels for part in both]),
        identity=np.concatenate([part.identity for part in both]),
    )
    found = {}
    for kind in MODELS:
        began = time.process_time()
        guesses = infer_art(fit_art(kind, known, ctx), case.test.release, ctx)
        found[kind] = balanced_accuracy(case.test.labels, guesses, 2), time.process_time() - began
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", default=GROUPS, metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--attacks", action="append", help="a preset, or names (a,b); again for another column")
    parser.add_argument("--n", type=int, default=4000, help="samples of each leak")
    parser.add_argument("--epochs", type=int, default=10, help="of the autoencoder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    reason = registry.unavailable("attack", "art")
    if reason:
        sys.exit(reason)
    warnings.filterwarnings("ignore")
    presets = {preset: suite(preset) for preset in options.attacks or ["fast"]}
    every = [*dict.fromkeys(name for names in presets.values() for name in names)]
    every.sort(key=lambda name: registry.load("attack", name).combines)
    ctx = Context(options.seed, threads=threads_in_all())
    print("| release | Bayes | strongest of ART | seconds |" + "".join(f" {preset} | seconds |" for preset in presets))
    print("|---" * (4 + 2 * len(presets)) + "|")
    for case in cases(options.groups, options.n, options.seed, options.epochs):
        if not case.name.startswith(options.only):
            continue
        theirs = run_art(case, ctx)
        best = max(theirs, key=lambda kind: theirs[kind][0])
        bayes = "–" if case.bayes is None else f"{case.bayes:.3f}"
        cells = [case.name, bayes, f"{theirs[best][0]:.3f} ({best})", f"{sum(s for _, s in theirs.values()):.0f}"]
        trial = run(case, every, ctx)
        for names in presets.values():
            ours = part_of(trial, names)
            cells += [f"{ours.accuracies[ours.selected]:.3f} ({ours.selected})", f"{sum(ours.seconds.values()):.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
