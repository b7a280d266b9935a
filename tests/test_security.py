"""Only plugins run: no module unpickles, evaluates text, starts a shell, or imports what a file names."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [
    path
    for folder in ("aiakit", "attacks", "defenses", "benchmarks/suites")
    for path in sorted((ROOT / folder).rglob("*.py"))
]
UNPICKLING = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle")
PROCESSES = ("subprocess", "pty", "commands", "popen2")
EVALUATING = ("eval", "exec", "compile", "__import__")
STARTING = ("system", "popen", "execv", "execve", "execvp", "spawnl", "spawnv", "posix_spawn", "startfile")
IMPORTING = ("import_module", "spec_from_file_location", "exec_module")
# Plugins, commands and trackers are imported by names from entry points and tables, functions by what a user names:
# these are the only places.
MAY_IMPORT = (
    "aiakit/__init__.py",
    "aiakit/cli/main.py",
    "aiakit/plugins/bases/__init__.py",
    "aiakit/plugins/functions.py",
    "aiakit/plugins/loading.py",
    "aiakit/plugins/registry.py",
    "aiakit/tracking/tracker.py",
)


def dangers(source: str, may_import: bool = False) -> list[str]:
    """What a module could run that is not in it: line and name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            found += [
                f"{node.lineno}: imports {name}" for name in names if name.partition(".")[0] in UNPICKLING + PROCESSES
            ]
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        bad = (
            (name in EVALUATING and not owner)
            or (name in STARTING and owner == "os")
            or (name in IMPORTING and not may_import)
            or (name == "save" and owner == "torch")
            or (name == "load" and owner == "torch" and given.get("weights_only") != "True")
            or (name == "load" and owner in ("np", "numpy") and given.get("allow_pickle") != "False")
            or given.get("shell") == "True"
            or given.get("trust_remote_code") == "True"
        )
        if bad:
            found.append(f"{node.lineno}: calls {ast.unparse(node.func)}")
    return found


def test_nothing_runs_but_plugins() -> None:
    found = {}
    for path in SOURCES:
        name = str(path.relative_to(ROOT))
        found[name] = dangers(path.read_text(encoding="utf-8"), name in MAY_IMPORT)
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "import os.path, subprocess",
        "eval(text)",
        "exec(compile(text, '', 'exec'))",
        "import os\nos.system(text)",
        "torch.save(net, path)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "run(text, shell=True)",
        "importlib.import_module(text)",
    ],
)
def test_every_danger_is_found(source: str) -> None:
    assert dangers(source)


@pytest.mark.parametrize(
    "source", ["import os", "re.compile(text)", "model.eval()", "torch.load(p, weights_only=True)"]
)
def test_what_is_harmless_is_left_alone(source: str) -> None:
    assert dangers(source) == []
