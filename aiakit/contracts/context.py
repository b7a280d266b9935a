"""Where a plugin runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

State = dict[str, NDArray[Any]]
T = TypeVar("T")
Precision = Literal["fp32", "tf32", "bf16"]


def no_progress(label: str, done: int, total: int) -> None:
    """The reporter of a context that shows nothing."""


def compute_always(name: str, inputs: Mapping[str, Any], compute: Callable[[], State]) -> State:
    """The memo of a context that remembers nothing."""
    return compute()


@dataclass(frozen=True)
class Context:
    """Where a plugin runs: seed, device, precision, threads, and how it reports progress.

    seed : of this fit; by ``rng`` or ``seed_for`` parts draw independently. device : of torch ("cpu", "cuda", "mps").
    precision : "fp32", "tf32" (CUDA: products with 10 bits of mantissa) or "bf16" (autocast of the forward pass).
    threads : how many threads this plugin may use. report : called with (label, steps done, steps in all).
    memo : ``memo(name, inputs, compute)`` returns ``compute()``'s arrays, from the store where the same name, inputs,
        training data and seed were computed before. ``inputs`` must name all else that ``compute`` depends on.
    compiled : whether networks are compiled (``torch.compile``) when they are trained.
    """

    seed: int = 0
    device: str = "cpu"
    precision: Precision = "fp32"
    threads: int = 1
    report: Callable[[str, int, int], None] = no_progress
    memo: Callable[[str, Mapping[str, Any], Callable[[], State]], State] = compute_always
    compiled: bool = False

    def seed_for(self, *names: str | int) -> int:
        """A 63-bit seed that depends on this context's seed and the names only."""
        text = "\x1f".join([str(self.seed), *map(str, names)])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1

    def rng(self, *names: str | int) -> np.random.Generator:
        """An independent NumPy generator for the named purpose."""
        return np.random.default_rng(self.seed_for(*names))

    def child(self, *names: str | int) -> Context:
        """The same with the seed of the named purpose."""
        return replace(self, seed=self.seed_for(*names))

    def track(self, items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
        """Yield the items and report how many are done."""
        total = len(items := list(items)) if total is None else total
        self.report(label, 0, total)
        for done, item in enumerate(items, start=1):
            yield item
            self.report(label, done, total)
