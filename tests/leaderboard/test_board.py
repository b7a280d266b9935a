"""How releases are ranked, and how a board reads in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import altair as alt
import pytest
from rich.console import Console

from aiakit.errors import InputError
from aiakit.experiment.config import PluginSpec
from aiakit.leaderboard.board import Board, make_board
from aiakit.leaderboard.entry import Submission
from aiakit.leaderboard.schema import Reported
from aiakit.leaderboard.scores import statistics_row
from aiakit.measures.pareto import hypervolume
from aiakit.report import board_tables as formats
from aiakit.report.board import board_page
from aiakit.report.page import render_page

Make = Callable[..., Submission]
HOSTILE = "<script>alert(1)</script>"
LATEX_SPECIAL = r"50%_of $x$ & {y} ~ ^ \input{/etc/passwd} #"


@pytest.fixture(scope="module")
def board(make: Make) -> Board:
    return make_board(
        [
            make("leaky", {"lda": 0.95, "mlp": 0.9}, skill=3),
            make("private", {"lda": 0.55}, skill=1),
            make("useless", {"lda": 0.5}, skill=0),
            make("claims", {"in-loop": 0.5, "lda": 0.9}, skill=2.5),
        ],
        [
            Reported(
                source="a paper", dataset="Made-up", attribute="gender", rows=({"release": "best", "leakage": 0.1},)
            )
        ],
    )


def test_ranked_by_the_strongest_attack(board: Board) -> None:
    leakages = [place.leakage for place in board.places]
    assert leakages == sorted(leakages)
    assert board.places[0].label in ("useless", "private")
    assert {place.label for place in board.places[2:]} == {"leaky", "claims"}
    assert board.places[0].rank == 1


def test_the_strongest_is_chosen_on_validation(board: Board) -> None:
    leaky = next(place for place in board.places if place.label == "leaky")
    attacks = leaky.row.attacks
    assert leaky.row.strongest == max(attacks, key=lambda name: attacks[name].val_balanced_accuracy)


def test_only_what_is_shown_to_be_equivalent_shares_a_rank(make: Make) -> None:
    near = make_board([make("a", {"lda": 0.70}), make("b", {"lda": 0.72}), make("c", {"lda": 0.99})])
    places = {place.label: place for place in near.places}
    assert [places[name].rank for name in "abc"] in ([1, 2, 3], [2, 1, 3])  # 40 people show no equivalence
    assert not any(place.tied for place in near.places)
    assert [place.apart for place in near.places] == [None, False, True]
    assert [formats.document(near)["rows"][number]["apart"] for number in range(3)] == [None, False, True]
    assert "2~" in formats.as_text(near, "markdown").replace("\\", "")
    twice = make_board([make("a", {"lda": 0.70}), make("b", {"lda": 0.70}), make("c", {"lda": 0.99})])
    assert [(place.rank, place.tied) for place in twice.places] == [(1, True), (1, True), (3, False)]


def test_what_is_read_below_chance_never_ranks_and_is_not_on_the_front(make: Make) -> None:
    scored = make("below", {"lda": 0.9}, skill=4)
    turned = {**scored.tensors, "attack.0.0.test": scored.tensors["attack.0.0.test"][:, ::-1]}
    row = statistics_row(scored.entry, turned)
    board = make_board([replace(scored, row=row), make("aia", {"lda": 0.6}, skill=1)])
    places = {place.label: place for place in board.places}
    below = places["below"]
    assert below.row.attacks["lda"].point["balanced_accuracy"] < 0.2
    assert below.verdict is not None
    assert below.verdict.text == "inverted: leaks, or a broken protocol"
    assert (below.rank, below.pareto, below.front_share, below.hypervolume) == (None, False, None, None)
    assert places["aia"].rank == 1
    assert any("never ranked: below" in line for line in formats.remarks(board))


def test_a_floor_of_utility(make: Make) -> None:
    board = make_board([make("blind", {"lda": 0.5}, skill=0), make("seeing", {"lda": 0.9}, skill=4)], (), 0.8)
    assert [(place.label, place.rank) for place in board.places] == [("seeing", 1), ("blind", None)]
    assert "at least 0.8" in formats.remarks(board)[0]


def test_front_and_hypervolume(board: Board) -> None:
    privacy = [1 - place.row.attacks[str(place.row.strongest)].point["advantage"] for place in board.places]
    utility = [float(place.utility or 0) for place in board.places]
    assert board.hypervolume == pytest.approx(hypervolume(privacy, utility))
    for place, p, u in zip(board.places, privacy, utility, strict=True):
        dominated = any(q >= p and v >= u and (q, v) != (p, u) for q, v in zip(privacy, utility, strict=True))
        assert place.pareto is not dominated
        assert place.hypervolume is not None
        assert place.hypervolume >= -1e-12
        if dominated:
            assert place.hypervolume == pytest.approx(0)


def test_reported_figures_never_rank(board: Board) -> None:
    document = formats.document(board)
    assert [row["release"] for row in document["rows"]] == [place.label for place in board.places]
    assert document["reported"][0]["rows"][0]["leakage"] == 0.1
    assert "a paper" in formats.as_text(board, "markdown")


def test_reported_figures_of_another_data_set_are_marked_and_of_another_attribute_refused(make: Make) -> None:
    figures = Reported(source="s", dataset="celeba", attribute="Gender", rows=({"release": "x"},))
    text = formats.as_text(make_board([make("a", {"lda": 0.7})], [figures]), "markdown")
    assert "celeba, not this board's" in text
    with pytest.raises(InputError, match="of smiling, the board is of gender"):
        make_board([make("a", {"lda": 0.7})], [figures.model_copy(update={"attribute": "smiling"})])


@pytest.mark.parametrize(
    ("what", "value", "word"),
    [
        ("data", "other", "fingerprint"),
        ("attribute", "smiling", "attribute"),
        ("bootstrap_draws", 500, "bootstrap_draws"),
        ("dataset", "lfw", "lfw"),
        ("split", {"seed": 3}, "split"),
    ],
)
def test_another_protocol_is_refused_with_the_reason(make: Make, what: str, value: object, word: str) -> None:
    with pytest.raises(InputError, match=word):
        make_board([make("a", {"lda": 0.7}), make("b", {"lda": 0.7}, **{what: value})])


def test_releases_of_one_name_are_told_apart_by_their_parameters(make: Make) -> None:
    def variant(name: str, beta: int) -> Submission:
        made = make(name, {"lda": 0.6 + beta / 10}, stages=(PluginSpec(name="aia", params={"beta": beta, "alpha": 1}),))
        return Submission(made.entry.model_copy(update={"release": "aia"}), made.tensors, made.path)

    board = make_board([variant("e-00000001", 1), variant("e-00000002", 2)])
    assert {place.label for place in board.places} == {"aia (beta=1)", "aia (beta=2)"}
    table = csv.DictReader(io.StringIO(formats.as_csv(board)))
    assert {row["parameters"] for row in table} == {"aia.beta=1 aia.alpha=1", "aia.beta=2 aia.alpha=1"}
    known = replace(variant("e-00000003", 1), row=None)
    known = replace(known, entry=known.entry.model_copy(update={"level": "insider"}))
    (informed, insider, other) = make_board([variant("e-00000001", 1), known, variant("e-00000002", 2)]).places
    assert informed.label == "aia (beta=1, attacker=informed)", "options alone where they tell, or else the attacker"
    assert insider.label == "aia (beta=1, attacker=insider)"
    assert other.label == "aia (beta=2, attacker=informed)"
    two = make_board([known, variant("e-00000002", 2)]).places
    assert {place.label for place in two} == {"aia (beta=1)", "aia (beta=2)"}


def test_csv_holds_plain_numbers(board: Board) -> None:
    table = list(csv.DictReader(io.StringIO(formats.as_csv(board))))
    assert len(table) == len(board.places)
    for row, place in zip(table, board.places, strict=True):
        assert row["release"] == place.label
        assert float(row["strongest"]) == place.row.attacks[str(place.row.strongest)].point["balanced_accuracy"]
        assert float(row["strongest_low"]) <= float(row["strongest"]) <= float(row["strongest_high"])


def test_json_is_json(board: Board) -> None:
    document = json.loads(json.dumps(formats.document(board), allow_nan=False))
    claims = next(row for row in document["rows"] if row["release"] == "claims")
    assert claims["gap"] == pytest.approx(
        claims["strongest"]["balanced_accuracy"] - claims["claimed"]["balanced_accuracy"]
    )


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)


@pytest.fixture(scope="module")
def hostile(make: Make) -> Board:
    made = [make("a", {HOSTILE: 0.7, LATEX_SPECIAL: 0.6, "=1+1": 0.6})]
    made[0] = Submission(
        made[0].entry.model_copy(update={"release": f"{HOSTILE}|*_[x](http://x)"}), made[0].tensors, made[0].path
    )
    row = {"release": HOSTILE, "note": f"=cmd|{HOSTILE}"}
    return make_board(made, [Reported(source=HOSTILE, dataset="made-up", attribute="gender", rows=(row,))])


def test_html_keeps_hostile_names_as_text(hostile: Board) -> None:
    html = render_page(board_page(hostile))
    assert Tags(html).tags.count("script") == 1
    assert html.count("alert(1)") == html.count("&lt;script&gt;alert(1)")


def test_markdown_keeps_hostile_names_as_text(hostile: Board) -> None:
    text = formats.as_text(hostile, "markdown")
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(", text)  # no link
    rows = [line for line in text.splitlines() if line.startswith("|")]
    unescaped = [line.replace("\\|", "").count("|") for line in rows]
    assert unescaped[0] == unescaped[1] == unescaped[2]


def test_latex_keeps_hostile_names_as_text(hostile: Board) -> None:
    text = formats.as_text(hostile, "latex")
    body = [line for line in text.splitlines() if not line.startswith("%")]
    assert r"\input" not in text
    assert r"50\%\_of \$x\$ \& \{y\}" in text
    assert all(line.endswith(r"\\") for line in body if " & " in line)


def test_csv_starts_no_formula(hostile: Board) -> None:
    for row in csv.reader(io.StringIO(formats.as_csv(hostile))):
        for cell in row:
            assert not cell.startswith(("=", "@")), cell


def test_the_page_of_a_board(board: Board) -> None:
    page = board_page(board)
    assert {chart.name for chart in page.charts()} >= {"privacy-utility", "claimed-measured", "attack-defense"}
    for chart in page.charts():
        alt.Chart.from_dict(chart.spec)
    html = render_page(page)
    for place in board.places:
        assert html.count(f'id="entry-{place.entry.name}"') == 1
        assert f'href="#entry-{place.entry.name}"' in html
    assert "never rank" in html


def test_entries_of_one_name_have_sections_of_their_own(make: Make) -> None:
    first, second = make("aia", {"lda": 0.9}), make("aia", {"lda": 0.6})
    html = render_page(board_page(make_board([first, second])))
    for number in range(2):
        assert html.count(f'id="entry-aia-{number}"') == 1
        assert f'href="#entry-aia-{number}"' in html


def test_terminal(board: Board, capsys: pytest.CaptureFixture[str]) -> None:
    formats.print_board(board)
    short = capsys.readouterr().out
    formats.print_board(board, verbose=True)
    out = capsys.readouterr().out
    for word in ("leaky", "lower bound", "a paper", "strongest [95 %]", "verdict"):
        assert word in short
        assert word in out
    for word in ("illusion gap", "Pareto", "Every attack", "smallest leak"):
        assert word not in short
        assert word in out


def test_the_conclusion_of_several_runs_is_of_what_they_defend(make: Make) -> None:
    runs = [make("original", {"lda": 0.95}), make("original", {"lda": 0.9}, skill=2), make("aia", {"lda": 0.6})]
    said = formats.conclusion_of_board(make_board(runs))
    assert said.startswith("Gender is not read from aia beyond chance")
    assert "; undefended 9" in said


def test_a_terminal_of_80_columns_cuts_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    for verbose in (False, True):
        out = io.StringIO()
        monkeypatch.setattr(formats, "stdout", lambda out=out: Console(file=out, width=80))
        formats.print_board(board, verbose)
        lines = out.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        assert "…" not in out.getvalue()
        for place in board.places:
            assert place.row.strongest is not None
            low, high = place.row.attacks[place.row.strongest].ci95("balanced_accuracy")
            assert any(f"[{low:.3f}, {high:.3f}]" in line for line in lines)  # on one line
