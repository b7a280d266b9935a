"""The machine-readable document of a run: what ``run --json`` and ``show --json`` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from aiakit import __version__
from aiakit.experiment.config import REFERENCE, RunConfig, label_of
from aiakit.experiment.probing import on_large_samples
from aiakit.experiment.run import Run
from aiakit.measures.bootstrap import number, numbers
from aiakit.measures.deciding import spread_of_folds
from aiakit.measures.statistics import smallest_detectable
from aiakit.results.evaluate import Evaluation, evaluate
from aiakit.results.glance import at_a_glance
from aiakit.results.learning import people_known, too_few
from aiakit.results.protected import worst_of
from aiakit.results.row import Risks, Row, across_levels, certified, utility_as_json
from aiakit.results.verdicts import (
    SHOWN,
    SIGNIFICANCE,
    Verdict,
    numeric_key,
    shown_power,
    tested_together,
    verdicts_of_run,
)

SCHEMA = 3
Said = Mapping[tuple[str, str], Verdict | None]  # (attribute, release) → verdict
NO_REFERENCE = (
    "no undefended --reference was given, so that the power of these attacks is not known: where nothing was found, "
    "only the smallest detectable leak says what that means"
)
LIMITS = (
    "A finite suite of attacks gives a lower bound on what is leaked: an attack that nobody ran may read more.",
    "High utility with nothing leaked is impossible in general (Stadler et al., 2402.12235).",
)


def document_of_run(run: Run) -> dict[str, Any]:
    """The document of what a run has finished, computed from its stored scores."""
    return document_of(evaluate(run.store, run.config), run.failures())


def document_of(evaluation: Evaluation, failures: dict[str, str], tests: int | None = None) -> dict[str, Any]:
    """The document; every value is plain JSON.

    failures : label of a cell → why it has no result. tests : how many verdicts are reached together, where these are
    more than those of this document.
    """
    config, facts = evaluation.config, evaluation.protocol.facts
    said, tests = verdicts_of_run(evaluation), tests or tested_together(evaluation)
    left_out = [f"{spec.name} was not measured: {spec.left_out}" for spec in config.further if spec.left_out]
    left_out += [
        f"--numeric {spec.name} was not measured: it {spec.left_out}" for spec in config.numeric if spec.left_out
    ]
    return {
        "schema": SCHEMA,
        "aiakit": __version__,
        "dataset": facts["dataset"],
        **_attribute(evaluation, tests),
        **_if_any(protected=list(config.protected)),
        **_if_any(protected_numbers=list(config.protected_numbers)),
        "seeds": len(config.seeds),
        "attack_seeds": config.attack_seeds,
        "folds": config.split.folds,
        "complete": not (failures or evaluation.missing or any(row.missing for row in evaluation.rows.values())),
        "failures": [{"cell": label, "reason": reason} for label, reason in failures.items()],
        "notes": [
            *facts["notes"],
            *config.notes,
            *config.risk_notes,
            *left_out,
            *(f"{row.release}: {note}" for row in evaluation.rows.values() for note in row.notes),
            *_on_large_samples(evaluation),
            *([NO_REFERENCE] if config.audits and REFERENCE not in evaluation.rows else []),
            *_on_certainty(evaluation),
            *_on_attacker_val(evaluation),
            *_on_growth(evaluation),
            *_on_risks(evaluation),
        ],
        **_if_any(not_run=_not_run(config)),
        "limits": list(LIMITS),
        "rows": _with_glances(evaluation, tests, [_row(evaluation, row, said) for row in evaluation.rows.values()]),
        **_if_any(numeric=_about_numbers(evaluation, tests)),
        **_if_any(photographs=evaluation.photographs and evaluation.photographs.as_json()),
        **({"audit": _audited(config)} if config.audits else {}),
        **_if_any(further={name: _further(of, said, tests) for name, of in evaluation.further.items()}),
    }


def _with_glances(evaluation: Evaluation, tests: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, with every risk at a glance where some were asked for."""
    about = _about_numbers(evaluation, tests)
    if not evaluation.config.risks and not about:
        return rows
    of = {**_attribute(evaluation, tests), "numeric": about}
    return [{**row, "at_a_glance": at_a_glance(row, of, evaluation.config.risks)} for row in rows]


