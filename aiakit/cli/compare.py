"""``aiakit compare``: two runs side by side."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@plugin_option
@json_option
def command(first: str, second: str, as_json: bool) -> None:
    """Compare what two runs have in common: paired differences, second minus first, and what was configured.

    Differences are paired over people where both runs judge by the same people; otherwise the values stand alone.
    """
    from aiakit.experiment.run import Run
    from aiakit.report.comparison import compare_runs, print_comparison

    document = compare_runs(Run.open(Path(first)), Run.open(Path(second)))
    if as_json:
        emit_json(document)
    else:
        print_comparison(document)
