"""The overview of defenses has a line for each, and says of each what results say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiakit.plugins import registry
from benchmarks.speed import defenses as speed

DOCS = Path(__file__).parents[2] / "docs"
BUILT_IN = [name for name in registry.names("defense") if registry.entry("defense", name).built_in]


def lines() -> dict[str, list[str]]:
    """Defense → the cells of its line."""
    text = (DOCS / "defenses.md").read_text("utf-8").partition("## Overview")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_every_defense_has_a_line() -> None:
    assert sorted(lines()) == BUILT_IN


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_line_says_all_of_it(name: str) -> None:
    assumes, guarantees, does_not, fit, face, read = lines()[name]
    assert all((assumes, guarantees, does_not, read))
    assert re.fullmatch(r"(< )?[0-9.]+ s", fit), "what the benchmark prints"
    assert re.fullmatch(r"(< )?[0-9.]+ ms", face)
    results = [part for part in re.split(r"\n#+ ", (DOCS / "results.md").read_text("utf-8")) if name in part]
    for figure in re.findall(r"\.\d{3}", read):
        assert any(figure in part for part in results), f"{figure} stands in no part of the results with {name}"


def test_the_benchmark_measures_what_the_line_says() -> None:
    fitted, published = speed.measured("leace", rows=400, single=5)
    assert re.fullmatch(r"\| `leace` \| (< )?[0-9.]+ s \| (< )?[0-9.]+ ms \|", speed.line("leace", fitted, published))
    assert [speed.digits(value) for value in (0.001, 0.034, 1.26, 31.4)] == ["< 0.01", "0.03", "1.3", "31"]