def _about_numbers(evaluation: Evaluation, tests: int) -> dict[str, Any]:
    """Numeric attribute → what is known of it; of those that a run measures."""
    judge = evaluation.numeric
    return {} if judge is None else {name: judge.about(name, tests) for name in judge.values}


def _audited(config: RunConfig) -> dict[str, Any]:
    """What was audited: its view, digest, and how its people were split and compared."""
    return {**config.dataset.params, "data": config.dataset.data, "score": config.score, "seed": config.split.seed}


def _on_certainty(evaluation: Evaluation) -> list[str]:
    """Where too little decides an interval to rely on it."""
    found = {name: row.headline.caution for name, row in evaluation.rows.items() if row.headline is not None}
    doubts = [f"{name} ({caution})" for name, caution in found.items() if caution is not None]
    return [f"these intervals are no more than a hint: {', '.join(doubts)}"] if doubts else []


def _on_attacker_val(evaluation: Evaluation) -> list[str]:
    """Which attacks have learned from the people by whom attacks are chosen."""
    found = {
        name: f"{name} ({statistics.val_balanced_accuracy:.3f} of attacker-val, "
        f"{statistics.point['balanced_accuracy']:.3f} of test)"
        for row in evaluation.rows.values()
        for attacks in (row.attacks, *row.knowledge.values())
        for name, statistics in attacks.items()
        if statistics.learned_from_val
    }
    if not found:
        return []
    return [
        f"learned from attacker-val, and so chosen by what they read of test: {', '.join(found.values())}; an attack "
        "may choose epochs and hyper-parameters there, and learn from attacker-train alone"
    ]


def _on_growth(evaluation: Evaluation) -> list[str]:
    """Why it is not said how the leak grows."""
    reason = too_few(evaluation.protocol) if evaluation.config.forecast else ""
    return [f"how the leak grows with the people that the attacker knows is not said: {reason}"] if reason else []


def _on_risks(evaluation: Evaluation) -> list[str]:
    """What was asked for and could not be measured, a line for each reason."""
    lacking: dict[tuple[str, str], list[str]] = {}
    for name, row in evaluation.rows.items():
        for risk, ways in row.risks.items():
            for way, found in ways.items():
                if isinstance(found, str):
                    lacking.setdefault((f"{risk} ({way})", found), []).append(name)
    return [f"{what} of {', '.join(of)} was not measured, because {why}" for (what, why), of in lacking.items()]


def _on_large_samples(evaluation: Evaluation) -> list[str]:
    protocol, found = evaluation.protocol, dict[str, str]()
    for row in evaluation.rows.values():
        found |= row.approximations
    return on_large_samples(len(replace(protocol, fold=0 if protocol.folds else None).rows("attacker-train")), found)


def _attribute(evaluation: Evaluation, tests: int) -> dict[str, Any]:
    """What an attribute is inferred from and judged by, where so many verdicts are reached together."""
    protocol, facts = evaluation.protocol, evaluation.protocol.facts
    test, classes = protocol.judged("test"), len(protocol.classes)
    return {
        **{key: facts[key] for key in ("attribute", "classes", "people", "images", "splits", "bayes_ceiling")},
        "chance": 1 / classes,
        **_if_any(absence=facts.get("absence")),
        "attacker_people": _people_known(evaluation),
        "tested_together": tests,
        "smallest_detectable": number(
            smallest_detectable(
                protocol.labels(test),
                protocol.identity(test),
                classes,
                evaluation.unit,
                SIGNIFICANCE / tests,
                widened=spread_of_folds(len(protocol.folds)),
            )
        ),
    }


def _people_known(evaluation: Evaluation) -> dict[str, int]:
    """Level → how many people attackers learn from."""
    levels = sorted({row.level for row in evaluation.rows.values()} | {"informed"})
    return {level: people_known(evaluation.protocol, "insider" in level) for level in levels}


