"""``aiakit report``: the offline HTML page of a run."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--out", metavar="DIR", help="Where the page is written.  [default: the run's folder]")
@click.option("--figures", is_flag=True, help="Also save each chart as SVG, PNG and PDF.")
@plugin_option
@json_option
def command(run: str, out: str | None, figures: bool, as_json: bool) -> None:
    """Write one offline HTML page with the tables and charts of a run, from its stored scores."""
    from aiakit.experiment.document import document_of
    from aiakit.experiment.evaluate import evaluate
    from aiakit.experiment.run import Run
    from aiakit.report.html import write_report

    opened = Run.open(Path(run))
    evaluation = evaluate(opened.store, opened.config)
    document = document_of(evaluation, opened.failures())
    paths = write_report(opened, evaluation, document, None if out is None else Path(out), figures)
    if as_json:
        emit_json({"schema": 1, "files": [str(path) for path in paths]})
    else:
        for path in paths:
            click.echo(str(path))
