"""What each defense takes to be fitted, and a face to be published: the last columns of the overview in docs/defenses.md.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.defenses [--only NAME,NAME]

Defenses of embeddings learn from 2,000 × 128 (a tenth of them for validation), those of pictures from 2,000 of 32×32
pixels; then 200 samples are published one by one, as a service would. Fitting is in processor seconds of one thread,
publishing in milliseconds, the median. Everything is made up, so that nothing is needed but the package.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from aiakit.contracts import Context, Defense, Faces
from aiakit.experiment.releasing import release_by
from aiakit.plugins import registry
from benchmarks.speed.plugin_costs import embeddings, faces

ROWS, SIDE = 2_000, 32
SINGLE = 200  # samples that are published one by one


def measured(name: str, rows: int = ROWS, single: int = SINGLE) -> tuple[float, float]:
    """(processor seconds of fitting, milliseconds of publishing one sample)."""
    pictures = issubclass(registry.load("defense", name), Defense)
    sizes = (rows - rows // 10, rows // 10, max(rows, single))
    train, val, others = (
        faces(size, seed, SIDE) if pictures else embeddings(size, seed) for seed, size in enumerate(sizes)
    )
    ctx, made = Context(), registry.make("defense", name)
    began = time.process_time()
    made.fit(train, val, ctx)
    fitted = time.process_time() - began
    source = others.images if isinstance(others, Faces) else others.embedding
    spent = []
    for row in range(single):
        start = time.perf_counter()
        release_by(made, source[row : row + 1], (), ctx.rng("release", row))
        spent.append(1000 * (time.perf_counter() - start))
    return fitted, median(spent)


def line(name: str, fitted: float, published: float) -> str:
    """The figures of a defense as cells of a table."""
    return f"| `{name}` | {fitted:.2g} s | {published:.2g} ms |"


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
