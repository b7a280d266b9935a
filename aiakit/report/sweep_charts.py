"""Charts of a sweep, from its document: against each option, and in the plane. One function a chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from aiakit.report.conclusion import percent
from aiakit.report.plane import BEST, OTHERS, draw_plane, point_of, privacy
from aiakit.report.theme import CLAIMED, COLOURS, INK, MEASURED, SAYS, WIDTH, Chart, finish, from_chance, title, values
from aiakit.sweeps.space import in_short

Row = dict[str, Any]
LEAKS = ("claimed, in-loop attacker", "measured, strongest attack")
HEIGHT = 190


def label_of_point(params: Row) -> str:
    """``alpha=0.1, beta=3``, of bounded length."""
    return title(", ".join(f"{name}={in_short(value)}" for name, value in params.items()))


def against(document: Row, option: str) -> Chart | None:
    """Leakage as claimed and as measured, and verification, against one option; None where it does not vary."""
    space = document["options"][option]
    searched = isinstance(space, dict)
    if not searched and len(space) < 2:
        return None
    leaks, uses = _leaks(document, option), _uses(document, option)
    panels = [_panel(document, option, rows, *look) for rows, look in (
        (leaks, ("balanced accuracy of inference", LEAKS, (CLAIMED, MEASURED), _leak_marks(document))),
        (uses, ("verification accuracy", _impostors(document), (COLOURS[2], COLOURS[3]), _use_marks(document))),
    ) if rows]  # fmt: skip
    if not panels:
        return None
    lines = "each point is a trial" if searched else "thick lines are means over the other options"
    claims = any(row["what"] == LEAKS[0] for row in leaks)
    gap = ", and the distance between claimed and measured is the illusion gap" if claims else ""
    caption = (
        f"What {'the in-loop attacker claims and ' if claims else ''}the strongest attack reads"
        f"{' (above) and what verification keeps (below)' * (len(panels) > 1)} against {option}: {lines}{gap}. "
        "Vertical lines are 95 % intervals."
    )
    chart = alt.vconcat(*panels).resolve_scale(color="independent")
    return finish(f"against-{re.sub(r'[^a-z0-9]+', '-', option.lower())}", caption, chart)


def _leaks(document: Row, option: str) -> list[Row]:
    rows = []
    for point in document["points"]:
        for what, of in zip(LEAKS, (point["claimed"], point["strongest"]), strict=True):
            if of is not None:
                rows.append(_sample(point, option, what, of["balanced_accuracy"], of["ci95"]))
    return rows


def _uses(document: Row, option: str) -> list[Row]:
    kinds = zip(("random", "same_attribute"), _impostors(document), strict=True)
    return [
        _sample(point, option, what, point["utility"][kind]["accuracy"], point["utility"][kind]["ci95"])
        for kind, what in kinds
        for point in document["points"]
        if kind in point["utility"]
    ]


def _sample(point: Row, option: str, what: str, value: float, interval: Sequence[float | None]) -> Row:
    params = point["params"]
    rest, name = label_of_point({name: of for name, of in params.items() if name != option}), label_of_point(params)
    says = f"{name}: {what}, {percent(value, interval)}"
    low, high = interval
    return {"x": params[option], "what": what, "value": value, "low": low, "high": high, "rest": rest, "says": says}


def _impostors(document: Row) -> tuple[str, str]:
    return "random impostors", title(f"same-{document['attribute']} impostors")


def _leak_marks(document: Row) -> list[Row]:
    strongest = document["reference"]["strongest"]
    marks = [{"at": document["chance"], "name": "chance"}]
    return marks + ([{"at": strongest["balanced_accuracy"], "name": "undefended"}] if strongest is not None else [])


def _use_marks(document: Row) -> list[Row]:
    utility = document["reference"]["utility"].get("random")
    return [] if utility is None else [{"at": utility["accuracy"], "name": "undefended"}]


def _panel(
    document: Row, option: str, rows: list[Row], y_title: str, names: Sequence[str], colours: Sequence[str],
    marks: list[Row],
) -> Any:  # fmt: skip
    space = document["options"][option]
    present = [name for name in names if any(row["what"] == name for row in rows)]
    domain = alt.Scale(domain=present, range=[colours[names.index(name)] for name in present])
    scale_y = from_chance([row["low"] for row in rows], document["chance"] if tuple(names) == LEAKS else 0.5)
    y = alt.Y("value:Q", title=y_title, scale=scale_y)
    colour = alt.Color("what:N", title=None, scale=domain)
    rules = alt.Chart(values(marks))
    layers = [
        rules.mark_rule(strokeDash=[2, 3], color=INK, opacity=0.6).encode(y=alt.Y("at:Q", scale=scale_y)),
        rules.mark_text(align="right", baseline="bottom", dy=-3, color=INK, fontSize=11, opacity=0.8).encode(
            x=alt.value(WIDTH), y=alt.Y("at:Q", scale=scale_y), text=alt.Text("name:N")
        ),
    ]
    if isinstance(space, dict):
        scale = alt.Scale(type="log" if space["log"] else "linear", domain=[space["low"], space["high"]], nice=False)
        x = alt.X("x:Q", title=option, scale=scale)
        dots = alt.Chart(values(rows)).mark_point(filled=True, size=45, opacity=0.8)
        layers += [_intervals(rows, x, scale_y, colour), dots.encode(x=x, y=y, color=colour, description=SAYS)]
    else:
        shown = [{**row, "x": in_short(row["x"])} for row in rows]
        order = [in_short(value) for value in _ascending(space)]
        x = alt.X("x:O", title=option, sort=order, axis=alt.Axis(labelAngle=0))
        means = [_mean(shown, place, what) for what in present for place in order]
        between = [{"x": place, **_ends(means, place)} for place in order if len(_ends(means, place)) == 2]
        area = alt.Chart(values(between)).mark_area(color=INK, opacity=0.08)
        thick = alt.Chart(values([mean for mean in means if mean])).mark_line(strokeWidth=2.5)
        if tuple(names) == LEAKS and between:
            layers.append(area.encode(x=x, y=alt.Y("low:Q", scale=scale_y), y2=alt.Y2("high:Q")))
        if len({row["rest"] for row in rows}) > 1:
            thin = alt.Chart(values(shown)).mark_line(strokeWidth=1, opacity=0.35)
            layers.append(thin.encode(x=x, y=y, color=colour, detail=alt.Detail("rest:N")))
        dots = alt.Chart(values(shown)).mark_point(filled=True, size=30, opacity=0.8)
        layers += [_intervals(shown, x, scale_y, colour), thick.encode(x=x, y=y, color=colour),
                   dots.encode(x=x, y=y, color=colour, description=SAYS)]  # fmt: skip
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _intervals(rows: list[Row], x: Any, scale: alt.Scale, colour: Any) -> Any:
    """The 95 % interval of every point."""
    rules = alt.Chart(values(rows)).mark_rule(opacity=0.35, strokeWidth=1.5)
    return rules.encode(x=x, y=alt.Y("low:Q", scale=scale), y2=alt.Y2("high:Q"), color=colour)


def _ascending(space: Iterable[Any]) -> list[Any]:
    """Numbers in order; anything else as it was listed."""
    found = list(space)
    return sorted(found) if all(isinstance(value, int | float) for value in found) else found


def _mean(rows: list[Row], place: str, what: str) -> Row:
    found = [row["value"] for row in rows if row["x"] == place and row["what"] == what]
    return {"x": place, "what": what, "value": sum(found) / len(found)} if found else {}


def _ends(means: list[Row], place: str) -> Row:
    at = {mean["what"]: mean["value"] for mean in means if mean and mean["x"] == place}
    return {end: at[what] for end, what in zip(("low", "high"), LEAKS, strict=True) if what in at}


def plane(document: Row) -> Chart | None:
    """Privacy against utility: the front of the points as measured, and where the in-loop attacker claims them."""
    points = []
    for row in document["points"]:
        point = point_of(label_of_point(row["params"]), row)
        if point is None or row["objectives"] is None:
            continue
        point |= {**row["objectives"], "front": BEST if row["pareto"] else OTHERS}
        if row["claimed"] is not None:
            point["says"] += f"; it claims {percent(row['claimed']['balanced_accuracy'])}"
            point["claimed"] = privacy(row["claimed"])
        points.append(point)
    if not points:
        return None
    claims = any("claimed" in point for point in points)
    caption = (
        "Each point of the sweep by what its strongest attacker leaves private and what verification keeps: the dashed "
        "line is the front that no other point dominates. "
        + ("A grey line leads to what the in-loop attacker claims. " if claims else "")
        + "Coloured lines are 95 % intervals."
    )
    front = [point for point in points if point["front"] == BEST]
    return draw_plane(points, front, caption, point_of("undefended", document["reference"]))
