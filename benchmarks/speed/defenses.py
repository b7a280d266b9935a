"""What each defense takes to be fitted, and a face to be published: columns of the overview in docs/defenses.md.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.defenses [--only NAME,NAME]

Defenses of embeddings learn from 2,000 × 128 (a tenth of them for validation), those of pictures from 2,000 of 32×32
pixels; then 200 samples are published one by one, as a service would. Both are in processor time of one thread, which
other programs on the machine hardly change. Everything is made up, so that nothing is needed but the package.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from aiakit.contracts import Context, Defense, Faces
from aiakit.experiment.releasing import release_by
from aiakit.plugins import registry
from benchmarks.speed.plugin_costs import embeddings, faces

ROWS, SIDE = 2_000, 32
SINGLE = 200  # samples that are published one by one


def measured(name: str, rows: int = ROWS, single: int = SINGLE) -> tuple[float, float]:
    """(seconds of fitting, seconds of publishing one sample)."""
    pictures = issubclass(registry.load("defense", name), Defense)
    sizes = (rows - rows // 10, rows // 10, max(rows, single))
    train, val, others = (
        faces(size, seed, SIDE) if pictures else embeddings(size, seed) for seed, size in enumerate(sizes)
    )
    made: Any = registry.make("defense", name)
    ctx = Context()
    began = time.process_time()
    made.fit(train, val, ctx)
    fitted = time.process_time() - began
    source = others.images if isinstance(others, Faces) else others.embedding
    began = time.process_time()
    for row in range(single):
        release_by(made, source[row : row + 1], (), ctx.rng("release", row))
    return fitted, (time.process_time() - began) / single


def line(name: str, fitted: float, published: float) -> str:
    """The figures of a defense as cells of a table."""
    return f"| `{name}` | {digits(fitted)} s | {digits(1000 * published)} ms |"


def digits(value: float) -> str:
    """Two digits of it, and none behind hundredths."""
    return (
        "< 0.01" if value < 0.005 else f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 10 else f"{value:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names (a,b)")
    only = [name for name in parser.parse_args().only.split(",") if name]
    torch.set_num_threads(1)
    for name in registry.names("defense"):
        if not only or name in only:
            print(line(name, *measured(name)), flush=True)


if __name__ == "__main__":
    main()