def _not_run(config: RunConfig, unable: Mapping[str, str] = {}) -> dict[str, str]:
    """Attack that was asked for by name → why it is not run. unable : those that one attribute leaves out → why."""
    found = {name: reason or unable.get(name, "") for name, reason in config.named.items()}
    return {name: reason for name, reason in found.items() if reason}


def _further(evaluation: Evaluation, said: Said, tests: int) -> dict[str, Any]:
    """A further attribute: what else the releases say of the same people."""
    without = {spec.name: spec.without for spec in evaluation.config.further}[evaluation.protocol.facts["attribute"]]
    unable = dict.fromkeys(without, "it cannot infer this attribute")
    return {
        **_attribute(evaluation, tests),
        "notes": [*evaluation.protocol.facts["notes"], *(f"{name} not run: {why}" for name, why in unable.items())],
        **_if_any(not_run=_not_run(evaluation.config, unable)),
        "rows": [_inferred(evaluation, row, said) for row in evaluation.rows.values()],
    }


def _inferred(evaluation: Evaluation, row: Row, said: Said) -> dict[str, Any]:
    """What attacks read from one release."""
    figures = judged(row, said[evaluation.protocol.facts["attribute"], row.release])
    found = {
        "release": row.release,
        "level": row.level,
        **{key: figures[key] for key in ("strongest", "simultaneous_upper", "verdict", "p_value", "certificate")},
        "attacks": _attacks(evaluation, row),
    }
    return found | _if_any(across_levels=_across(row), skipped=row.skipped, slices=row.slices and asdict(row.slices))


def _attacks(evaluation: Evaluation, row: Row) -> dict[str, Any]:
    """Attack → its metrics, level and power, and the variances between seeds where there are seeds of both kinds."""
    own = {spec.name: spec.knowledge for spec in evaluation.config.attacks}
    reference = evaluation.rows.get(evaluation.config.reference)
    power = {} if reference is None else shown_power(reference)
    found = {}
    for name, statistics in row.attacks.items():
        found[name] = {
            **statistics.as_json(),
            "power": power.get(name),
            "knowledge": own[name] if own[name] != "informed" else row.level,
        }
        if name in row.variance:
            found[name]["variance"] = dict(zip(("defense_seeds", "attack_seeds"), row.variance[name], strict=True))
    return found


def _row(evaluation: Evaluation, row: Row, said: Said) -> dict[str, Any]:
    return {
        "release": row.release,
        "level": row.level,
        "params": _params(evaluation.config, row.release),
        **judged(row, said[evaluation.protocol.facts["attribute"], row.release]),
        "attacks": _attacks(evaluation, row),
        **_if_any(across_levels=_across(row)),
        **_if_any(worst=_worst(evaluation, row, said)),
        **_if_any(numeric=_numeric(evaluation, row, said)),
        **_if_any(risks=risks_as_json(row.risks), errors_by_class=_by_class(row, evaluation.protocol.classes)),
        **_if_any(skipped=row.skipped, slices=row.slices and asdict(row.slices)),
        "seconds": round(row.seconds, 3),
        "fit_seconds": round(row.fit_seconds, 3),
        "release_seconds": round(row.release_seconds, 3),
        "peak_mib": row.peak_mib,
        "missing": row.missing,
    }


def _across(row: Row) -> dict[str, Any] | None:
    """Of several levels, the most that any of them reads of a release, and a bound over them all."""
    found = across_levels(row)
    if found is None:
        return None
    return {
        "level": found.level,
        "attack": found.attack,
        "balanced_accuracy": number(found.figure),
        "simultaneous_upper": number(found.upper),
    }


def _worst(evaluation: Evaluation, row: Row, said: Said) -> dict[str, Any] | None:
    """Where several attributes are protected, the headline of the one that is read best from a release."""
    verdicts = {name: said.get((name, row.release)) for name in evaluation.config.protected}
    shown = [name for name, verdict in verdicts.items() if verdict is not None and verdict.text in SHOWN]
    found = worst_of(evaluation, row.release, shown)
    if found is None or found.row.headline is None:
        return None
    return {
        "attribute": found.attribute,
        "chance": found.chance,
        "level": found.row.level,
        "strongest": {"attack": found.row.strongest, **found.row.headline.as_json()},
        "simultaneous_upper": number(found.upper),
        **said_of(said[found.attribute, row.release]),
    }


