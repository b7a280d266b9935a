"""Progress of a run on stderr: bars with the time left on a terminal, one line a finished cell elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiakit.cli.common import console


class Bars:
    """Two bars: the cells of the run, and the step that this process is at."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.cells: Any = None
        self.step_bar: Any = None
        self.step_label = ""

    def begin(self, cells: int, finished: int) -> None:
        self.cells = self.progress.add_task("run", total=cells, completed=finished)

    def start(self, label: str) -> None:
        self.progress.update(self.cells, description=label)

    def step(self, label: str, done: int, total: int) -> None:
        if self.step_bar is None or label != self.step_label:
            if self.step_bar is not None:
                self.progress.remove_task(self.step_bar)
            self.step_bar, self.step_label = self.progress.add_task(f"  {label}", total=total), label
        self.progress.update(self.step_bar, completed=done, total=total)

    def end(self, label: str, failure: str | None) -> None:
        if self.step_bar is not None:
            self.progress.remove_task(self.step_bar)
            self.step_bar = None
        self.progress.advance(self.cells)
        if failure:
            self.progress.console.print(f"{label}: failed: {failure}", style="red", markup=False, highlight=False)


class Lines:
    """One line for each finished cell, with its time and how many are left."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.started: dict[str, float] = {}

    def begin(self, cells: int, finished: int) -> None:
        self.total, self.done = cells, finished
        self.began = time.monotonic()
        self.before = finished
        if finished:
            self._say(f"{finished} of {cells} cells are finished already")

    def start(self, label: str) -> None:
        self.started[label] = time.monotonic()

    def step(self, label: str, done: int, total: int) -> None:
        """Steps are too many for lines."""

    def end(self, label: str, failure: str | None) -> None:
        self.done += 1
        now = time.monotonic()
        took = now - self.started.pop(label, now)
        left = (now - self.began) / max(1, self.done - self.before) * (self.total - self.done)
        state = f"failed: {failure}" if failure else f"{took:.1f} s"
        self._say(f"[{self.done}/{self.total}] {label}: {state} (about {left:.0f} s left)")

    @staticmethod
    def _say(line: str) -> None:
        console().print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def observer() -> Iterator[Bars | Lines]:
    """Whichever fits where stderr goes."""
    if not console().is_terminal:
        yield Lines()
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(), transient=True) as progress:
        yield Bars(progress)
