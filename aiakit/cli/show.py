"""``aiakit show``: the results of a run, from its stored scores."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("run", metavar="RUN")
@plugin_option
@json_option
def command(run: str, as_json: bool) -> int:
    """Show the results of a run. Nothing is trained: every figure is computed from the stored scores."""
    from aiakit.experiment.run import Run

    opened = Run.open(Path(run))
    document = opened.document()
    if as_json:
        emit_json({**document, "run": str(opened.folder)})
    else:
        from aiakit.report.terminal import print_document

        print_document(document)
    return 0 if document["complete"] else 1
