"""The documentation's examples run, and every command that it shows is one that the command line takes."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from aiakit.cli.main import COMMANDS
from aiakit.experiment.config import PairsSpec
from aiakit.plugins import registry
from tests.conftest import Answer
from tests.docs.examples import PAGES, ROOT, blocks

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
RUNNABLE = [page for page in PAGES if any(block.run for block in blocks(page.read_text("utf-8")))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_the_examples_of_a_page_run(
    page: Path, aiakit: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for plugin in (ROOT / "docs" / "tutorial").glob("*.py"):
        shutil.copy(plugin, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})  # the page's plugins end with the page
    monkeypatch.setattr("aiakit.experiment.request.PairsSpec", PairsSpec)  # as many pairs as the page's reader has
    names: dict[str, Any] = {}
    for block in blocks(page.read_text("utf-8")):
        where = f"{name_of(page)}:{block.line}"
        if block.run and block.language == "python":
            exec(compile(block.text, where, "exec"), names)
        elif block.run:
            commands = list(block.commands())
            assert commands, f"{where} shows no command that could be run"
            for words, expected in commands:
                answer = aiakit(*words)
                assert answer.code == 0, f"{where}: {' '.join(words)}: {answer.err}"
                printed = f"{answer.out}{answer.err}"
                wanted, got = f"< ...\n{expected}\n... >", f"< -\n{printed}\n- >"
                assert doctest.OutputChecker().check_output(wanted, got, FLAGS), f"{where}: not {expected}:\n{printed}"


def shown() -> list[Any]:
    """Every command that a page shows, with the place where."""
    return [
        pytest.param(words, id=f"{name_of(page)}:{block.line}-{' '.join(words)}"[:80])
        for page in PAGES
        for block in blocks(page.read_text("utf-8"))
        for words, _ in block.commands()
    ]


@pytest.mark.parametrize("words", shown())
def test_a_command_that_is_shown_can_be_given(words: list[str]) -> None:
    """Names and values are parsed, nothing is run; files that a page speaks of need not be there."""
    name, *arguments = words
    assert name in COMMANDS
    module, _, attribute = COMMANDS[name][0].partition(":")
    parse(getattr(importlib.import_module(module), attribute), name, arguments)


def parse(command: click.Command, name: str, arguments: list[str]) -> None:
    while "--plugin" in arguments:  # loading the file is the business of the pages that run
        at = arguments.index("--plugin")
        arguments = arguments[:at] + arguments[at + 2 :]
    if isinstance(command, click.Group):
        context = command.make_context(name, list(arguments))
        _, subcommand, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert subcommand is not None
        parse(subcommand, subcommand.name or "", rest)
    else:
        command.make_context(name, list(arguments))


def test_a_wrong_command_would_be_seen() -> None:
    (block,) = blocks("<!-- run -->\n```console\n$ aiakit list \\\n    --jsn\nbroken\n$ aiakit run\n```\n")
    assert block.run
    assert list(block.commands()) == [(["list", "--jsn"], "broken\n"), (["run"], "")]
    with pytest.raises(click.UsageError):
        parse(importlib.import_module("aiakit.cli.list").command, "list", ["--jsn"])
    with pytest.raises(click.UsageError):
        parse(importlib.import_module("aiakit.cli.leaderboard").command, "leaderboard", ["verify"])


def test_indented_blocks_are_read_too() -> None:
    (block,) = blocks("Text:\n\n    aiakit sweep --defense aia \\\n        --set beta=1,2  # why\n\nMore.\n")
    assert not block.run
    assert list(block.commands()) == [(["sweep", "--defense", "aia", "--set", "beta=1,2"], "")]


def test_the_links_of_the_readme_lead_somewhere() -> None:
    """Those of the pages are checked when the site is built."""
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / "README.md").read_text("utf-8"))
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).is_file()] == []
