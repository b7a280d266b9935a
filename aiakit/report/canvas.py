"""A drawing of pictures, bars and words at places of one's choosing, as a chart like any other.

So pictures of faces are saved, inlined in pages and inked for light and dark as all charts are.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import altair as alt
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aiakit.report.theme import INK, Chart, finish, values

SIZE = 11  # of text, in pixels
PNG = "data:image/png;base64,"


class Canvas:
    """Marks in a plane of ``width`` × ``height`` pixels, the origin at the upper left."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self._pictures: list[dict[str, Any]] = []
        self._bars: list[dict[str, Any]] = []
        self._texts: list[dict[str, Any]] = []

    def picture(self, x: float, y: float, side: float, pixels: NDArray[np.uint8]) -> None:
        """A uint8 (H, W, 3) picture in a square whose upper left corner is (x, y)."""
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="PNG")
        url = PNG + base64.b64encode(file.getvalue()).decode()
        self._pictures.append({"x": x + side / 2, "y": y + side / 2, "url": url, "side": side})

    def no_picture(self, x: float, y: float, side: float) -> None:
        """What stands in the place of a picture where the release is an embedding."""
        self.bar(x, y, side, side, INK, 0.06)
        self.text(x + side / 2, y + side / 2 - 8, "an embedding:", align="center", soft=True)
        self.text(x + side / 2, y + side / 2 + 8, "there is no picture", align="center", soft=True)

    def bar(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1.0) -> None:
        """A filled rectangle."""
        self._bars.append(
            {"x": x, "y": y, "right": x + width, "bottom": y + height, "colour": colour, "opacity": opacity}
        )

    def text(self, x: float, y: float, words: str, align: str = "left", bold: bool = False, soft: bool = False) -> None:
        """A line of text whose middle is at the height y; words that somebody chose stay text."""
        self._texts.append({"x": x, "y": y, "words": words, "align": align, "bold": bold, "soft": soft})

    def chart(self, name: str, caption: str) -> Chart:
        """The drawing."""
        x, y = self._axis("x", self.width), self._axis("y", self.height)
        layers: list[Any] = []
        if self._bars:
            fill = alt.Color("colour:N", scale=None, legend=None)
            seen = alt.Opacity("opacity:Q", scale=None, legend=None)
            bars = alt.Chart(values(self._bars)).mark_rect()
            layers.append(bars.encode(x=x, x2=alt.X2("right:Q"), y=y, y2=alt.Y2("bottom:Q"), color=fill, opacity=seen))
        for side in sorted({picture["side"] for picture in self._pictures}):
            chosen = [picture for picture in self._pictures if picture["side"] == side]
            pictures = alt.Chart(values(chosen)).mark_image(width=side, height=side, aspect=False, aria=False)
            layers.append(pictures.encode(x=x, y=y, url=alt.Url("url:N")))
        for align, bold, soft in sorted({(t["align"], t["bold"], t["soft"]) for t in self._texts}):
            rows = [text for text in self._texts if (text["align"], text["bold"], text["soft"]) == (align, bold, soft)]
            words = alt.Chart(values(rows)).mark_text(
                align=align, baseline="middle", fontSize=SIZE, color=INK, opacity=0.72 if soft else 1.0,
                fontWeight="bold" if bold else "normal",
            )  # fmt: skip
            layers.append(words.encode(x=x, y=y, text=alt.Text("words:N")))
        return finish(name, caption, alt.layer(*layers).properties(width=self.width, height=self.height, padding=6))

    @staticmethod
    def _axis(name: str, length: float) -> Any:
        domain = [0, length] if name == "x" else [length, 0]
        channel = alt.X if name == "x" else alt.Y
        return channel(f"{name}:Q", axis=None, scale=alt.Scale(domain=domain, nice=False, zero=False))
