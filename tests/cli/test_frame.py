"""The frame of the command line: one line for every failure, the right exit code, and a quick start."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

import aiakit
from aiakit import cli
from aiakit.cli.common import console, emit_json
from aiakit.errors import Diverged, InputError, PluginError
from aiakit.plugins import registry
from aiakit.plugins.outline import TRAITS, outline

COMMANDS = sys.modules["aiakit.cli.main"].COMMANDS


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command "fail" that raises or returns what it is told to."""

    def arrange(outcome: Any) -> None:
        @click.command("list")
        def command() -> Any:
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setattr("aiakit.cli.list.command", command)

    monkeypatch.delenv("AIAKIT_DEBUG", raising=False)
    return arrange


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "import sys; from aiakit.cli import main; sys.exit(main())", *arguments]
    return subprocess.run(program, capture_output=True, text=True, check=False, env={**os.environ, **environment})


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)
    assert {"run", "list", "check", "new", "show"} <= set(COMMANDS)


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "Usage: aiakit" in capsys.readouterr().out


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([name, "--help"]) == 0
    assert f"Usage: aiakit {name}" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"aiakit {aiakit.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "No such command 'lst'. Did you mean 'list'? (see aiakit --help)"),
        (["--versio"], "Did you mean '--version'?"),
        (["list", "--jsn"], "Did you mean '--json'? (see aiakit list --help)"),
        (["list", "atacks"], "did you mean attacks"),
        (["check"], "Missing argument"),
        (["check", "logrge"], "unknown plugin 'logrge': did you mean logreg?"),
        (["check", "nothing.py"], "nothing.py does not exist"),
        (["check", "random", "--kind", "attack"], "unknown attack 'random'"),
        (["check", "logreg", "--set", "logreg.iters=3"], "did you mean logreg.iterations?"),
        (["check", "logreg", "--set", "logreg.iterations=3"], "logreg.iterations must be greater than or equal to 10"),
        (["check", "logreg", "--set", "xgboost.trees=3"], "unknown plugin 'xgboost'"),
        (["list", "--plugin", "nothing.py"], "nothing.py does not exist"),
        (["new", "attak", "mine"], "'attak' is not one of"),
        (["new", "attack", "My Attack"], "'My Attack' is no plugin name"),
        (["new", "attack", "9lives"], "'9lives' is no plugin name"),
        (["new", "attack", "../escape"], "'../escape' is no plugin name"),
        (["new", "attack", "logreg"], "attack 'logreg' from package aiakit"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("aiakit: error: ")
    assert said.err.count("\n") == 1
    assert message in said.err
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("outcome", "code", "message"),
    [
        (None, 0, ""),
        (3, 3, ""),
        (InputError("no such folder"), 2, "aiakit: error: no such folder\n"),
        (PluginError("attack 'x' broke"), 1, "aiakit: error: attack 'x' broke\n"),
        (Diverged("the loss\nis nan"), 1, "aiakit: error: the loss is nan\n"),
        (KeyboardInterrupt(), 130, "interrupted; run the same command again to resume\n"),
        (OSError(errno.ENOSPC, "No space left", "/data/x"), 2, "aiakit: error: no space left on /data/x: free some"),
        (OSError(errno.ENOSPC, "No space left"), 2, "no space left on the disk that was being written to"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), 2, "no permission for /data/x"),
        (MemoryError(), 1, "aiakit: error: out of memory"),
        (ZeroDivisionError("division by zero"), 1, "this is a bug of aiakit: ZeroDivisionError: division by zero"),
    ],
)
def test_every_outcome_has_its_exit_code(failing: Any, outcome: Any, code: int, message: str, capsys: Any) -> None:
    failing(outcome)
    assert cli.main(["list"]) == code
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == (1 if message else 0)


def test_debug_shows_the_traceback(
    failing: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(InputError("no such folder"))
    monkeypatch.setenv("AIAKIT_DEBUG", "0")  # restored after the test, whatever --debug sets
    assert cli.main(["--debug", "list"]) == 2
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("aiakit: error: no such folder\n")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = f"'{sys.executable}' -c 'from aiakit.cli import main; import sys; sys.exit(main())' --help | head -c 1"
    done = subprocess.run(program, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_messages_go_to_stderr_and_documents_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({"b": [1, 2.5, None], "a": "é"})
    said = capsys.readouterr()
    assert json.loads(said.out) == {"b": [1, 2.5, None], "a": "é"}
    assert said.out.index('"b"') < said.out.index('"a"')
    assert console().stderr
    with pytest.raises(ValueError, match="JSON compliant"):
        emit_json({"x": float("nan")})


def test_list_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list", "attacks", "defenses", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["schema", "attacks", "defenses"]
    aia = next(plugin for plugin in document["defenses"] if plugin["name"] == "aia")
    assert aia["produces"] == ["embedding", "image"]
    assert aia["package"] == f"aiakit {aiakit.__version__}"
    beta = next(option for option in aia["options"] if option["name"] == "beta")
    assert (beta["minimum"], beta["default"], beta["text"]) == (0, 1.0, "number >= 0, default 1.0")
    logreg = next(plugin for plugin in document["attacks"] if plugin["name"] == "logreg")
    assert (logreg["view"], logreg["presets"]) == ("embedding", ["fast", "strong"])


def test_list_shows_what_is_broken_and_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiakit.attacks.logreg", None)
    assert cli.main(["list", "attacks", "--json"]) == 0
    logreg = next(p for p in json.loads(capsys.readouterr().out)["attacks"] if p["name"] == "logreg")
    assert "ModuleNotFoundError" in logreg["broken"]
    assert cli.main(["list", "attacks"]) == 0
    said = capsys.readouterr().out
    assert "broken: attack 'logreg' from package aiakit" in said
    assert cli.main(["list", "logreg", "xgboost"]) == 0
    said = capsys.readouterr().out
    assert "broken: attack 'logreg' from package aiakit" in said
    assert "--set xgboost.trees=…  integer >= 1" in said


def test_a_list_has_a_line_for_each_plugin(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [name for kind in registry.GROUPS for name in registry.names(kind)]
    assert len(lines) == len(names) + len(registry.GROUPS)
    (cnn,) = (line for line in lines if line.startswith("cnn "))
    assert re.match(r"cnn +image +\d+ s  \S", cnn)


def test_a_list_imports_no_library_of_a_plugin() -> None:
    program = "from aiakit.cli import main; main(['list']); import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"torch", "sklearn", "scipy", "timm", "xgboost", "dlib", "onnx", "onnxruntime"}


@pytest.mark.parametrize("kind", list(registry.GROUPS))
def test_what_is_read_from_a_source_is_what_its_class_says(kind: registry.Kind) -> None:
    for name in registry.names(kind):
        entry = registry.entry(kind, name)
        found, cls = outline(entry.target), entry.load()
        if found is None:
            continue
        reason = found.pop("unavailable", None)
        if reason is not None:
            assert reason == cls.unavailable()
        assert found == {trait: getattr(cls, trait) for trait in found}, name
        missing = [trait for trait in TRAITS if trait not in found and hasattr(cls, trait)]
        assert missing == [], name
