"""What all risks cost beside inference of the attribute alone: ``python -m benchmarks.speed.risks``.

An audit of a rotated and bent copy of random embeddings, 10,000 × 512, with the originals as its reference. Seconds are
those of the processor, for the whole command: cells, statistics and the document. Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from typing import Any

import numpy as np

import aiakit

EACH = 4  # images of a person


def faces(images: int, dimensions: int) -> tuple[Any, Any, Any]:
    """Undefended and released points, and who they show."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(images // EACH), EACH)
    centres = rng.normal(size=(images // EACH, dimensions))
    centres[:, 0] += 1.5 * (np.arange(len(centres)) % 2)
    raw = (centres[who] + 0.7 * rng.normal(size=(len(who), dimensions))).astype(np.float32)
    rotation, _ = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))
    return raw, np.tanh(raw @ rotation).astype(np.float32), who


def seconds(images: int, dimensions: int, attacks: str, risks: str) -> float:
    """Of the processor, of one audit."""
    raw, released, who = faces(images, dimensions)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AIAKIT_CACHE"] = folder  # nothing is remembered
        started = time.process_time()
        result = aiakit.audit(
            released, attributes={"gender": who % 2}, identity=who, reference=raw, attacks=attacks, risks=risks,
            folds=1, forecast=False, jobs=1, folder=f"{folder}/audit",
        )  # fmt: skip
        result.to_dict()
        return time.process_time() - started


def main() -> None:
    """Print both, and the most memory that this process has held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--dimensions", type=int, default=512)
    parser.add_argument("--attacks", default="fast")
    given = parser.parse_args()
    seconds(800, 8, given.attacks, "all")  # what is loaded once
    for risks in ("", "all"):
        took = seconds(given.images, given.dimensions, given.attacks, risks)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"risks {risks or 'none'}: {took:.0f} s, at most {peak:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
