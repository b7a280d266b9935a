"""Identity and linkage of a run and of an audit, from what they store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit
from aiakit.experiment.run import Run
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.of_run import submissions_of
from aiakit.measures.bootstrap import IdentityBootstrap
from aiakit.measures.searching import Search
from aiakit.measures.unlinkability import Linked
from aiakit.report.terminal import as_text
from aiakit.results.document import document_of_run
from aiakit.results.remembered import StatisticsCache
from tests.conftest import SHORT, TINY, Answer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a run of two seeds: leace on the embeddings, blur of the pictures, and random vectors."""
    out = tmp_path_factory.mktemp("runs")
    aiakit.run(
        "leace,random,random+leace,blur",
        attacks="logreg",
        risks="all",
        seeds=2,
        data={"people": 300, "images_per_person": 3},
        utility=False,
        image_size=16,
        forecast=False,
        options={"original": {"epochs": 1, "width": 8, "latent": 16}, "random": {"latent": 4}},
        out=out,
    )
    return next(out.iterdir())


@pytest.fixture(scope="module")
def document(folder: Path) -> dict[str, Any]:
    return document_of_run(Run.open(folder))


def risks(document: dict[str, Any], release: str) -> dict[str, Any]:
    return next(row["risks"] for row in document["rows"] if row["release"] == release)


def test_each_release_is_searched_in_its_own_gallery_and_in_an_undefended_one(document: dict[str, Any]) -> None:
    leace, original = risks(document, "leace")["identity"], risks(document, "original")["identity"]
    people = document["splits"]["test"]["people"]
    assert leace["released embedding"]["gallery"] == leace["undefended embedding"]["gallery"] == people
    assert leace["released embedding"]["counts"]["mated_searches"] == 2 * people
    assert leace["released embedding"]["counts"]["non_mated_searches"] == 3 * people
    assert set(original) == {f"released {view}{by}" for view in ("embedding", "image") for by in ("", " trained")}
    figure = leace["released embedding"][f"rank_1_of_{people}"]
    assert figure["chance"] == 1 / people
    assert figure["ci95"][0] <= figure["rate"] <= figure["ci95"][1]


def test_a_picture_that_is_the_same_under_every_seed_is_linked_and_random_vectors_are_not(
    document: dict[str, Any],
) -> None:
    low, high = risks(document, "random")["linkage"]["seeds embedding"]["ci95"]
    assert low <= 0 <= high
    same, raw = risks(document, "blur")["linkage"]["seeds image"], risks(document, "blur")["identity"]["released image"]
    assert same["ci95"][0] > 0
    assert raw["rank_1_of_10"]["ci95"][0] > raw["rank_1_of_10"]["chance"]


def test_a_linker_that_is_trained_says_what_attacker_val_chose(document: dict[str, Any]) -> None:
    hidden = risks(document, "random+leace")
    assert hidden["identity"]["undefended embedding trained"]["linker"]  # of shapes that no cosine compares
    trained = risks(document, "leace")["linkage"]["seeds embedding trained"]
    assert set(trained["val"]) == {"trained", "cosine"}
    assert trained["ci95"][0] <= trained["d_sys"] <= trained["ci95"][1]
    low, high = risks(document, "random")["linkage"]["seeds embedding trained"]["ci95"]
    assert low <= 0 <= high


def test_a_reconstruction_is_judged_beside_a_constant(document: dict[str, Any]) -> None:
    leace, nothing = (risks(document, release)["inversion"] for release in ("leace", "random+leace"))
    assert set(leace) == {"embedding", "image"}
    assert leace["embedding"]["gain"]["ci95"][0] > 0
    assert leace["embedding"]["attribute"]["attack"] == "logreg"
    low, high = nothing["embedding"]["gain"]["ci95"]
    assert low - 0.01 < 0 < high + 0.01
    people = document["splits"]["test"]["people"]
    rank = nothing["embedding"]["type_1"][f"rank_1_of_{people}"]
    assert rank["ci95"][0] <= 2 / people
    assert "inversion" not in risks(document, "original")


