"""The command line that made a run: stored beside what determines it, shown on its page, and good to be given again."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aiakit.cli.main import cli
from aiakit.experiment.command import LONGEST, from_record, to_store
from aiakit.experiment.run import Run
from aiakit.plugins import registry
from aiakit.report.html import report_page
from aiakit.report.page import render_page
from aiakit.results.document import document_of
from aiakit.results.evaluate import evaluate
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
PLUGIN = "my odd <probe>.py"  # a name that a shell and a page must quote


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def shown(html: str) -> str | None:
    """The command on a page; None where it shows none."""
    section = html[html.index('<section id="reproduce"') :]
    code = re.search(r"<pre[^>]*><code>(.*?)</code></pre>", section, re.DOTALL)
    return code and unescape(code[1])


def page(run: Run) -> str:
    evaluation = evaluate(run.store, run.config)
    return render_page(report_page(run, evaluation, document_of(evaluation, {}), run.folder, faces=0))


def test_the_command_of_a_page_finds_its_run_again(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})
    assert aiakit("new", "attack", "odd-probe").code == 0
    shutil.copy(tmp_path / "odd-probe" / "odd_probe_attack.py", tmp_path / PLUGIN)
    given = ["run", "--defense", "original", "--attacks", "odd-probe", "--plugin", PLUGIN, "--no-utility"]
    given += [*TINY, *SHORT]
    assert aiakit(*given).code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert record(folder)["command"] == given
    command = shown((folder / "report.html").read_text("utf-8"))
    assert command is not None
    assert f"--plugin {shlex.quote(PLUGIN)}" in command
    name, *arguments = shlex.split(command)
    assert name == "aiakit"
    before = {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")}
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})  # as in another process
    answer = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert (answer.exception, answer.return_value) == (None, 0)
    assert list((tmp_path / "runs").iterdir()) == [folder]
    assert {path: path.stat().st_mtime_ns for path in folder.glob("cells/*/*")} == before


def test_who_resumes_a_run_does_not_rename_its_maker(tiny_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config = Run.open(tiny_run).config
    assert Run.create(folder, config).command is None
    assert record(folder)["command"] is None
    before = {key: value for key, value in record(folder).items() if key != "command"}
    assert Run.create(folder, config, ["run", "--jobs", "1"]).command == ("run", "--jobs", "1")
    assert Run.create(folder, config, ["run", "--jobs", "2"]).command == ("run", "--jobs", "1")
    assert Run.open(folder).command == ("run", "--jobs", "1")
    assert {key: value for key, value in record(folder).items() if key != "command"} == before


def test_the_command_is_no_part_of_the_configuration(tiny_run: Path) -> None:
    assert "command" not in record(tiny_run)["config"]


def test_a_run_without_a_command_says_so(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    assert shown(page(run)) is not None
    run.command = None
    html = page(run)
    assert shown(html) is None
    assert "made from Python" in html


def test_what_a_stranger_stored_is_shown_as_text_on_one_line(tiny_run: Path) -> None:
    run = Run.open(tiny_run)
    run.command = ("run", "; rm -rf ~", "</code><script>alert(1)</script>", "a\nb", "\u202e", "\udc80")
    html = page(run)
    html.encode()
    assert "<script>alert" not in html
    command = shown(html)
    assert command is not None
    assert command.isprintable()
    assert shlex.split(command)[:3] == ["aiakit", "run", "; rm -rf ~"]


@pytest.mark.parametrize(
    "stored", ["run", 3, {"run": 1}, ["run", 3], ["run", None], ["x" * LONGEST], [""] * LONGEST * 2]
)
def test_a_damaged_command_is_one_line(tiny_run: Path, tmp_path: Path, aiakit: Aiakit, stored: Any) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**record(tiny_run), "command": stored}))
    answer = aiakit("show", tmp_path)
    assert answer.code == 2
    assert re.search(
        r"run\.json cannot be read: its command (is no list of texts|has more than 65,536)", answer.message
    )
    assert len(answer.err.splitlines()) == 1


def test_what_is_stored_can_be_read_again() -> None:
    for words in ([], ["run"], ["é\udc80\n"], ["x" * (LONGEST - 1)]):
        stored = json.loads(json.dumps(to_store(words)))
        assert from_record(stored) == tuple(words)
    assert to_store(["x" * LONGEST]) is None
    assert to_store(None) is None
    assert from_record(None) is None


def test_no_password_is_passed_on() -> None:
    assert to_store(["--track", "mlflow:https://me:secret@tracker:5000/x"]) == [
        "--track",
        "mlflow:https://***@tracker:5000/x",
    ]
    paths = [os.sep + "a@b", "user@host", "tcp://127.0.0.1:8786"]
    assert to_store(paths) == paths
