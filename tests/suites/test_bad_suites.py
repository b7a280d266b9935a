"""What a suite that cannot be used is told: one line with the file and the key, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Answer
from tests.suites.test_suite import OWN

Aiakit = Callable[..., Answer]


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1
    assert answer.message.startswith("aiakit: error: ")
    for word in words:
        assert word in answer.message, answer.message


PUBLISHED = '[published]\nsource = "paper"\nrows = [{ release = "Ours", leakage = 0.5 }]\n'
EDITS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "broken TOML": ("seeds = 1", "seeds = ", ("no sound TOML", "line 11")),
    "wrong key": ("seeds = 1", "sedes = 1", ("'sedes'", "did you mean seeds")),
    "wrong key of a method": ("defense = \"aia\" }", "defence = \"aia\" }", ("methods.1.defense", "Field required")),
    "one key too many": ("name = \"Ours\",", "name = \"Ours\", label = 3,", ("'methods.1.label'", "methods.1.name")),
    "wrong key of the sweep": ("values = {", "grid = {", ("sweep.values", "Field required")),
    "wrong key of the split": ("[sweep]", "[split]\ntrain = 0.5\n[sweep]", ("'split.train'", "attacker_train")),
    "no methods": ("attacks = [\"lda\"]\npub", "attacks = []\npub", ("attacks", "at least 1")),
    "future schema": ("schema_version = 2", "schema_version = 3", ("schema_version", "(got 3)")),
    "unknown dataset": ('"synthetic"', '"synthetik"', ("dataset", "'synthetik'", "synthetic")),
    "unknown defense": ('"aia" }]', '"aja" }]', ("methods.1.defense", "'aja'", "aia")),
    "unknown stage": ('"aia" }]', '"aia+leece" }]', ("methods.1.defense", "'leece'", "leace")),
    "unknown attack": ('attacks = ["lda"]\npub', 'attacks = ["ldda"]\npub', ("attacks", "'ldda'", "lda")),
    "unknown poster-style attack": ('"gender-mlp"', '"gender-mpl"', ("published_attack", "gender-mlp")),
    "a claim as poster-style": ('"gender-mlp"', '"in-loop"', ("published_attack", "in-loop", "claim")),
    "unknown attribute": ('attribute = "gender"', 'attribute = "gendre"', ("'gendre'", "gender")),
    "unknown plugin with options": ("gender-mlp = {", "gender-mpl = {", ("options.gender-mpl", "gender-mlp")),
    "unknown option": ("{ epochs = 2 }", "{ epoch = 2 }", ("options.gender-mlp", "epoch", "gender-mlp.epochs")),
    "option out of bounds": ("{ epochs = 2 }", "{ epochs = 0 }", ("options.gender-mlp", "greater", "0")),
    "method twice": ('name = "Ours"', 'name = "Nothing"', ("methods", "'Nothing'", "twice")),
    "defense twice": ('defense = "aia"', 'defense = "original"', ("methods", "'original'", "twice")),
    "order of strangers": ('order = ["Nothing", "Ours"]', 'order = ["Ours", "Theirs"]', ("order", "'Theirs'", "Ours")),
    "order of one": ('order = ["Nothing", "Ours"]', 'order = ["Ours"]', ("order", "two or more")),
    "published stranger": ("[sweep]", PUBLISHED.replace("Ours", "Us") + "[sweep]", ("published.rows", "'Us'")),
    "published beyond 1": ("[sweep]", PUBLISHED.replace("0.5", "50.1") + "[sweep]", ("rows.0.leakage", "50.1")),
    "shares beyond 1": ("[sweep]", "[split]\ntest = 0.5\n[sweep]", ("split", "sum to 1")),
    "shares not finite": ("[sweep]", "[split]\ntest = nan\n[sweep]", ("finite",)),
    "seed below 0": ("[sweep]", "[split]\nseed = -1\n[sweep]", ("split", "seed")),
    "unknown swept defense": ('defense = "aia"\nattacks', 'defense = "aja"\nattacks', ("sweep.defense", "'aja'")),
    "unknown swept option": ("{ beta = [0, 10] }", "{ betta = [0, 10] }", ("sweep", "betta", "beta")),
    "swept value out of bounds": ("[0, 10]", "[0, -10]", ("sweep", "aia.beta", "-10")),
    "control characters": ('"Two methods"', '"Two \\u001b[2J methods"', ("title", "control characters")),
}  # fmt: skip


@pytest.mark.parametrize("case", EDITS)
def test_bad_suite(case: str, aiakit: Aiakit, tmp_path: Path) -> None:
    old, new, words = EDITS[case]
    assert OWN.count(old) >= 1
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(old, new, 1))
    out = tmp_path / "runs"
    where = () if case == "unknown attribute" else (str(path),)
    refused(aiakit("benchmark", "run", path, "--sweep", "--jobs", "1", "--out", out), *where, *words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("celebA", ("unknown suite 'celebA'", "did you mean celeba", "lfw")),
        ("vgface", ("vggface1",)),
        ("nothing-like-it", ("Known: celeba, lfw",)),
        ("there/is/none.toml", ("there/is/none.toml", "celeba")),
        ("tests", ("unknown suite 'tests'",)),
        (".", ("there is no suite .", "lfw")),
        ("", ("unknown suite ''",)),
    ],
)
def test_suites_that_there_are_not(name: str, words: tuple[str, ...], aiakit: Aiakit, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    refused(aiakit("benchmark", "run", name, "--out", out), *words)
    assert not out.exists()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = 1" * 3, b"[[[", b"", b"x = " + b"[" * 5000])
def test_files_that_are_no_suite(content: bytes, aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    refused(aiakit("benchmark", "run", tmp_path / "mine.toml", "--out", tmp_path / "runs"), "mine.toml")


def test_a_folder_is_no_suite(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    refused(aiakit("benchmark", "run", tmp_path / "mine.toml", "--out", tmp_path / "runs"), "there is no suite")


@pytest.mark.parametrize("suite", ["celeba", "vggface1", "vggface2", "lfw"])
def test_missing_data_root(suite: str, aiakit: Aiakit, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    refused(aiakit("benchmark", "run", suite, "--out", out), "--data-root")
    refused(aiakit("benchmark", "run", suite, "--data-root", tmp_path / "none", "--out", out), "none", "--data-root")
    assert not out.exists()


def test_options_that_do_not_fit(aiakit: Aiakit, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN[: OWN.index("[sweep]")])
    run = ("benchmark", "run", path, "--out", tmp_path / "runs")
    refused(aiakit(*run, "--sweep"), str(path), "names no sweep")
    refused(aiakit(*run, "--json", "--markdown"), "--json", "--markdown")
    refused(aiakit(*run, "--attacks", "ldda"), "'ldda'", "lda")
    refused(aiakit(*run, "--set", "aja.epochs=1"), "aja", "aia")
    refused(aiakit(*run, "--image-size", "17"), "17")
    assert not (tmp_path / "runs").exists()


def test_a_folder_of_something_else_is_left_alone(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "thesis.txt").write_text("do not lose")
    run = ("benchmark", "run", tmp_path / "mine.toml", "--out", tmp_path / "runs", "--name", "mine")
    refused(aiakit(*run, "--jobs", "1"), "no run folder")
    assert [path.name for path in (tmp_path / "runs" / "mine").iterdir()] == ["thesis.txt"]