def test_at_a_glance_each_risk_has_a_figure_and_readings_or_a_reason(document: dict[str, Any]) -> None:
    for row in document["rows"]:
        glance = {each["risk"]: each for each in row["at_a_glance"]}
        assert list(glance) == ["attribute", "identity", "linkage", "inversion"]
        for risk, found in glance.items():
            if (row["release"], risk) in {("original", "inversion"), ("blur", "attribute")}:
                assert found["not_measured"]
                continue
            assert found["chance"] <= found["smallest_detectable"] <= 1
            assert found["ci95"][0] <= found["value"] <= found["upper"]
            assert found["iso_24745"]
            assert found["wp29"]
    leace = next(row for row in document["rows"] if row["release"] == "leace")
    assert "irreversibility does not hold" in leace["at_a_glance"][3]["iso_24745"]


def test_an_entry_of_each_release_says_the_same_at_a_glance(folder: Path, document: dict[str, Any]) -> None:
    glance = {row["release"]: {each["risk"]: each for each in row["at_a_glance"]} for row in document["rows"]}
    for place in make_board(submissions_of(Run.open(folder))).places:
        for risk, found in place.risks.items():
            wanted = glance[place.entry.release][risk]
            assert found.keys() == wanted.keys()
            assert all(found[key] == pytest.approx(wanted[key], abs=1e-9) for key in found)
            info = next((info for info in place.entry.risks[risk] if info.way == found.get("way")), None)
            assert "not_measured" in wanted or info is not None
        assert set(place.risks) == {"identity", "linkage", "inversion"}


def test_why_something_was_not_measured_is_a_note(document: dict[str, Any]) -> None:
    reason = risks(document, "random+leace")["identity"]["undefended"]["not_measured"]
    assert reason == (
        "the two releases have no view of one shape that a cosine compares "
        "(embedding (16,) and image (3, 16, 16); embedding (4,))"
    )
    assert f"identity (undefended) of random+leace was not measured, because {reason}" in document["notes"]


def test_the_text_has_tables_and_a_sentence_for_each(document: dict[str, Any]) -> None:
    text = as_text(document, "markdown")
    assert "first of 10" in text
    assert "found at a threshold at which" in text
    assert "leace, identity in a released gallery, by embedding: of " in text
    assert "random, linkage between two seeds, by embedding: D\\_sys" in text
    assert "leace, inversion to the embedding: the reconstructions (" in text
    assert "Every risk that was asked for" in text


