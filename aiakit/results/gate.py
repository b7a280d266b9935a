"""A gate for releases: limits, and whether a document shows that they are kept. What is not shown is no pass."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aiakit.errors import InputError
from aiakit.experiment.config import REFERENCE, Risk
from aiakit.results.glance import NUMERIC
from aiakit.results.verdicts import IMPOSSIBLE, INVERTED, NO_POWER, POWER_UNKNOWN
from aiakit.storage.documents import first_problem, read_toml

Outcome = Literal["passed", "failed", "undecided"]
Share = Annotated[float, Field(gt=0, lt=1)]
EXIT = {"failed": 3, "undecided": 4, "passed": 0}  # the worst first
RISING = ", and still rising: who knows more people reads more"
ALONE = "the only attack"  # which may be the one that the defense was made against
WITHOUT_POWER = {
    NO_POWER: "these attacks see nothing in the undefended release either: no power",
    POWER_UNKNOWN: "whether these attacks can see anything is not known: measure the undefended release too",
}
Row = Mapping[str, Any]


class Limits(BaseModel):
    """What a release must keep.

    fail_above : attribute → the balanced accuracy that no attack may exceed; under "" that of each protected attribute.
    risks : risk → the figure, as a document has it at a glance, that may not be exceeded. r2 : numeric attribute → the
    R² that no regressor may exceed.
    min_utility : the verification accuracy against random impostors that it must reach.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fail_above: dict[str, Share] = {}
    risks: dict[Risk, Share] = {}
    r2: dict[str, Share] = {}
    min_utility: Share | None = None

    def __bool__(self) -> bool:
        return bool(self.fail_above or self.risks or self.r2) or self.min_utility is not None

    def of(
        self,
        attributes: Mapping[str, int],
        where: str,
        risks: Collection[str] = (),
        protected: Sequence[str] = (),
        numeric: Collection[str] = (),
    ) -> Limits:
        """With the names of attributes spelt out.

        attributes : each that is measured → how many classes it has, the protected one first. where : what says the
        limits. risks : those that are measured. protected : those that are protected together, where they are several:
        a limit without a name is of each. numeric : the numeric attributes that are measured. Raises InputError where
        a limit is of what is not measured, or lies at chance or below.
        """
        for risk in self.risks:
            if risk not in risks:
                asked = ",".join([*risks, risk])
                raise InputError(
                    f"{where} limits {risk}, which is not measured: give --risks {asked} to the run or audit as well "
                    "(what is finished is kept)"
                )
        for name in self.r2:
            if name not in numeric:
                asked = ",".join([*numeric, name])
                raise InputError(
                    f"{where} limits the R² of {name}, which is not measured: give --numeric {asked} to the run or "
                    "audit as well (what is finished is kept)"
                )
        limits: dict[str, float] = {}
        for name, limit in self.fail_above.items():
            limits |= {name: limit} if name else dict.fromkeys(protected or [next(iter(attributes))], limit)
        limits |= {name: limit for name, limit in self.fail_above.items() if name}
        for name, limit in limits.items():
            if name not in attributes:
                raise InputError(
                    f"{where} limits what is read of {name}, which is not measured (measured: {', '.join(attributes)})"
                )
            if limit <= 1 / attributes[name]:
                raise InputError(
                    f"{where}: no release can be read at less than {limit:g} of {name}, guessing reads "
                    f"{1 / attributes[name]:.3g}: give a limit above it"
                )
        return self.model_copy(update={"fail_above": limits})


def read_policy(path: Path) -> Limits:
    """The limits of a TOML file: ``min_utility = 0.95``, tables ``[fail_above]`` of attributes, ``[risks]``, ``[r2]``.

    Raises InputError where it cannot be read or says anything else.
    """
    content = read_toml(path)
    try:
        limits = Limits.model_validate(content)
    except ValidationError as invalid:
        raise InputError(f"{path}: {first_problem(invalid)}") from None
    if not limits:
        raise InputError(
            f"{path} limits nothing: give min_utility, a table [fail_above] with ATTRIBUTE = 0.6, or one [risks] with "
            "linkage = 0.1"
        )
    return limits


@dataclass(frozen=True)
class Check:
    """One limit and one release. what : an attribute, a risk, or "utility". low, high : of what was measured (95 %)."""

    release: str
    what: str
    limit: float
    outcome: Outcome
    reason: str
    figure: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Gate:
    """What a document says of some limits."""

    checks: tuple[Check, ...]
    missing: tuple[str, ...] = field(default=())  # cells without a result, of which anything may have come

    @property
    def outcome(self) -> Outcome:
        """The worst of the checks; what is incomplete cannot pass."""
        found = {check.outcome for check in self.checks}
        worst: Outcome = "failed" if "failed" in found else "undecided"
        return "passed" if found == {"passed"} and not self.missing else worst

    def as_json(self) -> dict[str, Any]:
        """The gate as a document's ``gate``."""
        return {
            "outcome": self.outcome,
            "exit_code": EXIT[self.outcome],
            "checks": [vars(check) for check in self.checks],
            "missing": list(self.missing),
        }


def gate_of(document: Row, limits: Limits) -> Gate:
    """Hold every defended release of a document against limits whose attributes are spelt out (``Limits.of``)."""
    checks = [
        _by_all(_leak(row, found, limit), found.get("not_run", {}))
        for name, limit in limits.fail_above.items()
        for found in [document if name == document["attribute"] else document["further"][name]]
        for row in _defended(found)
    ]
    checks += [_risk(row, risk, limit) for risk, limit in limits.risks.items() for row in _defended(document)]
    checks += [_risk(row, NUMERIC, limit, of) for of, limit in limits.r2.items() for row in _defended(document)]
    if limits.min_utility is not None:
        checks += [_utility(row, limits.min_utility) for row in _defended(document)]
    missing = [label for row in _defended(document) for label in row["missing"]]
    missing += [failure["cell"] for failure in document["failures"]]
    return Gate(tuple(checks), tuple(dict.fromkeys(missing)))


