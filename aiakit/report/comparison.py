"""Two runs side by side: paired differences of what both measured, and what was configured differently."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import Statistics, number
from aiakit.measures.comparison import holm, paired_difference
from aiakit.report.grid import NONE, figure
from aiakit.report.terminal import stdout
from aiakit.results.evaluate import Evaluation, evaluate
from aiakit.results.row import Row

SCHEMA = 1
ABSENT = "(not there)"


def compare_runs(first: Run, second: Run) -> dict[str, Any]:
    """The comparison as a JSON document; differences are second − first, with intervals over people.

    Where the runs judge by other people the reason stands under "not_paired", and there are no differences.
    """
    before, after = (evaluate(run.store, run.config) for run in (first, second))
    reason = _not_paired(before, after)
    common = [name for name in before.rows if name in after.rows]
    rows = [
        {"release": name, "what": what, "metric": metric, **_difference(a, b, metric, reason is None)}
        for name in common
        for what, metric, a, b in _measured(before.rows[name], after.rows[name])
    ]
    corrected = holm([float("nan") if row["p"] is None else row["p"] for row in rows])
    return {
        "schema": SCHEMA,
        "runs": [str(first.folder), str(second.folder)],
        "not_paired": reason,
        "rows": [{**row, "p_holm": number(p_value)} for row, p_value in zip(rows, corrected, strict=True)],
        "only_in_first": [name for name in before.rows if name not in after.rows],
        "only_in_second": [name for name in after.rows if name not in before.rows],
        "changed": [
            {"option": option, "first": old, "second": new}
            for option, old, new in _changes(
                first.config.model_dump(mode="json"), second.config.model_dump(mode="json")
            )
        ],
    }


def _not_paired(before: Evaluation, after: Evaluation) -> str | None:
    """Why differences cannot be paired over people; None where they can."""
    compared: list[tuple[str, Callable[[Evaluation], Any]]] = [
        ("data sets", lambda e: e.config.dataset.data),
        ("attributes", lambda e: e.config.attribute),
        ("test people", lambda e: e.protocol.identity(e.protocol.rows("test"))),
        ("test images", lambda e: e.protocol.rows("test")),
        ("seeds of the split", lambda e: e.config.split.seed),
        ("numbers of bootstrap draws", lambda e: e.config.bootstrap_draws),
    ]
    for name, of in compared:
        if not np.array_equal(of(before), of(after)):
            return f"the two runs have different {name}, so nothing can be paired over people"
    return None


def _measured(a: Row, b: Row) -> Iterator[tuple[str, str, Statistics, Statistics]]:
    """What both rows hold, the headline first."""
    if a.strongest is not None and b.strongest is not None:
        yield "strongest attack", "balanced_accuracy", a.attacks[a.strongest], b.attacks[b.strongest]
    if a.claimed is not None and b.claimed is not None:
        yield "claimed", "balanced_accuracy", a.claimed, b.claimed
    for name in a.attacks:
        if name in b.attacks:
            yield name, "balanced_accuracy", a.attacks[name], b.attacks[name]
    for kind in a.utility:
        if kind in b.utility:
            yield f"utility, {kind.replace('_', ' ')} impostors", "accuracy", a.utility[kind], b.utility[kind]


def _difference(a: Statistics, b: Statistics, metric: str, paired: bool) -> dict[str, Any]:
    values = {"first": number(a.point[metric]), "second": number(b.point[metric])}
    if not paired:
        return {**values, "difference": None, "ci95": None, "p": None}
    return values | paired_difference(b, a, metric).as_json()


def _changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(dotted name, old, new) of every value that differs; plugins are told apart by their names, not their places."""
    if isinstance(old, list) and isinstance(new, list):
        old, new = _by_name(old), _by_name(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            yield from _changes(old.get(key, ABSENT), new.get(key, ABSENT), f"{path}.{key}" if path else key)
    elif old != new:
        yield path, old, new


def _by_name(items: list[Any]) -> Any:
    """A list of plugins, or of chains of plugins, as a table; any other list as it is."""
    chains = [item if isinstance(item, list) else [item] for item in items]
    if items and all(chain and all(isinstance(stage, dict) and "name" in stage for stage in chain) for chain in chains):
        return {
            "+".join(stage["name"] for stage in chain): {stage["name"]: stage for stage in chain} for chain in chains
        }
    return items


def print_comparison(document: dict[str, Any]) -> None:
    """Print a comparison as tables."""
    out: Console = stdout()
    first, second = document["runs"]
    out.print(Text(f"first: {first}   second: {second}", style="bold"))
    table = Table(title="Second minus first, paired over people" if document["not_paired"] is None else None)
    for heading in ("release", "what", "first", "second", "difference [95 %]", "p (Holm)"):
        table.add_column(heading, justify="left" if heading in ("release", "what") else "right")
    for row in document["rows"]:
        difference = NONE
        if row["ci95"] is not None:
            low, high = (figure(bound, sign=True) for bound in row["ci95"])
            difference = f"{figure(row['difference'], sign=True)} [{low}, {high}]"
        texts = (
            row["release"],
            row["what"],
            figure(row["first"]),
            figure(row["second"]),
            difference,
            figure(row["p_holm"]),
        )
        table.add_row(*map(Text, texts))
    out.print(table)
    if document["not_paired"]:
        out.print(Text(f"note: {document['not_paired']}"))
    for which in ("first", "second"):
        if document[f"only_in_{which}"]:
            out.print(Text(f"only in the {which}: {', '.join(document[f'only_in_{which}'])}"))
    if not document["changed"]:
        out.print(Text("The configurations are the same."))
        return
    changes = Table(title="What was configured differently")
    for heading in ("option", "first", "second"):
        changes.add_column(heading, overflow="fold")
    for change in document["changed"]:
        changes.add_row(Text(change["option"]), Text(_short(change["first"])), Text(_short(change["second"])))
    out.print(changes)


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
