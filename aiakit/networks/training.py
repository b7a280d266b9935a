"""The one training loop: device, precision, progress, early stopping, and a guard against divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Faces, IntArray, LabelledRelease, PixelArray
from aiakit.errors import Diverged
from aiakit.networks.blocks import copy_state, state_of

CHECK_EVERY = 16  # steps between looks at the loss: each look waits for the device
RESIDENT_BYTES = 2 << 30  # pixels up to this size are kept on the accelerator


@contextmanager
def seeded(ctx: Context, *names: str) -> Iterator[None]:
    """Run with torch's generators seeded for the named purpose and the context's threads; put both back afterwards.

    On CUDA also with products in TF32 where the context asks for them, and in float32 throughout where it does not.
    """
    threads = torch.get_num_threads()
    devices = [torch.cuda.current_device()] if ctx.device.startswith("cuda") else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(ctx.seed_for(*names))
        torch.set_num_threads(ctx.threads)
        products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
        if devices:
            torch.set_float32_matmul_precision("high" if ctx.precision == "tf32" else "highest")
            torch.backends.cudnn.allow_tf32 = ctx.precision == "tf32"
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            if devices:
                torch.set_float32_matmul_precision(products)
                torch.backends.cudnn.allow_tf32 = convolutions


def autocast(ctx: Context) -> Any:
    """The context manager in which forward passes run: bfloat16 where the context asks for it."""
    return torch.autocast(ctx.device.split(":")[0], torch.bfloat16, enabled=ctx.precision == "bf16")


class Pixels:
    """Images as float batches (B, 3, H, W) in [0, 1], channels last, on the context's device.

    ``images`` is uint8 (N, H, W, 3) or (N, 3, H, W); it may be a memory map, of which a batch is copied at a time.
    On an accelerator the whole set becomes resident, as bytes, where it fits.
    """

    def __init__(self, images: PixelArray, ctx: Context) -> None:
        self.images = images
        self.channels_first = images.shape[1] == 3 and images.shape[3] != 3
        self.device = torch.device(ctx.device)
        nbytes = math.prod(images.shape)
        self.resident: Tensor | None = None
        if self.device.type != "cpu" and nbytes <= RESIDENT_BYTES:
            self.resident = torch.from_numpy(np.array(images)).to(self.device)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: Tensor | slice) -> Tensor:
        if self.resident is not None:
            chosen = self.resident[rows if isinstance(rows, slice) else rows.to(self.device)]
        else:
            index = rows if isinstance(rows, slice) else rows.cpu().numpy()
            chosen = torch.from_numpy(np.array(self.images[index])).to(self.device)
        if not self.channels_first:  # N×H×W×3 seen as N×3×H×W is channels-last already
            chosen = chosen.permute(0, 3, 1, 2)
        return (chosen.float() / 255).contiguous(memory_format=torch.channels_last)


def fit_loop(
    step: Callable[[Tensor], Tensor],
    *,
    module: nn.Module,
    count: int,
    batch_size: int,
    epochs: int,
    ctx: Context,
    label: str,
    validate: Callable[[], float] | None = None,
    patience: int | None = None,
    schedulers: tuple[torch.optim.lr_scheduler.LRScheduler, ...] = (),
    health: Callable[[], str | None] | None = None,
) -> float:
    """Train ``module`` in place by ``step`` and return the best validation score (NaN without ``validate``).

    step : given row numbers, int64 (B,), it updates the parameters and returns the loss, detached.
    count, batch_size : each epoch visits ``count`` rows in a new order; a last batch of one row is left out, since
        batch norm cannot use it.
    validate : called after each epoch with the module in eval mode; higher is better; the best epoch's parameters
        are put back at the end. ``patience`` epochs without a better score end the training.
    schedulers : stepped after every batch.
    health : called after each epoch; a sentence it returns says what went wrong.

    Raises Diverged, carrying the last good state, when the loss stops being finite or ``health`` complains. Where an
    accelerator runs out of memory the batch is halved, which is reported, and training goes on.
    """
    if ctx.compiled:
        compile_networks(module)
    order = torch.Generator().manual_seed(ctx.seed_for("order", label))
    good = copy_state(module)
    best, best_state, waited = -math.inf, None, 0
    per_epoch = steps_per_epoch(count, batch_size)
    ctx.report(label, 0, epochs * per_epoch)
    for epoch in range(epochs):
        module.train()
        rows = torch.randperm(count, generator=order)
        recent: list[Tensor] = []
        for number, start in enumerate(range(0, count, batch_size)):
            chosen = rows[start : start + batch_size]
            if len(chosen) < 2 and count > 1:
                break
            recent += _halving(step, chosen, 2, ctx, label)  # batch norm needs two rows
            for scheduler in schedulers:
                scheduler.step()
            if len(recent) >= CHECK_EVERY:
                _check_finite(recent, module, good, label, epoch)
                recent = []
            ctx.report(label, epoch * per_epoch + min(number + 1, per_epoch), epochs * per_epoch)
        _check_finite(recent, module, good, label, epoch)
        module.eval()
        complaint = health() if health else None
        if complaint:
            raise _diverged(f"{label}: {complaint} after epoch {epoch + 1}", module, good)
        good = copy_state(module)
        if validate is not None:
            score = validate()
            if score > best:
                best, best_state, waited = score, good, 0
            else:
                waited += 1
                if patience is not None and waited >= patience:
                    break
    if best_state is not None:
        module.load_state_dict(best_state)
    module.eval()
    ctx.report(label, epochs * per_epoch, epochs * per_epoch)
    return best if validate is not None else math.nan


def compile_networks(module: nn.Module) -> None:
    """Have the network, or each of those that a container only holds, compiled when it is called (``torch.compile``).

    In place: names of parameters, and references to the networks, stay.
    """
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        for network in module.children():
            compile_networks(network)
    else:
        module.compile()


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> Tensor:
    """One step of the optimiser down the loss's gradient; returns the loss, detached."""
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward([loss])
    optimizer.step()
    return loss.detach()


