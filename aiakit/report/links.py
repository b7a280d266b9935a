"""Where the cells of a report's tables lead: to the table that says more, and from there to the cell of the run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiakit.report.page import Cell, Heading, Table
from aiakit.report.source import Source

Row = dict[str, Any]


def attack_id(row: int, attack: str) -> str:
    """The id of a cell of the attack table: the release's number, and the attack's name in letters that ids allow."""
    return f"attack-{row}-" + "".join(c if c.isalnum() and c.isascii() else f"_{ord(c):x}" for c in attack)


def to_attack(number: int, row: Row, attack: str | None) -> str | None:
    """The link to an attack on a release; None where the attack table has no such row."""
    return f"#{attack_id(number, attack)}" if attack is not None and attack in row["attacks"] else None


def to_strongest(number: int, row: Row) -> str | None:
    """The link to the strongest attack on a release."""
    return to_attack(number, row, row["strongest"]["attack"] if row["strongest"] else None)


def verification_id(row: int, impostors: str) -> str:
    """The id of a cell of the verification table."""
    return f"verification-{row}-{impostors}"


def to_verification(number: int, row: Row, impostors: str) -> str | None:
    """The link to what the verifier reaches on a release; None where it was not measured."""
    return f"#{verification_id(number, impostors)}" if impostors in row["utility"] else None


def to_computed(source: Source, digests: Sequence[str]) -> str | None:
    """The link to the first of the cells of a run that a figure was computed from; None without one."""
    return f"{source.cells}/{digests[0]}/result.json" if digests else None


def cells_table(source: Source) -> Table:
    """Every cell of the run that figures of the report were computed from."""
    figures = source.figures
    found: list[tuple[str, str, Sequence[str]]] = []
    for release, digests in figures.releases.items():
        found.append((release, "release", digests))
        others = (("claim", figures.claims), ("verifier", figures.utilities))
        found += [(release, what, by[release]) for what, by in others if release in by]
    found += [(release, attack, digests) for (release, attack), digests in figures.sources.items()]
    found += [(release, f"{attack}, {name}", digests) for (name, release, attack), digests in figures.further.items()]
    rows = [
        [Cell(release, release), Cell(what, what), Cell(digest, digest, href=to_computed(source, [digest]))]
        for release, what, digests in found
        for digest in digests
    ]
    headings = [Heading("release"), Heading("what"), Heading("cell")]
    return Table(
        "cell-table", "A row is a cell of the run: its scores, and all that it depends on.", headings, rows, True
    )
