"""How charts look: one Altair theme for light and dark pages, and what a chart is for the page that shows it.

Channels are objects everywhere (``alt.X2("high:Q")``): for one given as text altair searches its
whole schema, 10 ms each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

# Stands for the colour of the surrounding text, whichever that is: see ``aiakit.report.svg``.
INK = "#12121f"
# Told apart by people with colour-blindness (Okabe and Ito, 2008, lightened to be read on black and on white).
COLOURS = ("#2f86c5", "#e0751f", "#0e9f77", "#c1649f", "#b08a00", "#5a6fd8", "#d1495b", "#6c8a1f", "#7f7f7f", "#00a0b0")
MEASURED, CLAIMED, BOUND = COLOURS[1], COLOURS[0], COLOURS[2]
FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"  # metrics that are the same wherever texts are measured
WIDTH = 400
SAYS = alt.Description("says:N")  # what a mark says on hover, in the rows of its data
# The columns of a heat-map: every one is named, however narrow.
HEADINGS = alt.Axis(orient="top", labelAngle=-35, domain=False, labelOverlap=False)


@dataclass(frozen=True)
class Chart:
    """A chart: the name of its files, one sentence that says what it shows, and its Vega-Lite specification."""

    name: str
    caption: str
    spec: dict[str, Any]

    @property
    def wide(self) -> bool:
        """Whether it needs a row of its own, in which it is scrolled rather than shrunk."""
        return float(self.spec.get("width", 0)) > 1.25 * WIDTH


def finish(name: str, caption: str, chart: Any) -> Chart:
    """A chart in the theme."""
    axis: dict[str, Any] = {
        "domainColor": INK,
        "tickColor": INK,
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.12,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelLimit": 150,
        "labelOverlap": True,
        "labelSeparation": 6,
        "labelFont": FONT,
        "titleFont": FONT,
    }
    legend: dict[str, Any] = {
        "orient": "bottom",
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "labelLimit": 170,
        "columnPadding": 18,
        "symbolOpacity": 1,
    }
    styled = chart.configure(
        background="transparent",
        padding={"left": 26, "right": 5, "top": 5, "bottom": 5},  # for fonts that are wider than the one laid out with
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(**axis),
        axisY=alt.AxisConfig(titlePadding=12),
        legend=alt.LegendConfig(**legend, columns=3, labelFont=FONT, titleFont=FONT, symbolStrokeWidth=2),
        text=alt.MarkConfig(color=INK, fontSize=12, font=FONT),
        range=alt.RangeConfig(category=list(COLOURS)),
    )
    spec = styled.to_dict(validate=False)
    _hush(spec)
    return Chart(name, caption, spec)


def _hush(spec: dict[str, Any]) -> None:
    """Have marks say nothing on hover but what was written for people: a ``description`` of their own."""
    for part in (*spec.get("layer", ()), *spec.get("vconcat", ())):
        _hush(part)
    if "mark" in spec and "description" not in spec.get("encoding", {}):
        mark = spec["mark"]
        spec["mark"] = {**(mark if isinstance(mark, dict) else {"type": mark}), "aria": False}


def from_chance(values: Iterable[float | None], chance: float = 0.5) -> alt.Scale:
    """The axis of an accuracy: from chance, or from what lies below it, to 1, so that charts can be compared by eye."""
    known = [value for value in values if value is not None]
    return alt.Scale(domain=[min([chance, *known]), 1.0], nice=True, zero=False)


class _Data(alt.InlineData):
    """Rows that are shared: altair copies a chart with all that it holds, many times over before it is drawn."""

    def __deepcopy__(self, memo: object = None) -> _Data:
        return self


def values(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as inline data. Keys are ours, so that a name that somebody chose is only ever a value."""
    return _Data(values=[dict(row) for row in rows])


def title(text: str) -> str:
    """The name of a series as legends and axes show it: of bounded length."""
    return text if len(text) <= 40 else text[:39] + "…"
