"""A gate: exit 0 only where the upper bound is below the limit, and where such a leak would have been seen."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit.errors import InputError
from aiakit.report import html
from aiakit.report.gate import lines
from aiakit.results.gate import EXIT, Limits, gate_of, read_policy
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
LIMIT = 0.6
AUDIT = (
    "--attribute",
    "gender",
    "--identity",
    "person",
    "--attacks",
    "logreg,lda",
    "--folds",
    "1",
    "--no-forecast",
    "--pairs",
    "1000",
)


def document(
    figure: float | None = 0.5, high: float = 0.55, verdict: str = "no leak found", detectable: float = 0.57,
    upper: float | None = None, accuracy: float = 0.9, missing: tuple[str, ...] = (),
    across: dict[str, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    best = {"attack": "lda", "balanced_accuracy": figure, "ci95": [0.45, high]}
    row = {
        "release": "leace",
        "strongest": None if figure is None else best,
        "attacks": {} if figure is None else {"lda": best},
        "simultaneous_upper": upper,
        "verdict": None if figure is None else verdict,
        "utility": {"random": {"accuracy": accuracy, "ci95": [accuracy - 0.02, accuracy + 0.02]}},
        "missing": list(missing),
    }
    if across is not None:
        row["across_levels"] = {"level": "query", "attack": "svm", **across}
    return {
        "attribute": "gender",
        "classes": ["f", "m"],
        "smallest_detectable": detectable,
        "rows": [row],
        "failures": [],
    }


@pytest.mark.parametrize(
    ("given", "outcome", "said"),
    [
        ({}, "passed", "by lda at 0.500, the only attack, at most 0.550, below 0.6"),
        ({"figure": 0.54, "verdict": "leaks"}, "passed", "at most 0.550"),
        ({"figure": 0.61, "high": 0.66, "verdict": "leaks"}, "failed", "above 0.6"),
        ({"figure": 0.3, "verdict": "inverted: leaks, or a broken protocol"}, "failed", "worse than by guessing"),
        ({"high": 0.61}, "undecided", "may be 0.610"),
        ({"upper": 0.62}, "undecided", "may be 0.620"),  # of the attacks that were not chosen
        # what attackers of another level than the headline's read
        ({"across": {"balanced_accuracy": 0.49, "simultaneous_upper": 0.58}}, "passed", "at most 0.580"),
        ({"across": {"balanced_accuracy": 0.55, "simultaneous_upper": 0.61}}, "undecided", "may be 0.610"),
        (
            {"across": {"balanced_accuracy": 0.62, "simultaneous_upper": 0.7}},
            "failed",
            "svm of query attackers at 0.620",
        ),
        ({"detectable": 0.65}, "undecided", "could not have been seen"),
        ({"verdict": "no power"}, "undecided", "no power"),
        ({"verdict": "power not known"}, "undecided", "measure the undefended release"),
        ({"figure": None}, "undecided", "no attack on gender was measured"),
        ({"missing": ("cnn on leace",)}, "undecided", "below 0.6"),  # what is missing may have read more
    ],
)
def test_each_outcome(given: dict[str, Any], outcome: str, said: str) -> None:
    gate = gate_of(document(**given), Limits(fail_above={"gender": LIMIT}))
    assert gate.outcome == outcome
    assert said in gate.checks[0].reason
    assert gate.as_json()["exit_code"] == EXIT[outcome]


RISK = {"risk": "linkage", "figure": "D_sys between two seeds, embedding, cosine", "value": 0.02, "ci95": [-0.02, 0.06],
        "upper": 0.07, "chance": 0.0, "smallest_detectable": 0.08}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "outcome", "said"),
    [
        ({}, "passed", "at most 0.070, below 0.1"),
        ({"value": 0.2, "ci95": [0.1, 0.3], "upper": 0.3}, "failed", "linkage is 0.200 (D_sys between two seeds"),
        ({"upper": 0.12}, "undecided", "may be 0.120"),  # by the other of cosine and trained linker
        ({"smallest_detectable": 0.11}, "undecided", "could not have been seen"),
        ({"not_measured": "the run has one seed"}, "undecided", "not measured, because the run has one seed"),
    ],
)
def test_each_outcome_of_a_risk(given: dict[str, Any], outcome: str, said: str) -> None:
    found = document()
    found["rows"][0]["at_a_glance"] = [{**RISK, **given}]
    gate = gate_of(found, Limits(risks={"linkage": 0.1}))
    assert gate.outcome == outcome
    assert said in gate.checks[0].reason


def test_a_pass_says_that_more_people_would_read_more() -> None:
    found = document()
    found["rows"][0]["growth"] = {"svm": {"still_rising": True}}
    gate = gate_of(found, Limits(fail_above={"gender": LIMIT}))
    assert gate.outcome == "passed"
    assert any("note: leace" in line and "still rising" in line for line in lines(gate.as_json()))


@pytest.mark.parametrize(("accuracy", "outcome"), [(0.99, "passed"), (0.955, "undecided"), (0.9, "failed")])
def test_utility_is_held_against_its_lower_bound(accuracy: float, outcome: str) -> None:
    assert gate_of(document(accuracy=accuracy), Limits(min_utility=0.95)).outcome == outcome


@given(
    st.floats(0.5, 1), st.floats(0, 0.2), st.floats(0.51, 0.9), st.floats(0.51, 0.99), st.floats(0.51, 0.99),
    st.sampled_from(["leaks", "no leak found", "no power", "power not known"]),
)  # fmt: skip
def test_a_wider_limit_is_kept_where_a_narrower_one_is(
    figure: float, width: float, detectable: float, one: float, other: float, verdict: str
) -> None:
    found = document(figure, figure + width, verdict, detectable)
    narrow, wide = (gate_of(found, Limits(fail_above={"gender": limit})).outcome for limit in sorted((one, other)))
    order = ("failed", "undecided", "passed")
    assert order.index(narrow) <= order.index(wide)


def test_limits_are_of_what_is_measured_and_above_chance() -> None:
    limits = Limits(fail_above={"": 0.6, "age": 0.5})
    assert limits.of({"gender": 2, "age": 4}, "policy").fail_above == {"gender": 0.6, "age": 0.5}
    with pytest.raises(InputError, match="age, which is not measured"):
        limits.of({"gender": 2}, "policy.toml")
    with pytest.raises(InputError, match=r"guessing reads 0\.5"):
        limits.of({"gender": 2, "age": 2}, "policy.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "limits nothing"),
        ("fail_above = 0.6", "fail_above"),
        ("[fail_above]\ngender = 1.5", "fail_above.gender"),
        ("[fail_below]\ngender = 0.6", "fail_below"),
        ("[fail_above\n", "no sound TOML"),
    ],
)
def test_a_policy_that_says_something_else(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_policy(path)


def test_a_release_that_leaks_fails_a_pipeline(
    aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path]
) -> None:
    junit, sarif = tmp_path / "gate.xml", tmp_path / "gate.sarif"
    files = ("--junit", junit, "--sarif", sarif, "--out", tmp_path / "runs")
    answer = aiakit("audit", write_release(6.0), *AUDIT, "--fail-above", 0.7, "--min-utility", 0.6, *files)
    assert answer.code == 3
    assert "gate: FAILED: 1 of 2 limits" in answer.out
    suite = ET.parse(junit).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [failure.get("type") for failure in suite.iter("failure")] == ["failed"]
    result = json.loads(sarif.read_text())["runs"][0]["results"]
    assert [(each["ruleId"], each["level"]) for each in result] == [("leak-above-limit", "error")]
    (place,) = result[0]["locations"]  # without one code scanning refuses the file
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "release-6"
    (run,) = (tmp_path / "runs").iterdir()
    again = aiakit("show", run, "--fail-above", 0.7, "--min-utility", 0.6, "--json")
    assert again.code == 3
    assert [check["outcome"] for check in again.document["gate"]["checks"]] == ["failed", "passed"]
    text = aiakit("show", run, "--fail-above", 0.7, "--format", "markdown")
    assert text.code == 3
    assert "gate: FAILED: 0 of 1 limits" in text.out


def test_silence_is_no_pass_without_power_and_a_pass_with_it(
    aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path]
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[fail_above]\ngender = 0.75\n")
    silent, leaky = write_release(0.0), write_release(6.0)
    asked = ("audit", silent, *AUDIT[2:], "--policy", policy, "--out", tmp_path / "runs")  # it names the attribute
    alone = aiakit(*asked)
    assert alone.code == 4
    assert "measure the undefended release" in alone.out
    beside = aiakit(*asked, "--reference", leaky, "--quiet")
    assert beside.code == 0
    assert "gate: PASSED: 1 of 1" in beside.out
    small = aiakit(
        *asked[:-4], "--fail-above", 0.58, "--attribute", "gender", "--reference", leaky, "--out", tmp_path / "runs"
    )
    assert small.code == 4


def test_an_attack_that_was_asked_for_and_not_run_is_no_pass(
    aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path]
) -> None:
    asked = ("audit", write_release(1.5), *AUDIT, "--no-utility", "--out", tmp_path / "runs")
    reason = "decensor was asked for and not run: adaptive attacks need the undefended --reference"
    for attacks, limit, code in (("logreg", 0.95, 0), ("logreg,decensor", 0.95, 4), ("logreg,decensor", 0.55, 3)):
        answer = aiakit(*asked, "--attacks", attacks, "--fail-above", limit, "--json")
        assert answer.code == code, answer.err
        (check,) = answer.document["gate"]["checks"]
        assert (reason in check["reason"]) == (code == 4)
    pictures = aiakit(*asked, "--attacks", "fast,cnn", "--fail-above", 0.95)
    assert pictures.code == 4
    assert "cnn was asked for and not run: it reads image" in " ".join(pictures.out.split())


def test_of_a_further_attribute_an_attack_may_be_unable() -> None:
    found = document() | {"further": {"race": document() | {"attribute": "race", "not_run": {"bits": "cannot"}}}}
    gate = gate_of(found, Limits(fail_above={"gender": LIMIT, "race": LIMIT}))
    assert [check.outcome for check in gate.checks] == ["passed", "undecided"]


@pytest.mark.parametrize(("gap", "code"), [(6.0, 3), (0.0, 1)])
def test_a_report_that_cannot_be_drawn_takes_nothing_from_the_gate(
    gap: float, code: int, aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def undrawable(*_: object) -> None:
        raise KeyError("logreg")

    monkeypatch.setattr(html, "write_report", undrawable)
    asked = ("--fail-above", 0.75, "--reference", write_release(6.0), "--no-utility", "--out", tmp_path / "runs")
    answer = aiakit("audit", write_release(gap), *AUDIT, *asked, "--junit", tmp_path / "gate.xml")
    assert answer.code == code
    assert "this is a bug of aiakit: KeyError: 'logreg'" in answer.err
    assert (ET.parse(tmp_path / "gate.xml").find(".//failure") is not None) == (code == 3)


def test_who_is_left_out_may_tell_what_the_rest_does_not(
    aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path]
) -> None:
    """Rows of most of the women are empty, or not there: what is left shows nothing, and yet there is a leak."""
    silent, reference = dict(np.load(write_release(0.0))), dict(np.load(write_release(6.0)))
    name = np.array([f"{row}.jpg" for row in range(len(silent["e"]))])
    empty = (silent["gender"] == "f") & (np.random.default_rng(0).random(len(name)) < 0.8)
    np.savez(tmp_path / "reference.npz", **reference, name=name)
    np.savez(tmp_path / "zeros.npz", **silent | {"e": np.where(empty[:, None], 0, silent["e"])}, name=name)
    np.savez(tmp_path / "fewer.npz", **{key: cells[~empty] for key, cells in (silent | {"name": name}).items()})
    asked = (*AUDIT, "--fail-above", 0.75, "--reference", tmp_path / "reference.npz", "--out", tmp_path / "runs")
    zeros = aiakit("audit", tmp_path / "zeros.npz", *asked)
    assert zeros.code == 3
    assert "which rows are empty or missing tells gender at 0.8" in zeros.out  # these attacks do not see it
    assert "and stay, since they alone tell something (gender: 78.7% of f" in " ".join(zeros.out.split())
    fewer = aiakit("audit", tmp_path / "fewer.npz", *asked)
    assert fewer.code == 3
    assert "which ones tells gender (78.7% of f" in " ".join(fewer.out.split())
    unrelated = np.random.default_rng(1).permutation(len(name))[900:]
    np.savez(tmp_path / "part.npz", **{key: cells[unrelated] for key, cells in (silent | {"name": name}).items()})
    part = aiakit("audit", tmp_path / "part.npz", *asked)
    assert part.code in (0, 4)
    assert "part.npz lacks 900 of the 1800 rows of the reference reference.npz" in " ".join(part.out.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--fail-above", "0.5"), "guessing reads 0.5"),
        (("--fail-above", "0.6", "--junit", "nowhere/gate.xml"), "there is no folder nowhere"),
        (("--junit", "gate.xml"), "give --fail-above, --min-utility or --policy"),
        (("--fail-above", "nan"), "nan is no number between 0 and 1"),
        (("--fail-above", "0.6", "--junit", "."), ". is a folder: name a file in it"),
        (("--fail-above", "0.6", "--junit", "gate.out", "--sarif", "./gate.out"), "name two files"),
        (("--policy", "none.toml"), "none.toml cannot be read"),
        (("--fail-above", "linkge=0.1"), "unknown risk 'linkge' of --fail-above: did you mean linkage?"),
        (("--fail-above", "linkage=0.1", "--risks", "identity"), "give --risks identity,linkage to the run or audit"),
        (("--fail-above", "linkage=2"), "2.0 is not in the range 0<x<1"),
        (("--fail-above", "0.6", "--fail-above", "0.7"), "given twice"),
        (("--policy", "none.toml", "--fail-above", "0.6"), "leave out --fail-above"),
    ],
)
def test_bad_input(
    aiakit: Aiakit, tmp_path: Path, write_release: Callable[..., Path], options: tuple[str, ...], said: str
) -> None:
    answer = aiakit("audit", write_release(0.0), *AUDIT, *options, "--out", tmp_path / "runs")
    assert answer.code == 2
    assert said in answer.err
    assert len(answer.err.strip().splitlines()) == 1


@pytest.fixture
def write_release(tmp_path: Path) -> Callable[..., Path]:
    """Writes a release of 600 people, three images each, whose genders are so many deviations apart."""

    def write(gap: float) -> Path:
        rng = np.random.default_rng(1)
        person = np.repeat(np.arange(600), 3)
        centre = rng.normal(size=(600, 6))
        centre[:, 0] += gap * (np.arange(600) % 2)
        x = (centre[person] + 0.1 * rng.normal(size=(len(person), 6))).astype(np.float32)
        path = tmp_path / f"release-{gap:g}.npz"
        np.savez(path, e=x, person=person, gender=np.array(["f", "m"])[person % 2])
        return path

    return write
