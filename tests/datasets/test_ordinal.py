"""Words that have an order are counted up, by the option and in the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.datasets.ordinal import ranks, split_order
from aiakit.errors import InputError
from tests.conftest import Answer

ORDER = "band=child<adult<senior"
ASKED = ("--attribute", "gender", "--attacks", "logreg", "--no-forecast", "--no-utility", "--jobs", "1", "--json")
BAD = {
    "one word": ("band=child", "an order is written band=child<adult<senior"),
    "twice": ("band=child<adult<child", "an order is written band=child<adult<senior"),
    "no name": ("=child<adult", "an order is written band=child<adult<senior"),
    "left out": ("band=child<adult", "band is also senior: put it into the order"),
    "never": ("band=child<teen<adult<senior", "band is never teen, but adult, child, senior"),
    "unknown": ("brand=child<adult", "'brand'.*did you mean band"),
}


def test_the_places_of_words() -> None:
    assert split_order(ORDER) == ("band", ("child", "adult", "senior"))
    assert split_order("age") == ("age", ())
    found = ranks(["senior", "", "child", " adult ", "n/a"], *split_order(ORDER))
    assert np.array_equal(found, [2, np.nan, 0, 1, np.nan], equal_nan=True)


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings of 150 people that tell how old they are, in three words and as a number."""
    rng, count = np.random.default_rng(0), 150
    level = rng.integers(0, 3, count)
    points = rng.normal(size=(count, 6)).astype(np.float32)
    points[:, 1] += 2 * level
    words = np.array(["child", "adult", "senior"])[level]
    path = tmp_path_factory.mktemp("ordinal") / "open.npz"
    np.savez(path, e=points, person=np.arange(count), gender=np.array(["f", "m"])[np.arange(count) % 2],
             band=words, level=level.astype(float))  # fmt: skip
    return path


def numeric(answer: Answer, row: int = 0) -> Any:
    assert answer.code == 0, answer.err
    return answer.document["rows"][row]["numeric"]


def test_an_order_reads_as_the_numbers_that_it_stands_for(
    held: Path, aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    audited = numeric(aiakit("audit", held, *ASKED, "--folds", "1", "--numeric", f"{ORDER},level", "--out", tmp_path))
    assert audited["band"]["strongest"] == audited["level"]["strongest"]
    assert (
        audited["band"]["strongest"]["macro_mae"]["value"] < audited["band"]["strongest"]["constant_macro_mae"]["value"]
    )
    answer = aiakit("run", "--dataset", "table", "--data-root", held, *ASKED, "--defense", "leace", "--numeric",
                    f"{ORDER},level", "--out", tmp_path)  # fmt: skip
    of_run = numeric(answer)
    assert of_run["band"]["strongest"] == of_run["level"]["strongest"]
    assert of_run["band"]["verdict"] == "leaks"


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("command", ["audit", "run"])
def test_bad_input_is_one_line(
    case: str, command: str, held: Path, aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    text, said = BAD[case]
    start = ["audit", held] if command == "audit" else ["run", "--dataset", "table", "--data-root", held,
                                                        "--defense", "leace"]  # fmt: skip
    answer = aiakit(*start, *ASKED, "--numeric", text, "--out", tmp_path)
    assert answer.code == 2
    with pytest.raises(InputError, match=said):
        raise InputError(answer.message)
