"""The libraries of this process that compute with threads."""

from __future__ import annotations

import ctypes
from typing import Any

from threadpoolctl import ThreadpoolController


class _Loaded(ctypes.Structure):
    """``struct dl_phdr_info`` of the C library."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.c_void_p),
        ("count", ctypes.c_uint16),
        ("loaded", ctypes.c_ulonglong),
        ("unloaded", ctypes.c_ulonglong),
    )


_VISIT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Loaded), ctypes.c_size_t, ctypes.c_void_p)


class Libraries:
    """Looks for them anew where the loader says that something was loaded or unloaded meanwhile: a look takes 5 ms."""

    def __init__(self) -> None:
        self._seen: tuple[int, int] | None = None
        self._found: ThreadpoolController | None = None

    def controller(self) -> ThreadpoolController:
        """The libraries that are loaded now."""
        now = _times_changed()
        if self._found is None or now is None or now != self._seen:
            self._seen, self._found = now, ThreadpoolController()
        return self._found


def _times_changed() -> tuple[int, int] | None:
    """How often the loader has loaded and unloaded something; None where it does not count."""
    try:
        visit_all = ctypes.CDLL(None).dl_iterate_phdr
    except (AttributeError, TypeError):  # of another system
        return None
    seen: list[tuple[int, int]] = []

    def first(info: Any, size: int, _: Any) -> int:
        if size >= ctypes.sizeof(_Loaded):
            seen.append((info.contents.loaded, info.contents.unloaded))
        return 1

    visit_all(_VISIT(first), None)
    return seen[0] if seen else None


LIBRARIES = Libraries()
