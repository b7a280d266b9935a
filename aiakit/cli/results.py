"""What ``run`` and ``audit`` end with: the gate, the document or its tables, and the report."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiakit.cli.common import console, emit_json
from aiakit.cli.explain import say
from aiakit.cli.gating import conclude_gate

if TYPE_CHECKING:
    from aiakit.results.evaluate import Evaluation
    from aiakit.results.gate import Limits


def tell(*lines: str) -> None:
    """Print lines for people, on stderr: sentences as wide as a terminal, indented commands and paths to be copied."""
    out = console()
    for line in lines:
        if out.is_terminal and not line.startswith(" "):
            line = textwrap.fill(line, out.width, break_long_words=False, break_on_hyphens=False)
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def show_plan(document: dict[str, Any], as_json: bool) -> int:
    """Print what ``--dry-run`` found; the exit code."""
    if as_json:
        emit_json(document)
    else:
        from aiakit.report.outlook import print_outlook

        print_outlook(document)
    return 0


def show_results(
    run: Any, given: Mapping[str, Any], as_json: bool, verbose: bool, quiet: bool, notes: list[str],
    limits: Limits | None,
) -> tuple[Evaluation, dict[str, Any], int]:  # fmt: skip
    """Print what a run has measured and whether limits are kept, write its report, and say where both are.

    given : the options of the command, the gate's among them. The last of what is returned is the exit code: the
    gate's is settled, and its files are written, before anything is drawn that could fail.
    """
    from aiakit.report.html import write_report
    from aiakit.results.document import document_of
    from aiakit.results.evaluate import evaluate

    evaluation = evaluate(run.store, run.config)
    document = with_gate(document_of(evaluation, run.failures()), limits)
    try:
        code = conclude_gate(document, given)
    finally:
        print_results(document, run.folder, as_json, verbose, quiet)
    if not quiet:
        tell(*notes, f"stored in {run.folder}")
    try:
        report, *_ = write_report(run, evaluation, document)
    except Exception as error:
        failed = say(error)
        return evaluation, document, code or failed
    if not quiet:
        tell(f"report: {report}")
    return evaluation, document, code


def with_gate(document: dict[str, Any], limits: Limits | None) -> dict[str, Any]:
    """The document, and what it says of limits where there are some."""
    if limits is None:
        return document
    from aiakit.results.gate import gate_of

    return {**document, "gate": gate_of(document, limits).as_json()}


def print_results(document: dict[str, Any], folder: Path, as_json: bool, verbose: bool, quiet: bool = False) -> None:
    """Print the document of a run folder as JSON, or what was found, for people."""
    if as_json:
        emit_json({**document, "run": str(folder)})
    else:
        from aiakit.report.terminal import print_document

        print_document(document, verbose=verbose, quiet=quiet)
