"""Charts of a sweep, from its document: against each option, and in the plane. One function a chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from aiakit.measures.pareto import privacy_of
from aiakit.report.conclusion import percent
from aiakit.report.theme import CLAIMED, COLOURS, INK, MEASURED, WIDTH, Chart, finish, from_chance, title, values
from aiakit.sweeps.space import in_short

Row = dict[str, Any]
LEAKS = ("claimed, in-loop attacker", "measured, strongest attack")
HEIGHT = 190
DIM = "#8a8a94"


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
            x=alt.value(WIDTH), y=alt.Y("at:Q", scale=scale_y), text="name:N"
        ),
    ]
    if isinstance(space, dict):
        scale = alt.Scale(type="log" if space["log"] else "linear", domain=[space["low"], space["high"]], nice=False)
        x = alt.X("x:Q", title=option, scale=scale)
        dots = alt.Chart(values(rows)).mark_point(filled=True, size=45, opacity=0.8)
        layers += [_intervals(rows, x, scale_y, colour), dots.encode(x=x, y=y, color=colour, description="says:N")]
    else:
        shown = [{**row, "x": in_short(row["x"])} for row in rows]
        order = [in_short(value) for value in _ascending(space)]
        x = alt.X("x:O", title=option, sort=order, axis=alt.Axis(labelAngle=0))
        means = [_mean(shown, place, what) for what in present for place in order]
        between = [{"x": place, **_ends(means, place)} for place in order if len(_ends(means, place)) == 2]
        area = alt.Chart(values(between)).mark_area(color=INK, opacity=0.08)
        thick = alt.Chart(values([mean for mean in means if mean])).mark_line(strokeWidth=2.5)
        if tuple(names) == LEAKS and between:
            layers.append(area.encode(x=x, y=alt.Y("low:Q", scale=scale_y), y2="high:Q"))
        if len({row["rest"] for row in rows}) > 1:
            thin = alt.Chart(values(shown)).mark_line(strokeWidth=1, opacity=0.35)
            layers.append(thin.encode(x=x, y=y, color=colour, detail="rest:N"))
        dots = alt.Chart(values(shown)).mark_point(filled=True, size=30, opacity=0.8)
        layers += [_intervals(shown, x, scale_y, colour), thick.encode(x=x, y=y, color=colour),
                   dots.encode(x=x, y=y, color=colour, description="says:N")]  # fmt: skip
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _intervals(rows: list[Row], x: Any, scale: alt.Scale, colour: Any) -> Any:
    """The 95 % interval of every point."""
    rules = alt.Chart(values(rows)).mark_rule(opacity=0.35, strokeWidth=1.5)
    return rules.encode(x=x, y=alt.Y("low:Q", scale=scale), y2="high:Q", color=colour)


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
    able = [point for point in document["points"] if point["objectives"] is not None]
    if not able:
        return None
    points = [
        {"point": label_of_point(point["params"]), "front": "not dominated" if point["pareto"] else "dominated",
         "says": _says(point), **_ends_of(point), **point["objectives"]}
        | ({} if point["claimed"] is None else {"claimed": _privacy(point["claimed"])})
        for point in able
    ]  # fmt: skip
    front = [point for point in points if point["front"] == "not dominated"]
    claims = [{**point, "front": "claimed"} for point in points if "claimed" in point]
    scale_x = from_chance([point["utility_low"] for point in points])
    scale_y = alt.Scale(domain=[0, 1])
    x = alt.X("utility:Q", title="utility: verification accuracy →", scale=scale_x)
    y = alt.Y("privacy:Q", title="privacy: 1 − advantage →", scale=scale_y)
    kinds = {"not dominated": MEASURED, "dominated": DIM, **({"claimed": CLAIMED} if claims else {})}
    colour = alt.Color("front:N", title=None, scale=alt.Scale(domain=list(kinds), range=list(kinds.values())))
    at_claim = alt.Y("claimed:Q", scale=scale_y)
    base, claim, best = (alt.Chart(values(rows)) for rows in (points, claims, front))
    layers = [
        best.mark_line(interpolate="step-before", color=MEASURED, strokeDash=[4, 3], opacity=0.7).encode(
            x=x, y=y, order="utility:Q"
        ),
        claim.mark_rule(color=INK, opacity=0.18).encode(x=x, y=y, y2="claimed:Q"),
        base.mark_rule(opacity=0.45).encode(
            x=alt.X("utility_low:Q", scale=scale_x), x2="utility_high:Q", y=y, color=colour
        ),
        base.mark_rule(opacity=0.45).encode(
            x=x, y=alt.Y("privacy_low:Q", scale=scale_y), y2="privacy_high:Q", color=colour
        ),
        claim.mark_point(size=45, opacity=0.9).encode(x=x, y=at_claim, color=colour, description="says:N"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, description="says:N"),
    ]
    ends = [point["utility"] for point in points]
    layers += _names(front, (min(ends) + max(ends)) / 2, x, y)
    undefended = _undefended(document)
    if undefended:
        mark = alt.Chart(values(undefended))
        layers += [
            mark.mark_point(shape="diamond", size=90, color=INK, filled=True).encode(x=x, y=y),
            mark.mark_text(color=INK, dy=14).encode(x=x, y=y, text=alt.value("undefended")),
        ]
    return finish(
        "privacy-utility",
        "Each point of the sweep by what its strongest attacker leaves private and what verification keeps: the dashed "
        "line is the front that no other point dominates. "
        + ("A grey line leads to what the in-loop attacker claims. " if claims else "")
        + "Coloured lines are 95 % intervals.",
        alt.layer(*layers).properties(width=WIDTH, height=300),
    )


def _says(point: Row) -> str:
    best, utility = point["strongest"], point["utility"]["random"]
    claimed = "" if point["claimed"] is None else f"; it claims {percent(point['claimed']['balanced_accuracy'])}"
    read = f"{best['attack']} reads {percent(best['balanced_accuracy'], best['ci95'])}"
    kept = percent(utility["accuracy"], utility["ci95"])
    return f"{label_of_point(point['params'])}: {read}; verification {kept}{claimed}"


def _ends_of(point: Row) -> Row:
    """The ends of a point's intervals in the plane."""
    low, high = point["strongest"]["advantage_ci95"]
    ends = {"utility_low": point["utility"]["random"]["ci95"][0], "utility_high": point["utility"]["random"]["ci95"][1]}
    return {**ends, "privacy_low": float(privacy_of(high or 0.0)), "privacy_high": float(privacy_of(low or 0.0))}


def _names(front: list[Row], middle: float, x: Any, y: Any) -> list[Any]:
    """The names of the points on the front, towards the middle of the plane, where there is room."""
    left = alt.Chart(values([point for point in front if point["utility"] <= middle]))
    right = alt.Chart(values([point for point in front if point["utility"] > middle]))
    texts = (
        left.mark_text(align="left", dx=8, dy=-8, color=INK),
        right.mark_text(align="right", dx=-8, dy=-8, color=INK),
    )
    return [text.encode(x=x, y=y, text="point:N") for text in texts]


def _undefended(document: Row) -> list[Row]:
    reference = document["reference"]
    if reference["strongest"] is None or "random" not in reference["utility"]:
        return []
    return [{"privacy": _privacy(reference["strongest"]), "utility": reference["utility"]["random"]["accuracy"]}]


def _privacy(statistics: Row) -> float:
    return float(privacy_of(statistics["advantage"]))
