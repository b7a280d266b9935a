"""Sweeps: the grid and the search, what they share, what they say, and what they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest

from aiakit.experiment.request import Request
from aiakit.measures.comparison import holm
from aiakit.measures.intervals import p_value
from aiakit.measures.pareto import hypervolume, pareto_front
from aiakit.report.sweep import sweep_page
from aiakit.report.sweep_terminal import print_sweep
from aiakit.results.objectives import Objectives
from aiakit.results.verdicts import INVERTED, LEAKS, NOT_FOUND, Evidence, Verdict, verdicts_of
from aiakit.sweeps.axes import parse_axes
from aiakit.sweeps.measure import Measured, judged_together
from aiakit.sweeps.run import prepare_sweep
from aiakit.sweeps.search import search
from aiakit.sweeps.space import Point
from tests.conftest import SHORT, SHORT_AIA, TINY, Answer
from tests.report.browser import chromium, requested

Aiakit = Callable[..., Answer]
SMALL = ("--attacks", "logreg,lda", *TINY, *SHORT, *SHORT_AIA)
SWEEP = ("sweep", "--defense", "aia", *SMALL)
GRID = ("--set", "alpha=0.1,1", "--set", "beta=0,10")


@pytest.fixture(scope="session")
def tiny_sweep(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder and the document of a finished grid of four points."""
    from aiakit.cli.main import main

    out = tmp_path_factory.mktemp("sweeps")
    assert main([*SWEEP, *GRID, "--out", str(out), "--name", "grid", "--figures"]) == 0
    return out / "grid", json.loads((out / "grid" / "points.json").read_text())


def cells(folder: Path, kind: str) -> list[dict[str, Any]]:
    """The inputs of a kind's finished cells."""
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("cells/*/result.json"))]
    return [record["inputs"] for record in records if record["inputs"]["kind"] == kind]


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")}


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.out == ""
    assert answer.message.startswith("aiakit: error: ")
    for word in words:
        assert word in answer.message, answer.message