def test_risks_are_asked_of_a_run_that_is_finished(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    run = ["run", "--defense", "original", "--attacks", "logreg", "--no-forecast", *TINY, *SHORT, "--out", tmp_path]
    before = aiakit(*run, "--json").document
    cells = sorted(path.name for path in (next(tmp_path.iterdir()) / "cells").iterdir())
    answer = aiakit(*run, "--risks", "identity,linkage", "--fail-above", "linkage=0.9")
    assert answer.code == 4
    assert "undecided: original: linkage was not measured, because the run has one seed" in answer.out
    assert "in a released" in answer.out
    assert "linkage (seeds) of original was not measured, because the run has one seed" in answer.out.replace("\n", " ")
    folders = list(tmp_path.iterdir())
    assert len(folders) == 1
    now = [path.name for path in (folders[0] / "cells").iterdir()]
    assert set(cells) < set(now)
    assert len(now) == len(cells) + 2  # a matcher for each view that the release has
    after = aiakit("show", folders[0], "--json").document
    assert "risks" not in before["rows"][0]
    assert after["rows"][0].pop("risks").keys() == {"identity", "linkage"}
    assert 'id="identity-table"' in (folders[0] / "report.html").read_text(encoding="utf-8")


def test_an_unknown_risk_is_one_line(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    answer = aiakit("run", "--defense", "original", "--risks", "identiy", "--out", tmp_path)
    assert answer.code == 2
    assert answer.message.endswith(
        "unknown risk 'identiy' of --risks: did you mean identity? Known: identity, linkage, inversion, all"
    )


def test_an_audit_of_one_image_each_says_why_there_is_nothing() -> None:
    rng = np.random.default_rng(0)
    people, gender = np.arange(120), np.arange(120) % 2
    found = aiakit.audit(
        rng.normal(size=(120, 4)) + gender[:, None],
        attributes={"gender": gender},
        identity=people,
        attacks="logreg",
        risks=("identity",),
        forecast=False,
    ).to_dict()
    assert found["rows"][0]["risks"]["identity"]["released embedding"] == {
        "not_measured": "nobody of test has two images"
    }


def faces(people: int, images: int) -> tuple[Any, Any, Any]:
    """Undefended embeddings, the same under a rotation, and who they show."""
    rng, shown = np.random.default_rng(0), np.repeat(np.arange(people), images)
    raw = rng.normal(size=(people, 12))[shown] + 0.1 * rng.normal(size=(len(shown), 12))
    return raw, raw @ np.linalg.qr(rng.normal(size=(12, 12)))[0], shown


def glance_of_audit(people: int, images: int, **options: Any) -> dict[str, Any]:
    raw, turned, shown = faces(people, images)
    found = aiakit.audit(
        turned, attributes={"gender": shown % 2}, identity=shown, reference=raw, attacks="logreg", risks="all",
        forecast=False, **options,
    ).to_dict()  # fmt: skip
    return {each["risk"]: each for each in found["rows"][1]["at_a_glance"]}


def test_a_rotation_is_linked_and_inverted_where_people_are_cross_fitted() -> None:
    found = glance_of_audit(240, 2, folds=3)
    assert found["linkage"]["value"] > 0.95
    assert found["linkage"]["figure"] == "D_sys between a released and an undefended image, embedding, trained matcher"
    assert found["inversion"]["value"] == 1
    assert "irreversibility does not hold" in found["inversion"]["iso_24745"]


def test_of_one_image_each_it_is_said_what_cannot_be_measured_and_inversion_goes_on() -> None:
    found = glance_of_audit(160, 1, folds=1, utility=False)
    assert found["identity"]["not_measured"] == "nobody of test has two images"
    assert found["linkage"]["not_measured"] == "the run has one seed, and nobody of test has two images"
    assert found["inversion"]["value"] == 1
    assert found["attribute"]["chance"] == 0.5


def test_an_audit_of_one_hot_identities_finds_everybody() -> None:
    identity = np.repeat(np.arange(120), 2)
    found = aiakit.audit(
        np.repeat(np.eye(120, dtype=np.float32), 2, axis=0) + np.random.default_rng(0).normal(0, 0.01, (240, 120)),
        attributes={"gender": identity % 2},
        identity=identity,
        attacks="logreg",
        risks="identity",
        forecast=False,
        folds=3,
    ).to_dict()
    released = found["rows"][0]["risks"]["identity"]["released embedding"]
    assert released["gallery"] == 120
    assert released["rank_1_of_120"]["rate"] == 1


def test_what_is_remembered_is_what_was_computed(tmp_path: Path) -> None:
    rng, shown = np.random.default_rng(0), np.repeat(np.arange(60), 2)
    points, mated = rng.normal(size=(120, 4)), np.arange(120) % 2 == 1
    search = Search(points[~mated], shown[~mated], points, shown, mated)
    linked = Linked(points[~mated], shown[~mated], points[mated], shown[mated])
    bootstrap, memory = IdentityBootstrap(shown, 50), StatisticsCache(tmp_path)
    computed = (memory.identification_statistics([search], bootstrap), memory.linkage_statistics(linked, bootstrap, 0))
    assert len(list((tmp_path / "cells").iterdir())) == 2
    again = (memory.identification_statistics([search], bootstrap), memory.linkage_statistics(linked, bootstrap, 0))
    for first, second in zip(computed, again, strict=True):
        assert first.as_json() == second.as_json()
        assert all(np.array_equal(first.draws[m], second.draws[m], equal_nan=True) for m in first.draws)
