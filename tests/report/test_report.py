"""The HTML report of a run: what is on the page, that it is offline, and that what others named stays text."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
from PIL import Image
from scipy.stats import norm
from sklearn.metrics import roc_curve

from aiakit.datasets.synthetic import Synthetic
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.influence import pair_weights
from aiakit.measures.verification import verification_statistics
from aiakit.report import charts, curves
from aiakit.report.conclusion import conclusion_of, percent
from aiakit.report.html import report_page
from aiakit.report.page import Page, Section, render_page
from aiakit.report.svg import inline_svg, save_chart
from aiakit.report.table import Cell, Heading, Table
from aiakit.report.theme import Chart
from aiakit.results.document import document_of
from aiakit.results.evaluate import evaluate
from aiakit.results.figures import DetCurve, det_curve, figures_of
from aiakit.storage import tensorfile
from tests.conftest import Answer, Evaluated

Aiakit = Callable[..., Answer]
HOSTILE = "<script>alert(1)</script>url(#x)"


class Reader(HTMLParser):
    """Collects the elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


@pytest.fixture(scope="module")
def page(evaluated: Evaluated) -> Page:
    run, evaluation = evaluated
    return report_page(run, evaluation, document_of(evaluation, {}), run.folder)


@pytest.fixture(scope="module")
def html(page: Page) -> str:
    return render_page(page)


