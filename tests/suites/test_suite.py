"""The poster's suites on small copies of their data, and what a table says of them."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.cli.main import main
from aiakit.measures.comparison import Difference
from aiakit.suites.load import built_in, read_suite
from aiakit.suites.orderings import FAILS, FAILS_IN_NOISE, HOLDS, HOLDS_IN_NOISE, UNKNOWN, verdict_of
from aiakit.suites.request import Changes, requests_of
from tests.conftest import SHORT, SHORT_AIA, Answer

Aiakit = Callable[..., Answer]
SHORT_AIA_T = tuple(word.replace("aia.", "aia-t.") for word in SHORT_AIA)
TINY = ("--image-size", "16", "--precision", "fp32", "--jobs", "1", "--threads", "1", "--seeds", "1", "--attacks")
TINY += ("logreg,lda", *SHORT, *SHORT_AIA, *SHORT_AIA_T, "--set", "random.latent=16", "--set", "gender-mlp.epochs=2")
METHODS = ["Original", "Random", "AIA\\T", "AIA"]
ORDER = ["Original", "AIA", "AIA\\T", "Random"]
POSTER = {  # leakage and utility, in the order of METHODS
    "celeba": ((0.7801, 0.8887), (0.5212, 0.5689), (0.6253, 0.6934), (0.6496, 0.7864)),
    "vggface1": ((0.8121, 0.9131), (0.5134, 0.5367), (0.6567, 0.6629), (0.6813, 0.7796)),
}
OWN = r"""
schema_version = 2
title = "Two methods"
dataset = "synthetic"
attribute = "gender"
image_size = 16
methods = [{ name = "Nothing", defense = "original" }, { name = "Ours", defense = "aia" }]
attacks = ["lda"]
published_attack = "gender-mlp"
order = ["Nothing", "Ours"]
seeds = 1

[options]
synthetic = { people = 80, images_per_person = 2 }
original = { epochs = 1, width = 8, latent = 16 }
aia = { epochs = 1, width = 8, latent = 16 }
gender-mlp = { epochs = 2 }

[sweep]
defense = "aia"
attacks = ["lda"]
values = { beta = [0, 10] }
"""


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")}


@pytest.fixture(scope="module")
def finished(celeba: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[tuple[str, ...], Path, dict[str, Any]]:
    """The command, the folder and the document of a finished small run of the CelebA suite."""
    out = tmp_path_factory.mktemp("runs")
    command = ("benchmark", "run", "celeba", "--data-root", str(celeba), *TINY, "--out", str(out), "--name", "celeba")
    assert main(command) == 0
    return command, out / "celeba", json.loads((out / "celeba" / "benchmark.json").read_text())


def check_document(document: dict[str, Any], suite: str) -> None:
    """The poster's table, and the orderings as differences of its figures."""
    assert (document["schema"], document["suite"], document["complete"]) == (2, suite, True)
    assert (document["dataset"], document["seeds"], document["sweep"]) == (suite, 1, None)
    rows = {row["method"]: row for row in document["rows"]}
    assert list(rows) == METHODS
    for method, (leakage, utility) in zip(METHODS, POSTER[suite], strict=True):
        assert rows[method]["reported"].items() >= {"leakage": leakage, "utility": utility}.items()
        assert set(rows[method]["attacks"]) == {"logreg", "lda", "gender-mlp"}
        assert rows[method]["published_attack"] == rows[method]["attacks"]["gender-mlp"]
        assert (rows[method]["claimed"] is not None) == method.startswith("AIA")
    assert "α = 0" in rows["AIA\\T"]["reported"]["note"]
    assert "inference" in rows["AIA\\T"]["reported"]["note"]
    assert document["order"] == ORDER
    assert [of["measure"] for of in document["orderings"]] == ["utility", "published_attack", "strongest"]
    for of in document["orderings"]:
        assert [(link["more"], link["less"]) for link in of["links"]] == list(itertools.pairwise(ORDER))
        for link in of["links"]:
            value = [
                row["utility"]["random"]["accuracy"] if of["measure"] == "utility"
                else row[of["measure"]]["balanced_accuracy"]
                for row in (rows[link["more"]], rows[link["less"]])
            ]  # fmt: skip
            assert link["difference"] == pytest.approx(value[0] - value[1])
            low, high = link["ci95"]
            assert (link["verdict"] == HOLDS) == (low > 0 and link["difference"] > 0)
            assert (link["verdict"] == FAILS) == (high < 0 and link["difference"] <= 0)
            assert low <= high


