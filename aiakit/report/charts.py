"""Charts that compare releases, from rows of the machine-readable document. One function a chart; None without data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from aiakit.measures.metrics import advantage
from aiakit.measures.pareto import pareto_front, privacy_of
from aiakit.report.conclusion import percent, reads
from aiakit.report.plane import BEST, CERTIFIED, OTHERS, draw_plane, point_of
from aiakit.report.theme import CLAIMED, HEADINGS, INK, MEASURED, SAYS, WIDTH, Chart, finish, from_chance, title, values
from aiakit.results.figures import Slice

Row = dict[str, Any]
STEP = 30  # pixels a release
NAMED = 12  # releases on the plane: of more, names would lie upon each other


def plane(rows: Sequence[Row], classes: int) -> Chart | None:
    """Privacy against utility with intervals on both, the front of the releases that no other one dominates, and what
    is certified of releases. classes : of the private attribute.
    """
    points = []
    for row in rows:
        point = point_of(title(row["release"]), row)
        if point is None:
            continue
        if (bound := row["certified"]) is not None:
            point[CERTIFIED] = float(privacy_of(advantage(bound, classes)))
            point["says"] += f"; no attack reads more than {percent(bound)}"
        points.append(point)
    if not points:
        return None
    front = pareto_front(*(np.array([point[axis] for point in points]) for axis in ("privacy", "utility")))
    points = [{**point, "front": BEST if best else OTHERS} for point, best in zip(points, front, strict=True)]
    caption = (
        "Each release by what its strongest attacker leaves private and what verification keeps, with 95 % intervals; "
        "the dashed line is the front of the releases that no other one dominates."
    )
    few = len(points) <= NAMED
    if not few:
        caption += " They alone are named."
    if any(CERTIFIED in point for point in points):
        caption += (
            " A triangle at the end of a grey line is certified: no attack whatsoever leaves less private than that "
            "(proven by the defense, or, of one image and with 95 % confidence, by the few values of the release)."
        )
    return draw_plane(points, [point for point in points if few or point["front"] == BEST], caption)


def dumbbell(rows: Sequence[Row], chance: float, detectable: float | None, ceiling: float | None) -> Chart | None:
    """What each defense claims against what is measured: the illusion gap."""
    shown = [row for row in rows if row["strongest"] is not None]
    if not shown:
        return None
    points, bars = [], []
    for row in shown:
        name, measured = title(row["release"]), row["strongest"]
        low, high = measured["ci95"]
        points.append({"release": name, "value": measured["balanced_accuracy"], "what": "measured, strongest attack",
                       "says": reads(name, measured)})  # fmt: skip
        bar = {"release": name, "low": low, "high": high}
        if row["claimed"] is not None:
            claimed = row["claimed"]["balanced_accuracy"]
            points.append({"release": name, "value": claimed, "what": "claimed, in-loop attacker",
                           "says": f"{name}: its own attacker claims {percent(claimed)}"})  # fmt: skip
            bar |= {"claimed": claimed, "measured": measured["balanced_accuracy"]}
        bars.append(bar)
    order = [title(row["release"]) for row in shown]
    y = alt.Y("release:N", title=None, sort=order)
    scale = from_chance([end for bar in bars for end in (bar["low"], bar.get("claimed"))], chance)
    claims = any("claimed" in bar for bar in bars)
    colours = {**({"claimed, in-loop attacker": CLAIMED} if claims else {}), "measured, strongest attack": MEASURED}
    colour = alt.Color("what:N", title=None, scale=alt.Scale(domain=list(colours), range=list(colours.values())))
    lines: list[dict[str, Any]] = [{"at": chance, "name": "chance"}]
    if detectable is not None and detectable < 1:
        lines.append({"at": detectable, "name": "smallest detectable"})
    if ceiling is not None:
        lines.append({"at": ceiling, "name": "Bayes ceiling"})
    span = scale.to_dict()["domain"]
    close = 0.3 * (max(span) - min(span))  # as wide as two such names
    for left, mark in zip([None, *lines], lines, strict=False):
        crowded = left is not None and abs(mark["at"] - left["at"]) < close and left["lift"] == 4
        mark["lift"] = 17 if crowded else 4
    marks = alt.Chart(values(lines))
    layers = [
        marks.mark_rule(strokeDash=[2, 3], color=INK, opacity=0.6).encode(x=alt.X("at:Q", scale=scale)),
        *(
            alt.Chart(values([mark for mark in lines if mark["lift"] == lift]))
            .mark_text(align="center", baseline="bottom", dy=-lift, color=INK, fontSize=11, opacity=0.8)
            .encode(x=alt.X("at:Q", scale=scale), y=alt.value(0), text=alt.Text("name:N"))
            for lift in sorted({mark["lift"] for mark in lines})
        ),
        alt.Chart(values([bar for bar in bars if "claimed" in bar]))
        .mark_bar(height=3, color=INK, opacity=0.35)
        .encode(x=alt.X("claimed:Q", scale=scale), x2=alt.X2("measured:Q"), y=y),
        alt.Chart(values(bars))
        .mark_rule(color=MEASURED, strokeWidth=1.5)
        .encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), y=y),
        alt.Chart(values(points))
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            x=alt.X("value:Q", title="balanced accuracy of inference", scale=scale), y=y, color=colour, description=SAYS
        ),
    ]
    return finish(
        "claimed-measured" if claims else "measured",
        "What the defense's own in-loop attacker claims and what the strongest freshly trained attack reads, with its "
        "95 % interval; the grey bar between them is the illusion gap."
        if claims
        else "What the strongest freshly trained attack reads from each release, with its 95 % interval.",
        alt.layer(*layers).properties(width=WIDTH, height=STEP * len(shown)),
    )


def heatmap(rows: Sequence[Row], chance: float) -> Chart | None:
    """Every attack on every release."""
    cells = [
        {"release": title(row["release"]), "attack": title(name), "value": m["balanced_accuracy"],
         "text": f"{m['balanced_accuracy']:.2f}".replace("0.", ".", 1),
         "says": f"{title(name)} on {title(row['release'])}: {percent(m['balanced_accuracy'], m['ci95'])}"}
        for row in rows
        for name, m in row["attacks"].items()
    ]  # fmt: skip
    if not cells:
        return None
    caption = (
        "Balanced accuracy on test of every attack on every release: the fuller the colour, the further from chance."
    )
    return table_of_colours("attack-defense", caption, cells, "release", (chance, 1))


def table_of_colours(name: str, caption: str, cells: Sequence[Row], across: str, domain: tuple[float, float]) -> Chart:
    """Attacks against what ``across`` names. cells : {across, "attack", "value", "text", "says"}, in the order shown.

    domain : the values of no colour, and of the fullest.
    """
    columns, attacks = (list(dict.fromkeys(cell[key] for cell in cells)) for key in (across, "attack"))
    x = alt.X(f"{across}:N", title=None, sort=columns, axis=HEADINGS)
    y = alt.Y("attack:N", title=None, sort=attacks, axis=alt.Axis(domain=False))
    base = alt.Chart(values(cells)).encode(x=x, y=y)
    strength = alt.Opacity("value:Q", legend=None, scale=alt.Scale(domain=domain, range=[0.04, 0.9], clamp=True))
    layers = alt.layer(
        base.mark_rect(color=MEASURED).encode(opacity=strength, description=SAYS),
        base.mark_text(color=INK).encode(text=alt.Text("text:N")),
    )
    return finish(name, caption, layers.properties(width=max(160, 52 * len(columns)), height=26 * len(attacks)))


def seeds(rows: Sequence[Row]) -> Chart | None:
    """How much the strongest attack's figure moves from seed to seed."""
    points = [
        {"release": title(row["release"]), "value": value, "seed": f"repeat {number}",
         "says": f"{title(row['release'])}, repeat {number + 1}: {percent(value)}"}
        for row in rows
        if row["strongest"] is not None
        for number, value in enumerate(row["strongest"]["per_seed"])
    ]  # fmt: skip
    if not any(row["strongest"] is not None and len(row["strongest"]["per_seed"]) > 1 for row in rows):
        return None
    order = list(dict.fromkeys(point["release"] for point in points))
    scale = from_chance([point["value"] for point in points])
    x = alt.X("value:Q", title="balanced accuracy of the strongest attack", scale=scale)
    y = alt.Y("release:N", title=None, sort=order)
    base = alt.Chart(values(points))
    layers = alt.layer(
        base.mark_rule(opacity=0.5, color=INK).encode(
            x=alt.X("min(value):Q", scale=scale), x2=alt.X2("max(value):Q"), y=y
        ),
        base.mark_point(size=70, color=MEASURED, filled=True, opacity=0.8).encode(
            x=x, y=y, detail=alt.Detail("seed:N"), description=SAYS
        ),
    )
    return finish(
        "seeds",
        "The strongest attack on each repetition with other seeds, one point each: what training alone changes.",
        layers.properties(width=WIDTH, height=STEP * len(order)),
    )


