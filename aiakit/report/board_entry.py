"""What a board says of one entry: a section of its page, and a page of the entry alone."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiakit.experiment.run import RUN
from aiakit.leaderboard.board import Board, RankedEntry
from aiakit.leaderboard.columns import NONE, by_attack, headline, summary
from aiakit.leaderboard.columns import Column as Said
from aiakit.leaderboard.entry import IN_MEMORY
from aiakit.leaderboard.schema import Provenance
from aiakit.report.conclusion import reads
from aiakit.report.html import REPORT
from aiakit.report.page import Page, Section
from aiakit.report.risks import glance_table
from aiakit.report.sections import lower_bounds
from aiakit.report.table import Cell, Column, Table, tabulated, to_cell

ENTRIES = "entries"  # the folder beside a board's page in which the pages of its entries lie
IN_ENTRY = ("people", "bits", "eer", "front_share", "hypervolume")  # in the section of each entry: no screen is so wide


def named(board: Board) -> list[tuple[str, RankedEntry]]:
    """Every release, and the id of its section: the name of its entry, so that a link to it outlives a rank."""
    names = [place.entry.name for place in board.places]
    return [
        (f"entry-{name}" if names.count(name) == 1 else f"entry-{name}-{number}", board.places[number])
        for number, name in enumerate(names)
    ]


def entry_page(section: str, place: RankedEntry, board: Board, folder: Path, home: Cell) -> Page:
    """A page of an entry alone, to be passed on. folder : where it will lie. home : a link to its board."""
    best, risks = place.row.headline, board.at_a_glance(place)
    lead = [] if best is None else [reads(place.label, {"attack": place.row.strongest, **best.as_json()})]
    tables = [
        _figures("figure-table", "What the board says of it.", summary(board), place),
        *([glance_table({"rows": [{"release": place.label, "at_a_glance": risks}]})] if risks else []),
        _figures("attack-table", "Every attack on test; * the strongest, † without power.", by_attack(board), place),
    ]
    sections = [Section("figures", "Figures", tables=tables), entry_section(section, place, board, folder)]
    return Page(place.label, headline(board), [*lead, lower_bounds(board.smallest_detectable)], sections, home)


def _figures(name: str, caption: str, columns: Sequence[Said], place: RankedEntry) -> Table:
    shown = [
        Column("figure", lambda said: to_cell(said.heading), False),
        Column("value", lambda said: Cell(said.text(place), said.value(place))),
    ]
    return tabulated(name, caption, shown, [said for said in columns if said.value(place) is not None])


def entry_section(
    section: str, place: RankedEntry, board: Board, folder: Path | None = None, page: str = ""
) -> Section:
    """What was submitted. folder : where the page will lie; None leaves links out. page : that of the entry alone."""
    entry = place.entry
    source = _made_of(place.submission.path)
    added = [attack for attack in entry.attacks if attack.external]
    external = [f"{attack.name} (by {attack.submitter})" if attack.submitter else attack.name for attack in added]
    scores = "of a run" if entry.scores == IN_MEMORY else f"scores {entry.scores.sha256[:12]}"
    items: list[str | Cell] = (
        [] if folder is None else [Cell(f"Computed from {source.name}", href=quote(os.path.relpath(source, folder)))]
    )
    if page:
        items.append(Cell("A page of this entry alone", href=page))
    items += _handed_in(entry.provenance)
    figures = [(column.heading, column.text(place)) for column in summary(board) if column.key in IN_ENTRY]
    items += [
        "; ".join(f"{heading}: {text}" for heading, text in figures if text != NONE) + ".",
        f"Entry {entry.name}, {scores}, computed by aiakit {entry.computing.aiakit} "
        f"on {entry.computing.device} ({entry.computing.precision}) in {entry.computing.seconds:.1f} seconds.",
        f"Seeds {', '.join(map(str, entry.computing.seeds))}, {entry.computing.attack_seeds} of each attack.",
        *_risks(place),
        f"Release submitted: {'no' if entry.submitted_release is None else 'yes, attacks can be trained again'}.",
        f"External attacks: {', '.join(external) if external else NONE}.",
        *(f"Attack withdrawn on {each.date}: {each.name}: {each.reason}" for each in entry.withdrawn),
    ]
    command = entry.provenance.command
    settings: dict[str, Any] = {
        **({} if command is None else {"command": shlex.join(("aiakit", *command))}),
        "defense": [{stage.name: stage.params} for stage in entry.stages],
        "attacks": {attack.name: attack.params for attack in entry.attacks},
        "libraries": entry.computing.libraries,
    }
    code = json.dumps(settings, indent=1, ensure_ascii=False)
    return Section(section, place.label, items=items, code=code, listed=False)


def _risks(place: RankedEntry) -> list[str]:
    """Every risk that was asked for: its figure, by what and of which seeds, or why there is none."""
    lines = []
    for risk, found in place.risks.items():
        if "value" not in found:
            lines.append(f"{risk.capitalize()}: not measured, because {found['not_measured']}.")
            continue
        info = next(each for each in place.entry.risks[risk] if each.way == found["way"])
        by = f" ({', '.join(info.by)})" if info.by else ""
        seeds = f"seed{'s' * (len(info.seeds) > 1)} {', '.join(map(str, info.seeds))}"
        low, high = found["ci95"]
        lines.append(
            f"{risk.capitalize()}: {found['figure']}{by}, {seeds}: {found['value']:.3f} [{low:.3f}, {high:.3f}], "
            f"chance {found['chance']:.3f}."
        )
    return lines


def _handed_in(provenance: Provenance) -> list[str | Cell]:
    """Who handed an entry in and when, which version it is, and where to read about it; nothing of a run."""
    words = [
        f"by {provenance.submitter}" if provenance.submitter else "",
        f"on {provenance.date}" if provenance.date else "",
        f"version {provenance.version}" if provenance.version else "",
    ]
    said = ", ".join(word for word in words if word)
    items: list[str | Cell] = [f"Submitted {said}."] if said else []
    return [*items, *([Cell(provenance.link, href=provenance.link)] if provenance.link else [])]


def _made_of(path: Path) -> Path:
    """The file that says where a release's figures come from: an entry, or the report or record of a run."""
    if not path.is_dir():
        return path
    return path / REPORT if (path / REPORT).is_file() else path / RUN
