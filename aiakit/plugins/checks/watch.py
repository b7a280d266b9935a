"""What a plugin's code looks for in the process, beyond what it is handed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

# What reaches objects that nobody handed over (CPython's audit events), and how it is called.
WALKS = {
    "sys._getframe": "walks the call stack",
    "sys._current_frames": "walks the call stack",
    "gc.get_objects": "searches the objects of the process",
    "gc.get_referrers": "searches the objects of the process",
    "gc.get_referents": "searches the objects of the process",
}
FRAMES_OF = ("tb_frame", "gi_frame", "cr_frame", "ag_frame")  # attributes that lead to frames of a call stack


@dataclass
class Watch:
    """What a plugin's own code did. package : the module that it is in, or the package that this module is in."""

    package: str
    found: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, plugin: type) -> Watch:
        """Of a plugin of aiakit its own module; of others all modules of their package."""
        module = plugin.__module__
        return cls(module if module.startswith("aiakit.") else module.partition(".")[0])

    def see(self, event: str, arguments: tuple[Any, ...], frame: FrameType | None) -> None:
        """Note an event where the plugin itself caused it: libraries look at frames for reasons of their own."""
        what = WALKS.get(event)
        if event == "object.__getattr__" and len(arguments) > 1 and arguments[1] in FRAMES_OF:
            what, event = "walks the call stack", str(arguments[1])
        if what is None:
            return
        while frame is not None and frame.f_globals.get("__name__") == "inspect":
            frame = frame.f_back
        name = "" if frame is None else str(frame.f_globals.get("__name__"))
        if frame is not None and (name == self.package or name.startswith(f"{self.package}.")):
            self.found.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {what} ({event})")


_watches: list[Watch] = []
_hooked: list[bool] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watches or not (event in WALKS or event == "object.__getattr__"):
        return
    watch = _watches.pop()  # looking at frames is such an event itself
    try:
        watch.see(event, arguments, sys._getframe(1))
    finally:
        _watches.append(watch)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Note what the plugin's code looks for in the process. The hook stays, as every audit hook, and does nothing."""
    if not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)
