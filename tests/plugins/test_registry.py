"""Plugins from packages and from files."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aiakit.errors import InputError, PluginError
from aiakit.plugins import registry
from aiakit.plugins.registry import Registry, guard

ATTACK = """
from typing import Annotated
import numpy as np
from pydantic import Field
from aiakit.contracts import Attack

class {name}(Attack):
    def __init__(self, beta: Annotated[float, Field(ge=0)] = 1.0) -> None:
        self.beta = beta
    def fit(self, train, val, ctx):
        return self
    def predict_proba(self, release):
        raise KeyError("two\\nlines")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write an installed package (its files and its metadata) and put it on the path."""

    def install(dist: str, points: str, **modules: str) -> None:
        info = tmp_path / f"{dist}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(points)
        for module, source in modules.items():
            (tmp_path / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


def test_a_package_is_found_made_and_named(package: Any) -> None:
    package("probes", "[aiakit.attacks]\nprobe = probes_mod:Probe\n", probes_mod=ATTACK.format(name="Probe"))
    plugins = Registry()
    assert "probe" in plugins.names("attack")
    assert plugins.entry("attack", "probe").package == "probes 1.2"
    assert plugins.make("attack", "probe", {"beta": "2"}).get_params() == {"beta": 2.0}
    assert plugins.parameters("attack", "probe") == {"beta": 1.0}
    with pytest.raises(InputError, match=r"probe\.beta must be greater than or equal to 0, got -1"):
        plugins.make("attack", "probe", {"beta": "-1"})


def test_the_built_in_plugins_are_registered() -> None:
    assert {"aia", "aia-t", "original", "random"} <= set(registry.names("defense"))
    assert {"in-loop", "logreg", "xgboost"} <= set(registry.names("attack"))


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown defense 'orginal': did you mean original\? Known: .*aia, "):
        registry.entry("defense", "orginal")


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("x = (", "SyntaxError"),
        ("y = 1", "has no attribute 'Probe'"),
        ("class Probe: pass", "is not a subclass of Attack"),
        ("from aiakit.contracts import Attack\nclass Probe(Attack): pass", "does not implement fit, predict_proba"),
    ],
)
def test_a_broken_package_is_named_and_breaks_no_other(package: Any, source: str, cause: str) -> None:
    package(
        "probes",
        "[aiakit.attacks]\nbroken = broken_mod:Probe\nsound = sound_mod:Sound\n",
        broken_mod=source,
        sound_mod=ATTACK.format(name="Sound"),
    )
    plugins = Registry()
    assert {"broken", "sound"} <= set(plugins.names("attack"))
    assert plugins.make("attack", "sound").beta == 1.0
    with pytest.raises(PluginError, match=r"attack 'broken' from package probes 1\.2") as caught:
        plugins.make("attack", "broken")
    assert cause in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_packages_of_one_name_are_both_named(package: Any) -> None:
    for dist in ("left", "right"):
        package(dist, f"[aiakit.attacks]\nprobe = {dist}_mod:Probe\n", **{f"{dist}_mod": ATTACK.format(name="Probe")})
    with pytest.raises(PluginError, match=r"left 1\.2 and right 1\.2 both register it, uninstall one"):
        Registry().make("attack", "probe")


def test_a_file_registers_its_concrete_classes(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    source = ATTACK.format(name="MyKNNProbe") + "\nclass _Hidden(MyKNNProbe): pass\n"
    path.write_text(
        source + "\nclass Named(MyKNNProbe):\n    name = 'other-name'\nfrom aiakit.contracts import Defense\n"
    )
    plugins = Registry()
    entries = plugins.register_file(path)
    assert [(entry.kind, entry.name) for entry in entries] == [("attack", "my-knn-probe"), ("attack", "other-name")]
    assert plugins.register_file(str(path)) == entries
    assert plugins.registered_files() == [path]
    assert plugins.make("attack", "other-name").beta == 1.0
    assert "my-knn-probe" in plugins.names("attack")


def test_nothing_is_written_beside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    path.write_text(ATTACK.format(name="Mine"))
    Registry().register_file(path)
    assert list(tmp_path.iterdir()) == [path]


def test_two_files_of_one_name_are_two_modules(tmp_path: Path) -> None:
    plugins = Registry()
    for folder, name in (("a", "First"), ("b", "Second")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(ATTACK.format(name=name))
        plugins.register_file(tmp_path / folder / "mine.py")
    assert type(plugins.make("attack", "first")).__name__ == "First"
    assert type(plugins.make("attack", "second")).__name__ == "Second"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "does not exist"),
        ("x = 1", "defines no plugin: subclass Attack, Defense or Encoder"),
        ("x = 1\nimport no_such_library", r"\(mine\.py:2\) cannot be loaded: ModuleNotFoundError"),
        ("x = 1\nif", r"\(line 2\) cannot be loaded: SyntaxError"),
        ("raise SystemExit(1)", "cannot be loaded: SystemExit"),
        (ATTACK.format(name="Logreg"), r"attack 'logreg' from package aiakit .* has the name 'logreg' already"),
        (ATTACK.format(name="A") + "\n    name = 'a b.c'\n", "'a b.c' is no plugin name"),
    ],
)
def test_a_bad_file_is_one_clear_line_and_registers_nothing(tmp_path: Path, source: str | None, message: str) -> None:
    path = tmp_path / "mine.py"
    if source is not None:
        path.write_text(source)
    plugins = Registry()
    before = plugins.names("attack")
    with pytest.raises(InputError, match=message) as caught:
        plugins.register_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert plugins.registered_files() == []
    assert plugins.names("attack") == before


def test_a_folder_is_no_plugin_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Registry().register_file(tmp_path)
    (tmp_path / "mine.txt").write_text("x = 1")
    with pytest.raises(InputError, match=r"must end in \.py"):
        Registry().register_file(tmp_path / "mine.txt")


def test_the_fingerprint_follows_the_source_and_what_it_imports(package: Any, tmp_path: Path) -> None:
    def digests() -> tuple[str, str]:
        found = subprocess.run(
            [
                sys.executable,
                "-c",
                "from aiakit.plugins import registry as r;"
                " print(*(r.fingerprint('attack', n) for n in ('base', 'sub')))",
            ],
            env={"PYTHONPATH": str(tmp_path), "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        )
        base, sub = found.stdout.split()
        return base, sub

    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "__init__.py").write_text("")
    (pack / "base.py").write_text(ATTACK.format(name="Base"))
    (pack / "helper.py").write_text("HALF = 0.5\n")
    (pack / "sub.py").write_text(
        "from .base import Base\nclass Sub(Base):\n    def go(self):\n        from . import helper\n"
    )
    package("pack", "[aiakit.attacks]\nbase = pack.base:Base\nsub = pack.sub:Sub\n")
    base, sub = digests()
    assert (base, sub) == digests()
    assert base != sub
    (pack / "helper.py").write_text("HALF = 0.25\n")
    assert digests()[0] == base
    assert digests()[1] != sub
    (pack / "helper.py").write_text("HALF = 0.5\n")
    (pack / "base.py").write_text(ATTACK.format(name="Base") + "CHANGED = 1\n")
    assert digests()[0] != base
    assert digests()[1] != sub


def test_a_plugin_file_keeps_its_fingerprint_when_it_is_moved(tmp_path: Path) -> None:
    prints = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.py").write_text(ATTACK.format(name="Probe"))
        plugins = Registry()
        plugins.register_file(tmp_path / folder / f"{folder}.py")
        prints.append(plugins.fingerprint("attack", "probe"))
    assert prints[0] == prints[1]
    assert registry.fingerprint("defense", "aia") != registry.fingerprint("defense", "original")


def test_guard_names_plugin_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(ATTACK.format(name="Probe"))
    plugins = Registry()
    (entry,) = plugins.register_file(path)
    with pytest.raises(PluginError) as caught, guard(entry):
        plugins.make("attack", "probe").predict_proba(None)
    assert str(caught.value) == f"attack 'probe' from file {path} (mine.py:13): KeyError: 'two\\nlines'"
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "error",
    [InputError("x"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")],
)
def test_guard_lets_pass_what_is_not_the_plugins_doing(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, guard(registry.entry("defense", "aia")):
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("class_name", "name"),
    [("MyAttack", "my-attack"), ("AIAWithoutTask", "aia-without-task"), ("CNN", "cnn"), ("KNN5Vote", "knn5-vote")],
)
def test_kebab(class_name: str, name: str) -> None:
    assert registry.kebab(class_name) == name
