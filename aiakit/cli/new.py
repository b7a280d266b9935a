"""``aiakit new``: the skeleton of a plugin that works from the first minute."""

from __future__ import annotations

import errno
import shlex
import tempfile
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, cast

import rich_click as click

from aiakit.cli.results import tell
from aiakit.errors import InputError

if TYPE_CHECKING:
    from aiakit.plugins.registry import Kind

FEW = "--people 80 --images-per-person 4 --image-size 32"  # a try takes seconds
# What is begun → how it is tried, once it is checked. NAME and FILE stand for its own.
TRIES = {
    "attack": (f"aiakit run --defense leace --attacks NAME,logreg --plugin FILE {FEW}",),
    "defense": (f"aiakit run --defense NAME --attacks logreg,knn --plugin FILE {FEW}",),
    "embedding-defense": (f"aiakit run --defense NAME --attacks logreg,knn --plugin FILE {FEW}",),
    "encoder": (f"aiakit run --encoder NAME --defense leace --attacks logreg --plugin FILE {FEW}",),
    "dataset": (
        "aiakit data --dataset NAME --plugin FILE",
        "aiakit run --dataset NAME --defense leace --attacks logreg --plugin FILE",
    ),
    "linker": (f"aiakit run --defense leace --attacks logreg --risks identity --plugin FILE {FEW}",),
    "decoder": (f"aiakit run --defense leace --attacks logreg --risks inversion --plugin FILE {FEW}",),
    "regressor": (f"aiakit run --defense leace --attacks logreg --numeric hair_light --plugin FILE {FEW}",),
}


@click.command("new")
@click.argument("kind", type=click.Choice(list(TRIES)), metavar="KIND")
@click.argument("name")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=".", help="Where the folder is made.")
def command(kind: str, name: str, out: Path) -> None:
    """Write the folder NAME with a plugin, its tests and a pyproject.toml.

    KIND is attack, defense (of pictures), embedding-defense, encoder, dataset, or what attacks another risk: linker,
    decoder, regressor. The plugin file works with --plugin at once; the folder installs with pip. Nothing is ever
    overwritten.
    """
    folder = write_skeleton(kind, name, out)
    file = shlex.quote(str(folder / f"{_module(kind, name)}.py"))
    tell(
        f"wrote {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}",
        f"  aiakit check {file}",
        *(f"  {line.replace('NAME', name).replace('FILE', file)}" for line in TRIES[kind]),
        f"  pip install -e {shlex.quote(str(folder))}",
    )


def write_skeleton(what: str, name: str, out: Path) -> Path:
    """Make ``out/name`` and return it. Raises InputError for a name that cannot be used or a folder that exists.

    what : a key of ``TRIES``.
    """
    from aiakit.plugins import registry

    kind = cast("Kind", what.removeprefix("embedding-"))
    if not registry.NAME.fullmatch(name) or not name[0].isalpha():
        raise InputError(f"{name!r} is no plugin name: begin with a letter; use small letters, digits, single hyphens")
    if name in registry.names(kind):
        raise InputError(f"{registry.entry(kind, name)} has this name already: choose another")
    folder = out / name
    if folder.exists():
        raise InputError(f"{folder} exists already: choose another name or --out, nothing is overwritten")
    words = {
        "kind": kind,
        "name": name,
        "group": registry.GROUPS[kind],
        "module": _module(kind, name),
        "class_name": "".join(part.capitalize() for part in name.replace("_", "-").split("-")),
    }
    templates = files("aiakit.plugins") / "templates"
    sources = {
        "pyproject.toml": templates / "pyproject.toml.txt",
        "README.md": templates / "README.md.txt",
        f"{words['module']}.py": templates / what / "plugin.py.txt",
        f"test_{words['module']}.py": templates / what / "test.py.txt",
    }
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=f".{name}-") as unfinished:
        made = Path(unfinished) / name
        made.mkdir()
        for target, source in sources.items():
            text = Template(source.read_text(encoding="utf-8")).substitute(words)
            (made / target).write_text(text, encoding="utf-8")
        try:
            made.rename(folder)
        except OSError as error:  # made by somebody else in the meantime
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise InputError(f"{folder} exists already: nothing is overwritten") from error
    return folder


def _module(kind: str, name: str) -> str:
    """The module's name: with the kind in it, so that it hides no library of the plugin's name."""
    stem, kind = name.replace("-", "_"), kind.removeprefix("embedding-")
    return stem if stem.endswith(f"_{kind}") else f"{stem}_{kind}"
