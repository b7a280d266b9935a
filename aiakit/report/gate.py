"""What a gate says: a line for people, JUnit's XML and SARIF for pipelines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from aiakit import __version__
from aiakit.results.gate import ALONE, RISING
from aiakit.storage.documents import printable

WORDS = {"passed": "PASSED", "failed": "FAILED", "undecided": "NOT PASSED (undecided)"}
RULES = {
    "failed": ("leak-above-limit", "A limit is exceeded"),
    "undecided": ("limit-not-shown", "This measurement does not show that a limit is kept"),
}
Gate = Mapping[str, Any]  # the ``gate`` of a document


def lines(gate: Gate) -> Iterator[str]:
    """One line that says all, and one for each limit that was not shown to be kept."""
    kept = sum(check["outcome"] == "passed" for check in gate["checks"])
    yield f"gate: {WORDS[gate['outcome']]}: {kept} of {len(gate['checks'])} limits are shown to be kept"
    for check in _open(gate):
        yield f"  {check['outcome']}: {check['release']}: {check['reason']}"
    for check in gate["checks"]:
        if check["outcome"] == "passed" and (check["reason"].endswith(RISING) or ALONE in check["reason"]):
            yield f"  note: {check['release']}: {check['reason']}"
    if gate["missing"]:
        yield f"  undecided: no result of {len(gate['missing'])} cells, the first is {gate['missing'][0]}"


def _open(gate: Gate) -> list[Mapping[str, Any]]:
    return [check for check in gate["checks"] if check["outcome"] != "passed"]


def as_junit(gate: Gate, about: str) -> str:
    """The gate as a test suite: a case a release and limit, failures with the outcome as their type.

    about : the name of what is judged, which names the suite.
    """
    environment = Environment(
        loader=PackageLoader("aiakit.report", "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    checks = [
        {**check, **{key: printable(check[key]) for key in ("release", "what", "reason")}} for check in gate["checks"]
    ]
    return environment.get_template("junit.xml.j2").render(
        about=printable(about),
        checks=checks,
        missing=list(map(printable, gate["missing"])),
        bad=len(_open(gate)) + bool(gate["missing"]),
    )


def as_sarif(gate: Gate, about: str) -> str:
    """The gate as SARIF 2.1.0: a result for each limit that was not shown to be kept.

    about : the path, or the name, of what a result is about. Code scanning refuses results without a place.
    """
    place = {"physicalLocation": {"artifactLocation": {"uri": quote(about)}, "region": {"startLine": 1}}}
    order = list(RULES)
    found = [(check["outcome"], f"{check['release']}: {check['reason']}", check) for check in _open(gate)]
    if gate["missing"]:
        found.append(("undecided", f"no result of {', '.join(gate['missing'])}", {}))
    results = [
        {
            "ruleId": RULES[outcome][0],
            "ruleIndex": order.index(outcome),
            "level": "error" if outcome == "failed" else "warning",
            "message": {"text": printable(text)},
            "locations": [place],
            "properties": dict(check),
        }
        for outcome, text, check in found
    ]
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.values()]
    driver = {"name": "aiakit", "version": __version__, "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


WRITTEN: dict[str, Callable[[Gate, str], str]] = {"junit": as_junit, "sarif": as_sarif}
