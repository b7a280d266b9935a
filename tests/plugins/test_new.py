"""``aiakit new``: the skeleton works from its file, passes its own tests and the checks, and installs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from aiakit import cli
from aiakit.plugins import registry
from tests.conftest import SHORT
from tests.processes import begin

BRIEF = ("--no-utility", "--no-forecast", "--quiet")
KINDS = ["attack", "defense", "embedding-defense", "encoder", "dataset", "linker", "decoder", "regressor"]


BUILD = """
import os, sys
from setuptools import build_meta
out, *folders = sys.argv[1:]
for folder in folders:
    os.chdir(folder)
    build_meta.build_wheel(out)
"""


def python(*arguments: str | Path, cwd: Path) -> None:
    subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=True)


@pytest.mark.parametrize("kind", ["embedding-defense", "dataset"])  # those of all kinds pass in their own tests, below
def test_the_skeleton_passes_the_checks_from_its_file(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"fresh-{kind}er"
    assert cli.main(["new", kind, name, "--out", str(tmp_path / "made")]) == 0
    folder = tmp_path / "made" / name
    of_kind = kind.removeprefix("embedding-")
    module = f"{name.replace('-', '_')}_{of_kind}"
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "pyproject.toml",
        f"{module}.py",
        f"test_{module}.py",
    }
    assert [path.name for path in folder.parent.iterdir()] == [name]
    capsys.readouterr()
    assert cli.main(["check", str(folder / f"{module}.py"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (report,) = document["plugins"]
    assert (document["failed"], report["kind"], report["name"]) == (0, of_kind, name)
    assert len(report["checks"]) >= (4 if kind == "dataset" else 13)


def test_check_exits_1_where_a_check_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "attack", "spoiled", "--out", str(tmp_path)])
    path = tmp_path / "spoiled" / "spoiled_attack.py"
    path.write_text(path.read_text().replace("weights / weights.sum(axis=1, keepdims=True)", "weights"))
    capsys.readouterr()
    assert cli.main(["check", str(path)]) == 1
    said = capsys.readouterr().err
    assert "fail  probabilities: predict_proba must sum to 1 in every row" in " ".join(said.split()).replace(
        "fail p", "fail  p"
    )
    assert "checks failed" in said


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("keep")
    assert cli.main(["new", "attack", "mine", "--out", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["precious.txt"]


@pytest.mark.slow
def test_the_skeletons_pass_their_own_tests_and_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in KINDS:
        assert cli.main(["new", kind, f"homemade-{kind}", "--out", str(tmp_path)]) == 0
    folders, wheels, site = [tmp_path / f"homemade-{kind}" for kind in KINDS], tmp_path / "wheels", tmp_path / "site"
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, folders)]
    with (tmp_path / "said").open("w+") as said:
        code = begin(words, stdout=said, cwd=tmp_path).wait()
        said.seek(0)
        assert code == 0, said.read()
    python("-c", BUILD, wheels, *folders, cwd=tmp_path)
    python("-m", "pip", "install", "--no-deps", "--no-index", "--target", site, *wheels.iterdir(), cwd=tmp_path)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(registry.REGISTRY, "_installed", {})  # as in another process
    capsys.readouterr()
    cli.main(["list", "--json"])
    listed = json.loads(capsys.readouterr().out)
    for kind in KINDS:
        plugins = {plugin["name"]: plugin for plugin in listed[f"{kind.removeprefix('embedding-')}s"]}
        assert plugins[f"homemade-{kind}"]["package"] == f"aiakit-homemade-{kind} 0.1.0"
        assert "broken" not in plugins[f"homemade-{kind}"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_printed_runs_as_it_is_printed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})
    assert cli.main(["new", kind, f"own-{kind}"]) == 0
    lines = [line.strip() for line in capfd.readouterr().err.splitlines() if line.startswith("  aiakit ")]
    assert len(lines) >= 2
    for line in lines:
        if line.startswith("aiakit check "):  # as above, and here its file is what is looked at
            assert Path(shlex.split(line)[2]).is_file()
            continue
        short = (*BRIEF, *(() if "--encoder" in line else SHORT)) if " run " in line else ()  # no network need be good
        assert cli.main([*shlex.split(line)[1:], *short]) == 0, (line, capfd.readouterr().err)
