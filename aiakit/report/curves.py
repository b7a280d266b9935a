"""Charts of curves: verification errors, knowledge, label budget, pooled evidence. None where there is no such data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
from scipy.stats import norm

from aiakit.report.figures import DetCurve
from aiakit.report.theme import INK, WIDTH, Chart, finish, title, values

Row = dict[str, Any]
LEVELS = ("ignorant", "lazy", "informed")
RATES = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)  # that DET axes are labelled with


def det(curves: Sequence[DetCurve], impostors: str, meaning: str) -> Chart | None:
    """Detection error trade-off on normal-deviate axes (Martin et al., 1997)."""
    points: list[dict[str, Any]] = [
        {"release": title(curve.defense), "match": _deviate(x), "miss": _deviate(y), "order": number}
        for curve in curves
        if curve.impostors == impostors
        for number, (x, y) in enumerate(zip(curve.false_match, curve.false_non_match, strict=True))
        if y > 0  # the axis has no place for "never"
    ]
    if not points:
        return None
    ticks = [float(norm.ppf(rate)) for rate in RATES]
    # Vega writes a minus sign where Python writes a hyphen
    labels = {f"{tick:.2f}".replace("-", "−"): f"{100 * rate:g} %" for tick, rate in zip(ticks, RATES, strict=True)}
    axis = alt.Axis(values=ticks, labelExpr=f"{json.dumps(labels)}[format(datum.value, '.2f')]")
    low = {axis: min(p[axis] for p in points) for axis in ("match", "miss")}
    x_scale, y_scale = (
        alt.Scale(domain=[low[axis], float(norm.ppf(0.97))], clamp=True, nice=False) for axis in ("match", "miss")
    )
    chart = alt.Chart(values(points)).mark_line(strokeWidth=2).encode(
        x=alt.X("match:Q", title="false match rate", axis=axis, scale=x_scale),
        y=alt.Y("miss:Q", title="false non-match rate", axis=axis, scale=y_scale),
        color=_series(points, "release"),
        order="order:Q",
    )  # fmt: skip
    chance = [{"x": low["match"], "y": -low["match"]}, {"x": -low["miss"], "y": low["miss"]}]
    diagonal = alt.Chart(values(chance)).mark_line(strokeDash=[2, 3], opacity=0.6, color=INK, clip=True)
    return finish(
        f"det-{impostors.replace('_', '-')}",
        f"Errors of 1:1 verification against {meaning}, mean over seeds, on normal-deviate axes: nearer to the lower "
        "left corner is better, the dotted line is guessing.",
        alt.layer(diagonal.encode(x=alt.X("x:Q", scale=x_scale), y=alt.Y("y:Q", scale=y_scale)), chart).properties(
            width=WIDTH, height=300
        ),
    )


def _deviate(rate: float) -> float:
    return float(norm.ppf(np.clip(rate, 5e-4, 0.97)))


def _series(points: Sequence[dict[str, Any]], key: str) -> alt.Color:
    names = list(dict.fromkeys(point[key] for point in points))
    return alt.Color(f"{key}:N", title=None, sort=names)


def ladder(rows: Sequence[Row]) -> Chart | None:
    """What the strongest attack of each level of knowledge reads."""
    points = []
    for row in rows:
        levels = {**row.get("knowledge", {}), "informed": row["attacks"]}
        for level in LEVELS:
            attacks = levels.get(level)
            if attacks and row.get("knowledge"):
                name, best = max(attacks.items(), key=lambda item: item[1]["val_balanced_accuracy"] or 0)
                points.append(
                    {"release": title(row["defense"]), "level": level, "value": best["balanced_accuracy"],
                     "low": best["ci95"][0], "high": best["ci95"][1], "attack": title(name)}
                )  # fmt: skip
    if not points:
        return None
    x = alt.X("level:N", title="what the attacker was trained on", sort=list(LEVELS), axis=alt.Axis(labelAngle=0))
    return _lines(
        points,
        x,
        "release",
        "knowledge-ladder",
        "Balanced accuracy of the strongest attack by what it was trained on: unprotected data (ignorant), a release "
        "of the same method with another seed (lazy), or this release (informed), with 95 % intervals.",
    )


def budgets(rows: Sequence[Row]) -> list[Chart]:
    """The label-budget curve of every release that has one."""
    charts = []
    for number, row in enumerate(rows):
        points = [
            {**_measured(point), "people": point["people"], "attack": title(name)}
            for name, curve in row.get("budgets", {}).items()
            for point in curve
        ]
        if points:
            numbers = sorted({point["people"] for point in points})
            scale = alt.Scale(type="log", nice=False, padding=12)
            x = alt.X("people:Q", title="people that the attacker knows", scale=scale, axis=alt.Axis(values=numbers))
            caption = f"{title(row['defense'])}: balanced accuracy by the number of labelled people in training."
            charts.append(_lines(points, x, "attack", f"label-budget-{number}", caption))
    return charts


def pooled(rows: Sequence[Row]) -> Chart | None:
    """What the strongest attack reads from several images of one person together."""
    points = [
        {**_measured(point), "images": point["images"], "release": title(row["defense"])}
        for row in rows
        for point in row.get("pooled", [])
    ]
    if not points:
        return None
    x = alt.X("images:O", title="images of one person", axis=alt.Axis(labelAngle=0))
    return _lines(
        points,
        x,
        "release",
        "pooled",
        "Balanced accuracy of the strongest attack when its evidence from several images of one person is added up.",
    )


def _measured(point: dict[str, Any]) -> dict[str, Any]:
    return {"value": point["balanced_accuracy"], "low": point["ci95"][0], "high": point["ci95"][1]}


def _lines(points: list[dict[str, Any]], x: alt.X, series: str, name: str, caption: str) -> Chart:
    scale = alt.Scale(zero=False)
    base = alt.Chart(values(points)).encode(x=x, color=_series(points, series))
    y = alt.Y("value:Q", title="balanced accuracy", scale=scale)
    layers = alt.layer(
        base.mark_rule(opacity=0.4).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_point(filled=True, size=45, opacity=1).encode(y=y),
    )
    return finish(name, caption, layers.properties(width=WIDTH, height=260))
