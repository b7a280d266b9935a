"""How long the numbers take: ``python -m benchmarks.speed.bootstrap`` prints seconds of one core.

Set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from aiakit.datasets.pairs import sample_pairs
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.statistics import attack_statistics
from aiakit.measures.verification import verification_statistics


def seconds(work: Callable[..., Any], *arguments: Any, best_of: int = 2) -> float:
    """Seconds of the processor that ``work`` takes: other work on the machine does not count."""
    times = []
    for _ in range(best_of):
        begun = time.process_time()
        work(*arguments)
        times.append(time.process_time() - begun)
    return min(times)


def attack(samples: int, classes: int, repeats: int, images_per_person: int = 4, draws: int = 2000) -> float:
    """All metrics of an attack, bootstrap and its making included."""
    rng = np.random.default_rng(0)
    identity = np.arange(samples) // images_per_person
    labels = (identity % classes).astype(np.int64)
    val = rng.dirichlet(np.ones(classes), (repeats, samples // 2))
    test = rng.dirichlet(np.ones(classes), (repeats, samples))
    return seconds(
        lambda: attack_statistics(
            list(val), labels[: samples // 2], list(test), labels, IdentityBootstrap(identity, draws), classes
        )
    )


def verification(pairs: int, people: int = 500, draws: int = 2000, best_of: int = 2) -> float:
    """All metrics of a verifier on as many genuine as impostor pairs."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(people), 20)
    sampled = sample_pairs(identity, rng, pairs // 2, pairs // 2)
    scores = rng.normal(sampled.same, 1.0)
    scored = (scores, sampled.same, identity[sampled.left], identity[sampled.right])
    bootstrap = IdentityBootstrap(identity, draws)
    return seconds(verification_statistics, [scored], [scored], bootstrap, best_of=best_of)


def sampling(images: int, pairs: int) -> float:
    """Half genuine, half impostor pairs of one attribute value, people with 1 to hundreds of images."""
    rng = np.random.default_rng(0)
    identity = np.sort((images / 20 * rng.random(images) ** 2).astype(np.int64))
    attribute = identity % 2
    return seconds(lambda: sample_pairs(identity, np.random.default_rng(1), pairs // 2, pairs // 2, attribute, True))


if __name__ == "__main__":
    print(f"attack metrics, 10,000 samples × 2,000 draws, K=2: {attack(10_000, 2, 1):.2f} s")
    print(f"attack metrics, 10,000 samples × 2,000 draws, K=2, one image a person: {attack(10_000, 2, 1, 1):.2f} s")
    print(f"attack metrics, 20,000 samples × 2,000 draws, K=2: {attack(20_000, 2, 1):.2f} s")
    print(f"attack metrics, 10,000 samples × 2,000 draws, K=2, 9 repeats: {attack(10_000, 2, 9):.2f} s")
    print(f"attack metrics, 10,000 samples × 2,000 draws, K=5: {attack(10_000, 5, 1):.2f} s")
    print(f"verification metrics, 12,000 pairs × 2,000 draws: {verification(12_000):.2f} s")
    print(f"verification metrics, 1,000,000 pairs × 2,000 draws: {verification(1_000_000, 1000, best_of=1):.1f} s")
    print(f"pair sampling, 1,000,000 pairs from 200,000 images: {sampling(200_000, 1_000_000):.2f} s")
