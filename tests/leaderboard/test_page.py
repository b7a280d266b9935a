"""What the page of a board says besides its table: verdicts, power, and what the suite is known to find."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.entry import Submission
from aiakit.report import board_tables as formats
from aiakit.report.board import board_page
from aiakit.report.calibration import SHIPPED, read_calibration, shipped_calibrations
from aiakit.report.page import render_page
from aiakit.report.plane import PROVEN
from aiakit.report.table import Choice, Floor
from tests.conftest import Answer

Make = Callable[..., Submission]
Aiakit = Callable[..., Answer]


def test_verdicts_rest_on_power_over_the_undefended_release(make: Make) -> None:
    without = make_board([make("aia", {"lda": 0.5})])
    assert without.power == {}
    assert without.places[0].verdict is not None
    assert without.places[0].verdict.text == "power not known"
    assert any("No undefended release" in remark for remark in formats.document(without)["remarks"])
    board = make_board([make("original", {"lda": 0.95, "mlp": 0.5}), make("aia", {"lda": 0.5})])
    assert board.power == {"lda": True, "mlp": False}
    said = {place.label: place.verdict.text for place in board.places if place.verdict is not None}
    assert said == {"original": "leaks", "aia": "no leak found"}
    text = formats.as_text(board, "markdown")
    assert "no leak found" in text
    assert "†" in text
    assert "Without power there (†): mlp." in text


def test_the_plane_is_covered_and_each_release_has_its_share_of_the_front(make: Make) -> None:
    board = make_board([make("original", {"lda": 0.95}, skill=3), make("aia", {"lda": 0.6}, skill=1)])
    assert board.hypervolume is not None
    assert 0 <= board.hypervolume <= 1
    document = formats.document(board)
    assert any(
        f"cover {board.hypervolume:.3f} of the privacy–utility plane" in remark for remark in document["remarks"]
    )
    assert [row["front_share"] for row in document["rows"]] == pytest.approx([1, 1], abs=0.05)


def test_two_rows_can_be_paired(make: Make) -> None:
    made = [make("a", {"lda": 0.6}, skill=1), make("b", {"lda": 0.9}, skill=3), make("c", {"lda": 0.8})]
    board = make_board(made)
    section = next(section for section in board_page(board).sections if section.id == "pairs")
    (table,) = section.tables
    assert [[cell.text for cell in row[:2]] for row in table.rows] == [["a", "c"], ["a", "b"], ["c", "b"]]
    places = {place.label: place for place in board.places}
    for row in table.rows:
        first, second = (places[cell.text] for cell in row[:2])
        assert first.leakage is not None
        assert second.leakage is not None
        assert first.utility is not None
        assert second.utility is not None
        assert row[2].value == pytest.approx(second.leakage - first.leakage)
        assert row[4].value == pytest.approx(second.utility - first.utility)
    html = render_page(board_page(board))
    assert html.count('<select data-filter="pair-table"') == 2
    alone = board_page(make_board(made[:1]))
    assert all(section.id != "pairs" for section in alone.sections)


def with_entry(submission: Submission, **changed: object) -> Submission:
    return replace(submission, entry=submission.entry.model_copy(update=changed))


def test_rows_can_be_filtered_by_what_the_attacker_knows_and_by_utility(make: Make) -> None:
    same = {"lda": 0.8}
    made = [make("original", same, skill=3), with_entry(make("aia", same, skill=1), level="insider"), make("aia", same)]
    board = make_board(made)
    assert [place.label for place in board.places] == ["aia (attacker=informed)", "aia (attacker=insider)", "original"]
    table = board_page(board).sections[0].tables[0]
    attacker, floor = table.filters
    assert isinstance(attacker, Choice)
    assert attacker.options == ["informed", "insider"]
    assert attacker.values == [["informed"], ["insider"], ["informed"]]
    assert isinstance(floor, Floor)
    assert list(floor.values) == [place.utility for place in board.places]
    assert len(set(floor.values)) == 3
    alike = board_page(make_board([made[0], made[2]])).sections[0].tables[0]
    assert [field.label for field in alike.filters] == ["Utility at least"], "there is nothing to choose"


def test_what_is_proven_of_a_release_is_marked_on_the_plane(make: Make) -> None:
    made = [make("original", {"lda": 0.9}), with_entry(make("noise", {"lda": 0.55}), accuracy_bound=0.7)]
    board = make_board(made)
    chart = board_page(board).sections[0].charts[0]
    marked = [row for data in values_in(chart.spec) for row in data if row["front"] == PROVEN]
    assert {(row["name"], round(row["at"], 6)) for row in marked} == {("noise", 0.6)}
    assert "no attack reads more than 70 %" in marked[0]["says"]
    assert "triangle" in chart.caption
    assert {row["release"]: row["accuracy_bound"] for row in formats.document(board)["rows"]} == {
        "original": None,
        "noise": 0.7,
    }
    without = board_page(make_board(made[:1])).sections[0].charts[0]
    assert "triangle" not in without.caption
    assert PROVEN not in json.dumps(without.spec)


def values_in(spec: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows of data of a chart of layers."""
    for part in spec["layer"]:
        data = part.get("data", {})
        yield spec["datasets"][data["name"]] if "name" in data else data.get("values", [])


