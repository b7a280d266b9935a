"""What ``aiakit.plugins.bases`` offers: every name, and the examples in its documentation."""

from __future__ import annotations

import doctest
import inspect
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from torch import nn

from aiakit.contracts import EmbeddingDefense, Release
from aiakit.plugins import bases
from aiakit.plugins.checks import run_checks

CLASSES = ("AffineEraser", "GridAttack", "Learned", "NetworkOnEmbeddings", "NetworkOnPictures")
NAMES: dict[str, Any] = {"np": np, "nn": nn, "Release": Release, "EmbeddingDefense": EmbeddingDefense}


@pytest.mark.parametrize("name", sorted({*bases._WHERE} - {*CLASSES}))
def test_every_function_says_how_it_is_used(name: str) -> None:
    assert ">>>" in getattr(bases, name).__doc__ or "``" in getattr(bases, name).__doc__.partition("\n")[2]


@pytest.mark.parametrize("module", sorted(set(bases._WHERE.values())))
def test_the_examples_of_functions_are_true(module: str) -> None:
    assert doctest.testmod(import_module(f"aiakit.plugins.bases.{module}")).failed == 0


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_of_a_class_passes_the_checks(name: str) -> None:
    example = inspect.cleandoc(getattr(bases, name).__doc__).partition("::\n")[2]
    names = {**NAMES, name: getattr(bases, name), "LogisticRegression": LogisticRegression}
    before = set(names)
    exec(inspect.cleandoc(example), names)
    (made,) = set(names) - before - {"__builtins__"}
    kind = "defense" if issubclass(names[made], EmbeddingDefense) else "attack"
    results = run_checks(kind, names[made])
    assert results
    assert [result for result in results if result.status == "fail"] == []


def test_another_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Magic'"):
        _ = bases.Magic