def test_every_chart_is_one_that_vega_lite_knows(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    drawn = sweep_page(tiny_sweep[1]).charts()
    assert len(drawn) >= 5
    for chart in drawn:
        alt.Chart.from_dict(chart.spec)


def test_document_has_a_point_for_every_combination(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    _, document = tiny_sweep
    assert (document["schema"], document["defense"], document["complete"]) == (1, "aia", True)
    assert document["options"] == {"alpha": [0.1, 1.0], "beta": [0.0, 10.0]}
    assert [point["params"] for point in document["points"]] == [
        {"alpha": alpha, "beta": beta} for alpha in (0.1, 1.0) for beta in (0.0, 10.0)
    ]
    for point in document["points"]:
        assert point["configuration"]["aia"].items() >= {**point["params"], "width": 8, "latent": 16}.items()
        assert set(point["attacks"]) == {"logreg", "lda"}
        expected = point["strongest"]["balanced_accuracy"] - max(0.5, point["claimed_tuned"]["balanced_accuracy"])
        assert point["gap"] == pytest.approx(expected)
        assert point["utility"]["random"]["accuracy"] > 0
    assert document["reference"]["release"] == "original"
    assert document["reference"]["claimed"] is None


def test_the_page_is_read_on_a_screen_and_on_a_phone(tiny_sweep: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    page = (tiny_sweep[0] / "sweep.html").as_uri()
    with chromium(tmp_path) as chrome:
        chrome.get(page)
        assert [entry for entry in chrome.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
        asked = {url for url in requested(chrome) if not url.startswith(("chrome", "data:"))}  # its own first page
        assert asked <= {page}
        for width in (1400, 390):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
            chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
            wide, table, right = chrome.execute_script(
                "const table = document.querySelector('table'), cells = [...table.querySelector('tr').cells];"
                "const verdict = cells.findIndex(c => c.textContent.includes('verdict'));"
                "return [document.documentElement.scrollWidth, table.parentElement.scrollWidth,"
                " cells[verdict].getBoundingClientRect().right]"
            )
            assert wide <= width, "nothing but a table or a drawing is scrolled sideways"
            assert right <= width, "options, figure and verdict are seen without scrolling"
            assert width < 1400 or table <= width


def test_front_and_hypervolume_are_those_of_the_figures(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    points = tiny_sweep[1]["points"]
    privacy = np.array([min(1.0, 1 - point["strongest"]["advantage"]) for point in points])
    utility = np.array([point["utility"]["random"]["accuracy"] for point in points])
    assert [point["pareto"] for point in points] == pareto_front(privacy, utility).tolist()
    assert any(point["pareto"] for point in points)
    area = tiny_sweep[1]["hypervolume"]
    assert area == pytest.approx(hypervolume(privacy, utility))
    assert all(0 <= point["front_share"] <= 1 for point in points)
    assert sum(point["front_share"] for point in points) >= 1  # somebody is on the front in every draw
    assert area >= (privacy * (2 * utility - 1)).max() - 1e-12


def test_verdicts_over_the_points_are_corrected_together(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    _, document = tiny_sweep
    assert document["tested_together"] == len(document["points"]) == 4
    strongest = [point["strongest"] for point in document["points"]]
    alone = [p_value(best["balanced_accuracy"], *best["people_ci95"], 0.5) for best in strongest]
    assert [point["p_value"] for point in document["points"]] == pytest.approx(holm(alone))


def test_one_point_in_many_is_soon_read_by_chance() -> None:
    point: Any = None
    found = Objectives(0.5, 0.5, np.zeros((2, 1)))
    points = [Measured(point, {}, found, Evidence(True, 0.02, True)) for _ in range(4)]
    assert verdicts_of({0: points[0].evidence})[0] == Verdict(LEAKS, 0.02)
    assert {one.verdict for one in judged_together(points)} == {Verdict(NOT_FOUND, 0.08)}
    worse = [*points[:3], replace(points[0], evidence=Evidence(False, 0.001, True))]
    *_, inverted = judged_together(worse)
    assert inverted.verdict == Verdict(INVERTED, 0.004)
    assert (inverted.objectives, inverted.placed) == (found, None)
    unmeasured = replace(points[0], evidence=None)
    assert judged_together([*points[:1], unmeasured])[1].verdict is None


def test_points_share_one_folder_and_what_they_start_from(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = tiny_sweep
    assert len(cells(folder, "protocol")) == 1
    assert len(cells(folder, "piece")) == 1  # original and every point of aia pre-train one autoencoder
    assert len(cells(folder, "release")) == 5
    assert len(cells(folder, "attack")) == 2 * 5 + 4


def test_points_are_what_a_run_measures(
    tiny_sweep: tuple[Path, dict[str, Any]], aiakit: Aiakit, tmp_path: Path
) -> None:
    point = tiny_sweep[1]["points"][3]
    values = ("--set", "aia.alpha=1", "--set", "aia.beta=10")
    answer = aiakit("run", "--defense", "aia", *SMALL, *values, "--out", tmp_path, "--json")
    row = next(row for row in answer.document["rows"] if row["release"] == "aia")
    for key in ("claimed", "strongest", "gap", "gap_ci95", "attacks", "utility"):
        assert row[key] == point[key]


def test_a_larger_grid_computes_only_the_new_points(
    tiny_sweep: tuple[Path, dict[str, Any]], aiakit: Aiakit, tmp_path: Path
) -> None:
    folder = tmp_path / "grid"
    shutil.copytree(tiny_sweep[0], folder)
    before = stamps(folder)
    wider = ("--set", "aia.alpha=0.1, 1", "--set", "beta=0,10,3", "--set", "aia.alpha=1")
    refused(aiakit(*SWEEP, *wider, "--out", tmp_path, "--name", "grid"), "aia.alpha", "twice")
    answer = aiakit(*SWEEP, "--set", "aia.alpha=1", "--set", "beta=0,3", "--out", tmp_path, "--name", "grid", "--json")
    assert answer.code == 0
    assert [point["params"] for point in answer.document["points"]] == [{"beta": 0.0}, {"beta": 3.0}]
    assert stamps(folder).items() >= before.items()
    assert len(cells(folder, "release")) == 6
    again = ("attacks", "utility", "claimed")
    assert [answer.document["points"][0][key] for key in again] == [tiny_sweep[1]["points"][2][key] for key in again]


def test_same_command_computes_nothing_again(tiny_sweep: tuple[Path, dict[str, Any]], aiakit: Aiakit) -> None:
    folder, document = tiny_sweep
    before = stamps(folder)
    answer = aiakit(*SWEEP, *GRID, "--out", folder.parent, "--name", folder.name, "--json")
    assert (answer.code, stamps(folder)) == (0, before)
    assert answer.document == {**document, "run": str(folder)}


def test_an_unfinished_sweep_goes_on(tiny_sweep: tuple[Path, dict[str, Any]], aiakit: Aiakit, tmp_path: Path) -> None:
    folder = tmp_path / "grid"
    shutil.copytree(tiny_sweep[0], folder)
    lost = next(path.parent for path in sorted(folder.glob("cells/*/result.json")) if '"utility"' in path.read_text())
    shutil.rmtree(lost)
    answer = aiakit(*SWEEP, *GRID, "--out", tmp_path, "--name", "grid", "--json")
    assert lost.is_dir()
    measured = [[point[key] for key in ("attacks", "utility", "pareto")] for point in answer.document["points"]]
    assert measured == [[point[key] for key in ("attacks", "utility", "pareto")] for point in tiny_sweep[1]["points"]]


def test_page_and_figures(tiny_sweep: tuple[Path, dict[str, Any]]) -> None:
    folder, document = tiny_sweep
    html = (folder / "sweep.html").read_text()
    for word in ("claimed, in-loop attacker", "measured, strongest attack", "illusion gap", "not dominated"):
        assert word in html
    assert f"{document['hypervolume']:.3f}" in html
    assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    names = {path.name for path in (folder / "figures").iterdir()}
    for chart in ("against-alpha", "against-beta", "privacy-utility", "claimed-measured"):
        assert names >= {f"{chart}.{kind}" for kind in ("svg", "png", "pdf")}
    assert (folder / "figures" / "against-beta.png").read_bytes().startswith(b"\x89PNG")


def test_table_for_people(tiny_sweep: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    print_sweep(tiny_sweep[1])
    shown = capsys.readouterr().out
    for word in ("alpha", "beta", "undefended", "claimed", "hypervolume", "lower bound"):
        assert word in shown


def test_a_point_that_its_defense_refuses_fails_alone(aiakit: Aiakit, tmp_path: Path) -> None:
    sweep = ("sweep", "--defense", "pe-miu", "--attacks", "logreg", *TINY, *SHORT, "--out", tmp_path, "--json")
    answer = aiakit(*sweep, "--set", "block=5,8", "--name", "grid")
    assert answer.code == 1
    refused_point, good = answer.document["points"]
    assert refused_point["missing"]
    assert not good["missing"]
    assert "choose a smaller divisor" in answer.document["failures"][0]["reason"]
    refused(aiakit(*sweep, "--set", "block=5", "--name", "none"), "pe-miu", "choose a smaller divisor")


def test_a_chain_sweeps_its_stages(aiakit: Aiakit, tmp_path: Path) -> None:
    values = ("--set", "epsilon=1,8", "--set", "quadratic-leace.shrinkage=no")
    options = ("--attacks", "lda", *TINY, *SHORT, "--no-utility", "--knowledge", "insider", "--out", tmp_path, "--json")
    answer = aiakit("sweep", "--defense", "leace+gaussian-noise", "--set", "epsilon=1,8", *options)
    assert answer.code == 0, answer.err
    document = answer.document
    assert document["options"] == {"gaussian-noise.epsilon": [1.0, 8.0]}
    assert set(document["attacker_people"]) == {"informed", *(point["level"] for point in document["points"])}
    levels = [{point["level"], *point["knowledge"]} for point in document["points"]]
    assert levels == [{"informed", "insider"}] * 2
    assert [point["pareto"] for point in document["points"]] == [None, None]
    assert document["hypervolume"] is None
    (folder,) = tmp_path.iterdir()
    assert len(cells(folder, "release")) == 2 + 2  # original and leace once, the noise twice
    refused(aiakit("sweep", "--defense", "leace+gaussian-noise", *values, *options), "quadratic-leace")


class TestSearch:
    RANGES = ("--set", "alpha=0.01:10:log", "--set", "beta=0:10")

    def test_command_resumes_and_continues(self, aiakit: Aiakit, tmp_path: Path) -> None:
        pytest.importorskip("optuna")
        command = (*SWEEP, *self.RANGES, "--out", tmp_path, "--name", "search", "--json")
        first = aiakit(*command, "--search", 2)
        assert first.code == 0, first.err
        document = first.document
        assert document["search"].items() >= {"trials": 2, "seed": 0}.items()
        assert document["options"]["alpha"] == {"low": 0.01, "high": 10.0, "log": True}
        for point in document["points"]:
            assert 0.01 <= point["params"]["alpha"] <= 10
            assert 0 <= point["params"]["beta"] <= 10
        assert 'id="chart-against-alpha"' in (tmp_path / "search" / "sweep.html").read_text()
        before = stamps(tmp_path / "search")
        more = aiakit(*command, "--search", 3).document
        others = ("pareto", "front_share", "verdict", "p_value")  # what depends on the other points
        together = {key: more["points"][0][key] for key in others}
        assert more["points"][0] == {**document["points"][0], **together}
        assert more["points"][1]["params"] == document["points"][1]["params"]
        assert len(more["points"]) == 3
        assert stamps(tmp_path / "search").items() >= before.items()

    def asked(self, trials: int, seed: int = 0, failing: int | None = None) -> list[dict[str, Any]]:
        """The points that a search asks for where alpha buys utility and beta buys privacy."""
        pytest.importorskip("optuna")
        axes, _ = parse_axes(("alpha=0.01:10:log", "latent=16:64", "beta=0,1,3"), "aia", search=True)
        data = {"people": 80, "images_per_person": 3}
        request = Request(defenses=("aia",), attacks=("lda",), data_options=data, image_size=16, device="cpu")
        asked: list[dict[str, Any]] = []

        def measure(points: list[Point]) -> list[Measured]:
            measured = []
            for point in points:
                utility, privacy = point.params["alpha"] / 20, point.params["beta"] / 4
                works = len(asked) != failing
                found = Objectives(privacy, utility, np.zeros((2, 1))) if works else None
                measured.append(Measured(point, {}, found))
                asked.append(point.params)
            return measured

        found = search(prepare_sweep(request, axes, trials).space, trials, seed, measure)
        assert [one.point.params for one in found] == asked
        assert all(one not in asked[:number] for number, one in enumerate(asked))
        return asked

    def test_points_depend_on_the_seed_and_what_came_before_only(self) -> None:
        longer = self.asked(22)
        assert len(longer) == 22
        assert self.asked(14) == longer[:14]
        assert self.asked(4, seed=1) != longer[:4]
        assert all(isinstance(point["latent"], int) and 16 <= point["latent"] <= 64 for point in longer)
        assert {point["beta"] for point in longer} <= {0.0, 1.0, 3.0}

    def test_a_point_that_is_proposed_again_is_listed_and_computed_once(self) -> None:
        pytest.importorskip("optuna")
        axes, _ = parse_axes(("beta=0,1",), "aia", search=True)
        data = {"people": 80, "images_per_person": 3}
        request = Request(defenses=("aia",), attacks=("lda",), data_options=data, image_size=16, device="cpu")
        asked: list[float] = []

        def measure(points: list[Point]) -> list[Measured]:
            asked.extend(point.params["beta"] for point in points)
            return [Measured(point, {}, Objectives(0.5, 0.6, np.zeros((2, 1)))) for point in points]

        found = search(prepare_sweep(request, axes, 9).space, 9, 0, measure)
        assert sorted(asked) == [0, 1]
        assert [one.point.params["beta"] for one in found] == asked

    def test_a_failed_trial_is_no_result(self) -> None:
        assert len(self.asked(14, failing=2)) == 14

    def test_without_optuna_is_refused(self, aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aiakit.plugins.extras.find_spec", lambda name: None)
        out = tmp_path / "runs"
        refused(aiakit(*SWEEP, *self.RANGES, "--search", 2, "--out", out), "--search", "aiakit[tune]")
        assert not out.exists()


BAD: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "nothing to sweep": (("--set", "original.epochs=2"), ("nothing to sweep", "aia")),
    "no setting": ((), ("--set",)),
    "empty list": (("--set", "alpha="), ("alpha", "empty value")),
    "empty value": (("--set", "alpha=1,,2"), ("alpha", "empty value")),
    "no option": (("--set", "=1"), ("OPTION=VALUE",)),
    "no values": (("--set", "alpha"), ("OPTION=VALUE",)),
    "unknown option": (("--set", "alhpa=1,2"), ("alhpa", "alpha")),
    "unknown option with its defense": (("--set", "aia.betta=1,2"), ("aia.betta", "aia.beta")),
    "unknown plugin": (("--set", "aja.beta=1,2", "--set", "alpha=1,2"), ("aja", "aia")),
    "first value out of bounds": (("--set", "alpha=-1,1"), ("aia.alpha", "greater than or equal to 0", "-1")),
    "last value out of bounds": (("--set", "beta=1,3,-1"), ("aia.beta", "greater than or equal to 0", "-1")),
    "value no number": (("--set", "beta=1,much"), ("aia.beta", "much")),
    "value not finite": (("--set", "beta=1,inf"), ("aia.beta", "finite")),
    "given twice": (("--set", "beta=1", "--set", "aia.beta=2"), ("aia.beta", "twice")),
    "several values for an attack": (("--set", "beta=1,2", "--set", "lda.nothing=1"), ("lda.nothing",)),
    "too many points": (("--set", f"alpha={','.join(map(str, range(501)))}"), ("501 points", "--yes")),
    "range without a search": (("--set", "alpha=0.1:10"), ("range", "--search")),
    "searched: bad range": (("--set", "alpha=0.1:", "--search", "2"), ("alpha", "LOW:HIGH")),
    "searched: empty range": (("--set", "alpha=3:1", "--search", "2"), ("alpha", "LOW < HIGH")),
    "searched: log of zero": (("--set", "alpha=0:1:log", "--search", "2"), ("alpha", "log")),
    "searched: whole numbers": (("--set", "latent=2.5:16", "--search", "2"), ("latent", "whole")),
    "searched: out of bounds": (("--set", "alpha=-1:1", "--search", "2"), ("aia.alpha", "-1")),
    "searched: nothing varies": (("--set", "alpha=1", "--search", "2"), ("nothing to search",)),
    "searched: no utility": (("--set", "alpha=0:1", "--search", "2", "--no-utility"), ("--no-utility",)),
    "searched: no trials": (("--set", "alpha=0:1", "--search", "0"), ("--search",)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings(case: str, aiakit: Aiakit, tmp_path: Path) -> None:
    arguments, words = BAD[case]
    if "--search" in arguments:
        pytest.importorskip("optuna")
    out = tmp_path / "runs"
    refused(aiakit("sweep", "--defense", "aia", "--attacks", "lda", *TINY, *arguments, "--out", out), *words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("defense", "words"),
    [
        ("aja", ("aja", "aia")),
        ("aia,random", ("one defense",)),
        ("all", ("one defense",)),
        ("", ("one defense",)),
        ("original", ("original", "another defense")),
        ("original+aia", ("aia", "reads images")),
        ("leace+gaussian-noise", ("unknown option 'alpha'",)),
    ],
)
def test_bad_defense(defense: str, words: tuple[str, ...], aiakit: Aiakit, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    refused(
        aiakit("sweep", "--defense", defense, "--attacks", "lda", *TINY, "--set", "alpha=1,2", "--out", out), *words
    )
    assert not out.exists()


def test_option_of_two_stages_needs_its_stage(aiakit: Aiakit, tmp_path: Path) -> None:
    options = ("--attacks", "lda", *TINY, "--out", tmp_path / "runs")
    answer = aiakit("sweep", "--defense", "gaussian-noise+laplace-noise", *options, "--set", "epsilon=1,2")
    refused(answer, "gaussian-noise.epsilon", "laplace-noise.epsilon")


def test_folder_of_another_configuration(tiny_sweep: tuple[Path, dict[str, Any]], aiakit: Aiakit) -> None:
    folder, _ = tiny_sweep
    place = ("--out", folder.parent, "--name", folder.name)
    refused(aiakit(*SWEEP, *GRID, "--seeds", "2", *place), "another configuration", "seeds")
    refused(aiakit("show", folder), "run.json")
