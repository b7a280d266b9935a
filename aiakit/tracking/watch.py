"""Between a run and its trackers: they are told what happens, and none of them can end the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Self

from aiakit.errors import InputError
from aiakit.experiment.remaining import Remaining
from aiakit.tracking.tracker import Figure, Step, Tracker, open_tracker


class Tracking:
    """The trackers of a run. problems : one line for each that failed; it is told nothing more.

    As a context it closes the trackers where an error or an interruption ends the block; else ``finish`` does.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """texts : what ``--track`` was given. Raises InputError for a tracker that cannot be used."""
        self._trackers = dict(open_tracker(text) for text in texts)
        self.problems: list[str] = []

    def begin(self, folder: str, configuration: dict[str, Any]) -> None:
        """Raises InputError where a tracker cannot begin: nothing is computed yet that could be lost."""
        self._each(lambda tracker: tracker.begin(folder, configuration))
        if self.problems:
            raise InputError(self.problems[0])

    def watch(self, observer: Any) -> Any:
        """The observer, whose finished cells the trackers are told of as well."""
        return Watch(observer, self._step) if self._trackers else observer

    def finish(self, figures: Sequence[Figure], document: dict[str, Any]) -> list[str]:
        """Hand over what was measured, close the trackers, and return what went wrong with any of them."""
        self._each(lambda tracker: tracker.figures(figures, document))
        self._close(complete=True)
        return self.problems

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._close(complete=False)

    def _close(self, complete: bool) -> None:
        self._each(lambda tracker: tracker.close(complete))
        self._trackers.clear()

    def _step(self, step: Step) -> None:
        self._each(lambda tracker: tracker.step(step))

    def _each(self, tell: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tell(tracker)
            except Exception as error:  # a library of its own, a server, a disk: the run must not end for any of them
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                self.problems.append(f"--track {name} failed: {reason}")
                del self._trackers[name]


class Watch:
    """An observer of a run (``engine.Observer``) that passes everything on, and reports finished cells."""

    def __init__(self, observer: Any, report: Callable[[Step], None]) -> None:
        self._observer, self._report = observer, report
        self._started: dict[str, float] = {}
        self._cells = self._finished = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)

    def begin(self, remaining: Remaining) -> None:
        self._cells, self._finished = remaining.total, remaining.finished
        self._observer.begin(remaining)

    def start(self, label: str) -> None:
        self._started[label] = time.monotonic()
        self._observer.start(label)

    def end(self, label: str, failure: str | None) -> None:
        now = time.monotonic()
        self._finished += 1
        self._observer.end(label, failure)
        self._report(Step(label, now - self._started.pop(label, now), self._finished, self._cells, failure))
