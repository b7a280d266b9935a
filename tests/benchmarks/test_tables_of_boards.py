"""Tables of the documentation say what their boards say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aiakit.errors import InputError
from benchmarks.site import BOARDS, SITE
from benchmarks.tables import BLOCK, filled, pages, table_of
from tests.docs.examples import ROOT


def leak(value: float) -> dict[str, Any]:
    return {
        "balanced_accuracy": value,
        "balanced_accuracy_ci95": [value - 0.1, value + 0.1],
        "val_balanced_accuracy": value,
    }


VERIFICATION = {"random": {"accuracy": 0.9, "accuracy_ci95": [0.85, 0.95], "auc": 0.97}}
ROW = {"tied": False, "certified": None, "claimed": None, "utility": VERIFICATION}
GROWTH = {
    "svm": {"still_rising": False, "predicted": [{"balanced_accuracy": 0.81, "ci95": [0.75, 0.9]}]},
    "lda": {"still_rising": True, "predicted": [{"balanced_accuracy": 0.7, "ci95": [0.65, 0.9]}]},
    "qda": {"refused": "too few"},
}
IDENTITY = {"risk": "identity", "value": 0.5, "ci95": [0.4, 0.6], "gallery": 976}
BOARD = {
    "rows": [
        {**ROW, "release": "leace", "rank": 1, "level": "insider", "strongest": leak(0.8),
         "knowledge": {"informed": {"lda": leak(0.5), "svm": leak(0.6)}}, "growth": GROWTH, "at_a_glance": [IDENTITY]},
        {**ROW, "release": "code", "rank": None, "level": "informed", "strongest": leak(0.55), "certified": 0.7,
         "utility": {}, "growth": {"svm": {"refused": "too few"}}},
    ]
}  # fmt: skip
ROWS = [
    ["rank", "release", "informed", "insider", "with twice the people", "no attack exceeds", "identity",
     "verification, random impostors", "AUC"],
    ["1", "`leace`", "0.600 [0.500, 0.700]", "**0.800 [0.700, 0.900]**", "0.810 [0.750, 0.900] ↑", "–",
     "0.500 [0.400, 0.600]", "0.900 [0.850, 0.950]", "0.970"],
    ["–", "`code`", "**0.550 [0.450, 0.650]**", "–", "–", "0.700", "–", "–", "–"],
]  # fmt: skip


BRIEF = [
    ["rank", "release", "measured", "by", "no attack exceeds", "identity", "verification, random impostors"],
    ["1", "`leace`", "**0.800 [0.700, 0.900]**", "insider", "–", "0.500 [0.400, 0.600]", "0.900 [0.850, 0.950]"],
    ["–", "`code`", "**0.550 [0.450, 0.650]**", "informed", "0.700", "–", "–"],
]


def cells_of(table: str) -> list[list[str]]:
    lines = table.splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]


def test_a_table_shows_every_level_a_prediction_the_bound_and_the_utility() -> None:
    assert cells_of(table_of(BOARD)) == ROWS


def test_shares_of_galleries_of_several_sizes_name_theirs() -> None:
    first, second = BOARD["rows"]
    linkage = {"risk": "linkage", "value": 0.1, "ci95": [0.0, 0.2]}
    glances = [linkage, {**IDENTITY, "gallery": 2872}]
    lines = cells_of(table_of({"rows": [first, {**second, "at_a_glance": glances}]}))
    place = lines[0].index("identity")
    assert [line[place] for line in lines[1:]] == ["0.500 [0.400, 0.600] of 976", "0.500 [0.400, 0.600] of 2,872"]
    assert [line[place + 1] for line in lines] == ["linkage", "–", "0.100 [0.000, 0.200]"]


def test_a_brief_table_shows_the_headline_and_who_reads_it() -> None:
    assert cells_of(table_of(BOARD, brief=True)) == BRIEF
    unread = {**BOARD["rows"][0], "release": "unread", "strongest": None, "knowledge": {}}
    assert cells_of(table_of({"rows": [*BOARD["rows"], unread]}, brief=True))[3][2:4] == ["–", "–"]


def test_blocks_are_filled_and_nothing_else_changes(tmp_path: Path) -> None:
    (tmp_path / "lfw-dlib").mkdir()
    (tmp_path / "lfw-dlib" / "board.json").write_text(json.dumps(BOARD))
    page = "before\n<!-- board lfw-dlib -->\n| old |\n<!-- end of board -->\nafter\n"
    made = filled(page, tmp_path)
    assert made == f"before\n<!-- board lfw-dlib -->\n{table_of(BOARD)}\n<!-- end of board -->\nafter\n"
    assert filled(made, tmp_path) == made
    brief = filled(page.replace("lfw-dlib", "lfw-dlib brief"), tmp_path)
    assert (
        brief == f"before\n<!-- board lfw-dlib brief -->\n{table_of(BOARD, brief=True)}\n<!-- end of board -->\nafter\n"
    )
    with pytest.raises(InputError, match=r"there is no .*other.board\.json: make site writes it"):
        filled(page.replace("lfw-dlib", "other"), tmp_path)


def test_the_documentation_says_what_the_stored_boards_say() -> None:
    """Of boards that `make site` has read; that every block is of a stored board is tested without."""
    for page in pages(ROOT):
        text = page.read_text("utf-8")
        for block in BLOCK.finditer(text):
            assert (BOARDS / block["name"]).is_dir(), page
            if not (ROOT / SITE / "board" / block["name"]).is_dir():
                pytest.skip("make site has not been run")
        assert filled(text, ROOT / SITE / "board") == text, f"{page}: python -m benchmarks.tables writes its tables"
