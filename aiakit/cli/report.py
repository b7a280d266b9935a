"""``aiakit report``: the offline HTML page of a run or an audit."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("run", metavar="RUN")
@click.option("-o", "--out", metavar="DIR", help="Where the page is written.  [default: the run's folder]")
@click.option("--figures", is_flag=True, help="Also save each chart as SVG, PNG and PDF.")
@click.option(
    "--faces",
    type=click.IntRange(0, 100),
    help="Show so many test faces of a run beside their releases.  [default: 3 drawn ones, no real people]",
)
@plugin_option
@json_option
def command(run: str, out: str | None, figures: bool, faces: int | None, as_json: bool) -> None:
    """Write one offline HTML page with the tables and charts of a run or an audit, from stored scores.

    Pictures of real people become part of the page only with --faces: they are personal data, and a page is passed on.
    """
    from aiakit.experiment.run import Run
    from aiakit.report.html import write_report
    from aiakit.results.document import document_of
    from aiakit.results.evaluate import evaluate

    opened, place = Run.open(Path(run)), Path(run if out is None else out)
    evaluation = evaluate(opened.store, opened.config)
    paths = write_report(opened, evaluation, document_of(evaluation, opened.failures()), place, figures, faces)
    if as_json:
        emit_json({"schema": 1, "files": [str(path) for path in paths]})
    else:
        for path in paths:
            click.echo(str(path))
