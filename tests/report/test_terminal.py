"""What a command ends with on a terminal: one sentence first, a narrow table, nothing cut, the rest when asked for."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aiakit.experiment.run import Run
from aiakit.report.conclusion import conclusion_of, percent
from aiakit.report.grid import Grid, print_grid
from aiakit.report.terminal import print_document
from aiakit.results.document import document_of_run
from benchmarks.stress.newcomer import on_a_terminal
from tests.conftest import TINY, Answer
from tests.processes import begin

FIXTURE = Path(__file__).parents[1] / "fixtures" / "run-schema-3"
COLUMNS = 80


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return document_of_run(Run.open(FIXTURE))


@pytest.fixture
def document(stored: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(stored)


def printed(document: dict[str, Any], verbose: bool = False, width: int = COLUMNS) -> list[str]:
    out = io.StringIO()
    print_document(document, Console(file=out, width=width), verbose)
    return out.getvalue().splitlines()


def row(release: str, value: float, verdict: str = "leaks", claimed: float | None = None) -> dict[str, Any]:
    strongest = {"balanced_accuracy": value, "ci95": [value - 0.04, value + 0.05]}
    return {
        "release": release,
        "strongest": strongest,
        "verdict": verdict,
        "claimed": None
        if claimed is None
        else {"balanced_accuracy": claimed, "ci95": [claimed - 0.04, claimed + 0.05]},
    }


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [row("original", 0.81), row("aia", 0.79, claimed=0.47)],
            "Gender is read from aia at 79 % [75, 84]; undefended 81 %; chance 50 %; the defense's own attacker claims "
            "47 %.",
        ),
        (
            [row("original", 0.81), row("san", 0.88, claimed=0.12)],
            "Gender is read from san at 88 % [84, 93]; undefended 81 %; chance 50 %; the defense's own attacker claims "
            "12 %, which turned round is 88 %.",
        ),
        (
            [row("original", 0.81), row("aia", 0.51, "no leak found")],
            "Gender is not read from aia beyond chance: 51 % [47, 56]; undefended 81 %; chance 50 %.",
        ),
        (
            [row("original", 0.51), row("aia", 0.51, "no power")],
            "Nothing is known of aia, since these attacks have shown no power: 51 % [47, 56]; undefended 51 %; "
            "chance 50 %.",
        ),
        (
            [row("aia", 0.51, "power not known")],
            "No leak is found in aia, and what these attacks can find is not known: 51 % [47, 56]; chance 50 %.",
        ),
        ([row("original", 0.81)], "Gender is read from the undefended release at 81 % [77, 86]; chance 50 %."),
        (
            [
                row("original", 0.81),
                row("aia", 0.7, claimed=0.5),
                row("blur", 0.78),
                row("random", 0.5, "no leak found"),
            ],
            "Of 3 releases gender is read best from blur, at 78 % [74, 83], and least from random, at 50 % [46, 55] "
            "(no leak found); undefended 81 %; chance 50 %.",
        ),
        ([row("original", 0.81) | {"strongest": None}], "No attack has a result, so nothing is known of gender."),
    ],
)
def test_the_conclusion_is_one_plain_sentence(rows: list[dict[str, Any]], sentence: str) -> None:
    assert conclusion_of({"attribute": "gender", "chance": 0.5, "dataset": "lfw", "rows": rows}) == sentence


def test_an_audit_is_called_by_its_data() -> None:
    audited = {"attribute": "age", "chance": 1 / 3, "dataset": "templates", "rows": [row("release", 0.4)], "audit": {}}
    assert conclusion_of(audited) == "Age is read from templates at 40 % [36, 45]; chance 33 %."


def test_an_end_that_is_not_known_is_a_dash() -> None:
    assert percent(0.5, [None, 0.512]) == "50 % [–, 51]"


def test_the_sentence_comes_first_and_the_table_is_narrow(document: dict[str, Any]) -> None:
    lines = printed(document)
    assert " ".join(lines).startswith(conclusion_of(document))
    text = "\n".join(lines)
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in text
    assert text.index("strongest [95 %]") < text.index("verdict") < text.index("utility [95 %]")
    for row in document["rows"]:
        best = row["strongest"]
        low, high = best["ci95"]
        line = next(line for line in lines if line.startswith(row["release"] + " "))
        assert f"{best['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]" in line
        assert row["verdict"] in line
    assert "lower bound" in text
    for word in ("bits", "EER", "claimed  ", "peak memory"):
        assert word not in text


def test_verbose_has_every_attack_and_figure_and_cuts_none(document: dict[str, Any]) -> None:
    lines = printed(document, verbose=True)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in text
    for word in ("bits", "EER", "claimed", "gap", "everything,", "Every attack"):
        assert word in text
    for row in document["rows"]:
        for measured in row["attacks"].values():
            low, high = measured["ci95"]
            assert f"{measured['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]" in text


def test_what_nobody_claims_has_no_column(document: dict[str, Any]) -> None:
    for row in document["rows"]:
        row["claimed"] = row["gap"] = None
    text = "\n".join(printed(document, verbose=True))
    assert "claimed" not in text
    assert " gap" not in text


def test_notes_and_failures_are_said_without_asking(document: dict[str, Any]) -> None:
    document["notes"] = ["3 images cannot be read"]
    document["failures"] = [{"cell": "mlp on aia, seed 0", "reason": "it broke"}]
    document["complete"] = False
    text = "\n".join(printed(document))
    for line in ("note: 3 images cannot be read", "failed: mlp on aia, seed 0: it broke", "INCOMPLETE"):
        assert line in text


def test_intervals_that_rest_on_too_little_are_named(document: dict[str, Any]) -> None:
    doubts = {row["release"]: row["attacks"][row["strongest"]["attack"]]["caution"] for row in document["rows"]}
    assert all(doubt.startswith("too few") for doubt in doubts.values())
    named = ", ".join(f"{name} ({doubt})" for name, doubt in doubts.items())
    said = f"these intervals are no more than a hint: {named}"
    assert said in document["notes"]
    assert f"note: {said}" in " ".join(" ".join(printed(document)).split())


def test_a_wide_table_is_printed_in_parts_that_repeat_their_first_column() -> None:
    out = io.StringIO()
    names = [f"release-{number}" for number in range(9)]
    rows = [[attack, *("0.512 [0.480, 0.544]" for _ in names)] for attack in ("lda", "an-attack-of-a-name-" + "x" * 40)]
    print_grid(Console(file=out, width=COLUMNS), Grid("", ("attack", *names), rows))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= COLUMNS
    assert all(any(name in line for line in lines) for name in names)
    assert sum(line.startswith("lda") for line in lines) == sum(line.startswith("attack") for line in lines) > 2
    assert out.getvalue().count("0.512 [0.480, 0.544]") == 2 * len(names)


def test_a_run_draws_its_bars_on_a_real_terminal(tmp_path: Path) -> None:
    """What plugins print goes through the console that draws the bars, and comes out once."""
    plugin = tmp_path / "chatty.py"
    plugin.write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "from aiakit.plugins.bases import from_sklearn\n"
        "class Talks(LogisticRegression):\n"
        "    def fit(self, x, y):\n"
        "        print('a word from a plugin')\n"
        "        return super().fit(x, y)\n"
        "Chatty = from_sklearn(Talks, view='embedding')\n"
    )
    code, text = on_a_terminal(
        ["run", "--defense", "leace", "--attacks", "logreg,talks", "--plugin", str(plugin), "--no-utility",
         "--out", str(tmp_path), "--set", "original.epochs=1", "--set", "original.latent=4", *TINY],
        tmp_path, "dumb", begin,
    )  # fmt: skip
    assert code == 0
    assert text.count("a word from a plugin") >= 2  # of both releases
    assert "Gender" in text or "Nothing is known" in text
    assert len(text) < 200_000


def test_show_on_a_real_terminal_of_80_columns(tmp_path: Path) -> None:
    code, text = on_a_terminal(["show", str(FIXTURE), "--verbose"], tmp_path, "dumb", begin)
    assert code == 0
    lines = text.splitlines()
    assert lines[0].startswith("Nothing is known of grl")  # one attack, no power: the fixture is that small
    assert max(map(len, lines)) <= COLUMNS
    assert "…" not in text


@pytest.mark.parametrize(("style", "begins"), [("markdown", "### "), ("latex", r"\begin{table}")])
def test_every_table_of_a_run_as_text(
    aiakit: Callable[..., Answer], stored: dict[str, Any], style: str, begins: str
) -> None:
    answer = aiakit("show", FIXTURE, "--format", style)
    tables = answer.out.split("\n\n" if style == "latex" else "### ")
    assert answer.out.startswith(begins)
    attacks = next(table for table in tables if "Every attack" in table)
    for row in stored["rows"]:
        assert row["release"] in answer.out
        for name, found in row["attacks"].items():
            assert name in attacks
            assert f"{found['balanced_accuracy']:.3f}" in attacks
    assert all(str(limit).split(" ")[0] in answer.out for limit in stored["limits"])
