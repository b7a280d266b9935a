"""Kinds of cells that take no time and misbehave in every way, for tests of engines. Workers import this module."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.errors import Diverged, InputError, PluginError
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.runtime import Runtime
from aiakit.storage.store import Draft, Store


def compute(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Write down which process computes the cell, misbehave as the inputs say, then store a number."""
    log = Path(inputs["log"]) / inputs["label"]
    first = not log.exists()
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")
    way = inputs["way"]
    if way == "dies" or (way == "dies once" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "slow":
        time.sleep(0.4)
    if way == "hangs":  # in a library, where no Python runs
        lock, library = ctypes.create_string_buffer(64), ctypes.CDLL(None)
        for _ in range(2):
            library.pthread_mutex_lock(lock)
    if way == "full disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "disk")
    if way == "bad input":
        raise InputError("mend it")
    if way == "refuses":
        refusal = InputError("mend it")
        refusal.who = "attack 'choosy'"
        raise refusal
    if way == "fails":
        raise PluginError("the plugin is broken")
    if way == "diverges":
        raise Diverged("no minimum", {"weight": np.ones(2)})
    draft.save("scores", {"x": np.full(3, len(inputs["label"]), np.float64)})


KINDS = {"test": compute}


def cell(log: Path, label: str, way: str = "", needs: tuple[str, ...] = ()) -> CellSpec:
    inputs = {"kind": "test", "label": label, "way": way, "log": str(log)}
    return CellSpec(inputs, label, needs)
