"""``aiakit show``: the results of a run or an audit, from its stored scores."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from aiakit.cli.common import emit_json, json_option, plugin_option


@click.command()
@click.argument("run", metavar="RUN")
@plugin_option
@json_option
def command(run: str, as_json: bool) -> int:
    """Show the results of a run or of an audit. Nothing is trained: every figure is computed from stored scores."""
    from aiakit.auditing.result import AuditResult, holds_audit
    from aiakit.experiment.run import Run
    from aiakit.results.document import document_of_run

    folder = Path(run)
    audited = holds_audit(folder)
    document = AuditResult.load(folder).document() if audited else document_of_run(Run.open(folder))
    if as_json:
        emit_json({**document, "run": str(folder)})
    elif audited:
        from aiakit.cli.audit import print_audit

        print_audit(document)
    else:
        from aiakit.report.terminal import print_document

        print_document(document)
    return 0 if document["complete"] else 1
