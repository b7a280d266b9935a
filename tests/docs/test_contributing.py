"""What contributors are told is so: files parse, commands exist, versions agree, nothing names a machine or a host."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from aiakit import __version__
from aiakit.cli.main import COMMANDS, cli
from tests.docs.examples import PAGES, ROOT
from tests.docs.test_examples import parse

TEXTS = [ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]
GITHUB = ROOT / ".github"
FORMS = sorted((GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
WORKFLOW = GITHUB / "workflows" / "tests.yml"
HOOKS = ROOT / ".pre-commit-config.yaml"
FILES = [*TEXTS, ROOT / "CITATION.cff", HOOKS, *sorted(path for path in GITHUB.rglob("*") if path.is_file())]


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return found


def targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_names_a_host_or_a_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"(?<![\w.])/(work|home|tmp|root|Users)/", text)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_the_forms_of_issues_are_forms(path: Path) -> None:
    form = loaded(path)
    assert {"name", "description", "body"} <= set(form)
    asked = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in asked}) == len(asked) >= 4
    for part in form["body"]:
        assert part["type"] in ("markdown", "textarea", "input", "dropdown", "checkboxes")
        assert part["attributes"]["value" if part["type"] == "markdown" else "label"]
        assert ("options" in part["attributes"]) == (part["type"] in ("dropdown", "checkboxes"))
    assert any(part.get("validations", {}).get("required") for part in asked)


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert [path.stem for path in FORMS] == ["bug", "new-attack", "new-entry"]
    assert loaded(GITHUB / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": True}


def test_the_workflow_runs_what_the_makefile_has_on_every_python_that_is_named() -> None:
    workflow = loaded(WORKFLOW)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    made = {word for step in steps for word in re.findall(r"make ([\w-]+)", step.get("run", ""))}
    assert {"test", "lint", "site"} <= made <= targets()
    for step in steps:
        assert ("uses" in step) != ("run" in step)
        for test in re.findall(r"tests/\S+", step.get("run", "")):
            assert (ROOT / test).is_file()
    named = [name.rpartition(" ")[2] for name in project()["classifiers"] if re.search(r":: 3\.\d+$", name)]
    assert workflow["jobs"]["tests"]["strategy"]["matrix"]["python"] == named
    assert project()["requires-python"] == f">={named[0]}"


def test_hooks_are_local_and_run_what_is_installed() -> None:
    repositories = loaded(HOOKS)["repos"]
    assert [of["repo"] for of in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        assert {"id", "name", "language", "entry"} <= set(hook)
        assert hook["language"] in ("system", "pygrep", "fail")
        if hook["language"] == "system":
            command = shlex.split(hook["entry"])[0]
            assert command.startswith(".venv/bin/")
            assert any(of.startswith(Path(command).name) for of in dev_packages()) or command.endswith("/python")
        if hook["language"] == "pygrep":
            re.compile(hook["entry"])


def dev_packages() -> list[str]:
    found: list[str] = project()["optional-dependencies"]["dev"]
    return found


def test_the_citation_has_what_the_format_asks_for() -> None:
    citation = loaded(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "abstract", "authors"} <= set(citation)
    assert citation["authors"] == project()["authors"] == [{"name": "The aiakit authors"}]
    assert citation["license"] == project()["license"]
    for reference in citation["references"]:
        assert {"type", "title", "authors"} <= set(reference)
    assert "2009.14376" in str(citation["references"])


def test_there_is_one_version() -> None:
    assert loaded(ROOT / "CITATION.cff")["version"] == project()["version"] == __version__


def test_the_changelog_has_this_version_and_what_comes_after() -> None:
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", heading) for heading in headings[1:])
    assert headings[1].startswith(f"[{__version__}]")
    parts = re.findall(r"^### (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert set(parts) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_commands_of_blocks_are_tested_as_those_of_the_documentation() -> None:
    assert {ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"} <= set(PAGES)


def inline() -> list[Any]:
    """Every command of aiakit within a sentence of the files for contributors."""
    return [
        pytest.param(shlex.split(found)[1:], id=f"{path.name}: {found}"[:80])
        for path in FILES
        for found in re.findall(r"`(aiakit [^`]+)`", path.read_text("utf-8").replace("\n", " "))
    ]


@pytest.mark.parametrize("words", inline())
def test_a_command_in_a_sentence_can_be_given(words: list[str]) -> None:
    name, *arguments = words
    if name not in COMMANDS:
        assert name in {option for parameter in cli.params for option in parameter.opts}
        return
    module, _, attribute = COMMANDS[name][0].partition(":")
    command = getattr(importlib.import_module(module), attribute)
    if arguments:
        parse(command, name, arguments)
    else:
        assert isinstance(command, click.Command)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_and_targets_lead_somewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    for file, _, anchor in re.findall(r"\]\(([^)#]+)(#([^)]+))?\)", text.replace("\n", " ")):
        assert (ROOT / file).is_file(), file
        headings = re.findall(r"^#+ (.*)$", (ROOT / file).read_text("utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w-]", "", heading.lower().replace(" ", "-")) for heading in headings}
        assert not anchor or anchor in slugs, anchor
    assert set(re.findall(r"`make ([\w-]+)`|^    make ([\w-]+)", text, re.MULTILINE)) <= {
        pair for target in targets() for pair in ((target, ""), ("", target))
    }
