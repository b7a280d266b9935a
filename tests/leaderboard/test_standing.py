"""Who may take a rank: nobody by their word, and nobody who was measured by less than the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import MISSING
from aiakit.leaderboard.board import make_board
from aiakit.leaderboard.columns import remarks, summary
from aiakit.leaderboard.entry import Submission, read_submission
from aiakit.leaderboard.scores import statistics_row
from aiakit.leaderboard.standing import note_computed
from aiakit.leaderboard.writing import write_submission
from aiakit.plugins import registry
from aiakit.report.board_tables import conclusion_of_board
from aiakit.results.document import measured
from aiakit.results.verdicts import NOT_FOUND, POWER_UNKNOWN
from aiakit.storage import tensorfile
from tests.conftest import Answer
from tests.leaderboard.test_labels_again import SAME

Aiakit = Callable[..., Answer]
Make = Callable[..., Submission]
FULL = {"lda": 0.9, "svm": 0.85, "knn": 0.55}


@pytest.fixture(autouse=True)
def another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has computed nothing yet."""
    monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})


def ranks(board: Any) -> dict[str, int | None]:
    return {place.label: place.rank for place in board.places}


def test_an_entry_cut_down_to_a_weak_attack_does_not_rank_above_the_others(make: Make) -> None:
    board = make_board([make("aia", FULL), make("grl", {**FULL, "lda": 0.95}), make("cut", {"knn": 0.5})])
    assert ranks(board) == {"aia": 1, "grl": 2, "cut": None}
    cut = next(place for place in board.places if place.label == "cut")
    assert cut.lacks == ["lda", "svm"]
    assert not cut.pareto
    assert any("cut was not measured by lda, svm" in line for line in remarks(board))
    two = make_board([make("aia", FULL), make("cut", {"knn": 0.5})])
    assert ranks(two) == {"aia": 1, "cut": None}, "of two the one that was measured by more says what is asked"


def test_an_attack_that_was_tied_down_by_its_options_is_another(make: Make) -> None:
    def weakened(submission: Submission) -> Submission:
        attacks = tuple(
            attack.model_copy(update={"params": {"C": 1e-9}}) if attack.name == "svm" else attack
            for attack in submission.entry.attacks
        )
        return replace(submission, entry=submission.entry.model_copy(update={"attacks": attacks}))

    board = make_board([make("aia", FULL), make("grl", FULL), weakened(make("weak", {**FULL, "svm": 0.5, "lda": 0.5}))])
    assert ranks(board)["weak"] is None
    assert next(place for place in board.places if place.label == "weak").lacks == ["svm"]


def test_further_attacks_are_asked_of_nobody_and_who_keeps_a_board_may_say_which_are(make: Make) -> None:
    entries = [make("aia", FULL), make("grl", FULL), make("more", {**FULL, "tabpfn": 0.97})]
    board = make_board(entries)
    assert None not in ranks(board).values()
    assert ranks(board)["more"] == 3, "what reads more counts against it all the same"
    assert ranks(make_board(entries, suite=["tabpfn"])) == {"aia": None, "grl": None, "more": 1}


def test_an_attack_that_cannot_read_a_release_is_not_asked_of_it(make: Make) -> None:
    def viewed(submission: Submission, view: str, produces: tuple[str, ...]) -> Submission:
        entry = submission.entry
        stages = tuple(stage.model_copy(update={"produces": produces}) for stage in entry.stages)
        attacks = tuple(attack.model_copy(update={"view": view}) if attack.name == "cnn" else attack
                        for attack in entry.attacks)  # fmt: skip
        return replace(submission, entry=entry.model_copy(update={"stages": stages, "attacks": attacks}))

    pictures = [
        viewed(make(name, {"lda": 0.9, "cnn": 0.8}), "image", ("embedding", "image")) for name in ("aia", "san")
    ]
    vectors = viewed(make("leace", {"lda": 0.7}), "image", ("embedding",))
    assert ranks(make_board([*pictures, vectors]))["leace"] == 1


