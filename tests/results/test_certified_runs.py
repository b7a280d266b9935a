"""Of a release whose classes lie in its values as is known, no attack of a run reads more than is certified."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from math import factorial
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Answer

PEOPLE, IMAGES, CELLS = 500, 4, 3
TEMPERS = np.array([[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [0.2, 0.2, 0.6], [1 / 3] * 3])  # of whom, how often which cell
SHARES = np.array([[0.55, 0.1, 0.1, 0.25], [0.1, 0.1, 0.55, 0.25]])  # how many of a class are of which temper


def most_that_is_read(images: int) -> float:
    """½ + TV/2 of so many images: of a multiset of cells, Σ_tempers share · multinomial."""
    law = np.zeros((2, 0))
    for chosen in combinations_with_replacement(range(CELLS), images):
        times = np.bincount(chosen, minlength=CELLS)
        orders = factorial(images) / np.prod([factorial(time) for time in times])
        law = np.column_stack([law, SHARES @ (orders * np.prod(TEMPERS**times, axis=1))])
    return float(law.max(axis=0).sum() / 2)


def test_no_attack_reads_more_than_is_certified_of_one_image_or_of_several(
    aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(PEOPLE) % 2
    temper = np.array([rng.choice(len(TEMPERS), p=SHARES[label]) for label in labels])
    cells = np.stack([rng.choice(CELLS, IMAGES, p=TEMPERS[each]) for each in temper]).ravel()
    np.savez(tmp_path / "e.npz", e=np.eye(CELLS, dtype=np.float32)[cells])
    rows = [f"{who},{'ab'[labels[who]]}" for who in np.repeat(np.arange(PEOPLE), IMAGES)]
    (tmp_path / "l.csv").write_text("\n".join(["person,kind", *rows]))
    answer = aiakit(
        "run", "--dataset", "table", "--data-root", tmp_path / "e.npz", "--labels", tmp_path / "l.csv", "--identity",
        "person", "--attribute", "kind", "--defense", "original", "--attacks", "logreg,knn", "--folds", "3",
        "--knowledge", "insider", "--pooled", "2,3", "--jobs", "1", "--no-forecast", "--no-utility",
        "--out", tmp_path, "--name", "run", "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    (row,) = answer.document["rows"]
    certificate = row["certificate"]
    bounds = {1: certificate["bound"]} | {each["images"]: each["bound"] for each in certificate["images"]}
    truth = {images: most_that_is_read(images) for images in bounds}
    assert truth[1] == pytest.approx(0.59)
    assert truth[1] < truth[2] < truth[3], "several images of a person tell more"
    assert all(truth[images] <= bounds[images] < truth[images] + 0.1 for images in truth)
    read = [attack["balanced_accuracy"] for level in row["knowledge"].values() for attack in level.values()]
    read += [attack["balanced_accuracy"] for attack in row["attacks"].values()]
    assert max(read) <= bounds[1]
    assert max(read) > 0.51, "and they do read something"
    for pooled in row["pooled"]:
        assert pooled["balanced_accuracy"] <= bounds[pooled["images"]]
    said = " ".join(aiakit("show", tmp_path / "run", "--verbose").out.split())
    first, second = certificate["images"][0]["people"]
    assert f"Of 2 images of one person {bounds[2]:.3f} ({first} + {second} with so many)" in said
