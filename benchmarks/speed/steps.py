"""One training step through our loop against the bare step on a resident batch.

    python -m benchmarks.speed.steps [--steps 60] [--rounds 5] [--threads N] [--precision fp32]

The bare step keeps one batch of float images in memory and runs forward, backward and the optimiser; ours draws its
batches from a memory map of bytes through `fit_loop`, with progress and the guard against divergence. Rounds of the two
alternate, so that a machine whose speed drifts slows both; the median of the paired ratios is reported.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aiakit.contracts import Context, PixelArray
from aiakit.networks.autoencoder import BATCH, reconstruction_loss
from aiakit.networks.blocks import Autoencoder
from aiakit.networks.training import Pixels, autocast, descend, fit_loop, seeded


def bare(model: Autoencoder, images: Tensor, steps: int, ctx: Context) -> float:
    """Seconds a step on one resident batch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    began = time.perf_counter()
    for _ in range(steps):
        with autocast(ctx):
            _, logits = model(images)
        descend(optimizer, reconstruction_loss(logits, images))
    return (time.perf_counter() - began) / steps


def step_of(model: Autoencoder, pixels: Pixels, ctx: Context) -> Callable[[Tensor], Tensor]:
    """A training step of the autoencoder as AIA's pre-training takes it."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(rows: Tensor) -> Tensor:
        images = pixels.batch(rows)
        with autocast(ctx):
            _, logits = model(images)
        return descend(optimizer, reconstruction_loss(logits, images))

    return step


def noise(path: Path, count: int) -> PixelArray:
    """A memory map of so many pictures of noise, uint8 (N, 64, 64, 3)."""
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (count, 64, 64, 3))
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape, dtype=np.uint8)
    images.flush()
    return images


def ours(model: Autoencoder, pixels: Pixels, steps: int, ctx: Context) -> float:
    """Seconds a step through the loop, on batches of a memory map."""
    step = step_of(model, pixels, ctx)
    began = time.perf_counter()
    fit_loop(step, module=model, count=steps * BATCH, batch_size=BATCH, epochs=1, ctx=ctx, label="benchmark")
    return (time.perf_counter() - began) / steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    options = parser.parse_args()
    ctx = Context(threads=options.threads, precision=options.precision)
    with tempfile.TemporaryDirectory() as folder, seeded(ctx, "benchmark"):
        pixels = Pixels(noise(Path(folder) / "images.npy", options.steps * BATCH), ctx)
        resident = pixels.batch(slice(0, BATCH))
        model = Autoencoder(64, 128, 24).to(memory_format=torch.channels_last)
        bare(model, resident, 5, ctx)
        pairs = []
        for number in range(options.rounds):
            pairs.append((ours(model, pixels, options.steps, ctx), bare(model, resident, options.steps, ctx)))
            print(f"round {number + 1}: loop {pairs[-1][0] * 1e3:.1f} ms, bare {pairs[-1][1] * 1e3:.1f} ms", flush=True)
    ratio = statistics.median(loop / plain for loop, plain in pairs)
    print(f"loop / bare, median of {options.rounds}: {ratio:.3f} (goal: at most 1.05)")


if __name__ == "__main__":
    main()