def steps_per_epoch(count: int, batch_size: int) -> int:
    """How many batches ``fit_loop`` takes in one epoch."""
    full, rest = divmod(count, batch_size)
    return max(1, full + (rest >= 2))


def _halving(work: Callable[[Any], Tensor], rows: Tensor | range, least: int, ctx: Context, label: str) -> list[Tensor]:
    """What ``work`` returns for the rows, in halves of at least so many where an accelerator's memory is too small."""
    try:
        return [work(rows)]
    except torch.OutOfMemoryError:
        if len(rows) < 2 * least:
            raise
    torch.cuda.empty_cache()
    half = len(rows) // 2
    ctx.report(f"{label}: out of memory, {half} rows a batch", 0, 1)
    return _halving(work, rows[:half], least, ctx, label) + _halving(work, rows[half:], least, ctx, label)


def _check_finite(losses: list[Tensor], module: nn.Module, good: dict[str, Any], label: str, epoch: int) -> None:
    if losses and not bool(torch.isfinite(torch.stack(losses)).all()):
        raise _diverged(f"{label}: the loss is not finite in epoch {epoch + 1}", module, good)


def _diverged(message: str, module: nn.Module, good: dict[str, Any]) -> Diverged:
    module.load_state_dict(good)
    return Diverged(message, dict(state_of(module)))


@torch.no_grad()
def forward_in_batches(
    function: Callable[[Tensor], Tensor], inputs: Pixels | Tensor, ctx: Context, batch_size: int = 512
) -> NDArray[np.float32]:
    """Apply ``function`` batch by batch and collect the result on the CPU as float32 (N, …).

    Where an accelerator runs out of memory the batch is halved, which is reported.
    """

    def forward(rows: range) -> Tensor:
        chosen = slice(rows.start, rows.stop)
        batch = inputs.batch(chosen) if isinstance(inputs, Pixels) else inputs[chosen].to(ctx.device)
        with autocast(ctx):
            return function(batch).float().cpu()

    parts: list[Tensor] = []
    for start in range(0, len(inputs), batch_size):
        rows = range(start, min(start + batch_size, len(inputs)))
        parts += _halving(forward, rows, 1, ctx, "forward pass")
    return torch.cat(parts).numpy()


