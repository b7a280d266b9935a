"""Memory and time of the main job as people grow.

    python -m benchmarks.speed.scaling [--images 2000 10000 50000] [--epochs 1]

Each size runs `aiakit run` on synthetic faces as a process of its own, with a fresh pixel cache; peak memory is the
operating system's account of the process, and "mapped" is the size of the pixel cache, which is shared with the page
cache and not copied.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PER_PERSON = 8


def measure(images: int, epochs: int) -> tuple[float, float, float]:
    """(seconds, peak resident MiB, mapped MiB) of one run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "import sys; from aiakit.cli.main import main; sys.exit(main())", "run"]
        command += [
            "--defense",
            "aia",
            "--no-reference",
            "--attacks",
            "logreg,lda",
            "--people",
            str(images // PER_PERSON),
        ]
        command += ["--set", f"aia.epochs={epochs}", "--out", folder]
        environment = {**os.environ, "AIAKIT_CACHE": str(Path(folder) / "cache")}
        began = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"the run of {images} images failed: {done.stderr}")
        mapped = sum(path.stat().st_size for path in Path(folder, "cache").rglob("*.npy")) / 2**20
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # the largest child so far: sizes must grow
    return seconds, peak, mapped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[2_000, 10_000, 50_000])
    parser.add_argument("--epochs", type=int, default=1)
    options = parser.parse_args()
    print("| images | seconds | ms an image | peak MiB | pixel cache MiB |\n|---|---|---|---|---|")
    for images in sorted(options.images):
        seconds, peak, mapped = measure(images, options.epochs)
        print(f"| {images:,} | {seconds:.0f} | {seconds / images * 1e3:.1f} | {peak:.0f} | {mapped:.0f} |", flush=True)


if __name__ == "__main__":
    main()
