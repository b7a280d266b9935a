"""Progress in a notebook: a bar that is redrawn in the place of the cell's output."""

from __future__ import annotations

import html
from typing import Any

from aiakit.experiment.engine import Observer, SilentObserver
from aiakit.experiment.remaining import Remaining


class NotebookBar(SilentObserver):
    """One bar of the cells of a run, with what is computed at present and what failed. handle : what it is shown by."""

    def __init__(self, handle: Any, markup: Any) -> None:
        self.handle, self.markup = handle, markup
        self.cells = self.done = 0
        self.label = ""
        self.failed: list[str] = []

    def begin(self, remaining: Remaining) -> None:
        """Called once, with the cells that there are and those that an earlier start finished."""
        self.remaining = remaining
        self.cells, self.done = remaining.total, remaining.finished
        self._draw()

    def start(self, label: str) -> None:
        """A cell begins."""
        self.label = label
        self._draw()

    def end(self, label: str, failure: str | None) -> None:
        """A cell is finished, or has failed."""
        self.done += 1
        self.failed += [f"{label}: {failure}"] if failure else []
        self.label = "done" if self.done == self.cells else self.label
        self._draw()

    def _draw(self) -> None:
        failed = "".join(f"<br>{html.escape(line)}" for line in self.failed)
        bar = f'<progress value="{self.done}" max="{self.cells}"></progress>'
        text = f"{bar} {self.done} of {self.cells} · {html.escape(self.label)}{failed}"
        self.handle.update(self.markup(text))


def shown(observer: Observer | None) -> Observer:
    """Who is told of progress: the one given, or a bar where this runs in a notebook, or nobody."""
    if observer is not None:
        return observer
    try:
        from IPython import get_ipython
        from IPython.display import HTML, display
    except ImportError:
        return SilentObserver()
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return SilentObserver()
    return NotebookBar(display(HTML(""), display_id=True), HTML)
