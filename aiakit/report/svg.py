"""From a chart's specification to a drawing: inline in a page, or files."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import vl_convert

from aiakit.report.theme import INK, Chart
from aiakit.storage.store import write_atomically

SVG = "http://www.w3.org/2000/svg"
DRAWING = {"svg", "g", "path", "rect", "line", "text", "tspan", "circle", "defs", "clipPath", "title", "linearGradient",
           "stop", "image"}  # fmt: skip
HREF = "{http://www.w3.org/1999/xlink}href"
PICTURE = "data:image/png;base64,"  # the only thing that a drawing may refer to: pixels that it holds itself
FORMATS = ("svg", "png", "pdf")
PAPER, PRINT_INK = "#ffffff", "#1c1c22"
LEAST = 0.8  # of its width: on a narrower phone a drawing is scrolled, because its words could not be read any more
REFERENCE = re.compile(r"url\(#([\w-]+)\)")


def inline_svg(spec: dict[str, Any], prefix: str, label: str) -> str:
    """An SVG element that takes the ink of the text around it, fits its container and shows values on hover.

    prefix : put before every id, so that the drawings of one page do not share any. label : what a screen reader says.
    Raises ValueError for an element that is no part of a drawing.
    """
    ET.register_namespace("", SVG)
    root = ET.fromstring(vl_convert.vegalite_to_svg(spec))  # noqa: S314 - made here, from a specification made here
    # Vega counts ids on from drawing to drawing: numbered anew, the same chart is the same text
    named = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    ids = {name: f"{prefix}{number}" for number, name in enumerate(named)}
    for element in list(root.iter()):
        tag = element.tag.removeprefix(f"{{{SVG}}}")
        if tag not in DRAWING or any(_leads_out(tag, *pair) for pair in element.attrib.items()):
            raise ValueError(f"a chart must not contain <{tag}> or links")
        if tag == "image":  # its label would be the picture once more, as text
            element.set("href", element.attrib.pop(HREF))
        elif element.get("role") == "graphics-symbol" and (said := element.get("aria-label")) and tag != "g":
            ET.SubElement(element, f"{{{SVG}}}title").text = said
        for name in [name for name in element.attrib if name.startswith("aria-") or name == "role"]:
            del element.attrib[name]  # they hold names that somebody chose; what is left holds none
        for name, value in element.items():
            if value == INK:
                element.set(name, "currentColor")
            elif name == "id":
                element.set(name, ids[value])
            elif "url(#" in value:
                element.set(name, REFERENCE.sub(lambda found: f"url(#{ids[found[1]]})", value))
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    root.set("role", "img")
    root.set("aria-label", label)
    root.set("style", f"width:{width}px;min-width:{LEAST * float(width):g}px;aspect-ratio:{width}/{height}")
    return ET.tostring(root, encoding="unicode")


def _leads_out(tag: str, name: str, value: str) -> bool:
    """Whether an attribute runs something or refers to anything but a picture's own pixels."""
    if "href" in name:
        return tag != "image" or not value.startswith(PICTURE)
    return name.lower().startswith("on")


def save_chart(chart: Chart, folder: Path) -> list[Path]:
    """Write the chart as SVG, PNG and PDF under its name; the files."""
    paths = [folder / f"{chart.name}.{kind}" for kind in FORMATS]
    for path in paths:
        write_chart(chart, path)
    return paths


def write_chart(chart: Chart, path: Path) -> None:
    """Write the chart as the suffix says: .svg, .png (twice the size) or .pdf, black on white."""
    spec = printed(chart.spec)
    if path.suffix == ".svg":
        content: str | bytes = vl_convert.vegalite_to_svg(spec)
    elif path.suffix == ".png":
        content = vl_convert.vegalite_to_png(spec, scale=2)
    else:
        content = vl_convert.vegalite_to_pdf(spec)
    write_atomically(path, content)


def printed(value: Any) -> Any:
    """The specification in the colours of paper; names that happen to look like the ink stay in the data."""
    if isinstance(value, dict):
        changed = {key: part if key == "datasets" or key == "data" else printed(part) for key, part in value.items()}
        return {**changed, "background": PAPER} if "$schema" in value else changed
    if isinstance(value, list):
        return [printed(part) for part in value]
    return PRINT_INK if value == INK else value
