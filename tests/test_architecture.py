"""The rules that keep the house in order: who imports whom, and what a start loads."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "aiakit": "aiakit",
    "aiakit.attacks": "attacks",
    "aiakit.defenses": "defenses",
    "aiakit.benchmarks": "benchmarks/suites",
}
HEAVY = ("torch", "numpy", "pydantic", "sklearn", "scipy", "timm", "xgboost", "onnx", "onnxruntime")
# What a plugin may import, built-in or a stranger's; encoders also read files.
PLUGIN_MAY = ("aiakit.contracts", "aiakit.errors", "aiakit.plugins.bases", "aiakit.networks", "aiakit.measures")
ENCODERS_MAY = ("aiakit.storage", "aiakit.plugins")


def modules() -> dict[str, Path]:
    """Every module of the project by its import name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join([package, *parts]).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def imports(name: str) -> set[str]:
    """The absolute names that a module imports, at the top or inside functions; of project modules the module."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                found.add(f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module)
    return found


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def of_layer(*packages: str) -> list[str]:
    return [name for name in MODULES if within(name, packages)]


PLUGINS = ("aiakit.attacks", "aiakit.defenses", "aiakit.encoders")


def test_plugins_import_only_what_a_stranger_may() -> None:
    for name in of_layer(*PLUGINS):
        family = ".".join(name.split(".")[:2])
        ours = {module for module in imports(name) if within(module, ("aiakit",))} - {family}
        more = ("aiakit.plugins.registry",) if name == family else ()  # the package itself lists the plugins
        allowed = (*PLUGIN_MAY, family, *more, *(ENCODERS_MAY if family == "aiakit.encoders" else ()))
        assert [module for module in ours if not within(module, allowed)] == [], name


def test_the_framework_imports_no_plugin() -> None:
    for name in MODULES:
        if not within(name, PLUGINS) and name != "aiakit":
            assert [module for module in imports(name) if within(module, PLUGINS)] == [], name


def test_the_contracts_import_nothing_of_the_project_but_its_errors() -> None:
    ours = {module for name in of_layer("aiakit.contracts") for module in imports(name) if within(module, ("aiakit",))}
    assert {module for module in ours if not within(module, ("aiakit.contracts",))} == {"aiakit.errors"}
    assert [module for module in imports("aiakit.errors") if within(module, ("aiakit",))] == []


def test_the_root_stands_nearly_empty() -> None:
    assert {path.name for path in (ROOT / "aiakit").glob("*.py")} == {
        "__init__.py",
        "__main__.py",
        "errors.py",
    }


def test_measures_are_pure_functions_on_arrays() -> None:
    for name in of_layer("aiakit.measures"):
        libraries = {module.partition(".")[0] for module in imports(name)} - set(sys.stdlib_module_names)
        assert libraries <= {"numpy", "scipy", "sklearn", "aiakit"}, name
        ours = [module for module in imports(name) if within(module, ("aiakit",))]
        assert [module for module in ours if not within(module, ("aiakit.measures",))] == [], name


# From the ground up: a module may import of its own floor and of those below, never of one above.
FLOORS = (
    ("errors",),
    ("contracts",),
    ("measures", "storage"),
    ("plugins", "networks"),
    ("datasets", "encoders"),
    ("experiment",),
    ("results",),
    ("calibration", "sweeps", "suites", "leaderboard", "tracking", "faces"),
    ("report",),
    ("api",),
    ("cli",),
)
OUTSIDE = ("aiakit", "aiakit.__main__", "aiakit.benchmarks")  # the package's front doors, and a folder of data


def floor_of(name: str) -> int | None:
    """The number of a module's floor; None for plugins, the front door and folders of data."""
    room = name.split(".")[1] if "." in name else ""
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), None)


def test_every_module_has_its_floor() -> None:
    homeless = [name for name in MODULES if floor_of(name) is None and name not in OUTSIDE]
    assert [name for name in homeless if not within(name, PLUGINS)] == []


def test_nobody_imports_upwards() -> None:
    for name in MODULES:
        mine = floor_of(name)
        if mine is not None:
            floors = {module: floor_of(module) for module in imports(name) if module in MODULES}
            assert {module: floor for module, floor in floors.items() if floor is not None and floor > mine} == {}, name


def test_there_is_no_circle() -> None:
    graph = {name: {module for module in imports(name) if module in MODULES} - {name, "aiakit"} for name in MODULES}
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are loaded after the code has run in a fresh interpreter."""
    program = f"{code}\nimport sys, json; print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", ["import aiakit", "from aiakit.cli import main; main(['--help'])"])
def test_a_start_loads_nothing_heavy(code: str) -> None:
    assert loaded_by(code) & set(HEAVY) == set()


def test_importing_a_command_loads_nothing_heavy() -> None:
    commands = [name for name in MODULES if name.startswith("aiakit.cli.")]
    assert loaded_by("\n".join(f"import {name}" for name in commands)) & set(HEAVY) == set()


def test_every_package_and_template_is_installed() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert packages == set(setup["packages"])
    for package, folder in FOLDERS.items():
        patterns = setup["package-data"].get(package, [])
        matched = {path for pattern in patterns for path in (ROOT / folder).glob(pattern)}
        data = {path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
        assert data - matched == set()


def test_every_entry_point_names_a_class_that_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for group in project["entry-points"].values():
        for target in group.values():
            module, _, name = target.partition(":")
            classes = [n.name for n in ast.parse(MODULES[module].read_text()).body if isinstance(n, ast.ClassDef)]
            assert name in classes, target


def test_no_file_is_long() -> None:
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_nothing_names_the_place_where_it_was_written() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    places = re.compile("/" + "work/|/" + "farm/|\\.\\./" + "shared")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if name.startswith(".ci/"):
            continue  # the one script that may look around where it runs
        if path.suffix in (".py", ".md", ".toml", ".txt", ".json", "") and path.is_file():
            assert not places.search(path.read_text(encoding="utf-8", errors="ignore")), name
