"""The attribute card of a photograph: as JSON, on a terminal, as a drawing."""

from __future__ import annotations

from typing import Any

import numpy as np

from aiakit.faces.answers import PUBLIC, Answer, Card, Seen
from aiakit.report.canvas import Canvas
from aiakit.report.gallery import NAME, SIDE, draw_said
from aiakit.report.grid import NONE, Grid, print_grid, say
from aiakit.report.terminal import stdout
from aiakit.report.theme import Chart, title

SCHEMA = 1
COLUMN, LINE = 226, 16  # pixels


def document_of(card: Card) -> dict[str, Any]:
    """The card as JSON, without pixels."""
    return {
        "schema": SCHEMA,
        "image": card.image,
        "seen": [
            {
                "name": seen.name,
                "picture": seen.picture is not None,
                "answers": [
                    {"attribute": answer.attribute, "by": answer.by, "says": answer.says} for answer in seen.answers
                ],
            }
            for seen in card.seen
        ],
        "notes": list(card.notes),
    }


def print_card(card: Card) -> None:
    """Print what is said, an attribute a row and a release a column."""
    headings = ("attribute", "by", *(seen.name for seen in card.seen))
    rows = []
    for attribute, public in _rows(card):
        found = [_find(seen, attribute, public) for seen in card.seen]
        asked = {answer.by for answer in found if answer is not None}
        cells = [_cell(answer, len(asked) > 1) for answer in found]
        by = PUBLIC if public else asked.pop() if len(asked) == 1 else "strongest attack"
        rows.append([attribute, by, *cells])
    out = stdout()
    print_grid(out, Grid(f"What is said of {card.image}", headings, rows, headings, 2))
    for note in card.notes:
        say(out, f"note: {note}")


def _rows(card: Card) -> list[tuple[str, bool]]:
    """(attribute, whether the public model says it), attacks first."""
    rows = dict.fromkeys((a.attribute, a.by == PUBLIC) for seen in card.seen for a in seen.answers)
    return sorted(rows, key=lambda row: row[1])


def _find(seen: Seen, attribute: str, public: bool) -> Answer | None:
    return next((a for a in seen.answers if a.attribute == attribute and (a.by == PUBLIC) == public), None)


def _cell(answer: Answer | None, name: bool) -> str:
    if answer is None:
        return NONE
    return _likeliest(answer) + (f" ({answer.by})" if name else "")


def _likeliest(answer: Answer) -> str:
    value = max(answer.says, key=lambda key: answer.says[key])
    return f"{value} {answer.says[value]:.2f}"


def card_chart(card: Card) -> Chart:
    """The card as a drawing: the photograph and each release, with what is said below."""
    rows = _rows(card)
    groups = [group for group in (False, True) if any(public == group for _, public in rows)]
    canvas = Canvas(COLUMN * len(card.seen), 24 + SIDE + 8 + LINE * (len(rows) + len(groups)) + 8)
    for column, seen in enumerate(card.seen):
        left = COLUMN * column
        canvas.text(left, 10, title(seen.name), bold=True)
        if seen.picture is not None:
            canvas.picture(left, 24, SIDE, seen.picture)
        else:
            canvas.no_picture(left, 24, SIDE)
        y = 24.0 + SIDE + 14
        for group in groups:
            heading = "a public model says" if group else "attacks say"
            answers = [(attribute, _find(seen, attribute, group)) for attribute, public in rows if public == group]
            if any(answer is not None for _, answer in answers):
                canvas.text(left, y, heading, soft=True)
            y += LINE
            for attribute, answer in answers:
                if answer is not None:
                    _draw(canvas, left, y, attribute, answer)
                y += LINE
    return canvas.chart(
        "profile",
        "What attackers say of one photograph as it is and as each release shows it: bars are the probabilities of the "
        "attribute's values, with the likeliest one named.",
    )


def _draw(canvas: Canvas, left: float, y: float, attribute: str, answer: Answer) -> None:
    if len(answer.says) == 1:  # an estimate, not a choice between classes
        canvas.text(left, y, attribute)
        canvas.text(left + NAME, y, _likeliest(answer))
        return
    draw_said(canvas, left, y, attribute, np.array(list(answer.says.values())), title(_likeliest(answer)))
