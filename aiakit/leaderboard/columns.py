"""The columns of a board, said once for every format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiakit.experiment.config import LADDER, Level, Risk
from aiakit.leaderboard.board import MARGIN, Board, RankedEntry
from aiakit.leaderboard.schema import Entry
from aiakit.measures.bootstrap import Statistics
from aiakit.measures.forecast import Prediction
from aiakit.results.document import LIMITS
from aiakit.results.row import certified, strongest_at
from aiakit.results.verdicts import IMPOSSIBLE, INVERTED

NONE = "–"
WORD = "¶"  # marks a release whose scores are somebody's word
FLAGGED = "⚑"  # what somebody speaks against
RISING = " ↑"  # more people would read more
NEVER_RANKED = {
    INVERTED: "Read significantly worse than by guessing",
    IMPOSSIBLE: "IMPOSSIBLE, read better than any attack can read, so that a plugin or the protocol is broken",
}
Value = str | int | float | None


@dataclass(frozen=True)
class Column:
    """A column. key : its name for machines. value : what it holds; interval : its 95 % bounds; mark : put after it."""

    key: str
    heading: str
    value: Callable[[RankedEntry], Value]
    interval: Callable[[RankedEntry], tuple[float, float] | None] | None = None
    digits: int = 3
    sign: bool = False
    mark: Callable[[RankedEntry], str] | None = None
    hint: str = ""

    def text(self, place: RankedEntry) -> str:
        """The cell for people."""
        value = self.value(place)
        if value is None:
            return NONE
        text = _number(value, self.digits, self.sign) if isinstance(value, float) else str(value)
        bounds = self.interval(place) if self.interval else None
        if bounds is not None:
            low, high = (_number(bound, self.digits, self.sign) for bound in bounds)
            text += f" [{low}, {high}]"
        return text + (self.mark(place) if self.mark else "")


def _number(value: float, digits: int, sign: bool) -> str:
    return NONE if value != value else f"{value:{'+' if sign else ''}.{digits}f}"


def summary(board: Board) -> list[Column]:
    """Rank, release, what it claims and leaks, what it is good for."""
    kinds = [kind for kind in ("random", "same_attribute") if any(kind in place.row.utility for place in board.places)]
    names = {"random": "random", "same_attribute": f"same-{board.protocol.attribute}"}
    columns = [
        Column("rank", "rank", _rank_text),
        Column("release", "release", lambda p: p.label, mark=_marks),
        Column("claimed", "claimed", lambda p: _point(p.row.claimed, "balanced_accuracy"),
               hint="Balanced accuracy of the defense's own in-loop attacker"),
        Column("strongest", "strongest [95 %]", lambda p: _point(p.row.headline, "balanced_accuracy"),
               lambda p: _bounds(p.row.headline, "balanced_accuracy"),
               hint="Balanced accuracy of the strongest measured attack: chosen on attacker-val, reported on test"),
        Column("attack", "by", lambda p: p.row.strongest, mark=lambda p: _level(p) + external_mark(p, p.row.strongest),
               hint="In brackets what its attacker knows besides the release of his own people"),
        *_levels(board),
        *_predicted(board),
        *_bound(board),
        *(_risk(board, risk) for risk in board.risks),
        Column("gap", "illusion gap", lambda p: None if p.row.gap is None else p.row.gap.point,
               lambda p: None if p.row.gap is None else p.row.gap.ci95, sign=True,
               hint="Strongest minus the claim, tuned on attacker-val and at least chance"),
        Column("bits", "bits", lambda p: _point(p.row.headline, "bits")),
        Column("verdict", "verdict", lambda p: None if p.verdict is None else p.verdict.text,
               hint="Tested together with the others of the board (Holm, 5 %). no power: a suite that sees nothing on "
               "the undefended release certifies nothing"),
    ]  # fmt: skip
    columns += [_utility(kind, names[kind]) for kind in kinds]
    columns += [
        Column("eer", "EER", lambda p: _point(p.row.utility.get("random"), "eer")),
        Column("pareto", "Pareto", lambda p: "yes" if p.pareto else "no" if p.hypervolume is not None else None,
               hint="Whether no other release leaks less and serves more"),
        Column("front_share", "on front", lambda p: p.front_share, digits=2,
               hint="The share of bootstrap draws of people in which it is on the Pareto front"),
        Column("hypervolume", "adds to HV", lambda p: p.hypervolume,
               hint="The share of the privacy–utility plane that this release alone adds"),
        Column("seeds", "seeds", lambda p: len(p.entry.computing.seeds)),
        Column("people", "people", lambda p: p.entry.protocol.people),
        Column("seconds", "seconds", lambda p: p.entry.computing.seconds, digits=1),
    ]  # fmt: skip
    return columns


def _marks(place: RankedEntry) -> str:
    return "".join([f" {FLAGGED}" * (place.entry.flag is not None), f" {WORD}" * (not place.computed)])


def _levels(board: Board) -> list[Column]:
    """What attackers of each level read, where there are several."""
    levels = [level for level in LADDER if any(level in place.entry.levels for place in board.places)]
    return [_of_level(level) for level in levels] if len(levels) > 1 else []


def _of_level(level: Level) -> Column:
    return Column(
        f"level_{level}",
        f"{level} attackers",
        lambda p: _point(strongest_at(p.row, level), "balanced_accuracy"),
        lambda p: _bounds(strongest_at(p.row, level), "balanced_accuracy"),
        hint="Balanced accuracy of the strongest attack of those who know so much",
    )


def _predicted(board: Board) -> list[Column]:
    """What is predicted of an attacker who knows twice the people, where that was asked of some release."""

    def twice(place: RankedEntry) -> Prediction | None:
        curve = next(iter(place.row.growth.values()), None)  # of the strongest on attacker-val
        return None if curve is None or curve.forecast is None else curve.forecast.at(2)

    def interval(place: RankedEntry) -> tuple[float, float] | None:
        found = twice(place)
        return None if found is None else (found.low, found.high)

    def mark(place: RankedEntry) -> str:
        return RISING * any(of.forecast is not None and of.forecast.still_rising for of in place.row.growth.values())

    if all(twice(place) is None for place in board.places):
        return []
    return [
        Column(
            "predicted",
            "twice the people [95 %]",
            lambda p: None if (found := twice(p)) is None else found.value,
            interval,
            mark=mark,
            hint="Balanced accuracy that the best attack, neither adaptive nor a stack, is predicted to have with "
            f"twice the people, first seed;{RISING} it or the runner-up is still rising. No ceiling, changes no rank",
        )
    ]


def _bound(board: Board) -> list[Column]:
    """What no attack exceeds, where that is known of some release."""
    if not any(certified(place.row) for place in board.places):
        return []
    return [Column("certified", "certified", lambda p: certified(p.row),
                   hint="What no attack exceeds: proven by the defense, or of one image, with 95 % confidence, by the "
                   "few values that the release takes")]  # fmt: skip


OF_SEVERAL = "shares of galleries of different sizes (of N people) are not compared; "
RISK_HINTS: Mapping[Risk, str] = {
    "identity": "How often the first of everybody in a released gallery is the right one",
    "linkage": "D_sys: whether two releases can be told to show one person, 0 never to 1 always",
    "inversion": "How often the first of everybody in an undefended gallery is the right one, by a reconstruction",
}


def _risk(board: Board, risk: Risk) -> Column:
    several = (
        len({place.risks[risk]["gallery"] for place in board.places if "gallery" in place.risks.get(risk, {})}) > 1
    )

    def mark(place: RankedEntry) -> str:
        return f" of {place.risks[risk]['gallery']:,}" if several and "gallery" in place.risks.get(risk, {}) else ""

    def interval(place: RankedEntry) -> tuple[float, float] | None:
        found = place.risks.get(risk, {})
        return tuple(found["ci95"]) if "ci95" in found else None

    return Column(
        risk,
        f"{risk} [95 %]",
        lambda p: p.risks.get(risk, {}).get("value"),
        interval,
        mark=mark,
        hint=f"{RISK_HINTS[risk]}; {OF_SEVERAL if several else ''}it changes no rank",
    )


def _level(place: RankedEntry) -> str:
    """What the attackers of an entry know, where that is more than the release of their own people."""
    return "" if place.entry.level == "informed" or place.row.strongest is None else f" ({place.entry.level})"


def _utility(kind: str, name: str) -> Column:
    return Column(
        f"utility_{kind}",
        f"utility, {name} [95 %]",
        lambda p: _point(p.row.utility.get(kind), "accuracy"),
        lambda p: _bounds(p.row.utility.get(kind), "accuracy"),
        hint=f"Accuracy of 1:1 verification against {name} impostors",
    )


def by_attack(board: Board) -> list[Column]:
    """One column an attack."""
    return [_attack(name, board.power.get(name)) for name in board.attacks]


def _attack(name: str, power: bool | None) -> Column:
    return Column(
        f"attack_{name}",
        name,
        lambda p: _point(_tried(p, name), "balanced_accuracy"),
        lambda p: _bounds(_tried(p, name), "balanced_accuracy"),
        mark=lambda p: ("*" if p.row.strongest == name else "") + ("†" * (power is False)) + external_mark(p, name),
    )


def _tried(place: RankedEntry, name: str) -> Statistics | None:
    return place.row.attacks.get(name, place.unproven.get(name))


def external_mark(place: RankedEntry, name: str | None) -> str:
    """What is put after an attack that somebody else trained."""
    return " (external)" if any(attack.external and attack.name == name for attack in place.entry.attacks) else ""


def _rank_text(place: RankedEntry) -> str | None:
    if place.rank is None:
        return None
    return f"{place.rank}{'=' if place.tied else ''}{'~' if place.apart is False and not place.tied else ''}"


def _point(statistics: Statistics | None, metric: str) -> float | None:
    return None if statistics is None else statistics.point[metric]


def _bounds(statistics: Statistics | None, metric: str) -> tuple[float, float] | None:
    return None if statistics is None else statistics.ci95(metric)


def remarks(board: Board) -> list[str]:
    """What must be said beside the table."""
    protocol = board.protocol
    lines = [
        "Ranked by the balanced accuracy of the strongest measured attack (lower is better)"
        + ("." if board.min_utility is None else f" among releases whose utility is at least {board.min_utility:g}.")
        + f" = marks ranks shared because the whole interval of the paired difference lies within ±{MARGIN:g}; "
        "~ a release that is not told apart from the one above it (Holm over the board, 5 %).",
        _of_power(board),
        LIMITS[0],
        f"The smallest leak that this test set would show (80 % power) is {board.smallest_detectable:.3f}; "
        "below it, 'private' is not shown.",
    ]
    if protocol.bayes_ceiling is not None:
        lines.append(f"No attack on any release of this data set can exceed {protocol.bayes_ceiling:.3f}.")
    if board.hypervolume is not None:
        lines.append(
            f"All releases together cover {board.hypervolume:.3f} of the privacy–utility plane (hypervolume over 1 − "
            "advantage and verification accuracy): the best of noisy releases, so with many of them it flatters."
        )
    return [*lines, *_of_risks(board), *not_ranked(board)]


def not_ranked(board: Board) -> list[str]:
    """Who has no rank and why, and what changes none."""
    lines = []
    for verdict, what in NEVER_RANKED.items():
        labels = [place.label for place in board.places if place.verdict is not None and place.verdict.text == verdict]
        if labels:
            lines.append(f"{what}, and so never ranked: {', '.join(labels)}.")
    lines += [
        f"{place.label} was not measured by {', '.join(place.lacks)}, as others were, and so has no rank."
        for place in board.places
        if place.lacks
    ]
    lines += [
        f"{FLAGGED} {place.label}, {place.entry.flag.date}: {place.entry.flag.reason}"
        for place in board.places
        if place.entry.flag is not None
    ]
    words = [place for place in board.places if not place.computed]
    if words:
        ranked = "rank since --trust was given" if words[0].believed else "have no rank"
        lines.append(
            f"{WORD} The scores of {', '.join(place.label for place in words)} are the submitter's word, since this "
            f"machine has not trained an attack again on them (aiakit leaderboard verify --rerun): they {ranked}."
        )
    lines += [
        f"{place.label} has no rank: what {', '.join(place.untrained)} read is the submitter's word, since this "
        "machine has not trained them again (aiakit leaderboard verify --rerun says why)."
        for place in board.places
        if place.computed and place.untrained
    ]
    lines += [
        f"{place.label}: that no attack exceeds {place.said_limit:.3f} is the submitter's word, and is not shown."
        for place in board.places
        if place.said_limit is not None
    ]
    lines += [
        f"{place.label}: {name} is said to read {found.point['balanced_accuracy']:.3f}. "
        f"{'Somebody added its scores and nobody' if external_mark(place, name) else 'Nobody'} trained it again, so it "
        "changes no rank and no verdict."
        for place in board.places
        for name, found in place.unproven.items()
    ]
    return lines


def _of_risks(board: Board) -> list[str]:
    """What risks are worth on a board."""
    if not board.risks:
        return []
    asked = sum(bool(place.row.risks) for place in board.places)
    without = len(board.places) - asked
    lacking = f" {without} of {len(board.places)} releases were not asked." if without else ""
    return [
        f"{', '.join(board.risks)}: the figures that a report has at a glance. They change no rank: a release that is "
        f"to be verified has to say who somebody is.{lacking}"
    ]


def _of_power(board: Board) -> str:
    """What is known of the attacks' power."""
    if not board.power:
        return (
            "No undefended release is on this board, so no attack has shown power, and no verdict is 'no leak found'."
        )
    weak = [name for name in board.attacks if board.power.get(name) is False]
    found = f"Without power there (†): {', '.join(weak)}." if weak else "Every attack tried on it has power."
    return f"An attack has power where it beats chance on the undefended release (5 %). {found}"


