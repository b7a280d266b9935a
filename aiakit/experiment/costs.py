"""What a cell costs: the most memory that this process held while it was computed."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin to look for the peak anew, where the system can: Linux does, others know only that of the whole life.

    What the system itself says of the process's peak later (getrusage, time -v) begins anew as well.
    """
    try:
        RESET.write_text("5", "ascii")
    except OSError:  # no Linux, or a container that keeps /proc for itself: the peak is then that of the process so far
        return


def peak_mib() -> float:
    """The most memory in MiB that this process held since ``forget_peak``, libraries and memory maps included."""
    try:
        line = next(line for line in STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024, 1)
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kibibytes elsewhere
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
