"""Faces side by side: the photograph, and what each release shows of it with what attacks and the verifier say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aiakit.contracts import FloatArray
from aiakit.faces.examples import Face, Gallery, Tile, Verified
from aiakit.report.canvas import Canvas
from aiakit.report.grid import NONE, Grid, print_grid
from aiakit.report.terminal import stdout
from aiakit.report.theme import COLOURS, Chart, title

SCHEMA = 1
SIDE, COLUMN, LINE = 156, 182, 15  # pixels: of a picture, of a column, of a line of text
NAME, BAR = 76, 46  # pixels: of an attack's name, of the bar of its probabilities
CLAIM = "claimed"


def document_of(gallery: Gallery) -> dict[str, Any]:
    """The gallery as JSON, without pixels."""
    return {
        "schema": SCHEMA,
        "dataset": gallery.dataset,
        "attribute": gallery.attribute,
        "classes": list(gallery.classes),
        "run_seed": gallery.run_seed,
        "strongest": gallery.strongest,
        "faces": [
            {
                "number": face.number,
                "file": face.file,
                "person": face.person,
                "truth": face.truth,
                "releases": {tile.release: _tile_document(tile, gallery.classes) for tile in face.tiles},
            }
            for face in gallery.faces
        ],
    }


def _tile_document(tile: Tile, classes: Sequence[str]) -> dict[str, Any]:
    def named(proba: FloatArray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(classes, proba, strict=True)}

    verified = tile.verified
    return {
        "picture": tile.picture is not None,
        "claimed": None if tile.claimed is None else named(tile.claimed),
        "attacks": {name: named(proba) for name, proba in tile.says.items()},
        "verifier": None
        if verified is None
        else {"own": verified.own, "others": verified.others, "threshold": verified.threshold},
    }


def gallery_chart(gallery: Gallery, attacks: Sequence[str] | None = None) -> Chart:
    """The gallery as a drawing, a row a face and a column a release.

    attacks : which are written below each picture; the strongest of each release where none are given.
    """
    releases = [tile.release for tile in gallery.faces[0].tiles]
    lines = max(len(_lines(tile, gallery, attacks)) for face in gallery.faces for tile in face.tiles)
    height = SIDE + LINE * (lines + 2) + 22
    canvas = Canvas(COLUMN * (1 + len(releases)), 42 + height * len(gallery.faces))
    x = 0.0
    for code, name in enumerate(gallery.classes):
        canvas.bar(x, 3, 10, 10, colour_of(code))
        canvas.text(x + 15, 8, title(name))
        x += 32 + 6.5 * len(title(name))
    for column, name in enumerate(["photograph", *releases]):
        canvas.text(COLUMN * column, 30, _short(name, 28), bold=True)
    for row, face in enumerate(gallery.faces):
        top = 42 + row * height
        canvas.picture(0, top, SIDE, face.original)
        canvas.text(0, top + SIDE + 11, _short(face.file, 27), bold=True)
        canvas.text(0, top + SIDE + 11 + LINE, _short(f"{gallery.attribute}: {face.truth}", 27))
        for column, tile in enumerate(face.tiles, start=1):
            _draw(canvas, COLUMN * column, top, tile, gallery, attacks)
    if attacks is None:
        caption = "the in-loop attacker's claim and the strongest attack (*)"
    else:
        caption = "the in-loop attacker's claim and each attack (* the strongest)"
    return canvas.chart(
        "reconstructions",
        f"Test faces as they are and as each release shows them, with the probabilities of {title(gallery.attribute)} "
        f"by {caption}, and the verifier's distance to other pictures of the same person.",
    )


def _lines(tile: Tile, gallery: Gallery, attacks: Sequence[str] | None) -> list[tuple[str, FloatArray]]:
    """What is said below a picture: the claim, then attacks."""
    strongest = gallery.strongest.get(tile.release)
    wanted = [strongest] if attacks is None else attacks
    said = [(CLAIM, tile.claimed)] if tile.claimed is not None else []
    said += [(f"{name}*" if name == strongest else name, tile.says[name]) for name in wanted if name in tile.says]
    return [(name, proba) for name, proba in said if proba is not None]


def _draw(canvas: Canvas, left: float, top: float, tile: Tile, gallery: Gallery, attacks: Sequence[str] | None) -> None:
    if tile.picture is not None:
        canvas.picture(left, top, SIDE, tile.picture)
    else:
        canvas.no_picture(left, top, SIDE)
    y = top + SIDE + 11
    for name, proba in _lines(tile, gallery, attacks):
        draw_said(canvas, left, y, name, proba)
        y += LINE
    for line in _verified_lines(tile.verified):
        canvas.text(left, y, line, soft=True)
        y += LINE


def draw_said(canvas: Canvas, left: float, y: float, name: str, proba: FloatArray, label: str | None = None) -> None:
    """A line: a name, a bar of probabilities, and a label (the largest of them where none is given)."""
    canvas.text(left, y, _short(name, 14))
    x = left + NAME
    for code, value in enumerate(proba):
        canvas.bar(x, y - 5, BAR * float(value), 9, colour_of(code))
        x += BAR * float(value)
    canvas.text(left + NAME + BAR + 6, y, f"{float(np.max(proba)):.2f}" if label is None else label)


def colour_of(code: int) -> str:
    """The colour of a class."""
    return COLOURS[code % len(COLOURS)]


def _verified_lines(verified: Verified | None) -> list[str]:
    if verified is None:
        return []
    if verified.own is None:
        return ["no pair with this person", f"one person below {verified.threshold:.2f}"]
    answer = "same" if verified.own < verified.threshold else "another"
    return [f"own pair at {verified.own:.2f}: {answer}", f"one person below {verified.threshold:.2f}"]


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def print_gallery(gallery: Gallery) -> None:
    """Print what is said of each face, as a table."""
    words = ("face", gallery.attribute, "release", "picture", "claimed", "strongest attack", "says")
    rows = [_cells(face, tile, gallery) for face in gallery.faces for tile in face.tiles]
    title = f"What is said of test faces of {gallery.dataset} (seed {gallery.run_seed})"
    print_grid(stdout(), Grid(title, (*words, "distance to own pair", "one person below"), rows, words, 3))


def _cells(face: Face, tile: Tile, gallery: Gallery) -> list[str]:
    strongest = gallery.strongest.get(tile.release)
    verified = tile.verified
    said = tile.says.get(strongest or "")
    return [
        face.file,
        face.truth,
        tile.release,
        "no: an embedding" if tile.picture is None else "yes",
        NONE if tile.claimed is None else likeliest(gallery.classes, tile.claimed),
        strongest or NONE,
        NONE if said is None else likeliest(gallery.classes, said),
        NONE if verified is None or verified.own is None else f"{verified.own:.3f}",
        NONE if verified is None else f"{verified.threshold:.3f}",
    ]


def likeliest(classes: Sequence[str], proba: FloatArray) -> str:
    """``male .97``."""
    code = int(np.argmax(proba))
    return f"{classes[code]} {float(proba[code]):.2f}"