def _numeric(evaluation: Evaluation, row: Row, said: Said) -> dict[str, Any]:
    """Numeric attribute → what regressors estimate of it, also beside the undefended release, and what is said."""
    reference = None if row.release == evaluation.config.reference else evaluation.rows.get(evaluation.config.reference)
    undefended = {} if reference is None else reference.numeric
    return {
        name: {**found.as_json(undefended.get(name)), **said_of(said[numeric_key(name), row.release])}
        for name, found in row.numeric.items()
    }


def risks_as_json(risks: Risks) -> dict[str, Any]:
    """Risk → which two releases are compared → its figures, or why there are none."""
    return {
        risk: {
            way: {"not_measured": found} if isinstance(found, str) else found.as_json() for way, found in ways.items()
        }
        for risk, ways in risks.items()
    }


def _certificate(row: Row) -> dict[str, Any] | None:
    found = row.certificate
    if found is None:
        return None
    images = [{**asdict(each), "people": list(each.people)} for each in found.images]
    return {**asdict(found), "people": list(found.people), "images": images}


def _by_class(row: Row, classes: Sequence[str]) -> dict[str, Any]:
    """Operating point → class → verification errors."""
    return {
        point: {classes[code]: found.as_json() for code, found in each.items()}
        for point, each in row.errors_by_class.items()
    }


def judged(row: Row, verdict: Verdict | None) -> dict[str, Any]:
    """What is measured of a release, what is proven of it, and what is said of it beside others."""
    return {
        **measured(row),
        "accuracy_bound": row.accuracy_bound,
        "certified": certified(row),
        **said_of(verdict),
    }


def said_of(verdict: Verdict | None) -> dict[str, Any]:
    """What a verdict says of a release."""
    p_value = None if verdict is None else number(verdict.p_value)
    return {"verdict": verdict and verdict.text, "p_value": p_value}


def measured(row: Row) -> dict[str, Any]:
    """What scores say of one release, as plain JSON; entries of a leaderboard hold the same."""
    strongest = row.headline
    return {
        "claimed": None if row.claimed is None else row.claimed.as_json(),
        "claimed_tuned": None if row.claimed_tuned is None else row.claimed_tuned.as_json(),
        "strongest": None if strongest is None else {"attack": row.strongest, **strongest.as_json()},
        "gap": None if row.gap is None else number(row.gap.point),
        "gap_ci95": None if row.gap is None else numbers(row.gap.ci95),
        "attacks": {name: statistics.as_json() for name, statistics in row.attacks.items()},
        "simultaneous_upper": None if row.simultaneous_upper is None else number(row.simultaneous_upper),
        "utility": utility_as_json(row.utility, row.official, row.templates)
        | ({} if row.matched is None else {"matcher": row.matched.as_json()}),
        "certificate": _certificate(row),
        **_ladder(row),
    }


def _ladder(row: Row) -> dict[str, Any]:
    """What was asked for besides the headline; each key is there only where it was."""
    extra: dict[str, Any] = {}
    if row.knowledge:
        extra["knowledge"] = {
            level: {name: s.as_json() for name, s in attacks.items()} for level, attacks in row.knowledge.items()
        }
    if row.budgets:
        extra["budgets"] = {
            name: [{"people": people, **s.as_json()} for people, s in sorted(curve.items())]
            for name, curve in row.budgets.items()
        }
    if row.pooled:
        extra["pooled"] = [{"images": images, **s.as_json()} for images, s in sorted(row.pooled.items())]
    if row.nulls:
        extra["null"] = {
            "permutations": len(row.nulls),
            "balanced_accuracy": row.nulls,
            "p": None if row.null_p_value is None else number(row.null_p_value),
        }
    if row.growth:
        extra["growth"] = {name: curve.as_json() for name, curve in row.growth.items()}
    return extra


def _if_any(**given: Any) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value}


def _params(config: RunConfig, defense: str) -> dict[str, Any]:
    chain = next(chain for chain in config.defenses if label_of(chain) == defense)
    return {stage.name: stage.params for stage in chain}
