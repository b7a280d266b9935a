"""What an edit of a plugin's code changes, and what it does not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit.plugins.fingerprint import source_digest
from aiakit.plugins.registry import Registry
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]

SOURCE = '''"""A probe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression as Model

from aiakit.contracts import Attack

if TYPE_CHECKING:
    from aiakit.contracts import Context

SHARE = 0.5


class Probe(Attack):
    """Guesses."""

    def fit(self, train, val, ctx: Context):
        """Learns."""
        import math

        self.model = Model(C=SHARE).fit(train.release.embedding, train.labels)
        self.rest = math.pi
        return self

    def predict_proba(self, release):
        return np.asarray(self.model.predict_proba(release.embedding))
'''
HARMLESS = {
    "a comment": ("SHARE = 0.5", "SHARE = 0.5  # half"),
    "a module's docstring": ('"""A probe."""', '"""Another probe, told at length."""'),
    "no docstring": ('    """Guesses."""\n\n', ""),
    "a method's docstring": ('"""Learns."""', '"""Learns from train."""'),
    "formatting": ("SHARE = 0.5\n", "SHARE   =   (\n    0.5\n)\n"),
    "the order of imports": (
        "import numpy as np\nfrom sklearn.linear_model import LogisticRegression as Model\n",
        "from sklearn.linear_model import LogisticRegression as Model\nimport numpy as np\n",
    ),
    "an import for types": ("import Context\n", "import Context, Release\n"),
}
HARMFUL = {
    "a constant": ("SHARE = 0.5", "SHARE = 0.25"),
    "an expression": ("C=SHARE", "C=SHARE + 1"),
    "a text that is no docstring": ("self.rest = math.pi", "self.rest = 'pi'"),
    "what an alias stands for": ("import LogisticRegression as Model", "import LogisticRegressionCV as Model"),
}


def fingerprint(folder: Path, source: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "probe.py").write_text(source, "utf-8")
    plugins = Registry()
    plugins.register_file(folder / "probe.py")
    return plugins.fingerprint("attack", "probe")


def edited(case: tuple[str, str]) -> str:
    before, after = case
    assert before in SOURCE
    return SOURCE.replace(before, after)


@pytest.mark.parametrize("case", HARMLESS)
def test_an_edit_of_prose_changes_nothing(case: str, tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "a", edited(HARMLESS[case])) == fingerprint(tmp_path / "b", SOURCE)


@pytest.mark.parametrize("case", HARMFUL)
def test_an_edit_of_what_computes_changes_it(case: str, tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "a", edited(HARMFUL[case])) != fingerprint(tmp_path / "b", SOURCE)


def test_where_a_thing_of_another_package_comes_from_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "first_probe.py").write_text(SOURCE)
    (tmp_path / "second_probe.py").write_text(SOURCE.replace("sklearn.linear_model", "another.linear_model"))
    assert source_digest(["first_probe"]) != source_digest(["second_probe"])


def test_the_place_of_a_module_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for package, inner, line in (
        ("house_a", "", "from house_a.helper import HALF"),
        ("house_b", "rooms", "from .rooms.helper import HALF"),
    ):
        room = tmp_path / package / inner
        room.mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("")
        (room / "__init__.py").write_text('"""A room."""\n' if inner else "")
        (room / "helper.py").write_text("HALF = 0.5\n")
        (tmp_path / package / "probe.py").write_text(f"{line}\n\nQUARTER = HALF / 2\n")
    assert source_digest(["house_a.probe"]) == source_digest(["house_b.probe"])


def test_of_what_a_package_imports_late_only_what_is_asked_for_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    house = tmp_path / "late_house"
    house.mkdir()
    late = "".join(f"    from late_house._{name} import {name}\n" for name in ("half", "third"))
    (house / "__init__.py").write_text(f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n{late}\nLATE = 2\n")
    (house / "_half.py").write_text("half = 0.5\n")
    (house / "asks.py").write_text("from late_house import half\n\nquarter = half / 2\n")
    (house / "takes.py").write_text("import late_house\n\nquarter = late_house.half / 2\n")

    def digests(third: str) -> list[str]:
        (house / "_third.py").write_text(third)
        return [source_digest([f"late_house.{name}"]) for name in ("asks", "takes")]

    before, after = digests("third = 1 / 3\n"), digests("third = 0.3333333\n")
    assert before[0] == after[0]
    assert before[1] != after[1]
    (house / "_half.py").write_text("half = 0.50001\n")
    assert source_digest(["late_house.asks"]) != after[0]


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A module that can be imported as ``commented_probe``."""
    folder = tmp_path_factory.mktemp("probe")
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        (folder / "commented_probe.py").write_text(SOURCE, "utf-8")
        yield folder / "commented_probe.py"


@given(text=st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_no_comment_counts(text: str, probe: Path) -> None:
    found = []
    for source in (SOURCE, f"{SOURCE}# {text}\n", SOURCE.replace("SHARE = 0.5", "SHARE = 1")):
        probe.write_text(source, "utf-8")
        found.append(source_digest(["commented_probe"]))
    assert found[0] == found[1] != found[2]


def written(run: Path) -> dict[str, int]:
    """Every stored cell and when it was written."""
    return {path.name: (path / "result.json").stat().st_mtime_ns for path in (run / "cells").iterdir()}


def by_attack(run: Path) -> dict[str, set[str]]:
    """Attack → its stored cells; "" → all others."""
    found: dict[str, set[str]] = {}
    for path in (run / "cells").iterdir():
        inputs = json.loads((path / "result.json").read_text())["inputs"]
        found.setdefault(inputs["attack"]["name"] if inputs["kind"] == "attack" else "", set()).add(path.name)
    return found


def test_a_name_that_moves_from_one_own_module_to_another_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    house = tmp_path / "two_house"
    house.mkdir()
    (house / "__init__.py").write_text("")
    (house / "left.py").write_text("HALF = 0.5\n")
    (house / "right.py").write_text("HALF = 0.49\n")
    follow = "import two_house.left\nimport two_house.right\n"
    for name in ("left", "right"):
        (house / f"takes_{name}.py").write_text(f"{follow}from two_house.{name} import HALF\n\nQUARTER = HALF / 2\n")
    assert source_digest(["two_house.takes_left"]) != source_digest(["two_house.takes_right"])


def test_an_edit_that_keeps_the_time_of_the_file_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "timed_probe.py"
    path.write_text("HALF = 0.5\n")
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    before = source_digest(["timed_probe"])
    path.write_text("HALF = 0.7\n")
    os.utime(path, ns=times)
    assert source_digest(["timed_probe"]) != before


def test_a_comment_recomputes_nothing_and_a_constant_recomputes_that_plugins_cells_only(
    aiakit: Aiakit, tmp_path: Path
) -> None:
    """Each edit is a file in a folder of its own: a process registers a file once."""

    def run(source: str, name: str) -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / "probe.py").write_text(source)
        command = ["run", "--defense", "original", "--attacks", "probe,logreg", "--no-utility", *TINY, *SHORT]
        answer = aiakit(*command, "--plugin", tmp_path / name / "probe.py", "--out", tmp_path / "runs", "--json")
        assert answer.code == 0, answer.err
        return Path(answer.document["run"])

    with pytest.MonkeyPatch.context() as patch:
        cells = []
        for number, source in enumerate((SOURCE, edited(HARMLESS["a comment"]), edited(HARMFUL["a constant"]))):
            patch.setattr("aiakit.plugins.registry.REGISTRY._from_files", {})
            folder = run(source, f"edit{number}")
            cells.append((folder, written(folder), by_attack(folder)))
    (first, before, attacks), (second, commented, _), (third, after, edited_attacks) = cells
    assert first == second == third
    assert commented == before  # the comment wrote no cell again
    assert {cell: after[cell] for cell in before} == before  # and neither did the constant: it added that plugin's
    assert edited_attacks["logreg"] == attacks["logreg"]
    assert edited_attacks[""] == attacks[""]
    assert len(edited_attacks["probe"]) == 2 * len(attacks["probe"])
