"""How many threads a cell computes with: what its inputs say, or one, whatever the machine and its settings are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiakit.datasets.parallel import threads_in_all
from aiakit.experiment.libraries import LIBRARIES

# What libraries read when they are loaded.
VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def threads_of(inputs: Mapping[str, Any]) -> int:
    """The threads of a cell with these inputs."""
    return int(inputs.get("threads", 1))


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Run a block with so many threads in every library of this process, in those too that it loads meanwhile.

    Sums are rounded by how they are divided between threads: without a limit, bytes would depend on the machine.
    """
    otherwise = threads_in_all()
    earlier = {name: os.environ.get(name) for name in VARIABLES}
    loaded = LIBRARIES.controller()
    known = {library.filepath for library in loaded.lib_controllers}
    torch = sys.modules.get("torch")
    of_torch = otherwise if torch is None else torch.get_num_threads()
    with loaded.limit(limits=threads):
        try:
            _announce(threads)
            yield
        finally:
            for name, value in earlier.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value
            for library in LIBRARIES.controller().lib_controllers:
                if library.filepath not in known:
                    library.set_num_threads(otherwise)
            _set_threads_of_torch(of_torch)


def set_threads(threads: int) -> None:
    """Have every library of this process compute with so many threads from now on."""
    LIBRARIES.controller().limit(limits=threads)
    _announce(threads)


def _announce(threads: int) -> None:
    """Tell libraries that are not loaded yet, and torch."""
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    _set_threads_of_torch(threads)


def _set_threads_of_torch(threads: int) -> None:
    torch = sys.modules.get("torch")  # it is not loaded for this
    if torch is not None:
        torch.set_num_threads(threads)