def test_the_run_writes_its_report(tiny_run: Path) -> None:
    text = (tiny_run / "report.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert text.rstrip().endswith("</html>")


def test_sections_of_what_the_run_has(page: Page) -> None:
    names = [section.id for section in page.sections]
    for name in ("releases", "attacks", "verification", "groups", "limits", "configuration", "reproduce"):
        assert name in names
    assert "knowledge" not in names  # the run asked for one level only
    assert "seeds" not in names  # and for one seed


def test_every_figure_and_table_says_what_it_shows(page: Page, html: str) -> None:
    assert len(page.charts()) >= 5
    for chart in page.charts():
        assert chart.caption.endswith(".")
        alt.Chart.from_dict(chart.spec)  # which raises where Vega-Lite knows no such chart
    for section in page.sections:
        for table in section.tables:
            assert table.caption.endswith(".")
    reader = Reader(html)
    assert len(reader.all("figcaption")) == len(reader.all("svg")) == len(page.charts())
    assert all(svg["aria-label"] for svg in reader.all("svg"))


def test_the_page_asks_no_host_for_anything(html: str) -> None:
    reader = Reader(html)
    policy = next(m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for tag, attributes in reader.elements:
        assert tag not in ("iframe", "object", "embed", "img", "base", "form")
        for name in ("src", "href", "action", "xlink:href"):
            target = attributes.get(name)
            if tag == "image" and target is not None and target.startswith("data:image/png;base64,"):
                continue  # a picture in a drawing holds its own pixels
            assert target is None or re.match(r"#|data:,|(\.\./)*cells/[0-9a-f]+/result\.json$", target), target
    assert "@import" not in html
    assert "url(http" not in html


def test_ids_are_unique_and_links_lead_somewhere(html: str) -> None:
    reader = Reader(html)
    ids = [attributes["id"] for _, attributes in reader.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for link in reader.all("a"):
        target = str(link["href"])
        if target.startswith("#"):
            assert target[1:] in ids


def test_figures_lead_to_the_cells_that_made_them(tiny_run: Path, html: str) -> None:
    links = [str(a["href"]) for a in Reader(html).all("a") if "result.json" in str(a["href"])]
    for link in links:
        assert (tiny_run / link).is_file()


def test_every_figure_of_a_result_leads_to_the_cell_that_made_it(page: Page) -> None:
    """At once, by another cell of its row, or by the cell of another table that it leads to."""
    results = [table for section in page.sections for table in section.tables if table.id != "split-table"]
    assert {table.id for table in results} == {"release-table", "attack-table", "verification-table",
                                                   "verification-counts-table", "group-table", "group-errors-table",
                                               "cost-table"}  # fmt: skip
    made = {cell.id for table in results for row in table.rows for cell in row if cell.id and _made(row)}
    for table in results:
        for row in table.rows:
            for cell in row[1:]:
                leads = cell.href is not None and (cell.href.startswith("cells/") or cell.href[1:] in made)
                assert leads or _made(row) or cell.value is None or cell.text == cell.value, (table.id, cell)


def _made(row: Sequence[Cell]) -> bool:
    return any(cell.href is not None and cell.href.startswith("cells/") for cell in row)


def test_values_are_those_of_the_document(evaluated: Evaluated, html: str) -> None:
    shown = re.sub(r"<[^>]*>", "", html)
    for row in document_of(evaluated[1], {})["rows"]:
        for measured in row["attacks"].values():
            low, high = measured["ci95"]
            assert f"{measured['balanced_accuracy']:.3f} [{low:.3f}, {high:.3f}]" in shown
        assert f"{row['utility']['random']['eer']:.3f}" in shown


def test_the_limits_stand_on_the_page(html: str) -> None:
    assert "lower bound" in html
    assert "smallest leak" in html


def test_a_hostile_name_stays_text(evaluated: Evaluated) -> None:
    run, evaluation = evaluated
    document = document_of(evaluation, {HOSTILE: HOSTILE})
    for row in document["rows"]:
        row["release"] = HOSTILE + row["release"]
        row["attacks"] = {f'{HOSTILE}"{name}': measured for name, measured in row["attacks"].items()}
        row["strongest"]["attack"] = next(iter(row["attacks"]))
    document["attribute"] = HOSTILE
    html = render_page(report_page(run, evaluation, document, run.folder))
    assert "&lt;script&gt;alert(1)&lt;/script&gt;url(#x)" in html
    scripts = Reader(html).all("script")
    assert len(scripts) == 1
    assert html.count("alert(1)") == html.count("&lt;script&gt;alert(1)")
    ids = [attributes["id"] for _, attributes in Reader(html).elements if attributes.get("id")]
    assert not any("<" in str(name) or '"' in str(name) for name in ids)


def test_charts_take_the_ink_of_the_page_and_share_no_ids(page: Page) -> None:
    drawings = [inline_svg(chart.spec, f"p{number}-", "label") for number, chart in enumerate(page.charts())]
    seen: set[str] = set()
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert "currentColor" in drawing
        assert "#12121f" not in drawing
        assert root.get("viewBox")
        ids = {element.get("id") for element in root.iter() if element.get("id")}
        assert not seen & ids  # type: ignore[operator]
        seen |= ids  # type: ignore[arg-type]


def hovers(chart: Chart) -> list[str]:
    """What the marks of a chart say on hover."""
    drawing = ET.fromstring(inline_svg(chart.spec, "", ""))
    return [element.text or "" for element in drawing.iter() if element.tag.endswith("title")]


def test_hover_texts_say_what_a_person_asks(page: Page, evaluated: Evaluated) -> None:
    drawn = {chart.name: hovers(chart) for chart in page.charts()}
    aia = next(row for row in document_of(evaluated[1], {})["rows"] if row["release"] == "aia")
    best, claimed = aia["strongest"], aia["claimed"]["balanced_accuracy"]
    read = f"aia: {best['attack']} reads {percent(best['balanced_accuracy'], best['ci95'])}"
    assert read in drawn["claimed-measured"]
    assert f"aia: its own attacker claims {percent(claimed)}" in drawn["claimed-measured"]
    assert any(text.startswith(f"{read}; verification ") for text in drawn["privacy-utility"])
    name = next(iter(aia["attacks"]))
    of = aia["attacks"][name]
    assert f"{name} on aia: {percent(of['balanced_accuracy'], of['ci95'])}" in drawn["attack-defense"]
    for texts in drawn.values():
        for text in texts:
            assert not re.search(r"colou?r|: \d+\.\d+;|x:|y:", text), text


def test_axes_hold_chance_and_1(page: Page) -> None:
    for chart in page.charts():
        if chart.name in ("privacy-utility", "claimed-measured", "groups"):
            scales = re.findall(r'"domain": \[([-\d.]+), ([-\d.]+)\]', json.dumps(chart.spec))
            assert scales
            for low, high in scales:
                assert float(low) <= 0.5
                assert float(high) >= 1


def test_a_page_begins_with_its_conclusion(page: Page, evaluated: Evaluated) -> None:
    assert page.lead[0] == conclusion_of(document_of(evaluated[1], {}))
    assert "undefended" in page.lead[0]


def test_what_nobody_claims_is_not_spoken_of(evaluated: Evaluated) -> None:
    run, evaluation = evaluated
    document = document_of(evaluation, {})
    for row in document["rows"]:
        row["claimed"] = row["gap"] = row["gap_ci95"] = None
    found = report_page(run, evaluation, document, run.folder)
    (releases,) = (section for section in found.sections if section.id == "releases")
    assert not any("in-loop" in chart.caption for chart in releases.charts)
    (table,) = releases.tables
    headings = [heading.text for heading in table.headings]
    assert headings[:3] == ["release", "measured [95 %]", "verdict"]
    assert "claimed" not in headings
    assert not any("gap" in heading for heading in headings)


def test_digests_of_cells_are_folded_away(html: str) -> None:
    shown, _, folded = html.partition("<details>")
    assert re.search(r">[0-9a-f]{32}<", folded)
    assert not re.search(r">[0-9a-f]{8}[^<]{0,20}<", shown)


def test_charts_are_saved(page: Page, tmp_path: Path) -> None:
    svg, png, pdf = save_chart(page.charts()[0], tmp_path)
    assert "<svg" in svg.read_text(encoding="utf-8")
    assert "#12121f" not in svg.read_text(encoding="utf-8")
    assert min(Image.open(png).size) > 300
    assert pdf.read_bytes().startswith(b"%PDF")


def test_report_command(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    answer = aiakit("report", narrow_run, "-o", tmp_path / "out", "--figures", "--json")
    assert answer.code == 0, answer.err
    files = [Path(name) for name in answer.document["files"]]
    assert files[0] == tmp_path / "out" / "report.html"
    assert len(files) == 1 + 3 * len({file.stem for file in files[1:]})
    assert all(file.is_file() for file in files)
    links = [str(a["href"]) for a in Reader(files[0].read_text()).all("a") if "result.json" in str(a["href"])]
    assert links
    assert all((files[0].parent / link).is_file() for link in links)


def test_the_same_run_gives_the_same_page(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    aiakit("report", narrow_run)
    first = (narrow_run / "report.html").read_bytes()
    aiakit("report", narrow_run)
    assert (narrow_run / "report.html").read_bytes() == first


def test_an_unfinished_run_says_so(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(narrow_run, copy)
    for cell in (copy / "cells").iterdir():
        if (cell / "scores.safetensors").exists():
            shutil.rmtree(cell)
    answer = aiakit("report", copy)
    assert answer.code == 0, answer.err
    assert "This run is incomplete" in (copy / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["nothing", "file"])
def test_bad_runs_are_refused(tmp_path: Path, where: str, aiakit: Aiakit) -> None:
    (tmp_path / "file").write_text("{}")
    answer = aiakit("report", tmp_path / where)
    assert answer.code == 2
    assert "no run folder" in answer.message


def test_a_folder_that_cannot_be_written_to(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    (tmp_path / "file").write_text("mine")
    answer = aiakit("report", narrow_run, "-o", tmp_path / "file")
    assert answer.code == 2
    assert "cannot be written to" in answer.message
    assert (tmp_path / "file").read_text() == "mine"


def test_of_many_releases_only_those_on_the_front_are_named() -> None:
    def row(number: int) -> dict[str, Any]:
        leak, use = 0.5 + 0.01 * number, 0.9 if number % 2 else 0.6 + 0.01 * number
        strongest = {"attack": "lda", "balanced_accuracy": leak, "ci95": [leak, leak], "advantage": 2 * leak - 1}
        strongest["advantage_ci95"] = [2 * leak - 1] * 2
        utility = {"random": {"accuracy": use, "ci95": [use, use]}}
        return {"release": f"r{number}", "strongest": strongest, "utility": utility, "certified": None}

    def drawn(count: int) -> set[str]:
        chart = charts.plane([row(number) for number in range(count)], 2)
        assert chart is not None
        return set(re.findall(r">(r\d+)<", inline_svg(chart.spec, "", "")))

    assert drawn(charts.NAMED) == {f"r{number}" for number in range(charts.NAMED)}
    assert drawn(charts.NAMED + 1) == {"r0", "r1"}


def test_extra_sections_where_the_document_has_them() -> None:
    point = {"balanced_accuracy": 0.7, "ci95": [0.6, 0.8], "val_balanced_accuracy": 0.7, "knowledge": "informed"}
    row = {
        "release": "aia",
        "level": "informed",
        "claimed": point,
        "strongest": point,
        "attacks": {"lda": point, "decensor": {**point, "knowledge": "adaptive"}},
        "knowledge": {"ignorant": {"lda": point}},
        "budgets": {"lda": [{"people": 10, **point}, {"people": 20, **point}]},
        "pooled": [{"images": 2, **point}],
    }
    drawn = [curves.ladder([row]), *curves.budgets([row], 40), curves.pooled([row])]
    assert [chart.name for chart in drawn if chart] == ["knowledge-ladder", "label-budget-0", "pooled"]
    for chart in drawn:
        assert chart is not None
        assert "<svg" in inline_svg(chart.spec, "", "")
    ladder = next(iter(drawn))
    assert ladder is not None
    (levels,) = {tuple(layer["encoding"]["x"]["sort"]) for layer in ladder.spec["layer"]}
    assert levels == ("in-loop (claim)", "ignorant", "informed", "adaptive")
    bare = {"release": "aia", "attacks": {"lda": point}, "strongest": None, "utility": {}}
    assert curves.ladder([bare]) is None
    assert curves.pooled([bare]) is None
    assert charts.plane([bare], 2) is None
    assert charts.dumbbell([bare], 0.5, None, None) is None
    assert charts.seeds([bare]) is None


@pytest.mark.parametrize("level", ["informed", "insider"])
def test_label_budget_of_an_attack_that_has_no_headline(level: str) -> None:
    """It failed with all people, or was left out of a later fold."""
    point = {"balanced_accuracy": 0.6, "ci95": [0.5, 0.7]}
    row = {"release": "aia", "level": level, "attacks": {}, "budgets": {"lda": [{"people": 10, **point}]}}
    (chart,) = curves.budgets([row], 40)
    (points,) = chart.spec["datasets"].values()
    assert [each["people"] for each in points] == [10]


def test_verification_curve_is_the_one_of_scikit_learn(evaluated: Evaluated) -> None:
    run, evaluation = evaluated
    curve = figures_of(run.store, evaluation).det[0]
    digest = make_plan(run.config).utilities[curve.release, 0].digest
    scores = run.store.read(digest).tensors("scores")[f"test.{curve.impostors}"]
    pairs = evaluation.protocol.pairs(f"test.{curve.impostors}", evaluation.protocol.rows("test"))
    assert pairs is not None
    people = evaluation.protocol.identity(evaluation.protocol.rows("test"))[pairs.left]
    weights = pair_weights(pairs.same, people)  # the genuine pairs of a person count once together, as everywhere
    assert len(np.unique(weights[pairs.same])) > 1
    false_match, match, _ = roc_curve(pairs.same, scores, drop_intermediate=False, sample_weight=weights)
    for rate, missed in zip(curve.false_match, curve.false_non_match, strict=True):
        assert missed == pytest.approx(1 - match[false_match <= rate + 1e-12].max(), abs=1e-9)


def test_cells_without_a_value_are_sorted_last_by_being_empty() -> None:
    table = Table("t", "Caption.", [Heading("a", True)], [[Cell("–", None)], [Cell("1", 1)]])
    html = render_page(Page("t", "s", (), [Section("x", "X", tables=[table])]))
    assert [th.get("data-value") for th in Reader(html).all("th") if "data-value" in th] == ["", "1"]


def test_drawn_faces_are_shown_and_real_people_only_when_asked_for(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, evaluation = evaluated
    document = document_of(evaluation, {})

    def faces(count: int | None) -> Section | None:
        page = report_page(run, evaluation, document, run.folder, count)
        return next((section for section in page.sections if section.id == "faces"), None)

    shown = faces(None)
    assert shown is not None
    assert [chart.name for chart in shown.charts] == ["reconstructions"]
    pictures = inline_svg(shown.charts[0].spec, "", "").count("<image")
    assert pictures == 3 * 4  # of each face a photograph and three releases
    assert faces(0) is None
    monkeypatch.setattr(Synthetic, "real_people", True)
    hidden = faces(None)
    assert hidden is not None
    assert not hidden.charts
    assert "only when asked for" in hidden.paragraphs[0]
    asked = faces(1)
    assert asked is not None
    assert inline_svg(asked.charts[0].spec, "", "").count("<image") == 4


def test_statistics_are_computed_once(narrow_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path))
    run = Run.open(narrow_run)
    first = document_of(evaluate(run.store, run.config), {})
    with monkeypatch.context() as without:
        without.setattr("aiakit.results.remembered.attack_statistics", None)
        without.setattr("aiakit.results.remembered.verification_statistics", None)
        assert document_of(evaluate(run.store, run.config), {}) == first
    for file in tmp_path.rglob("statistics.safetensors"):
        file.write_bytes(b"damaged")
    assert document_of(evaluate(run.store, run.config), {}) == first


def test_statistics_that_come_with_a_run_are_believed_by_nobody(
    narrow_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aiakit: Callable[..., Answer]
) -> None:
    """Whoever hands a run on may edit all that is in it; what is computed from scores is no part of it."""
    copy, mine, theirs = (tmp_path / name for name in ("copy", "mine", "theirs"))
    shutil.copytree(narrow_run, copy)
    before = sorted(path.relative_to(copy) for path in copy.rglob("*"))
    monkeypatch.setenv("AIAKIT_CACHE", str(theirs))
    shown = [aiakit("show", copy, "--json").out, aiakit("leaderboard", copy, "--format", "json").out]
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == before, "nothing is written to it"
    edited = 0
    for cell in theirs.glob("statistics/cells/*"):
        file = cell / "statistics.safetensors"
        tensorfile.save(file, {name: np.full_like(part, 0.5) for name, part in tensorfile.load(file).items()})
        record = json.loads((cell / "result.json").read_text())
        record["files"][file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        (cell / "result.json").write_text(json.dumps(record))
        edited += 1
    assert edited > 2
    assert '"balanced_accuracy": 0.5,' in aiakit("show", copy, "--json").out, "what was edited would be shown"
    monkeypatch.setenv("AIAKIT_CACHE", str(mine))
    for name in ("evaluation", "statistics"):
        shutil.copytree(theirs / "statistics", copy / name)
    assert [aiakit("show", copy, "--json").out, aiakit("leaderboard", copy, "--format", "json").out] == shown


def test_verification_curve_counts_people_as_the_other_figures_of_verification_do() -> None:
    """Nine of ten genuine pairs are of one person, and none of these is recognised."""
    same = np.repeat([True, False], [100, 1000])
    people = np.concatenate([np.zeros(90, int), np.arange(1, 11), np.arange(1000) % 11])
    others = np.concatenate([np.zeros(90, int), np.arange(1, 11), (np.arange(1000) + 1) % 11])
    scores = np.concatenate([np.full(90, -1.0), np.full(10, 2.0), np.linspace(0, 1, 1000)])
    curve = det_curve("release", "random", same, people, [scores])
    assert curve.false_non_match[0] == pytest.approx(1 / 11)
    pairs = [(scores, same, people, others)]
    measured = verification_statistics(pairs, pairs, IdentityBootstrap(np.arange(11), 10)).point
    at = np.searchsorted(curve.false_match, 0.01)
    assert measured["tar_at_far_1pct"] == pytest.approx(1 - curve.false_non_match[at])


def test_operating_points_stand_on_the_curve_with_their_intervals() -> None:
    rates = np.geomspace(0.0005, 0.9, 60)
    curve = DetCurve("aia", "random", rates, 0.2 * (1 - rates))
    point = {"fmr_at_fmr_1pct": 0.012, "fnmr_at_fmr_1pct": 0.19, "fnmr_at_fmr_1pct_ci95": [0.15, 0.24]}
    unknown = {"fmr_at_fmr_0_1pct": None, "fnmr_at_fmr_0_1pct": None, "fnmr_at_fmr_0_1pct_ci95": [None, None]}
    row = {"release": "aia", "utility": {"random": {**point, **unknown}}}
    drawn = curves.det([curve], "random", "random impostors", [row])
    bare = curves.det([curve], "random", "random impostors")
    assert drawn is not None
    assert bare is not None
    assert "Points: thresholds set on attacker-val" in drawn.caption
    assert "Points" not in bare.caption
    marks = [each for data in drawn.spec["datasets"].values() for each in data if "says" in each]
    assert len({mark["says"] for mark in marks}) == 1
    assert "FMR 1 %" in marks[0]["says"]
    assert [marks[0][end] for end in ("low", "miss", "high")] == pytest.approx(norm.ppf([0.15, 0.19, 0.24]))
    assert marks[0]["match"] == pytest.approx(norm.ppf(0.012))
