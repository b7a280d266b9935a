"""Training on an accelerator: every way of computing against plain float32, on AIA's autoencoder.

    python -m benchmarks.speed.gpu [--device cuda] [--images 20000] [--steps 100] [--batch 128 512] [--eager]

For each batch size: precision (fp32, tf32, bf16), compiled or not, and where the images are: resident on the device as
bytes, or copied from a memory map batch by batch. Augmentation (a flip of half of the pictures, on the device) is timed
by itself. One warm-up of a few steps, which compiles (unless --eager), is not counted; the device is waited for before
each look at the clock. Prints images a second and the peak of the device's memory. Runs on the CPU too, to see that it
works.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch
from torch import Tensor

from aiakit.contracts import Context, PixelArray, Precision
from aiakit.errors import InputError
from aiakit.experiment.computing import choose_device, require_compiler
from aiakit.networks import training
from aiakit.networks.blocks import Autoencoder
from aiakit.networks.training import Pixels, compile_networks, seeded
from benchmarks.speed.steps import noise, step_of

WARM_UP = 5


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def rate(work: Callable[[Tensor], object], images: int, batch: int, steps: int, device: str) -> float:
    """Images a second of so many batches of random rows."""
    order = torch.Generator().manual_seed(0)
    rows = [torch.randint(images, (batch,), generator=order) for _ in range(WARM_UP + steps)]
    for chosen in rows[:WARM_UP]:
        work(chosen)
    wait(device)
    began = time.perf_counter()
    for chosen in rows[WARM_UP:]:
        work(chosen)
    wait(device)
    return batch * steps / (time.perf_counter() - began)


def stepper(pixels: Pixels, ctx: Context) -> Callable[[Tensor], Tensor]:
    """A training step of the autoencoder as AIA's pre-training takes it."""
    model = Autoencoder(64, 128, 24).to(ctx.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if ctx.compiled:
        compile_networks(model)
    return step_of(model, pixels, ctx)


def flipped(pixels: Pixels) -> Callable[[Tensor], Tensor]:
    """A batch of which half is mirrored on the device, as the CNN attack trains on."""

    def work(rows: Tensor) -> Tensor:
        batch = pixels.batch(rows)
        mirrored = (torch.rand(len(rows)) < 0.5).to(batch.device)
        return torch.where(mirrored[:, None, None, None], batch.flip(3), batch)

    return work


def pixels_of(images: PixelArray, ctx: Context, resident: bool) -> Pixels:
    """The images, resident on an accelerator or kept out of it."""
    bound, training.RESIDENT_BYTES = training.RESIDENT_BYTES, training.RESIDENT_BYTES if resident else -1
    try:
        return Pixels(images, ctx)
    finally:
        training.RESIDENT_BYTES = bound


def table(images: PixelArray, device: str, batches: list[int], steps: int, eager: bool) -> None:
    places = (True, False) if device != "cpu" else (False,)
    precisions: tuple[Precision, ...] = ("fp32", "tf32", "bf16") if device.startswith("cuda") else ("fp32", "bf16")
    compiled: tuple[bool, ...] = (False,) if eager else (False, True)
    try:
        require_compiler(device)
    except InputError as error:
        print(f"not compiled: {error}")
        compiled = (False,)
    print("| batch | images are | precision | compiled | images a second | device memory, MiB |")
    print(f"|{'---|' * 6}")
    for batch, resident, precision, compile_it in product(batches, places, precisions, compiled):
        ctx = Context(device=device, precision=precision, compiled=compile_it, threads=torch.get_num_threads())
        if device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()
        with seeded(ctx, "gpu"):
            speed = rate(stepper(pixels_of(images, ctx, resident), ctx), len(images), batch, steps, device)
        memory = torch.cuda.max_memory_allocated() / 2**20 if device.startswith("cuda") else float("nan")
        place, word = "resident" if resident else "mapped", "yes" if compile_it else "no"
        print(f"| {batch} | {place} | {precision} | {word} | {speed:,.0f} | {memory:.0f} |", flush=True)
    for resident in places:
        ctx = Context(device=device)
        speed = rate(flipped(pixels_of(images, ctx, resident)), len(images), max(batches), steps, device)
        print(f"batches with flips, {'resident' if resident else 'mapped'}: {speed:,.0f} images a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--eager", action="store_true")
    options = parser.parse_args()
    device = choose_device(options.device)
    name = torch.cuda.get_device_name() if device.startswith("cuda") else device
    print(f"{name}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        table(noise(path, options.images), device, options.batch, options.steps, options.eager)


if __name__ == "__main__":
    main()
