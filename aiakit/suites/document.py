"""The machine-readable document of a suite: what ``benchmark run --json`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiakit.results.document import document_of
from aiakit.results.evaluate import Evaluation
from aiakit.suites.orderings import orderings_of
from aiakit.suites.schema import SCHEMA, Method, Suite

# What the document of a run says of the whole experiment, and a suite's says too.
SHARED = ("aiakit", "dataset", "attribute", "classes", "people", "images", "splits", "seeds", "attack_seeds", "folds",
          "attacker_people",
          "bayes_ceiling", "chance", "smallest_detectable", "complete", "failures", "notes", "limits")  # fmt: skip


def suite_document(
    name: str, suite: Suite, evaluation: Evaluation, failures: dict[str, str], sweep: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The document; every value is plain JSON. failures : label of a cell → why it has no result.

    sweep : the document of the suite's sweep, where it was run.
    """
    run = document_of(evaluation, failures)
    rows = {row["release"]: row for row in run["rows"]}
    return {
        "schema": SCHEMA,
        "suite": name,
        "title": suite.title,
        **{key: run[key] for key in SHARED},
        "published_attack": suite.published_attack,
        "published": None if suite.published is None else {
            "source": suite.published.source, "notes": list(suite.published.notes)
        },
        "rows": [_row(suite, method, rows[method.label]) for method in suite.methods],
        "order": list(suite.order),
        "orderings": orderings_of(suite, evaluation),
        "sweep": sweep,
    }  # fmt: skip


def _row(suite: Suite, method: Method, row: dict[str, Any]) -> dict[str, Any]:
    reported = suite.published_row(method.name)
    return {
        "method": method.name,
        "reported": None if reported is None else reported.model_dump(mode="json", exclude={"release"}),
        "published_attack": row["attacks"].get(suite.published_attack),
        **row,
    }


def listing(suites: dict[str, tuple[Path, Suite]]) -> dict[str, Any]:
    """What suites there are, as JSON."""
    return {
        "schema": SCHEMA,
        "suites": [
            {
                "name": name,
                "title": suite.title,
                "file": str(path),
                "dataset": suite.dataset,
                "attribute": suite.attribute,
                "methods": [method.name for method in suite.methods],
                "attacks": list(suite.attacks),
                "seeds": suite.seeds,
                "published": None if suite.published is None else suite.published.source,
                "sweep": None if suite.sweep is None else {k: list(v) for k, v in suite.sweep.values.items()},
            }
            for name, (path, suite) in suites.items()
        ],
    }
