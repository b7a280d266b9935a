"""Tables of the documentation that are made from stored boards, between marks in the Markdown:

    <!-- board NAME -->            or NAME brief: of what attackers read the headline alone, and fewer columns
    …
    <!-- end of board -->

    python -m benchmarks.tables [--check]        # after `make site`, whose board.json files it reads

It writes them; ``--check`` writes nothing, and names every block that says something else than its board: exit 1.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from tabulate import tabulate

from aiakit.errors import InputError
from aiakit.experiment.config import RISKS, Level
from aiakit.leaderboard.columns import RISING
from aiakit.report.board import JSON
from aiakit.storage.documents import read_json
from aiakit.storage.store import write_atomically
from benchmarks.site import SITE

PAGES = (Path("README.md"), Path("docs"))
NOTHING, MEASURED, BY, BOUND = "–", "measured", "by", "no attack exceeds"
TWICE, VERIFICATION = "with twice the people", "verification, random impostors"
BRIEF = ("rank", "release", "claimed", MEASURED, BY, BOUND, "identity", VERIFICATION)
BLOCK = re.compile(
    r"(?P<begin><!-- board (?P<name>[\w-]+)(?P<brief> brief)? -->\n).*?(?P<end><!-- end of board -->)", re.DOTALL
)


def table_of(board: Mapping[str, Any], brief: bool = False) -> str:
    """The Markdown table of a board's JSON document: what is claimed, what attackers of each level read (in bold the
    headline), what the strongest that is no stack is predicted to read with twice the people, what is proven, the risks
    besides the attribute, and utility. A brief one has the headline and its level in place of all levels, no
    prediction, and of the risks identity alone. Columns of which no release has anything are left out, and shares
    of galleries of several sizes name theirs.
    """
    levels = [level for level in get_args(Level) if any(level in _by_level(row) for row in board["rows"])]
    shown = BRIEF if brief else (*BRIEF[:3], *levels, TWICE, BOUND, *RISKS, VERIFICATION, "AUC")
    columns: dict[str, list[str]] = {name: [] for name in shown}
    mixed = _of_several_galleries(board)
    for row in board["rows"]:
        read, useful = _by_level(row), row["utility"].get("random")
        said = {level: _interval(read.get(level), "balanced_accuracy", level == row["level"]) for level in levels}
        said |= dict.fromkeys(RISKS, NOTHING) | _risks(row, mixed)
        said["rank"] = NOTHING if row["rank"] is None else f"{row['rank']}{'=' if row['tied'] else ''}"
        said["release"] = f"`{row['release']}`"
        said["claimed"] = _number(row["claimed"] and row["claimed"]["balanced_accuracy"])
        said[MEASURED] = _interval(row["strongest"], "balanced_accuracy", headline=True)
        said[BY] = NOTHING if row["strongest"] is None else row["level"]
        said[TWICE] = _predicted(row)
        said[BOUND] = _number(row["certified"])
        said[VERIFICATION] = _interval(useful, "accuracy")
        said["AUC"] = _number(useful and useful["auc"])
        for name in columns:
            columns[name].append(said[name])
    kept = {name: texts for name, texts in columns.items() if set(texts) - {NOTHING}}
    return tabulate(kept, list(kept), "pipe", disable_numparse=True)


def _by_level(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Level → the strongest attack of it."""
    found = {level: max(of.values(), key=lambda each: each["val_balanced_accuracy"])
             for level, of in row.get("knowledge", {}).items()}  # fmt: skip
    return found | ({} if row["strongest"] is None else {row["level"]: row["strongest"]})


def _interval(found: Mapping[str, Any] | None, key: str, headline: bool = False) -> str:
    if found is None:
        return NOTHING
    low, high = found[f"{key}_ci95"]
    text = f"{_number(found[key])} [{_number(low)}, {_number(high)}]"
    return f"**{text}**" if headline else text


def _predicted(row: Mapping[str, Any]) -> str:
    """By the first curve, which is the strongest attack's; an arrow where any is still rising."""
    curves = list(row.get("growth", {}).values())
    if not curves or "predicted" not in curves[0]:
        return NOTHING
    twice = curves[0]["predicted"][0]
    arrow = RISING * any(curve.get("still_rising", False) for curve in curves)
    return _figure({"value": twice["balanced_accuracy"], "ci95": twice["ci95"]}) + arrow


def _of_several_galleries(board: Mapping[str, Any]) -> list[str]:
    """The risks whose figures are not all of equally many people who are searched."""
    glances = [found for row in board["rows"] for found in row.get("at_a_glance", ()) if "gallery" in found]
    return [risk for risk in RISKS if len({found["gallery"] for found in glances if found["risk"] == risk}) > 1]


def _risks(row: Mapping[str, Any], mixed: Collection[str]) -> dict[str, str]:
    """Each risk at a glance, with the size of the gallery where there are several."""
    return {found["risk"]: _figure(found) + (f" of {found['gallery']:,}"
            if found["risk"] in mixed and "gallery" in found else "")
            for found in row.get("at_a_glance", ()) if found["risk"] in RISKS}  # fmt: skip


def _figure(found: Mapping[str, Any]) -> str:
    if "value" not in found:
        return NOTHING
    low, high = found["ci95"]
    return f"{_number(found['value'])} [{_number(low)}, {_number(high)}]"


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3f}"


def pages(root: Path) -> Iterator[Path]:
    """The Markdown files that may hold blocks."""
    for page in (root / path for path in PAGES):
        yield from sorted(page.rglob("*.md")) if page.is_dir() else [page]


def filled(text: str, boards: Path) -> str:
    """A page with every block made anew. Raises InputError for a board that is not there."""

    def block(found: re.Match[str]) -> str:
        path = boards / found["name"] / JSON
        if not path.is_file():
            raise InputError(f"there is no {path}: make site writes it from benchmarks/board/{found['name']}")
        return f"{found['begin']}{table_of(read_json(path), bool(found['brief']))}\n{found['end']}"

    return BLOCK.sub(block, text)


def main() -> int:
    """Fill the blocks of all pages, or check them. 1 where one differs, 2 where a board is not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    try:
        made = {page: filled(page.read_text("utf-8"), SITE / "board") for page in pages(Path())}
    except InputError as error:
        print(f"benchmarks.tables: {error}", file=sys.stderr)
        return 2
    differ = [page for page, text in made.items() if text != page.read_text("utf-8")]
    for page in differ:
        if check:
            print(f"{page}: a table is not what its board says: python -m benchmarks.tables writes it", file=sys.stderr)
        else:
            write_atomically(page, made[page])
            print(page)
    return int(check and bool(differ))


if __name__ == "__main__":
    sys.exit(main())