def one_cycle(
    optimizer: torch.optim.Optimizer, rate: float, count: int, batch_size: int, epochs: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Smith's 1cycle policy over the whole training (1708.07120): up for 30 % of the steps, then down to zero."""
    steps = epochs * (math.ceil(count / batch_size))
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=max(steps, 2))


class PairSampler:
    """Partners for the training of a Siamese network: half of the time another picture of the same person.

    identity : int64 (N,). People with a single picture get a random partner always. All draws are on the CPU.
    """

    def __init__(self, identity: IntArray, seed: int) -> None:
        order = np.argsort(identity, kind="stable")
        _, first, group, counts = np.unique(identity[order], return_index=True, return_inverse=True, return_counts=True)
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self.order = torch.from_numpy(order)
        self.place = torch.from_numpy(place)
        self.first = torch.from_numpy(first[group][place])
        self.counts = torch.from_numpy(counts[group][place])
        self.identity = torch.from_numpy(np.asarray(identity, dtype=np.int64))
        self.generator = torch.Generator().manual_seed(seed)

    def partners(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """A partner row for each of the rows (B,), and whether the two are different people (B,)."""
        count = self.counts[rows]
        shift = 1 + (torch.rand(len(rows), generator=self.generator) * (count - 1)).long()
        first = self.first[rows]
        same = self.order[first + (self.place[rows] - first + shift) % count]
        other = torch.randint(len(self.order), (len(rows),), generator=self.generator)
        want_same = (torch.rand(len(rows), generator=self.generator) < 0.5) & (count > 1)
        chosen = torch.where(want_same, same, other)
        return chosen, self.identity[chosen] != self.identity[rows]


def fit_classifier(
    module: nn.Module,
    inputs: Callable[[Tensor], Tensor],
    train: Faces | LabelledRelease,
    predict_val: Callable[[], NDArray[np.float32]],
    val: Faces | LabelledRelease,
    *,
    ctx: Context,
    label: str,
    epochs: int,
    batch_size: int,
    rate: float,
    weight_decay: float,
    patience: int | None,
    smoothing: float = 0.0,
) -> float:
    """Train a classifier by weighted cross-entropy (AdamW, 1cycle), stopping early on weighted val log-loss.

    inputs : row numbers (B,) → the batch that ``module`` takes. train, val : N and M samples, by their ``weights``.
    predict_val : the module's logits (M, K) on the validation samples, in order.
    Returns the best negative val log-loss.
    """
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=weight_decay)
    schedule = one_cycle(optimizer, rate, len(train), batch_size, epochs)
    targets = torch.from_numpy(train.labels).to(ctx.device)
    importance = torch.from_numpy(train.weights.astype(np.float32)).to(ctx.device)
    val_targets = torch.from_numpy(val.labels)
    val_weights = torch.from_numpy((val.weights / len(val)).astype(np.float32))

    def step(rows: Tensor) -> Tensor:
        batch = inputs(rows)
        rows = rows.to(targets.device)
        with autocast(ctx):
            logits = module(batch)
        loss = F.cross_entropy(logits.float(), targets[rows], reduction="none", label_smoothing=smoothing)
        loss = (loss * importance[rows]).mean()
        return descend(optimizer, loss)

    def validate() -> float:
        losses = F.cross_entropy(torch.from_numpy(predict_val()), val_targets, reduction="none")
        return -float((losses * val_weights).sum())

    return fit_loop(
        step,
        module=module,
        count=len(train),
        batch_size=batch_size,
        epochs=epochs,
        ctx=ctx,
        label=label,
        validate=validate,
        patience=patience,
        schedulers=(schedule,),
    )
