"""Charts of curves: verification errors, knowledge, label budget, pooled evidence. None where there is no such data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
from scipy.special import ndtri

from aiakit.experiment.config import LADDER
from aiakit.measures.verification import OPERATING_POINTS
from aiakit.report.conclusion import percent
from aiakit.report.theme import INK, SAYS, WIDTH, Chart, finish, from_chance, title, values
from aiakit.results.figures import DetCurve

Row = dict[str, Any]
SPREAD = 12  # pixels that series lie apart on either side of a named value
CLAIM = "in-loop (claim)"
LEVELS = (CLAIM, *LADDER)
RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)  # that DET axes are labelled with
PLACES = ("level", "people", "images")  # what a curve is drawn against
LEAST, MOST = 5e-4, 0.97  # rates that DET axes have a place for


def det(curves: Sequence[DetCurve], impostors: str, meaning: str, rows: Sequence[Row] = ()) -> Chart | None:
    """Detection error trade-off on normal-deviate axes (Martin et al., 1997).

    rows : releases whose operating points are drawn with their intervals.
    """
    points: list[dict[str, Any]] = [
        {"release": title(curve.release), "match": _deviate(x), "miss": _deviate(y), "order": number}
        for curve in curves
        if curve.impostors == impostors
        for number, (x, y) in enumerate(zip(curve.false_match, curve.false_non_match, strict=True))
        if max(x, y) <= MOST and y >= LEAST
    ]
    if not points:
        return None
    ticks = [float(ndtri(rate)) for rate in RATES]
    # Vega writes a minus sign where Python writes a hyphen
    labels = {f"{tick:.2f}".replace("-", "−"): f"{100 * rate:g} %" for tick, rate in zip(ticks, RATES, strict=True)}
    axis = alt.Axis(values=ticks, labelExpr=f"{json.dumps(labels)}[format(datum.value, '.2f')]")
    low = {axis: min(p[axis] for p in points) for axis in ("match", "miss")}
    x_scale, y_scale = (
        alt.Scale(domain=[low[axis], _deviate(MOST)], clamp=True, nice=False) for axis in ("match", "miss")
    )
    chart = alt.Chart(values(points)).mark_line(strokeWidth=2).encode(
        description=alt.Description("release:N"),
        x=alt.X("match:Q", title="false match rate", axis=axis, scale=x_scale),
        y=alt.Y("miss:Q", title="false non-match rate", axis=axis, scale=y_scale),
        color=_series(points, "release"),
        order=alt.Order("order:Q"),
    )  # fmt: skip
    layers = [chart]
    marked = _operating_points(rows, impostors, {point["release"] for point in points}, low)
    if marked:
        at = alt.Chart(values(marked)).encode(
            x=alt.X("match:Q", scale=x_scale), color=_series(points, "release"), description=SAYS
        )
        layers += [
            at.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", scale=y_scale), y2=alt.Y2("high:Q")),
            at.mark_point(filled=True, size=45, opacity=1).encode(y=alt.Y("miss:Q", scale=y_scale)),
        ]
    # who guesses rejects as many of one person as of two; drawn where both rates lie on the axes
    left, right = max(low["match"], -_deviate(MOST)), min(_deviate(MOST), -low["miss"])
    chance = [{"x": left, "y": -left}, {"x": right, "y": -right}]
    diagonal = alt.Chart(values(chance)).mark_line(strokeDash=[2, 3], opacity=0.6, color=INK)
    return finish(
        f"det-{impostors.replace('_', '-')}",
        f"Errors of 1:1 verification against {meaning}, mean over seeds, on normal-deviate axes: nearer to the lower "
        "left corner is better, the dotted line is guessing."
        + (
            " Points: thresholds set on attacker-val for FMR 1 % and 0.1 %, with 95 % intervals of FNMR."
            if marked
            else ""
        ),
        alt.layer(diagonal.encode(x=alt.X("x:Q", scale=x_scale), y=alt.Y("y:Q", scale=y_scale)), *layers).properties(
            width=WIDTH, height=300
        ),
    )


def _operating_points(
    rows: Sequence[Row], impostors: str, drawn: set[str], low: dict[str, float]
) -> list[dict[str, Any]]:
    """FNMR at the thresholds that were set for an FMR, with its interval, where the axes have a place for it."""
    found = []
    for row in rows:
        of = row["utility"].get(impostors, {})
        for name, rate in OPERATING_POINTS.items():
            match, miss, ends = (of.get(key) for key in (f"fmr_at_{name}", f"fnmr_at_{name}", f"fnmr_at_{name}_ci95"))
            if title(row["release"]) not in drawn or not match or miss is None or None in ends:
                continue
            says = f"{title(row['release'])}, threshold for FMR {100 * rate:g} %: FNMR {percent(miss, tuple(ends))}"
            place = {
                "match": _deviate(match),
                "miss": _deviate(miss),
                "low": _deviate(ends[0]),
                "high": _deviate(ends[1]),
            }
            if place["match"] >= low["match"] and max(match, miss) <= MOST:
                found.append({"release": title(row["release"]), "says": says, **place})
    return found


def _deviate(rate: float) -> float:
    return float(ndtri(min(max(rate, LEAST), MOST)))


def _series(points: Sequence[dict[str, Any]], key: str) -> alt.Color:
    names = list(dict.fromkeys(point[key] for point in points))
    return alt.Color(f"{key}:N", title=None, sort=names)


def ladder(rows: Sequence[Row]) -> Chart | None:
    """What the in-loop attacker claims, and what the strongest attack of each level of knowledge reads."""
    points = []
    for row in rows if any(row.get("knowledge") for row in rows) else ():
        if row["claimed"] is not None:
            points.append({**_measured(row["claimed"]), "release": title(row["release"]), "level": CLAIM})
        for level, attacks in _levels(row).items():
            # chosen on attacker-val, as the headline is
            best = max(attacks, key=lambda found: found["val_balanced_accuracy"] or 0)
            points.append({**_measured(best), "release": title(row["release"]), "level": level})
    if not points:
        return None
    known = {point["level"] for point in points}
    x = alt.X(
        "level:N",
        title="what the attacker knows",
        sort=[level for level in LEVELS if level in known],
        axis=alt.Axis(labelAngle=0),
    )
    return _lines(
        points,
        x,
        "release",
        "knowledge-ladder",
        "Balanced accuracy, with 95 % intervals, of "
        + ("the in-loop attacker (a claim) and of " if CLAIM in known else "")
        + "the strongest attack at each level: trained on undefended data (ignorant), on a release of the same method "
        "with another seed (lazy), on this release (informed), with photographs beside it (adaptive), also on the "
        "defender's people (insider), also on releases of samples that the attacker made up (query).",
        named="level",
    )


def _levels(row: Row) -> dict[str, list[dict[str, Any]]]:
    """Level → what its attacks measured on a release."""
    found = {level: list(attacks.values()) for level, attacks in row.get("knowledge", {}).items()}
    for measured in row["attacks"].values():
        found.setdefault(measured["knowledge"], []).append(measured)
    return found


def _informed(row: Row) -> Row:
    """Attack → what it measured with no more knowledge than the release of attacker-train."""
    found: Row = row["attacks"] if row["level"] == "informed" else row.get("knowledge", {}).get("informed", {})
    return found


def budgets(rows: Sequence[Row], everybody: int) -> list[Chart]:
    """The label-budget curve of every release that has one.

    everybody : the people of attacker-train, whom attacks learn from without a budget: the last point, which an attack
    lacks that failed with all of them, or was left out.
    """
    charts = []
    for number, row in enumerate(rows):
        with_all = {name: {**measured, "people": everybody} for name, measured in _informed(row).items()}
        points = [
            {**_measured(point), "people": point["people"], "attack": title(name)}
            for name, curve in row.get("budgets", {}).items()
            for point in [*curve, *([with_all[name]] if name in with_all else [])]
        ]
        if points:
            caption = (
                f"{title(row['release'])}: balanced accuracy of each attack by the number of labelled people that it "
                "learns from, with 95 % intervals."
            )
            charts.append(_lines(points, _people(points), "attack", f"label-budget-{number}", caption))
    return charts


def growth(rows: Sequence[Row]) -> list[Chart]:
    """How the leak of every release grows with the people that the attacker knows, and what is predicted of more."""
    charts = []
    for number, row in enumerate(rows):
        points = [
            {**_measured(point), "people": point["people"], "attack": title(name) + kind}
            for name, curve in row.get("growth", {}).items()
            for kind, of in (("", curve["points"]), (", predicted", curve.get("predicted", [])))
            for point in of
        ]
        if points:
            caption = (
                f"{title(row['release'])}: balanced accuracy of the strongest attack and the runner-up by the people "
                "that they learn from, with 95 % intervals, and what is predicted of an attacker who knows more, "
                "with 95 % prediction intervals. A prediction is no ceiling."
            )
            charts.append(_lines(points, _people(points), "attack", f"growth-{number}", caption))
    return charts


def _people(points: Sequence[Row]) -> alt.X:
    """The axis of how many people an attacker knows."""
    axis = alt.Axis(values=sorted({point["people"] for point in points}), labelAngle=-40, format=",")
    scale = alt.Scale(type="log", nice=False, padding=12)
    return alt.X("people:Q", title="people that the attacker knows", scale=scale, axis=axis)


def pooled(rows: Sequence[Row]) -> Chart | None:
    """What the strongest attack reads from several images of one person together."""
    points = [
        {**_measured(point), "images": point["images"], "release": title(row["release"])}
        for row in rows
        if row.get("pooled")
        for point in {1: {**row["strongest"], "images": 1}, **{p["images"]: p for p in row["pooled"]}}.values()
    ]
    if not points:
        return None
    x = alt.X("images:O", title="images of one person", axis=alt.Axis(labelAngle=0))
    return _lines(
        points,
        x,
        "release",
        "pooled",
        "Balanced accuracy of the strongest attack on single images, and when its evidence from several images of one "
        "person is added up, with 95 % intervals.",
        named="images",
    )


def _measured(point: dict[str, Any]) -> dict[str, Any]:
    return {"value": point["balanced_accuracy"], "low": point["ci95"][0], "high": point["ci95"][1]}


def _saying(point: dict[str, Any], series: str) -> dict[str, Any]:
    """A point with what it says on hover: its series, its place and its figure."""
    place = next(f"{point[key]} {key}" if key != "level" else point[key] for key in PLACES if key in point)
    return {**point, "says": f"{point[series]}, {place}: {percent(point['value'], (point['low'], point['high']))}"}


def _lines(
    points: list[dict[str, Any]], x: alt.X, series: str, name: str, caption: str, named: str | None = None
) -> Chart:
    """Series with intervals. named : the key of the horizontal axis where it has names, or few values, not numbers."""
    scale = from_chance([point["low"] for point in points])
    base = alt.Chart(values([_saying(point, series) for point in points])).encode(x=x, color=_series(points, series))
    if named is not None:  # side by side, so that no interval hides another
        middle = WIDTH / len({point[named] for point in points}) / 2
        scale_of_series = alt.Scale(range=[middle - SPREAD, middle + SPREAD])
        names = list(dict.fromkeys(point[series] for point in points))
        base = base.encode(
            x=x.scale(paddingInner=0, paddingOuter=0),
            xOffset=alt.XOffset(f"{series}:N", sort=names, scale=scale_of_series),
        )
    y = alt.Y("value:Q", title="balanced accuracy", scale=scale)
    layers = alt.layer(
        base.mark_rule(opacity=0.4).encode(y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q")),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=y, description=SAYS),
    )
    return finish(name, caption, layers.properties(width=WIDTH, height=260))
