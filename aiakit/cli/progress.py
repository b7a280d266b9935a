"""Progress of a run on stderr: a bar a release and the time left on a terminal, lines from time to time elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiakit.cli.common import console

if TYPE_CHECKING:
    from aiakit.experiment.engine import Observer
    from aiakit.experiment.remaining import Remaining

# Seconds after which a run without a terminal says that it is alive, again and again; the last one repeats.
HEARTBEATS = (10.0, 20.0, 30.0, 60.0)


def left_of(remaining: Remaining) -> str:
    """``about 3 min left``; "" where nothing is known."""
    from aiakit.report.outlook import in_words

    seconds = remaining.left()
    return "" if not seconds else f"about {in_words(seconds)} left"


class Releases:
    """Which release every cell is of, how many cells each has, and which are at work."""

    def __init__(self, remaining: Remaining) -> None:
        self.remaining = remaining
        self.of = {cell.label: cell.release for cell in remaining.cells}
        self.todo: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.began: dict[str, float] = {}
        self.running: dict[str, float] = {}  # label → when it began
        for cell in remaining.unfinished():
            self.todo[cell.release] = self.todo.get(cell.release, 0) + 1

    def start(self, label: str) -> str:
        """A cell begins; the release that it is of."""
        release = self.of[label]
        self.running[label] = time.monotonic()
        self.began.setdefault(release, self.running[label])
        return release

    def end(self, label: str) -> str:
        """A cell has ended; the release that it is of."""
        release = self.of[label]
        self.running.pop(label, None)
        self.done[release] = self.done.get(release, 0) + 1
        return release

    def complete(self, release: str) -> bool:
        """Whether nothing of a release is left."""
        return self.done.get(release, 0) >= self.todo.get(release, 0)


class Bars:
    """A bar for the run, one for each release that is worked on, and one for the step that this process is at."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.bars: dict[str, Any] = {}
        self.step_bar: Any = None
        self.step_label = ""

    def begin(self, remaining: Remaining) -> None:
        self.releases = Releases(remaining)
        self.run = self.progress.add_task(
            "run", total=remaining.total, completed=remaining.finished, left=lambda: left_of(remaining)
        )

    def start(self, label: str) -> None:
        release = self.releases.start(label)
        if release and release not in self.bars:
            total = self.releases.todo[release]
            self.bars[release] = self.progress.add_task(f"  {release}", total=total, left=self._at(release))

    def step(self, label: str, done: int, total: int) -> None:
        if self.step_bar is None or label != self.step_label:
            self._end_step()
            self.step_bar, self.step_label = self.progress.add_task(f"    {label}", total=total, left=str), label
        self.progress.update(self.step_bar, completed=done, total=total)

    def end(self, label: str, failure: str | None) -> None:
        self._end_step()
        release = self.releases.end(label)
        self.progress.advance(self.run)
        if release in self.bars:
            self.progress.advance(self.bars[release])
            if self.releases.complete(release):
                self.progress.remove_task(self.bars.pop(release))
        if failure:
            self.progress.console.print(f"{label}: failed: {failure}", style="red", markup=False, highlight=False)

    def _at(self, release: str) -> Callable[[], str]:
        """What a release's bar says beside it: the cells that are computed at present."""

        def at() -> str:
            cells = [label for label in list(self.releases.running) if self.releases.of[label] == release]
            return ", ".join(label.partition(f" on {release}")[0] for label in cells)

        return at

    def _end_step(self) -> None:
        if self.step_bar is not None:
            self.progress.remove_task(self.step_bar)
            self.step_bar = None


class Lines:
    """A line for each release that is finished, one for each failure, and one from time to time: the run is alive."""

    def __init__(self, heartbeats: tuple[float, ...] = HEARTBEATS) -> None:
        self.heartbeats = heartbeats
        self.releases: Releases | None = None
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.alive = threading.Thread(target=self._beat, daemon=True)

    def begin(self, remaining: Remaining) -> None:
        self.releases = Releases(remaining)
        before = f", {remaining.finished} are finished already" if remaining.finished else ""
        self._say(f"{remaining.total} cells{before}")
        if not self.alive.is_alive():
            self.alive.start()

    def start(self, label: str) -> None:
        with self.lock:
            self._known().start(label)

    def step(self, label: str, done: int, total: int) -> None:
        """Steps are too many for lines."""

    def end(self, label: str, failure: str | None) -> None:
        with self.lock:
            releases = self._known()
            release = releases.end(label)
        if failure:
            self._say(f"{label}: failed: {failure}")
        if release and releases.complete(release):
            took = time.monotonic() - releases.began.get(release, time.monotonic())
            self._say(f"{release}: {releases.done[release]} cells in {took:.1f} s; {self._state()}")

    def close(self) -> None:
        """Be silent from now on."""
        self.ended.set()

    def _known(self) -> Releases:
        assert self.releases is not None
        return self.releases

    def _beat(self) -> None:
        for number in range(10**9):
            if self.ended.wait(self.heartbeats[min(number, len(self.heartbeats) - 1)]):
                return
            with self.lock:
                running = dict(self._known().running)
            now = time.monotonic()
            at = ", ".join(f"{label} ({now - began:.0f} s)" for label, began in running.items())
            if at:
                self._say(f"at {at}; {self._state()}")

    def _state(self) -> str:
        remaining = self._known().remaining
        left = left_of(remaining)
        return f"{remaining.finished} of {remaining.total} cells" + (f", {left}" if left else "")

    @staticmethod
    def _say(line: str) -> None:
        console().print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def observer(quiet: bool = False) -> Iterator[Observer]:
    """Whichever fits where stderr goes; one that says nothing where that is asked for."""
    if quiet:
        from aiakit.experiment.engine import SilentObserver

        yield SilentObserver()
        return
    if not console().is_terminal:
        lines = Lines()
        try:
            yield lines
        finally:
            lines.close()
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column
    from rich.text import Text

    class Beside(ProgressColumn):
        """What a bar's own function says at present."""

        max_refresh = 1.0

        def render(self, task: Any) -> Text:
            return Text(task.fields["left"](), no_wrap=True, overflow="ellipsis")

    columns = (
        TextColumn("{task.description}", markup=False, table_column=Column(max_width=28, no_wrap=True)),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        Beside(table_column=Column(max_width=24, no_wrap=True)),
    )
    with Progress(*columns, console=console(), transient=True) as progress:
        yield Bars(progress)
