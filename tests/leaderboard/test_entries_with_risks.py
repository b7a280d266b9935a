"""Entries of runs that measured risks besides the attribute: what they hold, and what they and their boards say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import aiakit
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.columns import remarks, summary
from aiakit.leaderboard.entry import Submission, read_record, read_submission
from aiakit.leaderboard.of_run import submissions_of
from aiakit.leaderboard.scores import figures_of, statistics_row
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.supply import supply_risks
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import write_entry, write_submission
from aiakit.report.board import board_page, write_board
from aiakit.report.table import Cell, Choice
from aiakit.results.document import document_of_run
from tests.conftest import Answer
from tests.leaderboard.conftest import change

ROOT = Path(__file__).parents[2]
RISKS = ("identity", "linkage", "inversion")
Edit = Callable[[dict[str, NDArray[Any]]], Any]


def audited(folder: Path, **options: Any) -> Run:
    """An audit of a rotation of vectors that tell people apart, who are cross-fitted."""
    rng, shown = np.random.default_rng(0), np.repeat(np.arange(90), 3)
    raw = rng.normal(size=(90, 8))[shown] + 0.9 * rng.normal(size=(len(shown), 8))
    turned = raw @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    aiakit.audit(
        turned, attributes={"gender": np.array(["f", "m"])[shown % 2]}, identity=shown, reference=raw, forecast=False,
        folds=3, utility=False, folder=folder, **options,
    )  # fmt: skip
    return Run.open(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return audited(tmp_path_factory.mktemp("risks") / "run", attacks="logreg", risks="all")


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of the same release, by more attacks and without a risk."""
    return audited(tmp_path_factory.mktemp("silent") / "run", attacks="logreg,lda")