def groups(slices: Sequence[Slice]) -> Chart | None:
    """How often the strongest attack is right about each class of people, release by release."""
    points: list[Row] = [
        {"release": title(part.release), "group": title(part.group), "value": part.recall.value,
         "low": part.recall.ci95[0], "high": part.recall.ci95[1],
         "says": f"{title(part.group)} from {title(part.release)}: right in "
                 f"{percent(part.recall.value, part.recall.ci95)} of pictures"}
        for part in slices
        if part.recall.value is not None and part.recall.ci95 is not None
    ]  # fmt: skip
    if not points:
        return None
    releases, classes = (list(dict.fromkeys(point[key] for point in points)) for key in ("release", "group"))
    scale = from_chance([point["low"] for point in points], 1 / len(classes))
    base = alt.Chart(values(points)).encode(
        y=alt.Y("release:N", title=None, sort=releases, scale=alt.Scale(paddingInner=0.3)),
        yOffset=alt.YOffset("group:N", sort=classes),
        color=alt.Color("group:N", title=None, sort=classes),
    )
    x = "share of pictures whose class the strongest attack gets right"
    layers = alt.layer(
        base.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q", scale=scale, title=x), x2=alt.X2("high:Q")),
        base.mark_point(filled=True, size=60, opacity=1).encode(
            x=alt.X("value:Q", scale=scale, title=x), description=SAYS
        ),
    )
    return finish(
        "groups",
        "How often the strongest attack recognises each class of people, with 95 % intervals: where the classes of a "
        "release lie apart, it exposes one group more than another.",
        layers.properties(width=WIDTH, height=max(STEP, 14 * len(classes) + 8) * len(releases)),
    )