def written(submission: Submission, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return write_submission(folder, submission.entry, submission.tensors).path


def test_somebody_s_word_takes_no_rank(make: Make, aiakit: Aiakit, tmp_path: Path) -> None:
    for name, read in (("aia", 0.9), ("grl", 0.6)):
        written(make(name, {"lda": read}), tmp_path / "entries")
    document = aiakit("leaderboard", tmp_path / "entries", "--format", "json").document
    assert [row["rank"] for row in document["rows"]] == [None, None]
    assert [row["computed"] for row in document["rows"]] == [[], []]
    assert any("the submitter's word" in line and "no rank" in line for line in document["remarks"])
    assert "¶" in aiakit("leaderboard", tmp_path / "entries").out
    believed = aiakit("leaderboard", tmp_path / "entries", "--trust", "--format", "json").document
    assert [row["rank"] for row in believed["rows"]] == [1, 2]
    assert any("--trust" in line for line in believed["remarks"])


def test_an_entry_ranks_once_its_attacks_were_trained_again(submitted: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "copy"))
    assert {row["rank"] for row in aiakit("leaderboard", folder, "--format", "json").document["rows"]} == {None}
    assert aiakit("leaderboard", "verify", folder).code == 0
    assert {row["rank"] for row in aiakit("leaderboard", folder, "--format", "json").document["rows"]} == {None}
    assert aiakit("leaderboard", "verify", folder, "--rerun", *SAME).code == 0
    document = aiakit("leaderboard", folder, "--format", "json").document
    assert [row["rank"] for row in document["rows"]] == list(range(1, len(document["rows"]) + 1))
    assert all(row["computed"] for row in document["rows"])


def test_scores_that_nobody_trained_again_can_make_a_rank_worse_and_never_better(make: Make, tmp_path: Path) -> None:
    """The submitter says that another attack is the strongest on attacker-val, and reads less of test."""
    honest = make("honest", {"lda": 0.7, "stack": 0.6})
    scored = make("boasts", {"lda": 0.95, "stack": 0.95})
    tensors = dict(scored.tensors)
    tensors["attack.1.0.val"] = make("x", {"stack": 0.98}).tensors["attack.0.0.val"]
    tensors["attack.1.0.test"] = make("x", {"stack": 0.9}).tensors["attack.0.0.test"]
    row = statistics_row(scored.entry, tensors)
    assert row.strongest == "stack"
    entry = scored.entry.model_copy(update={"figures": measured(row)})
    path = written(replace(scored, entry=entry, tensors=tensors), tmp_path / "entries")
    note_computed(read_submission(path), ["lda"])
    board = make_board([honest, read_submission(path)])
    assert ranks(board) == {"honest": 1, "boasts": 2}
    boasts = next(place for place in board.places if place.label == "boasts")
    assert boasts.leakage is not None
    assert boasts.leakage > 0.9


def by_their_word(submission: Submission, tmp_path: Path, trained: list[str]) -> Submission:
    """An entry of which this machine has trained some attacks again, and not those that are of another version."""
    path = written(submission, tmp_path / "entries")
    note_computed(read_submission(path), trained)
    return read_submission(path)


def test_an_attack_that_nobody_trained_again_is_no_part_of_the_suite(make: Make, tmp_path: Path) -> None:
    """The submitter says that the strong attacks read nothing, by versions that are not installed here."""
    others = [make("original", {**FULL, "stack": 0.9}), make("grl", {**FULL, "stack": 0.95})]
    note_all = [by_their_word(other, tmp_path, list(FULL)) for other in others]
    forged = by_their_word(make("forged", {"lda": 0.5, "svm": 0.5, "knn": 0.55, "stack": 0.5}), tmp_path, ["knn"])
    board = make_board([*note_all, forged])
    assert ranks(board) == {"original": 1, "grl": 2, "forged": None}, (
        "a combined attack is not trained again, and not asked"
    )
    place = next(place for place in board.places if place.label == "forged")
    assert place.untrained == ["lda", "svm"]
    assert place.verdict is not None
    assert place.verdict.text == POWER_UNKNOWN, "by a part of the suite, of which nobody knows what it finds"
    assert not place.pareto
    assert any("forged has no rank: what lda, svm read is the submitter's word" in line for line in remarks(board))
    assert "forged" not in conclusion_of_board(board)
    trusted = make_board([*note_all, forged], trust=True)
    assert ranks(trusted)["forged"] == 1
    assert {place.label: place.verdict.text for place in trusted.places if place.verdict}["forged"] == NOT_FOUND
    assert "forged" in conclusion_of_board(trusted)


@pytest.mark.parametrize("claimed", [{"combines": True}, {"knowledge": "adaptive"}, {"files": {"C": "0" * 64}}])
def test_whether_an_attack_can_be_trained_again_an_entry_does_not_decide(
    make: Make, tmp_path: Path, claimed: dict[str, Any]
) -> None:
    made = make("forged", FULL)
    attacks = tuple(attack.model_copy(update=claimed) for attack in made.entry.attacks)
    forged = replace(made, entry=made.entry.model_copy(update={"attacks": attacks}))
    (place,) = make_board([by_their_word(forged, tmp_path, ["knn"])]).places
    assert place.untrained == ["lda", "svm"]
    assert place.rank is None