def test_table_4_1(finished: tuple[tuple[str, ...], Path, dict[str, Any]]) -> None:
    _, folder, document = finished
    check_document(document, "celeba")
    assert document["attribute"] == "Male"
    assert "table 4-1" in document["published"]["source"]
    test = [split["people"] for name, split in document["splits"].items() if name in ("attacker-val", "test")]
    assert test == [10, 10]  # the official partition
    text = (folder / "benchmark.md").read_text()
    for words in ("0.7801", "0.7864", "97–98 %", "α = 0", "never rank", "lower bound", "privacy ↓, reported"):
        assert words in text
    for of in document["orderings"]:
        assert f"{of['verdict']} (at " in text
    assert (folder / "report.html").is_file()


def test_table_4_2(vggface1: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit("benchmark", "run", "vggface1", "--data-root", vggface1, *TINY, "--out", tmp_path, "--json")
    assert answer.code == 0, answer.err
    check_document(answer.document, "vggface1")
    assert "table 4-2" in answer.document["published"]["source"]
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("benchmark-vggface1-")
    assert json.loads((folder / "run.json").read_text())["command"][:3] == ["benchmark", "run", "vggface1"]
    assert json.loads((folder / "benchmark.json").read_text()) == answer.document


def test_people_of_vggface2s_test_set_are_tested(vggface2_faces: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    command = ("benchmark", "run", "vggface2", "--data-root", vggface2_faces, *TINY, "--out", tmp_path, "--json")
    answer = aiakit(*command)
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["complete"], document["attribute"], document["published"]) == (True, "Gender", None)
    assert [row["method"] for row in document["rows"]] == METHODS
    assert document["splits"]["test"] == {"people": 10, "images": 20}


def test_the_same_command_computes_nothing_again(
    finished: tuple[tuple[str, ...], Path, dict[str, Any]], aiakit: Aiakit
) -> None:
    command, folder, document = finished
    before = stamps(folder)
    shown = aiakit(*command)
    assert (shown.code, stamps(folder)) == (0, before)
    for words in ("AIA\\T", "0.7801", "gender-mlp", "Original > AIA", "97–98 %"):
        assert words in shown.out
    assert json.loads((folder / "benchmark.json").read_text()) == document


def test_an_interrupted_suite_goes_on(
    finished: tuple[tuple[str, ...], Path, dict[str, Any]], aiakit: Aiakit, tmp_path: Path
) -> None:
    command, folder, document = finished
    shutil.copytree(folder, tmp_path / "celeba")
    lost = next(path.parent for path in tmp_path.glob("celeba/cells/*/result.json") if '"attack"' in path.read_text())
    shutil.rmtree(lost)
    answer = aiakit(*(str(tmp_path) if word == str(folder.parent) else word for word in command), "--markdown")
    assert lost.is_dir()
    assert answer.out == (folder / "benchmark.md").read_text()
    again = json.loads((tmp_path / "celeba" / "benchmark.json").read_text())
    assert [row["attacks"] for row in again["rows"]] == [row["attacks"] for row in document["rows"]]


def test_ones_own_suite_with_its_sweep(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    command = ("benchmark", "run", tmp_path / "mine.toml", "--precision", "fp32", "--jobs", "1", "--sweep")
    answer = aiakit(*command, "--people", "50", "--out", tmp_path / "runs", "--name", "mine", "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert (document["suite"], document["people"], document["images"]) == ("mine", 50, 100)
    assert document["published"] is None
    assert [(row["method"], row["release"], row["reported"]) for row in document["rows"]] == [
        ("Nothing", "original", None),
        ("Ours", "aia", None),
    ]
    assert len(document["orderings"][0]["links"]) == 1
    sweep = document["sweep"]
    assert [point["params"] for point in sweep["points"]] == [{"beta": 0.0}, {"beta": 10.0}]
    assert all(set(point["attacks"]) == {"lda"} for point in sweep["points"])
    assert all(point["configuration"]["aia"]["width"] == 8 for point in sweep["points"])
    figures = tmp_path / "runs" / "mine-sweep" / "figures"
    assert (figures / "against-beta.png").read_bytes().startswith(b"\x89PNG")
    assert "reported" not in (tmp_path / "runs" / "mine" / "benchmark.md").read_text()


@pytest.mark.parametrize(
    ("point", "ci95", "verdict"),
    [
        (0.1, (0.05, 0.15), HOLDS),
        (0.1, (-0.05, 0.25), HOLDS_IN_NOISE),
        (0.0, (0.0, 0.0), FAILS_IN_NOISE),
        (1e-17, (-0.1, 0.1), FAILS_IN_NOISE),
        (-0.1, (-0.2, 0.1), FAILS_IN_NOISE),
        (-0.1, (-0.2, -0.05), FAILS),
        (float("nan"), (0.1, 0.2), UNKNOWN),
        (0.1, (float("nan"), float("nan")), UNKNOWN),
    ],
)
def test_verdicts(point: float, ci95: tuple[float, float], verdict: str) -> None:
    assert verdict_of(Difference(point, ci95, 0.5)) == verdict


@pytest.mark.parametrize("name", ["celeba", "lfw", "synthetic", "vggface1", "vggface2"])
def test_every_suite_can_be_asked_for(name: str) -> None:
    path = built_in()[name]
    suite = read_suite(path)
    requests = requests_of(path, suite, Changes())
    assert requests.table.dataset == name
    assert [method.name for method in suite.methods] == METHODS
    assert list(suite.order) == ORDER
    assert requests.table.seeds == 3
    assert "epochs" in requests.table.options["aia"]
    assert requests.sweep is not None
    assert "epochs" in requests.sweep.options["aia"]
    assert not {"alpha", "beta"} & set(requests.sweep.options["aia"])
    assert "cnn" not in requests.sweep.options


def test_list(aiakit: Aiakit) -> None:
    document = aiakit("benchmark", "list", "--json").document
    suites = {suite["name"]: suite for suite in document["suites"]}
    assert set(suites) >= {"celeba", "vggface1", "vggface2", "lfw", "synthetic"}
    assert suites["celeba"]["methods"] == METHODS
    assert "table 4-1" in suites["celeba"]["published"]
    shown = aiakit("benchmark", "list")
    assert shown.code == 0
    assert "vggface1" in shown.out


def test_the_command_line_stands_over_the_suite(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN + "\n[split]\nseed = 5\ndefender = 0.4\nattacker_train = 0.3\nattacker_val = 0.1\ntest = 0.2\n")
    suite = read_suite(path)
    table = requests_of(path, suite, Changes()).table
    assert (table.seed, table.seeds, table.shares.test, list(table.attacks)) == (5, 1, 0.2, ["lda", "gender-mlp"])
    changes = Changes({"people": 90}, ("logreg",), {"aia": {"epochs": "3"}}, 32, seeds=2, seed=0)
    table = requests_of(path, suite, changes).table
    assert (table.seed, table.seeds, table.image_size, list(table.attacks)) == (0, 2, 32, ["logreg", "gender-mlp"])
    assert table.options["aia"]["epochs"] == "3"
    assert "people" not in table.options.get("synthetic", {})


def test_the_suite_in_the_documentation_can_be_asked_for(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "benchmark.md").read_text()
    path = tmp_path / "mine.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0])
    suite = read_suite(path)
    requests = requests_of(path, suite, Changes())
    assert suite.published is not None
    assert [method.label for method in suite.methods] == ["original", "aia+leace"]
    assert requests.table.options["aia"]["beta"] == 3.0
    assert requests.table.options["folder"]["attributes"] == "people.csv"
    for name, figures in (("celeba", POSTER["celeba"]), ("vggface1", POSTER["vggface1"])):
        published = read_suite(built_in()[name]).published
        assert published is not None
        assert [(row.leakage, row.utility) for row in published.rows] == list(figures)
        for leakage, utility in figures:
            assert f"| {leakage:.4f} | {utility:.4f} |" in page


def test_a_suite_says_how_its_attackers_are_cross_fitted_and_what_they_know(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        OWN.replace("seeds = 1\n", 'seeds = 1\nknowledge = ["insider", "query"]\n\n[split]\nfolds = 4\n', 1)
    )
    suite = read_suite(path)
    table = requests_of(path, suite, Changes()).table
    assert (table.folds, tuple(table.knowledge)) == (4, ("insider", "query"))
    assert requests_of(path, suite, Changes(folds=6)).table.folds == 6