def _defended(document: Row) -> Iterator[Row]:
    """The releases that are judged: all but the control, or that one where it is alone."""
    rows = [row for row in document["rows"] if row["release"] != REFERENCE]
    yield from rows or document["rows"]


def _leak(row: Row, of: Row, limit: float) -> Check:
    """Whether an attribute is read at less than the limit by attackers of every level: by the upper bound, of attacks
    that could have seen more.
    """
    best, verdict, detectable = row["strongest"], row["verdict"], of["smallest_detectable"]
    attribute, release = of["attribute"], row["release"]
    if best is None:
        return Check(release, attribute, limit, "undecided", f"no attack on {attribute} was measured")
    figure, (low, high) = best["balanced_accuracy"], best["ci95"]
    read = f"{attribute} is read by {best['attack']} at {figure:.3f}"
    levels = row.get("across_levels")
    if levels is not None and levels["balanced_accuracy"] > figure:
        figure = levels["balanced_accuracy"]
        read += f", and by {levels['attack']} of {levels['level']} attackers at {figure:.3f}"
    bounds = [high, row["simultaneous_upper"], levels and levels["simultaneous_upper"]]
    high = max((bound for bound in bounds if bound is not None), default=None)
    outcome: Outcome = "undecided"
    if verdict == INVERTED:
        outcome, reason = "failed", f"{read}, worse than by guessing: it leaks, or the protocol is broken"
    elif verdict == IMPOSSIBLE:
        outcome, reason = "failed", f"{read}, better than is possible: a plugin or the protocol is broken"
    elif figure > limit:
        outcome, reason = "failed", f"{read}, above {limit:g}"
    elif of.get("absence", 0) > limit:
        outcome, reason = (
            "failed",
            f"which rows are empty or missing tells {attribute} at {of['absence']:.3f}, above {limit:g}",
        )
    elif high is None or high >= limit:
        reason = (
            f"{read}, and it may be {'anything' if high is None else f'{high:.3f}'}: not shown to be below {limit:g}"
        )
    elif detectable is None or detectable > limit:
        seen = "not known" if detectable is None else f"{detectable:.3f}"
        reason = f"a leak of {limit:g} could not have been seen: the smallest that these people show is {seen}"
    elif verdict in WITHOUT_POWER:
        reason = f"{read}, and {WITHOUT_POWER[verdict]}"
    else:
        tried = len(row["attacks"])
        strength = f"the strongest of {tried} attacks" if tried > 1 else ALONE
        outcome, reason = "passed", f"{read}, {strength}, at most {high:.3f}, below {limit:g}"
        if any(curve.get("still_rising") for curve in row.get("growth", {}).values()):
            reason += RISING
    return Check(release, attribute, limit, outcome, reason, figure, low, high)


def _by_all(check: Check, not_run: Mapping[str, str]) -> Check:
    """The check, which does not pass where an attack that was asked for by name was not run. not_run : it → why."""
    if check.outcome != "passed" or not not_run:
        return check
    said = "; ".join(f"{name} was asked for and not run: {reason}" for name, reason in not_run.items())
    return replace(check, outcome="undecided", reason=f"{check.reason}; but {said}")


def _risk(row: Row, name: str, limit: float, of: str | None = None) -> Check:
    """Whether a risk stays below the limit: by the upper bound, of people who could have shown more.

    of : the numeric attribute whose R² it is.
    """
    found = next(each for each in row["at_a_glance"] if each["risk"] == name and each.get("of") == of)
    release, risk = row["release"], name if of is None else f"R² of {of}"
    if "not_measured" in found:
        reason = f"{risk} was not measured, because {found['not_measured']}"
        return Check(release, risk, limit, "undecided", reason)
    figure, (low, high), detectable = found["value"], found["ci95"], found["smallest_detectable"]
    outcome: Outcome = "undecided"
    said = f"{risk} is {figure:.3f} ({found['figure']})"
    if figure > limit:
        outcome, reason = "failed", f"{said}, above {limit:g}"
    elif found["upper"] >= limit:
        reason = f"{said}, and it may be {found['upper']:.3f}: not shown to be below {limit:g}"
    elif detectable > limit:
        reason = (
            f"{risk} of {limit:g} could not have been seen: the smallest that these people show is {detectable:.3f}"
        )
    elif of is not None and row["numeric"][of]["verdict"] in WITHOUT_POWER:
        reason = f"{said}, and {WITHOUT_POWER[row['numeric'][of]['verdict']]}"
    else:
        outcome, reason = "passed", f"{said}, at most {found['upper']:.3f}, below {limit:g}"
    return Check(release, risk, limit, outcome, reason, figure, low, high)


def _utility(row: Row, limit: float) -> Check:
    """Whether verification reaches the limit, by the lower bound."""
    found = row["utility"].get("random")
    if found is None:
        return Check(row["release"], "utility", limit, "undecided", "verification was not measured")
    figure, (low, high) = found["accuracy"], found["ci95"]
    outcome: Outcome
    said = f"verification is {figure:.3f} right"
    if figure < limit:
        outcome, reason = "failed", f"{said}, below {limit:g}"
    elif low is None or low < limit:
        bound = "anything" if low is None else f"{low:.3f}"
        outcome, reason = "undecided", f"{said}, and it may be {bound}: not shown to reach {limit:g}"
    else:
        outcome, reason = "passed", f"{said}, at least {low:.3f}, which is {limit:g} or more"
    return Check(row["release"], "utility", limit, outcome, reason, figure, low, high)