def test_what_the_suite_finds_stands_on_the_page(make: Make) -> None:
    board = make_board([make("original", {"lda": 0.95, "mine": 0.5})])
    known = shipped_calibrations()
    assert [one.made_by for one in known] == list(SHIPPED.values())
    assert all(one.document["complete"] for one in known)
    page = board_page(board, known)
    section = next(section for section in page.sections if section.id == "calibration")
    assert [chart.name for chart in section.charts] == ["calibration-0", "calibration-1"]
    html = render_page(page)
    for command in SHIPPED.values():
        assert command in html
    assert "Not calibrated there: mine." in html
    for leak in ("diffuse", "xor-whitened", "image-corner"):  # no label of an axis is dropped
        assert html.count(f">{leak}<") == 1, leak
    assert all(section.id != "calibration" for section in board_page(board).sections)


def test_a_calibration_of_ones_own(entries: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    own = tmp_path / "own.json"
    row = {"leak": "<i>mine</i>", "eta": 0.5, "selected": "lda", "attacks": {"lda": 0.5}}
    own.write_text(json.dumps({"schema": 1, "rows": [row]}))
    site = tmp_path / "site"
    answer = aiakit("leaderboard", entries, "--html", site, "--figures", "--calibration", own)
    assert answer.code == 0, answer.err
    html = (site / "index.html").read_text()
    assert "&lt;i&gt;mine" in html
    assert "<i>" not in html
    assert (site / "figures" / "calibration-0.svg").is_file()
    assert read_calibration(own).made_by == str(own)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "no sound JSON"),
        ("[]", "is no calibration"),
        ('{"schema": 2, "rows": []}', "is no calibration"),
        ('{"schema": 1, "rows": []}', "is no calibration"),
        ('{"schema": 1, "rows": [{"leak": 3, "eta": 1, "attacks": {}, "selected": ""}]}', "is no calibration"),
        (
            '{"schema": 1, "rows": [{"leak": "a", "eta": 1, "attacks": {"lda": "x"}, "selected": ""}]}',
            "is no calibration",
        ),
    ],
)
def test_what_is_no_calibration(entries: Path, tmp_path: Path, content: str | None, words: str, aiakit: Aiakit) -> None:
    path = tmp_path / "c.json"
    if content is not None:
        path.write_text(content)
    answer = aiakit("leaderboard", entries, "--html", tmp_path / "site", "--calibration", path)
    assert answer.code == 2
    assert words in answer.message
    assert not (tmp_path / "site").exists()


def test_options_of_a_page_need_one(entries: Path, aiakit: Aiakit) -> None:
    answer = aiakit("leaderboard", entries, "--figures")
    assert answer.code == 2
    assert "add --html DIR" in answer.message
