"""The record of a suite: what its TOML file may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from aiakit.experiment.config import Record, SplitSpec, chain_label, parse_chain
from aiakit.leaderboard.schema import ReportedRow, Text

SCHEMA = 2
Names = Annotated[tuple[Text, ...], Field(min_length=1)]
Repeats = Annotated[int, Field(ge=1, le=1000)]
Value = bool | int | float | str


class Method(Record):
    """A row of the table. name : how the table calls it. defense : a defense, or a chain (a+b)."""

    name: Text
    defense: Text

    @property
    def stages(self) -> tuple[str, ...]:
        return parse_chain(self.defense)

    @property
    def label(self) -> str:
        """How a run calls its release: without the undefended one in front."""
        return chain_label(self.stages)


class Published(Record):
    """Figures that somebody published for these methods; they stand beside measured ones and never rank.

    source : where they stand. notes : what a reader must know of them. rows : ``release`` is the name of a method.
    """

    source: Text
    notes: tuple[Annotated[str, Field(min_length=1, max_length=1000)], ...] = ()
    rows: Annotated[tuple[ReportedRow, ...], Field(min_length=1)]


class Sweep(Record):
    """One defense over values of its options. attacks, seeds : of the suite where none are given."""

    defense: Text
    values: Annotated[dict[str, Annotated[tuple[Value, ...], Field(min_length=1)]], Field(min_length=1)]
    attacks: Names | None = None
    seeds: Repeats | None = None


class Suite(Record):
    """A suite.

    split : the shares of people, the split's seed, which is also the first seed of the defenses, and the folds.
    knowledge : what attackers know, as ``aiakit run --knowledge``.
    attacks : names and presets. published_attack : the attack that is measured as the published figures were.
    seeds, attack_seeds : repetitions. options : plugin → its options.
    order : names of methods, from the most useful and least private to the least useful and most private.
    """

    schema_version: Literal[2]
    title: Text
    dataset: Text
    attribute: Text
    image_size: int = 64
    split: SplitSpec = SplitSpec()
    methods: Annotated[tuple[Method, ...], Field(min_length=1)]
    attacks: Names
    knowledge: Names = ("informed",)
    published_attack: Text = "gender-mlp"
    seeds: Repeats = 3
    attack_seeds: Repeats = 1
    options: dict[str, dict[str, Any]] = Field(default_factory=dict)
    order: tuple[Text, ...] = ()
    published: Published | None = None
    sweep: Sweep | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [method.name for method in self.methods]
        _require_once("methods: the name", names)
        _require_once("methods: the defense", [method.label for method in self.methods])
        _require_once("order: the method", self.order)
        reported = [row.release for row in self.published.rows] if self.published else []
        _require_once("published.rows: the release", reported)
        for key, used in (("order", self.order), ("published.rows", reported)):
            for name in used:
                if name not in names:
                    raise ValueError(f"{key}: {name!r} is no method of this suite, which are {', '.join(names)}")
        if len(self.order) == 1:
            raise ValueError("order: one method has no order, name two or more")
        if self.split.seed < 0:
            raise ValueError("split: the seed must be 0 or more")
        return self

    def published_row(self, method: str) -> ReportedRow | None:
        """What was published for a method."""
        rows = self.published.rows if self.published else ()
        return next((row for row in rows if row.release == method), None)


def _require_once(what: str, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        if name in names[:number]:
            raise ValueError(f"{what} {name!r} is there twice")
