"""The privacy–utility plane: releases of a run or a board, or points of a sweep, and the front of the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from aiakit.measures.pareto import privacy_of
from aiakit.report.conclusion import percent, reads
from aiakit.report.theme import BOUND, CLAIMED, INK, MEASURED, SAYS, WIDTH, Chart, finish, values

Row = dict[str, Any]
HEIGHT = 300
BEST, OTHERS, CLAIM, PROVEN = "not dominated", "dominated", "claimed", "proven"  # what a point is
COLOURS = {BEST: MEASURED, OTHERS: "#8a8a94", CLAIM: CLAIMED, PROVEN: BOUND}
SHAPES = {BEST: "circle", OTHERS: "circle", CLAIM: "circle", PROVEN: "triangle-up"}


def point_of(name: str, row: Row) -> Row | None:
    """A release in the plane, with the ends of its intervals; None where one of the two was not measured."""
    best, use = row["strongest"], row["utility"].get("random")
    if best is None or use is None:
        return None
    low, high = best["advantage_ci95"]
    return {
        "name": name,
        "says": f"{reads(name, best)}; verification {percent(use['accuracy'], use['ci95'])}",
        "privacy": privacy(best),
        "privacy_low": float(privacy_of(high or 0.0)),
        "privacy_high": float(privacy_of(low or 0.0)),
        "utility": use["accuracy"],
        "utility_low": use["ci95"][0],
        "utility_high": use["ci95"][1],
    }


def privacy(measured: Row) -> float:
    """What an attack leaves private: 1 − advantage."""
    return float(privacy_of(measured["advantage"]))


def draw_plane(points: list[Row], named: Sequence[Row], caption: str, undefended: Row | None = None) -> Chart:
    """Points with their intervals, the front, and the names of some.

    points : of ``point_of``, each with ``front`` (BEST or OTHERS); ``claimed``, its privacy as the in-loop attacker
    claims it, where there is such a claim; and ``proven``, the privacy that no attack goes below, where that is known.
    undefended : where to put a mark of that name.
    """
    x_domain = _domain([end for p in points for end in (p["utility_low"], p["utility_high"], 0.5, 1.0)])
    y_domain = _domain([0.0, 1.0])
    x = alt.X("utility:Q", title="utility: verification accuracy →", scale=alt.Scale(domain=x_domain, nice=False))
    y = alt.Y("privacy:Q", title="privacy: 1 − advantage →", scale=alt.Scale(domain=y_domain, nice=False))
    marks = {kind: [{**p, "front": kind, "at": p[kind]} for p in points if kind in p] for kind in (CLAIM, PROVEN)}
    kinds = [BEST, OTHERS, *(kind for kind in marks if marks[kind])]
    colour = alt.Color("front:N", title=None, scale=alt.Scale(domain=kinds, range=[COLOURS[kind] for kind in kinds]))
    shape = alt.Shape("front:N", title=None, scale=alt.Scale(domain=kinds, range=[SHAPES[kind] for kind in kinds]))
    base = alt.Chart(values(points))
    layers = [
        alt.Chart(values([point for point in points if point["front"] == BEST]))
        .mark_line(interpolate="step-before", color=MEASURED, strokeDash=[4, 3], opacity=0.7)
        .encode(x=x, y=y, order=alt.Order("utility:Q")),
        base.mark_rule(opacity=0.5).encode(x=alt.X("utility_low:Q"), x2=alt.X2("utility_high:Q"), y=y, color=colour),
        base.mark_rule(opacity=0.5).encode(x=x, y=alt.Y("privacy_low:Q"), y2=alt.Y2("privacy_high:Q"), color=colour),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape, description=SAYS),
    ]
    if drawn := [mark for of_kind in marks.values() for mark in of_kind]:
        mark = alt.Chart(values(drawn))
        layers += [
            mark.mark_rule(color=INK, opacity=0.18).encode(x=x, y=y, y2=alt.Y2("at:Q")),
            mark.mark_point(size=45, opacity=0.9).encode(
                x=x, y=alt.Y("at:Q"), color=colour, shape=shape, description=SAYS
            ),
        ]
    placed = _placed(named, points, x_domain, y_domain)
    for place in sorted({(p["align"], p["dx"], p["dy"]) for p in placed}):  # a layer for each way of placing names
        align, dx, dy = place
        chosen = alt.Chart(values([p for p in placed if (p["align"], p["dx"], p["dy"]) == place]))
        text = chosen.mark_text(align=align, dx=dx, dy=dy, baseline="middle", color=INK)
        layers.append(text.encode(x=x, y=y, text=alt.Text("name:N")))
    if undefended is not None:
        mark = alt.Chart(values([undefended]))
        layers += [
            mark.mark_point(shape="diamond", size=90, color=INK, filled=True).encode(x=x, y=y),
            mark.mark_text(color=INK, dy=14).encode(x=x, y=y, text=alt.value("undefended")),
        ]
    return finish("privacy-utility", caption, alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def _domain(numbers: Sequence[float | None]) -> list[float]:
    """From the least to the most, with room for marks."""
    known = [number for number in numbers if number is not None]
    low, high = min(known), max(known)
    margin = 0.04 * (high - low)
    return [low - margin, high + margin]


def _placed(named: Sequence[Row], points: Sequence[Row], x_domain: list[float], y_domain: list[float]) -> list[Row]:
    """Each name beside, above or below its point: wherever it covers least of the other names and points."""

    def pixels(point: Row) -> tuple[float, float]:
        x = (point["utility"] - x_domain[0]) / (x_domain[1] - x_domain[0]) * WIDTH
        return x, (y_domain[1] - point["privacy"]) / (y_domain[1] - y_domain[0]) * HEIGHT

    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in map(pixels, points)]
    found = []
    for point in named:
        (x, y), long = pixels(point), 7.0 * len(point["name"])
        places = []
        for align, dx, dy in (("left", 9, -10), ("right", -9, -10), ("left", 9, 10), ("right", -9, 10)):
            left = x + dx - (long if align == "right" else 0)
            box = (left, y + dy - 8, left + long, y + dy + 8)
            outside = max(0.0, -box[0]) + max(0.0, box[2] - WIDTH) + max(0.0, -box[1]) + max(0.0, box[3] - HEIGHT)
            places.append((sum(_overlap(box, other) for other in taken) + 20 * outside, align, dx, dy, box))
        _, align, dx, dy, box = min(places, key=lambda place: place[0])
        found.append({**point, "align": align, "dx": dx, "dy": dy})
        taken.append(box)
    return found


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