def parameters(entry: Entry) -> str:
    """Everything that a release was made with: ``aia.alpha=1.0 aia.beta=1.0``, an encoder's options among them."""
    return " ".join(f"{stage.name}.{key}={value}" for stage in entry.stages for key, value in stage.params.items())


def data_of(board: Board) -> str:
    """The data set of a board; of a board of audits the files, the first three of them."""
    names = list(dict.fromkeys(place.entry.protocol.dataset for place in board.places))
    return ", ".join([*names[:3], *(["…"] if len(names) > 3 else [])])


def headline(board: Board) -> str:
    """What the board is of."""
    protocol = board.protocol
    return f"{data_of(board)}: {protocol.attribute} ({', '.join(protocol.classes)}), {protocol.people} people"


REPORTED_HEADINGS = ("source", "data set", "release", "reported leakage", "reported utility", "note")


def reported_rows(board: Board) -> list[Sequence[Any]]:
    """Published figures: source, data set (marked where it is not the board's), release, leakage, utility, note."""
    here = board.places[0].entry.protocol.dataset.casefold()
    return [
        (
            figures.source,
            figures.dataset if figures.dataset.casefold() == here else f"{figures.dataset}, not this board's",
            row.release,
            row.leakage,
            row.utility,
            row.note,
        )
        for figures in board.reported
        for row in figures.rows
    ]
