"""Where the cells of tables lead: to the table that says more, and from there to the cell of the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiakit.results.figures import Figures

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


@dataclass(frozen=True)
class Links:
    """Links to the cells of a run that figures were computed from; they lead nowhere without ``figures``.

    cells : the folder of the run's cells as a relative address.
    """

    figures: Figures = field(default_factory=Figures)
    cells: str = ""

    def release(self, name: str) -> str | None:
        """To what made a release."""
        return self.computed(self.figures.releases.get(name, []))

    def claim(self, release: str) -> str | None:
        """To the claim of a release's in-loop attacker."""
        return self.computed(self.figures.claims.get(release, []))

    def verifier(self, release: str) -> str | None:
        """To the verifier of a release."""
        return self.computed(self.figures.utilities.get(release, []))

    def matcher(self, release: str) -> str | None:
        """To the matcher on the pictures of a release."""
        return self.computed(self.figures.matches.get(release, []))

    def attack(self, release: str, name: str) -> str | None:
        """To an attack on a release."""
        return self.computed(self.figures.sources.get((release, name), []))

    def further(self, attribute: str, release: str, name: str) -> str | None:
        """To an attack on a further attribute."""
        return self.computed(self.figures.further.get((attribute, release, name), []))

    def computed(self, digests: Sequence[str]) -> str | None:
        """To the first of some cells; None without one."""
        return f"{self.cells}/{digests[0]}/result.json" if digests else None
