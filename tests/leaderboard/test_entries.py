"""Entries on disk: what is written verifies, what was changed is refused, and what is broken ends in one line."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.errors import InputError
from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.entry import read_submission
from aiakit.leaderboard.packing import packed
from aiakit.leaderboard.verify import verified
from aiakit.leaderboard.writing import MOVED, write_tensors
from aiakit.storage import tensorfile
from tests.conftest import Answer
from tests.docs.examples import PAGES, blocks
from tests.leaderboard.conftest import change

Aiakit = Callable[..., Answer]


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.message.startswith("aiakit: error: ")
    assert "bug" not in answer.message
    for word in words:
        assert word in answer.message, answer.message


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def probabilities(labels: Any, confidence: float) -> Any:
    sure = np.where(np.asarray(labels) == 1, confidence, 1 - confidence)
    return np.stack([1 - sure, sure], axis=1)


def test_an_entry_says_what_the_run_says_and_verifies(narrow_run: Path, submitted: Path, aiakit: Aiakit) -> None:
    row = aiakit("show", narrow_run, "--json").document["rows"][0]
    path = next(submitted.glob("*.json"))
    figures = json.loads(path.read_text())["figures"]
    for key in ("strongest", "claimed", "utility", "gap"):
        assert not list(differences(row[key], figures[key], MOVED))
    answer = aiakit("leaderboard", "verify", path)
    assert answer.code == 0, answer.err
    assert answer.out.strip().endswith("verified")


def test_entries_hold_no_file_names_and_no_images(submitted: Path) -> None:
    for path in submitted.glob("*.json"):
        tensors = read_submission(path).tensors
        assert all(name.split(".")[0] in ("val", "test", "attack", "pairs", "verifier") for name in tensors)
        assert str(path.parent) not in path.read_text()


def test_a_board_of_a_run_and_of_its_entry_agree(narrow_run: Path, submitted: Path, aiakit: Aiakit) -> None:
    of_run = aiakit("leaderboard", narrow_run, "--format", "json").document
    of_entries = aiakit("leaderboard", submitted, "--format", "json").document
    for document in (of_run, of_entries):
        for row in document["rows"]:
            row.pop("provenance")
    assert not list(differences(of_run, of_entries, MOVED))


def test_the_site_is_written(entries: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    answer = aiakit("leaderboard", entries, "--html", tmp_path / "site")
    assert answer.code == 0, answer.err
    page, *data = map(Path, answer.out.splitlines())
    assert page == tmp_path / "site" / "index.html"
    assert page.read_text().startswith("<!doctype html>")
    assert [path.name for path in data] == ["board.json", "board.csv"]
    for path in data:  # what it links to says what the command prints
        assert f'href="{path.name}"' in page.read_text()
        assert path.read_text() == aiakit("leaderboard", entries, "--format", path.suffix[1:]).out


def test_attacks_trained_again_reach_the_same(submitted: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "copy"))
    entry = next(folder.glob("*.json"))
    answer = aiakit("leaderboard", "verify", entry, "--rerun")
    assert answer.code == 0, answer.err
    again = {name: float(value) for name, value in re.findall(r"([\w-]+): .* trained again ([\d.]+)", answer.err)}
    figures = json.loads(entry.read_text())["figures"]["attacks"]
    assert set(again) == set(figures)
    assert again["logreg"] == pytest.approx(figures["logreg"]["balanced_accuracy"], abs=1e-3)

    # a release that does not give these scores: it tells the label
    release = folder / json.loads(entry.read_text())["submitted_release"]["file"]
    tensors = dict(tensorfile.load(release))
    tensors["0.embedding"] = np.zeros_like(tensors["0.embedding"])
    labels = np.array(tensors["labels"])
    labels[tensors["rows.test"]] = read_submission(entry).tensors["test.labels"]
    tensors["0.embedding"][:, 0] = labels
    ref = write_tensors(folder, "spoiled", tensors)
    change(entry, lambda e: e.update(submitted_release=ref.model_dump()))
    refused(aiakit("leaderboard", "verify", entry, "--rerun"), "trained again 1.000", "--tolerance")


def test_rerun_needs_a_release(entry: Path, aiakit: Aiakit) -> None:
    refused(aiakit("leaderboard", "verify", entry, "--rerun"), "--with-release")


def write_scores(path: Path, entry: Path, confidence: float = 0.9, **changed: Any) -> Path:
    """Scores of an attack that knows the labels, for the rows of an entry."""
    tensors = read_submission(entry).tensors
    given = {split: probabilities(tensors[f"{split}.labels"], confidence) for split in ("val", "test")}
    identity = {f"{split}.identity": np.asarray(tensors[f"{split}.identity"]) for split in ("val", "test")}
    tensorfile.save(path, {name: part for name, part in {**given, **identity, **changed}.items() if part is not None})
    return path


def test_scores_of_an_external_attack_are_shown_and_change_nothing(entry: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    before = read_submission(entry)
    scores = write_scores(tmp_path / "mine.safetensors", entry)
    answer = aiakit("leaderboard", "add-attack", entry, scores, "--name", "oracle")
    assert answer.code == 0, answer.err
    after = read_submission(entry)
    assert after.entry.figures["strongest"]["attack"] == "oracle"
    assert after.entry.figures["strongest"]["balanced_accuracy"] == 1
    assert before.entry.scores.file not in snapshot(entry.parent)
    assert aiakit("leaderboard", "verify", entry).code == 0
    with_it = aiakit("leaderboard", entry.parent, "--trust", "--format", "json").document
    aiakit("leaderboard", "withdraw", entry, "--attack", "oracle", "--reason", "to compare")
    without = aiakit("leaderboard", entry.parent, "--trust", "--format", "json").document
    assert [row["strongest"]["attack"] for row in with_it["rows"]] == ["logreg", "logreg"]
    for key in ("rank", "verdict", "pareto", "strongest"):
        assert [row[key] for row in with_it["rows"]] == [row[key] for row in without["rows"]]
    assert any("oracle is said to read 1.000" in remark for remark in with_it["remarks"])
    assert aiakit("leaderboard", "add-attack", entry, scores, "--name", "oracle").code == 0
    assert "(external)" in aiakit("leaderboard", entry.parent, "--format", "markdown").out
    refused(aiakit("leaderboard", "add-attack", entry, scores, "--name", "oracle"), "already")


def test_the_example_of_an_external_attack(
    submitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aiakit: Aiakit
) -> None:
    shutil.copytree(submitted, tmp_path / "entries")
    entry = next((tmp_path / "entries").glob("*.json"))
    page = next(page for page in PAGES if page.name == "submitting.md").read_text("utf-8")
    (block,) = (block for block in blocks(page) if block.language == "python")
    monkeypatch.chdir(tmp_path)
    exec(block.text.replace("NAME.json", entry.name), {})
    answer = aiakit("leaderboard", "add-attack", entry, "SCORES.safetensors", "--name", "mine")
    assert answer.code == 0, answer.err
    assert aiakit("leaderboard", "verify", "entries").code == 0
    tensors = read_submission(entry).tensors
    assert {name.split(".")[0] for name in tensors} <= set(re.findall(r"`(\w+)\.", page))


def test_an_external_attack_can_be_withdrawn(entry: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    before = read_submission(entry)
    for name in ("oracle", "other"):
        scores = write_scores(tmp_path / "mine.safetensors", entry, 0.9 if name == "oracle" else 0.8)
        assert aiakit("leaderboard", "add-attack", entry, scores, "--name", name).code == 0
    withdraw = ("leaderboard", "withdraw", entry, "--reason", "it read the labels", "--attack")
    answer = aiakit(*withdraw, "oracle")
    assert answer.code == 0, answer.err
    after = read_submission(entry)
    assert [attack.name for attack in after.entry.attacks] == [*(a.name for a in before.entry.attacks), "other"]
    other = probabilities(before.tensors["test.labels"], 0.8)
    np.testing.assert_allclose(after.tensors[f"attack.{len(before.entry.attacks)}.0.test"], other, atol=1e-4)
    assert aiakit("leaderboard", "verify", entry).code == 0
    refused(aiakit(*withdraw, "oracle"), "no attack of that name", "external: other")
    refused(aiakit(*withdraw, "logreg"), "only external ones can go")
    assert aiakit(*withdraw, "other").code == 0
    assert not list(differences(read_submission(entry).entry.figures, before.entry.figures, MOVED))
    assert aiakit("leaderboard", entry.parent, "--html", tmp_path / "site").code == 0
    assert "oracle: it read the labels" in (tmp_path / "site" / "index.html").read_text()


def test_an_entry_can_be_spoken_against(entries: Path, aiakit: Aiakit) -> None:
    entry = entries / "aia.json"
    before = aiakit("leaderboard", entries, "--trust", "--format", "json").document
    answer = aiakit("leaderboard", "flag", entry, "--reason", "refuted: a retrained network reads it")
    assert answer.code == 0, answer.err
    flagged = aiakit("leaderboard", entries, "--trust", "--format", "json").document
    flags = {row["release"]: row["flag"] and row["flag"]["reason"] for row in flagged["rows"]}
    assert flags == {"aia": "refuted: a retrained network reads it", "random": None}
    assert [row["rank"] for row in flagged["rows"]] == [row["rank"] for row in before["rows"]]
    shown = aiakit("leaderboard", entries, "--trust", "--format", "markdown").out
    assert "aia ⚑" in shown
    assert "a retrained network reads it" in shown
    refused(aiakit("leaderboard", "flag", entry, "--reason", "a\x1b[31m"), "--reason cannot be used", "control")
    assert aiakit("leaderboard", "flag", entry, "--reason", "").code == 0
    assert aiakit("leaderboard", entries, "--trust", "--format", "json").document == before


def test_an_entry_can_be_withdrawn(submitted: Path, narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    folder = Path(shutil.copytree(submitted, tmp_path / "entries"))
    path = next(folder.glob("*.json"))
    answer = aiakit("leaderboard", "withdraw", path, "--reason", "consent was taken back")
    assert answer.code == 0, answer.err
    assert list(snapshot(folder)) == [path.name]
    refused(aiakit("leaderboard", folder), "nothing to rank")
    refused(aiakit("leaderboard", "verify", path), "was withdrawn on", "consent was taken back")
    refused(aiakit("leaderboard", "withdraw", path, "--reason", "again"), "no entry that could be withdrawn")
    again = aiakit("leaderboard", "submit", narrow_run, "-o", folder)
    assert again.code == 0
    assert "original is not submitted" in again.err
    assert "was withdrawn on" in again.err
    board = aiakit("leaderboard", narrow_run, folder, "--format", "json")
    assert board.code == 0
    assert "consent was taken back" in board.document["withdrawn"][0]
    assert "consent was taken back" in board.err


def test_a_folder_is_verified(entries: Path, aiakit: Aiakit) -> None:
    (entries / "paper.toml").write_text(
        'schema_version = 1\nkind = "reported"\nsource = "s"\ndataset = "made-up"\nattribute = "gender"\n'
        '[[rows]]\nrelease = "theirs"\n'
    )
    answer = aiakit("leaderboard", "verify", entries)
    assert answer.code == 0, answer.err
    assert answer.out.split() == [str(entries / "aia.json:"), "verified", str(entries / "random.json:"), "verified"]
    change(entries / "aia.json", lambda e: e["figures"]["strongest"].update(balanced_accuracy=0.5))
    answer = aiakit("leaderboard", "verify", entries)
    refused(answer, "aia.json is refused")
    assert "random.json: verified" in answer.out
    (entries / "foreign.json").write_text("{")
    answer = aiakit("leaderboard", "verify", entries)
    refused(answer, "2 of 3 entries are refused")
    assert "aia.json is refused" in answer.err
    assert "foreign.json is no sound JSON" in answer.err
    for path in entries.glob("*.json"):
        path.unlink()
    refused(aiakit("leaderboard", "verify", entries), "holds no entry")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda e: e["figures"]["strongest"].update(balanced_accuracy=0.5), ("strongest.balanced_accuracy", "scores")),
        (lambda e: e["figures"]["attacks"].pop("logreg"), ("attacks.logreg",)),
        (lambda e: e["figures"]["utility"]["random"].update(eer=0.0), ("utility.random.eer",)),
        (lambda e: e["figures"]["claimed"]["ci95"].__setitem__(0, 0.1), ("claimed.ci95.0",)),
        (lambda e: e["figures"].update(extra="</script>"), ("figures.extra",)),
        (lambda e: e["protocol"].update(truth="0" * 64), ("labels, identities or pairs",)),
        (lambda e: e["scores"].update(sha256="0" * 64), ("checksum",)),
        (lambda e: e["scores"].update(file="../../etc/passwd"), ("scores.file",)),
        (lambda e: e["scores"].update(file="/etc/passwd"), ("scores.file",)),
        (lambda e: e["scores"].update(file="gone.safetensors"), ("gone.safetensors", "cannot be read")),
        (lambda e: e.update(name="../../x"), ("name",)),
        (lambda e: e.update(release="a\x1b[31m"), ("release", "control characters")),
        (lambda e: e.update(release="\u202ecod"), ("control characters",)),
        (lambda e: e.update(schema_version=7), ("schema version 7", "update aiakit")),
        (lambda e: e.update(schema_version=2), ("schema version 2", "submit its run again")),
        (lambda e: e["provenance"].update(link="javascript:alert(1)"), ("provenance.link",)),
        (lambda e: e["provenance"].update(submitter="a\x1b[31m"), ("provenance.submitter", "control characters")),
        (lambda e: e["provenance"].update(command="run"), ("provenance.command",)),
        (lambda e: e.update(surprise=1), ("surprise",)),
        (lambda e: e.pop("figures"), ("figures",)),
        (lambda e: e.update(kind="invented"), ("kind",)),
        (lambda e: e["attacks"].append(e["attacks"][-1]), ("twice",)),
        (lambda e: e["attacks"][1].update(repeats=[[0, 0], [0, 1]]), ("lack", ".1.val")),
        (lambda e: e["attacks"][1].update(repeats=[]), ("repeats",)),
        (lambda e: e["protocol"].update(bootstrap_draws=10**9), ("bootstrap_draws",)),
        (lambda e: e["protocol"].update(classes=["a", "b", "c"]), ("shape",)),
    ],
)
def test_changed_entries_are_refused(
    entry: Path, edit: Callable[[dict[str, Any]], Any], words: tuple[str, ...], aiakit: Aiakit
) -> None:
    change(entry, edit)
    before = snapshot(entry.parent)
    refused(aiakit("leaderboard", "verify", entry), *words)
    refused(aiakit("leaderboard", entry), *words)
    assert snapshot(entry.parent) == before


def test_a_digit_less_anywhere_is_found(submitted: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    """In the JSON file, of a sample of its digits, and in the files beside it."""
    folder = shutil.copytree(submitted, tmp_path / "entries")
    path = next(folder.glob("*.json"))
    text = path.read_text()
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    assert len(digits) > 500
    for place in digits[:: len(digits) // 40]:
        path.write_text(text[:place] + text[place + 1 :])
        with pytest.raises(InputError):
            verified(read_submission(path))
    path.write_text(text)
    for file in folder.glob("*.safetensors"):
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        refused(aiakit("leaderboard", "verify", path), file.name)
        file.write_bytes(whole)
    assert aiakit("leaderboard", "verify", path).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ("no sound JSON",)),
        ("{", ("no sound JSON",)),
        ("[" * 5000, ("no sound JSON",)),
        ("[]", ("no leaderboard entry",)),
        ('{"kind": ["measured"]}', ("no leaderboard entry",)),
        ('{"schema": 1, "rows": []}', ("no leaderboard entry",)),
        ("\xff", ("no sound JSON",)),
    ],
)
def test_foreign_files_are_refused(entries: Path, content: str, words: tuple[str, ...], aiakit: Aiakit) -> None:
    (entries / "foreign.json").write_bytes(content.encode("latin-1"))
    answer = aiakit("leaderboard", entries)
    assert answer.code == 1
    assert {"aia", "random"} <= set(answer.out.split())
    assert answer.message.startswith("set aside: ")
    for word in ("foreign.json", *words):
        assert word in answer.message
    refused(aiakit("leaderboard", entries / "foreign.json"), "foreign.json", *words)


def test_scores_of_another_length(entry: Path, aiakit: Aiakit) -> None:
    submission = read_submission(entry)
    tensors = dict(submission.tensors)
    tensors["attack.1.0.test"] = tensors["attack.1.0.test"][:-1]
    ref = write_tensors(entry.parent, "short", packed(tensors))
    change(entry, lambda e: e.update(scores=ref.model_dump()))
    refused(aiakit("leaderboard", "verify", entry), "shape")


def test_copies_of_an_entry_are_one(entry: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = shutil.copytree(entry.parent, tmp_path / "other")
    change(copy / entry.name, lambda e: e["computing"].update(seconds=99))
    answer = aiakit("leaderboard", entry, copy, "--format", "json")
    assert answer.code == 0, answer.err
    assert sorted(row["release"] for row in answer.document["rows"]) == ["aia", "random"]


def test_different_entries_of_one_name_are_told_apart(entry: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    other = Path(shutil.copytree(entry.parent, tmp_path / "other")) / entry.name
    change(other, lambda e: e["stages"][0].update(fingerprint="0" * 64))
    rows = aiakit("leaderboard", entry, other, "--format", "json").document["rows"]
    assert {row["release"] for row in rows} == {f"aia ({entry})", f"aia ({other})"}


def test_empty_and_missing_places(tmp_path: Path, aiakit: Aiakit) -> None:
    (tmp_path / "empty").mkdir()
    refused(aiakit("leaderboard", tmp_path / "empty"), "neither entries nor runs")
    refused(aiakit("leaderboard", tmp_path / "gone"), "is not there")
    refused(aiakit("leaderboard", "verify", tmp_path / "gone.json"), "cannot be read")


def test_a_run_in_progress(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = shutil.copytree(narrow_run, tmp_path / "copy")
    shutil.rmtree(next(cell for cell in (copy / "cells").iterdir() if (cell / "scores.safetensors").exists()))
    refused(aiakit("leaderboard", copy), "not finished", "run the same command again")
    refused(aiakit("leaderboard", "submit", copy, "-o", tmp_path / "out"), "not finished")
    assert not (tmp_path / "out").exists()


def test_submitting_twice_overwrites_nothing(narrow_run: Path, submitted: Path, aiakit: Aiakit) -> None:
    before = snapshot(submitted)
    answer = aiakit("leaderboard", "submit", narrow_run, "-o", submitted)
    assert (answer.code, answer.out) == (0, "")
    assert "original is there already" in answer.err
    refused(aiakit("leaderboard", "submit", narrow_run, "-o", submitted, "--defense", "aja"), "aja")
    assert snapshot(submitted) == before


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"val": None, "test": None}, ("must hold val and test",)),
        ({"test": None}, ("must hold val and test",)),
        ({"more": np.zeros(1)}, ("must hold val and test",)),
        ({"test.identity": None}, ("must hold test.identity",)),
        ({"test.identity": np.arange(3)}, ("test.identity has shape",)),
        ({"val.identity": np.arange(120)[::-1] // 3}, ("row 0 of val is of person 39", "of person 0")),
        ({"val": np.full((3, 2), 0.5)}, ("shape",)),
    ],
)
def test_external_scores_that_do_not_fit(
    entry: Path, tmp_path: Path, tensors: dict[str, Any], words: tuple[str, ...], aiakit: Aiakit
) -> None:
    before = snapshot(entry.parent)
    scores = write_scores(tmp_path / "mine.safetensors", entry, **tensors)
    refused(aiakit("leaderboard", "add-attack", entry, scores, "--name", "mine"), *words)
    refused(aiakit("leaderboard", "add-attack", entry, tmp_path / "gone", "--name", "mine"), "gone")
    assert snapshot(entry.parent) == before


@pytest.mark.parametrize(("value", "word"), [(np.nan, "finite"), (0.9, "sum to 1")])
def test_external_scores_that_are_no_probabilities(
    entry: Path, tmp_path: Path, value: float, word: str, aiakit: Aiakit
) -> None:
    scores = write_scores(tmp_path / "mine.safetensors", entry, test=np.full((120, 2), value))
    refused(aiakit("leaderboard", "add-attack", entry, scores, "--name", "mine"), word)


def test_reported_figures_stand_in_the_folder(entries: Path, aiakit: Aiakit) -> None:
    lines = ["schema_version = 1", 'kind = "reported"', 'source = "a paper"', 'dataset = "made-up"']
    lines += ['attribute = "gender"', "[[rows]]", 'release = "theirs"', "leakage = 0.51"]
    (entries / "paper.toml").write_text("\n".join(lines))
    answer = aiakit("leaderboard", entries)
    assert answer.code == 0, answer.err
    assert "theirs" in answer.out
    refused(aiakit("leaderboard", entries / "paper.toml"), "nothing to rank")
    refused(aiakit("leaderboard", "verify", entries / "paper.toml"), "no scores")
    assert "not this board's" not in answer.out
    (entries / "paper.toml").write_text("\n".join(lines).replace("gender", "smiling"))
    answer = aiakit("leaderboard", entries)
    assert answer.code == 1
    assert "set aside: the figures of a paper are of smiling, the board is of gender" in answer.err
    (entries / "paper.toml").write_text("kind = ")
    assert "TOML" in aiakit("leaderboard", entries).message


def test_the_schema_is_published(entry: Path, aiakit: Aiakit) -> None:
    document = aiakit("leaderboard", "schema").document
    assert set(document["entry"]["properties"]) == {*json.loads(entry.read_text()), "risks"}
    assert document["reported"]["properties"]["rows"]


@pytest.mark.parametrize("arguments", [("--min-utility", "2"), ("--format", "pdf"), ("verify",), ("submit", "x")])
def test_bad_options(arguments: tuple[str, ...], aiakit: Aiakit) -> None:
    assert aiakit("leaderboard", *arguments).code == 2
