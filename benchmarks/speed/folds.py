"""What cross-fitting costs an audit: processor seconds of one split, of all folds, and of all folds with halving.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.folds [--rows 10000] [--dims 128] [--attacks all] [--folds 5]

Half of the dimensions tell people apart, and the class shifts every one a little. Everything is measured but
forecasts: reading, splits, attacks, verification, statistics.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import aiakit
from aiakit.plugins.mock import people

IMAGES = 4  # of a person
SHIFT = 2.0  # between the classes' means, over all dimensions together


def embeddings(rows: int, dims: int) -> dict[str, Any]:
    """What an audit is given: (N, D) embeddings of N/4 people, their class and who they are."""
    rng = np.random.default_rng(0)
    who = people(rows // IMAGES, IMAGES, rng)
    x = rng.standard_normal((len(who.labels), dims)) + SHIFT / np.sqrt(dims) * (who.labels - 0.5)[:, None]
    x[:, : dims // 2] += rng.standard_normal((who.identity.max() + 1, dims // 2))[who.identity]
    return {
        "embeddings": x.astype(np.float32),
        "attributes": {"class": np.array(who.classes)[who.labels]},
        "identity": who.identity,
    }


def seconds(given: dict[str, Any], attacks: str, folds: int, halving: bool) -> float:
    """Processor seconds of an audit."""
    began = time.process_time()
    aiakit.audit(**given, attacks=attacks, folds=folds, halving=halving, forecast=False)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--dims", type=int, default=128)
    parser.add_argument("--attacks", default="all", help="a preset, or names (a,b)")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    given = embeddings(options.rows, options.dims)
    print(f"audit of {options.rows:,} × {options.dims}, --attacks {options.attacks}\n")
    print("| folds | halving | processor seconds | of one split |\n|---|---|---|---|")
    seconds(embeddings(400, 8), options.attacks, 1, halving=False)  # loads the libraries
    one = 0.0
    for folds, halving in ((1, False), (options.folds, False), (options.folds, True)):
        spent = seconds(given, options.attacks, folds, halving)
        one = one or spent
        print(f"| {folds} | {'yes' if halving else 'no'} | {spent:.0f} | {spent / one:.1f} × |", flush=True)


if __name__ == "__main__":
    main()