def test_figures_go_by_what_was_trained_here_where_that_reads_more(make: Make, tmp_path: Path) -> None:
    """An attack that says to be the strongest on attacker-val, and reads less of test, hides no leak."""
    scored = make("boasts", {"lda": 0.95, "stack": 0.95})
    tensors = dict(scored.tensors)
    tensors["attack.1.0.val"] = make("x", {"stack": 0.98}).tensors["attack.0.0.val"]
    tensors["attack.1.0.test"] = make("x", {"stack": 0.9}).tensors["attack.0.0.test"]
    row = statistics_row(scored.entry, tensors)
    entry = scored.entry.model_copy(update={"figures": measured(row)})
    boasts = by_their_word(replace(scored, entry=entry, tensors=tensors), tmp_path, ["lda"])
    board = make_board([make("original", {"lda": 0.95}), boasts])
    place = next(place for place in board.places if place.label == "boasts")
    assert row.strongest == "stack"
    assert place.row.strongest == "lda"
    assert place.verdict is not None
    assert place.verdict.text == "leaks"
    (shown,) = [column for column in summary(board) if column.key == "strongest"]
    assert shown.value(place) == place.leakage
    assert any("boasts: stack is said to read" in line and "Nobody trained it" in line for line in remarks(board))


PROBE = """
from sklearn.naive_bayes import GaussianNB
from aiakit.plugins.bases import from_sklearn
Bayes = from_sklearn(GaussianNB)
"""


def test_an_added_attack_counts_where_it_was_trained_here(submitted: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "copy"))
    entry = next(folder.glob("*.json"))
    (tmp_path / "probe.py").write_text(PROBE)
    named = ("--name", "gaussian-nb", "--submitter", "A. Nonymous", "--plugin", tmp_path / "probe.py")
    answer = aiakit("leaderboard", "add-attack", entry, *named)
    assert answer.code == 0, answer.err
    (row,) = (row for row in aiakit("leaderboard", folder, "--format", "json").document["rows"]
              if row["entry"] == entry.stem)  # fmt: skip
    assert "gaussian-nb" in row["attacks"]
    assert "gaussian-nb" in row["computed"]
    assert row["external"] == ["gaussian-nb"]
    assert aiakit("leaderboard", folder, "--html", tmp_path / "page").code == 0
    assert "External attacks: gaussian-nb (by A. Nonymous)." in (tmp_path / "page" / "index.html").read_text()
    again = aiakit("leaderboard", "verify", entry, "--rerun", "--plugin", tmp_path / "probe.py")
    assert again.code == 0, again.err
    assert "gaussian-nb: submitted" in again.err
    refused = aiakit("leaderboard", "add-attack", entry, *named)
    assert refused.code == 2
    assert "already" in refused.message


def test_labels_of_test_are_in_one_file_that_attackers_do_without(
    submitted: Path, tmp_path: Path, aiakit: Aiakit
) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "copy"))
    (truth,) = folder.glob("truth.*.safetensors")
    entry = next(folder.glob("*.json"))
    tensors = read_submission(entry).tensors
    labels = np.asarray(tensors["test.labels"])
    for path in folder.glob("*.safetensors"):
        if path == truth:
            continue
        for name, part in tensorfile.load(path).items():
            told = part.shape == labels.shape and len(np.unique(np.stack([part, labels]), axis=1).T) <= 2
            assert not told, f"{name} of {path.name} tells the labels"
            assert "same_attribute.left" not in name or "test" not in name
    release = tensorfile.load(folder / str(read_submission(entry).entry.submitted_release.file))  # type: ignore[union-attr]
    assert set(release["labels"][release["rows.test"]]) == {MISSING}
    assert set(release["labels"][release["rows.attacker-train"]]) == {0, 1}
    truth.unlink()
    refused = aiakit("leaderboard", "verify", entry)
    assert refused.code == 2
    assert truth.name in refused.message
    assert aiakit("leaderboard", folder).code == 2


def test_the_labels_stay_until_the_last_entry_that_is_judged_by_them_is_withdrawn(
    make: Make, aiakit: Aiakit, tmp_path: Path
) -> None:
    folder = tmp_path / "entries"
    folder.mkdir()
    for name in ("aia", "grl"):
        submission = make(name, {"lda": 0.9})
        write_submission(folder, submission.entry, submission.tensors)
    shared = ("truth.*", "people.*")
    assert [len(list(folder.glob(files))) for files in shared] == [1, 1]
    for name, left in (("aia", 1), ("grl", 0)):
        assert aiakit("leaderboard", "withdraw", folder / f"{name}.json", "--reason", "asked to").code == 0
        assert [len(list(folder.glob(files))) for files in shared] == [left, left]
