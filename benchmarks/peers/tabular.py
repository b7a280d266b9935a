"""aiakit's strongest attack against general learners of tables, on the same embeddings, people and split.

    python -m benchmarks.peers.tabular dlib leaks [--learners autogluon,catboost,lightgbm] [--attacks all] [--limit 60]

The learners are no dependencies of aiakit: python -m pip install 'autogluon.tabular[lightgbm,catboost,xgboost]'. Each
learns from attacker-train and uses attacker-val to stop early, to choose and to weigh its models, as aiakit's attacks
do; its decision threshold is fitted on attacker-val and it is judged by balanced accuracy on test, all as aiakit's
strongest, which is chosen on attacker-val. Seconds are processor seconds over all threads; ``--limit`` is AutoGluon's
time limit in seconds of wall clock. TabICL and TabPFN are attacks of aiakit instead, since they need weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from aiakit.contracts import Context, LabelledRelease
from aiakit.datasets.parallel import threads_in_all
from aiakit.measures.metrics import balanced_accuracy, decide, fit_decision
from benchmarks.peers.data import GROUPS, Case, cases
from benchmarks.peers.ours import run, suite

Predict = Callable[[Any], Any]  # embeddings (N, D) → class probabilities (N, 2)


def autogluon(train: LabelledRelease, val: LabelledRelease, ctx: Context, limit: float, folder: str) -> Predict:
    """AutoGluon with its defaults: boosted trees, forests and networks, weighed on attacker-val."""
    from autogluon.tabular import TabularPredictor
    from pandas import DataFrame

    def table(rows: Any) -> Any:
        return DataFrame(rows).add_prefix("x")

    predictor = TabularPredictor("label", path=folder, eval_metric="roc_auc", verbosity=0)
    known, held_out = (table(part.release.embedding).assign(label=part.labels) for part in (train, val))
    predictor.fit(known, tuning_data=held_out, time_limit=limit, num_cpus=ctx.threads, num_gpus=0)
    return lambda rows: predictor.predict_proba(table(rows)).to_numpy()


def catboost(train: LabelledRelease, val: LabelledRelease, ctx: Context, limit: float, folder: str) -> Predict:
    """CatBoost with its defaults, stopped early on attacker-val."""
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(random_seed=ctx.seed, thread_count=ctx.threads, train_dir=folder, verbose=False)
    held_out = val.release.embedding, val.labels
    model.fit(train.release.embedding, train.labels, sample_weight=train.weights, eval_set=held_out)
    predict: Predict = model.predict_proba
    return predict


def lightgbm(train: LabelledRelease, val: LabelledRelease, ctx: Context, limit: float, folder: str) -> Predict:
    """LightGBM with at most 1,000 trees, stopped early on attacker-val."""
    from lightgbm import LGBMClassifier, early_stopping

    model = LGBMClassifier(n_estimators=1000, learning_rate=0.05, random_state=ctx.seed, n_jobs=ctx.threads, verbose=-1)
    model.fit(
        train.release.embedding,
        train.labels,
        sample_weight=train.weights,
        eval_set=[(val.release.embedding, val.labels)],
        callbacks=[early_stopping(50, verbose=False)],
    )
    predict: Predict = model.predict_proba
    return predict


LEARNERS = {learner.__name__: learner for learner in (autogluon, catboost, lightgbm)}
PACKAGES = {"autogluon": "autogluon.tabular"}  # where the package has another name


def judged(learner: Callable[..., Predict], case: Case, ctx: Context, limit: float) -> tuple[float, float]:
    """(balanced accuracy on test, processor seconds)."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        predict = learner(case.train, case.val, ctx, limit, folder)
        val, test = (predict(part.release.embedding) for part in (case.val, case.test))
    guesses = decide(test, fit_decision(val, case.val.labels))
    return balanced_accuracy(case.test.labels, guesses, 2), time.process_time() - began


def absent(learner: str) -> str | None:
    """What to install for a learner; None where it is there."""
    package = PACKAGES.get(learner, learner)
    return None if find_spec(learner) else f"{package} is not installed: python -m pip install {package}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", default=GROUPS, metavar="GROUP", help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--learners", default=",".join(LEARNERS), help=f"of {', '.join(LEARNERS)}")
    parser.add_argument("--attacks", default="all", help="a preset, or names (a,b)")
    parser.add_argument("--n", type=int, default=4000, help="samples of each leak")
    parser.add_argument("--epochs", type=int, default=10, help="of the autoencoder")
    parser.add_argument("--limit", type=float, default=60, help="AutoGluon's seconds a case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="cases whose name begins so")
    options = parser.parse_args()
    asked = options.learners.split(",")
    if unknown := (set(options.groups) - set(GROUPS)) | (set(asked) - set(LEARNERS)):
        parser.error(f"no such group or learner: {', '.join(sorted(unknown))}")
    reasons = [reason for reason in map(absent, asked) if reason]
    for reason in reasons:
        print(reason, file=sys.stderr)
    learners = [name for name in asked if not absent(name)]
    if not learners:
        sys.exit("no learner is left")
    warnings.filterwarnings("ignore")
    names = suite(options.attacks)
    ctx = Context(options.seed, threads=threads_in_all())
    columns = ["release", "Bayes", *(f"{name} | seconds" for name in (*learners, options.attacks)), "ahead"]
    print(f"| {' | '.join(columns)} |\n{'|---' * (2 * len(learners) + 5)}|", flush=True)
    for case in cases(options.groups, options.n, options.seed, options.epochs):
        if not case.name.startswith(options.only):
            continue
        theirs = {name: judged(LEARNERS[name], case, ctx, options.limit) for name in learners}
        ours = run(case, names, ctx)
        reached = ours.accuracies[ours.selected]
        cells = [case.name, "–" if case.bayes is None else f"{case.bayes:.3f}"]
        cells += [f"{accuracy:.3f} | {seconds:.0f}" for accuracy, seconds in theirs.values()]
        cells += [f"{reached:.3f} ({ours.selected}) | {sum(ours.seconds.values()):.0f}"]
        cells += [f"{reached - max(accuracy for accuracy, _ in theirs.values()):+.3f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