@pytest.fixture(scope="module")
def written(run: Run, silent: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of the entries of both. Not to be written to."""
    folder = tmp_path_factory.mktemp("entries")
    submit(run, folder / "with")
    submit(silent, folder / "without")
    return folder


def path_in(folder: Path) -> Path:
    """The entry of the audited release."""
    return next(folder.glob("embeddings-release-*.json"))


@pytest.fixture(scope="module")
def entry(written: Path) -> Submission:
    return read_submission(path_in(written / "with"))


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return shutil.copytree(written, tmp_path / "copy")


def test_an_entry_says_of_each_risk_what_its_run_says_at_a_glance(run: Run, entry: Submission) -> None:
    row = next(row for row in document_of_run(run)["rows"] if row["release"] == "release")
    figures = entry.entry.figures["risks"]
    assert tuple(figures) == RISKS
    for found in row["at_a_glance"][1:]:
        stated = figures[found["risk"]]
        assert stated["value"] == pytest.approx(found["value"], abs=1e-9)
        assert stated["ci95"] == pytest.approx(found["ci95"], abs=1e-9)
        assert {key: stated[key] for key in ("way", "upper", "chance", "smallest_detectable")} == pytest.approx(
            {key: found[key] for key in ("way", "upper", "chance", "smallest_detectable")}
        )
    assert figures_of(verified(entry))["risks"] == figures
    chosen = next(info for info in entry.entry.risks["linkage"] if info.way == figures["linkage"]["way"])
    assert chosen.trained
    assert chosen.by
    assert chosen.seeds == (0,)
    assert entry.entry.risks["linkage"][0].not_measured == "the run has one seed"
    assert entry.entry.schema_version == 6


def test_what_is_stored_are_places_and_bins(entry: Submission) -> None:
    own = {name: part for name, part in entry.tensors.items() if name.startswith("risk.")}
    assert {part.dtype.kind for name, part in own.items() if not name.endswith(".edges")} == {"i"}
    assert all((part < 90).all() for name, part in own.items() if name.endswith(("above", "level", "ahead")))


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("key", ["value", "ci95", "upper", "chance", "smallest_detectable", "way"])
def test_an_edited_figure_is_found(copy: Path, aiakit: Callable[..., Answer], risk: str, key: str) -> None:
    def edit(content: dict[str, Any]) -> None:
        figure = content["figures"]["risks"][risk]
        old = figure[key]
        figure[key] = "released image" if key == "way" else [old[0], old[1] - 0.01] if key == "ci95" else old - 0.01

    change(path_in(copy / "with"), edit)
    answer = aiakit("leaderboard", "verify", path_in(copy / "with"))
    assert answer.code == 2
    assert f"figures.risks.{risk}.{key}" in answer.message


def one_better(name: str) -> Edit:
    """Somebody is found who was not, or the other way."""
    return lambda tensors: tensors[name].__setitem__(0, 0 if tensors[name][0] else 2)


def exchanged(name: str) -> Edit:
    """The scores of people are dealt to others."""
    return lambda tensors: tensors.__setitem__(name, np.roll(tensors[name], 1, axis=-1))


LINKED = "risk.linkage.2."


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (one_better("risk.identity.1.0.above"), "is refused: figures.risks.identity|does not say who is ahead"),
        (exchanged("risk.identity.1.0.above"), "is refused: figures.risks.identity|does not say who is ahead"),
        (lambda t: t["risk.identity.0.0.level"].__iadd__(1), "does not say who is ahead|is refused"),
        (one_better("risk.inversion.0.0.above"), "is refused: figures.risks.inversion|does not say who is ahead"),
        (exchanged(f"{LINKED}mated"), "is refused: figures.risks.linkage"),
        (exchanged(f"{LINKED}strangers"), "is refused: figures.risks.linkage"),
        (lambda t: t[f"{LINKED}mated"].__setitem__(slice(0, 5), 0), "is refused: figures.risks.linkage"),
        (lambda t: t[f"{LINKED}mated"].__setitem__(0, 99), "a bin of similarity that is not there"),
        (lambda t: t.__setitem__(f"{LINKED}strangers", t[f"{LINKED}strangers"][1:]), "are not those of"),
        (lambda t: t["risk.rows"].__setitem__(0, 10_000), "must be samples of test, ascending"),
        (lambda t: t.__setitem__("risk.rows", t["risk.rows"][1:]), "risk|pairs"),
        (lambda t: t["risk.identity.1.0.level"].__setitem__(0, 500), "does not place"),
        (lambda t: t["risk.identity.1.0.level"].__setitem__(0, -1), "must be numbers from 0"),
        (lambda t: t.pop("risk.identity.1.0.ahead"), r"the scores lack risk\.identity\.1\.0\.ahead"),
        (lambda t: [t.pop(name) for name in list(t) if name.startswith("risk.linkage.")], r"lack risk\.linkage"),
    ],
)
def test_edited_scores_are_found(entry: Submission, edit: Edit, words: str) -> None:
    tensors = {name: part.copy() for name, part in entry.tensors.items()}
    edit(tensors)
    with pytest.raises(InputError, match=words):
        verified(replace(entry, tensors=tensors))


def test_who_is_ahead_counts(entry: Submission) -> None:
    way = entry.entry.figures["risks"]["identity"]["way"]
    number = [info.way for info in entry.entry.risks["identity"]].index(way)
    name = f"risk.identity.{number}.0.ahead"
    assert len(entry.tensors[name]) > 1
    ahead = np.zeros_like(entry.tensors[name])
    with pytest.raises(InputError, match=r"figures\.risks\.identity\.ci95"):
        verified(replace(entry, tensors={**entry.tensors, name: ahead}))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (lambda e: {"risks": {"identity": e.risks["identity"]}}, "the entry says nothing of risk."),
        (lambda e: {"risks": {**e.risks, "identity": e.risks["identity"][:1] * 2}}, "twice in one way"),
        (lambda e: {"risks": {**e.risks, "identity": e.risks["identity"][:1]}}, "says nothing of risk.identity.1"),
        (lambda e: {"figures": {**e.figures, "risks": {}}}, "figures.risks.identity is None"),
        (lambda e: {"figures": {key: of for key, of in e.figures.items() if key != "risks"}}, "figures.risks is None"),
    ],
)  # fmt: skip
def test_what_is_said_must_be_what_is_stored(entry: Submission, told: Callable[[Any], Any], words: str) -> None:
    with pytest.raises(InputError) as refused:
        verified(replace(entry, entry=entry.entry.model_copy(update=told(entry.entry))))
    assert words in str(refused.value)


def test_an_earlier_schema_says_nothing_of_risks(copy: Path) -> None:
    path = path_in(copy / "with")
    path.write_text(path.read_text().replace('"schema_version": 6', '"schema_version": 5'))
    with pytest.raises(InputError, match="of schema 6 where it says something of risks, else of 5"):
        read_record(path)
    assert '"risks"' not in path_in(copy / "without").read_text()
    assert '"schema_version": 5' in path_in(copy / "without").read_text()


def test_entries_of_before_are_written_as_they_were(tmp_path: Path) -> None:
    stored = [*ROOT.glob("benchmarks/board/synthetic/*.json"), *ROOT.glob("tests/fixtures/entry-schema-5/*.json")]
    assert len(stored) > 1
    for path in stored:
        assert write_entry(read_record(path), tmp_path).read_text() == path.read_text()  # type: ignore[arg-type]


def test_risks_are_added_to_an_entry_of_the_same_release(
    run: Run, entry: Submission, copy: Path, aiakit: Callable[..., Answer]
) -> None:
    path = path_in(copy / "without")
    before = read_submission(path).entry
    answer = aiakit("leaderboard", "add-risks", path, run.folder)
    assert (answer.code, Path(answer.out.strip())) == (0, path)
    after = read_submission(path).entry
    assert after.figures == {**before.figures, "risks": entry.entry.figures["risks"]}
    assert after.attacks == before.attacks
    assert not (path.parent / before.scores.file).exists()
    assert aiakit("leaderboard", "verify", path).code == 0
    assert "says something of identity and linkage and inversion already" in aiakit(
        "leaderboard", "add-risks", path, run.folder
    ).message.replace("\n", " ")


def test_risks_of_another_release_are_refused(run: Run, silent: Run, copy: Path) -> None:
    path = path_in(copy / "without")
    with pytest.raises(InputError, match="has measured no risk of release: run it again with --risks all"):
        supply_risks([path], silent)
    was = read_submission(path)

    def refused(words: str, tensors: dict[str, NDArray[Any]], **told: Any) -> None:
        other = was.entry.model_copy(update=told)
        other = other.model_copy(update={"figures": figures_of(statistics_row(other, tensors))})
        write_submission(path.parent, other, tensors)
        with pytest.raises(InputError, match=words):
            supply_risks([path], run)

    rolled = {name: np.roll(part, 1, axis=0) if name.startswith("attack.") else part
              for name, part in was.tensors.items()}  # fmt: skip
    refused(r"logreg .* of .* differs from that of", rolled)
    renamed = tuple(attack.model_copy(update={"name": f"my-{attack.name}"}) for attack in was.entry.attacks)
    refused("nothing shows that .* is of the release of", dict(was.tensors), attacks=renamed)
    seeds = was.entry.computing.model_copy(update={"seeds": (7,)})
    refused("is of the seeds 0, and .* of 7", dict(was.tensors), computing=seeds)
    stages = tuple(stage.model_copy(update={"name": "other"}) for stage in was.entry.stages)
    refused("by another defense, or with other options", dict(was.tensors), stages=stages)


def test_a_board_says_what_is_known_of_risks(run: Run, written: Path, tmp_path: Path, capsys: Any) -> None:
    found, without = submissions_of(run), read_submission(path_in(written / "without"))
    board = make_board([*found, without], trust=True)
    assert any("1 of 3 releases were not asked" in line for line in remarks(board))
    home = Cell("All boards", href="../index.html")
    paths = write_board(board, tmp_path, home=home)
    rows = {row["entry"]: row for row in json.loads((tmp_path / "board.json").read_text())["rows"]}
    own = next(each.entry for each in found if each.entry.release == "release")
    glance = {each["risk"]: each for each in rows[own.name]["at_a_glance"]}
    assert list(glance) == ["attribute", *RISKS]
    assert glance["linkage"]["value"] == own.figures["risks"]["linkage"]["value"]
    assert "at_a_glance" not in rows[without.entry.name]
    heading = (tmp_path / "board.csv").read_text().splitlines()[0].split(",")
    assert {"identity", "identity_low", "linkage_high", "inversion"} <= set(heading)
    page = board_page(board)
    (table,) = next(section for section in page.sections if section.id == "risks").tables
    (choice,) = table.filters
    assert isinstance(choice, Choice)
    assert choice.options == ["attribute", *RISKS]
    (overview,) = next(section for section in page.sections if section.id == "board").tables
    seen = next(each for each in overview.filters if isinstance(each, Choice) and each.label == "Risk that is seen")
    assert "not asked" in seen.options
    assert {"identity", "linkage", "inversion"} <= set(seen.options)
    html = next(path for path in paths if path.stem == own.name).read_text(encoding="utf-8")
    assert 'id="glance-table"' in html
    assert "Linkage: D_sys between a released and an undefended image" in html


def test_shares_of_galleries_of_several_sizes_name_theirs(run: Run) -> None:
    board = make_board(submissions_of(run))
    first, second = board.places
    (alike,) = (column for column in summary(board) if column.key == "identity")
    assert [" of " in alike.text(place) for place in board.places] == [False, False]
    assert first.risks["identity"]["gallery"] == second.risks["identity"]["gallery"]
    second.risks["identity"]["gallery"] = 2_000
    (other,) = (column for column in summary(board) if column.key == "identity")
    assert other.text(first) == f"{alike.text(first)} of {first.risks['identity']['gallery']}"
    assert other.text(second).endswith("] of 2,000")
    (linkage,) = (column for column in summary(board) if column.key == "linkage")
    assert " of " not in linkage.text(first)


def test_a_board_without_risks_says_nothing_of_them(silent: Run) -> None:
    board = make_board(submissions_of(silent))
    assert board.risks == []
    page = board_page(board)
    assert "risks" not in [section.id for section in page.sections]
    assert "identity" not in {heading.text.split(" ")[0] for heading in page.sections[0].tables[0].headings}


def test_a_terminal_has_a_line_a_release(copy: Path, aiakit: Callable[..., Answer]) -> None:
    answer = aiakit("leaderboard", copy / "with", "--trust")
    assert answer.code == 0
    assert "Risks besides the attribute" in answer.out
    assert "identity, linkage, inversion: the figures" in aiakit("leaderboard", copy / "with", "--verbose").out
