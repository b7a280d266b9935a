"""The pages that are made from the code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from aiakit.cli.main import COMMANDS
from aiakit.plugins import registry

docstrings = pytest.importorskip("docs.hooks.docstrings", reason="needs the extra docs", exc_type=ImportError)
commands = pytest.importorskip("docs.hooks.commands", reason="needs the extra docs", exc_type=ImportError)
more = pytest.importorskip("docs.hooks.more", reason="needs the extra docs", exc_type=ImportError)
plugins = pytest.importorskip("docs.hooks.plugins", reason="needs the extra docs", exc_type=ImportError)


@pytest.mark.parametrize("kind", list(plugins.INTRODUCTIONS))
def test_every_plugin_is_on_its_page(kind: registry.Kind) -> None:
    page = plugins.plugins(kind, "")
    for name in registry.names(kind):
        assert f"## `{name}` {{ #{name} }}" in page
    assert page.count("\n::: ") == len(registry.names(kind))


def test_every_command_and_option_is_on_the_page() -> None:
    page = commands.page()
    for name in COMMANDS:
        assert f"\n## aiakit {name}\n" in page
    assert "\n### aiakit leaderboard submit\n" in page
    assert "| `--min-utility FLOAT RANGE` |" in page
    assert "0&lt;=x&lt;=1" in page


def test_a_command_without_options_has_no_table() -> None:
    command = click.Command("x", help="Does\n    nothing | much.")
    text = "\n".join(commands.describe(command, click.Context(command, info_name="x"), "##"))
    assert "| option |" not in text
    assert "## x\n" in text


def test_parameters_become_a_list() -> None:
    given = "a, b : two numbers,\n    of a kind. c : another.\nd : the last: yes."
    text = f"A thing.\n\nParameters\n----------\n{given}\n\nEnd."
    assert docstrings.as_markdown(text).splitlines() == [
        "A thing.",
        "",
        "**Parameters**",
        "",
        "- `a`, `b`: two numbers,",
        "    of a kind. `c`: another.",
        "- `d`: the last: yes.",
        "",
        "End.",
    ]


def test_text_that_only_looks_like_a_parameter_stays() -> None:
    text = "It is: a thing. This : is odd prose\nthat goes on : and on, in (x : y) too."
    assert docstrings.as_markdown("Nothing special: here.") == "Nothing special: here."
    assert "- `" not in docstrings.as_markdown(text)


def test_a_page_that_the_navigation_forgets_stands_at_its_end(tmp_path: Path) -> None:
    for name in ("index.md", "a.md", "b.md"):
        (tmp_path / name).touch()
    config = SimpleNamespace(docs_dir=str(tmp_path), nav=[{"Start": "index.md"}, {"Use": [{"B": "b.md"}]}])
    assert more.on_config(config).nav[2:] == [{"More": ["a.md"]}]
    config.nav = ["index.md", "a.md", {"B": "b.md"}]
    assert more.on_config(config).nav == ["index.md", "a.md", {"B": "b.md"}]
