"""``aiakit show``: the results of a run or an audit, from its stored scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from aiakit.cli.common import json_option, plugin_option, verbose_option
from aiakit.cli.gating import conclude_gate, gate_options, limits_of


@click.command()
@click.argument("run", metavar="RUN")
@verbose_option
@click.option(
    "--format",
    "style",
    type=click.Choice(["terminal", "markdown", "latex"]),
    default="terminal",
    show_default=True,
    help="How it is printed; as text, every table and every sentence.",
)
@gate_options
@plugin_option
@json_option
def command(run: str, as_json: bool, verbose: bool, style: str, **given: Any) -> int:
    """Show the results of a run or of an audit. Nothing is trained: every figure is computed from stored scores."""
    from aiakit.cli.results import print_results, with_gate
    from aiakit.experiment.run import Run
    from aiakit.results.document import document_of_run

    folder, limits = Path(run), limits_of(given)
    document = document_of_run(Run.open(folder))
    if limits is not None:
        found = {document["attribute"]: document, **document.get("further", {})}
        known = {name: len(of["classes"]) for name, of in found.items()}
        where = given["policy"] or "--fail-above"
        numeric = document.get("numeric", {})
        limits = limits.of(known, where, _risks(document), document.get("protected", ()), numeric)
        document = with_gate(document, limits)
    if style == "terminal" or as_json:
        print_results(document, folder, as_json, verbose)
    else:
        from aiakit.report.terminal import as_text

        click.echo(as_text(document, style), nl=False)
    return conclude_gate(document, given)


def _risks(document: dict[str, Any]) -> list[str]:
    """The risks that a run measured."""
    return [found["risk"] for row in document["rows"][:1] for found in row.get("at_a_glance", ())]
