"""Feed hostile input to every reader of outside bytes: ``python -m benchmarks.stress.fuzz --inputs 200000``.

Each input is a folder of sound files of which one is changed (``fuzzing/mutations.py``). A reader may accept
it or refuse it with one of aiakit's own errors that mean bad input. Anything else is a finding: another exception, more
memory than ``--memory``, more than ``--seconds``, a file opened for writing outside the folder, a process started, a
connection opened. Findings are written to ``--save``, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from aiakit.errors import AiakitError, InputError
from benchmarks.stress.fuzzing.readers import Reader, pack, readers

ROOT = Path(__file__).parents[2]
FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect", "pickle.find_class")
HARMLESS = ("/dev/null", "/proc/self/clear_refs")  # the second forgets the peak of memory, which cells report
WRITING = ("w", "a", "x", "+")


@dataclass
class Tally:
    """What became of the inputs of one reader. findings : a line and the files of each."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    findings: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)


class Guard:
    """An audit hook that notes what no reader may do. It cannot be removed, so one serves the whole process."""

    def __init__(self) -> None:
        self.allowed: str = ""
        self.seen: list[str] = []
        self.reason = ""
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.allowed:
            return
        if event in FORBIDDEN:
            self.seen.append(f"{event} {arguments!r:.120}")
        elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[1], str):
            outside = not str(Path(arguments[0]).absolute()).startswith(self.allowed)
            if outside and any(mark in arguments[1] for mark in WRITING) and arguments[0] not in HARMLESS:
                self.seen.append(f"wrote {arguments[0]}")

    @contextmanager
    def watch(self, folder: Path) -> Iterator[list[str]]:
        self.seen = []
        self.allowed = str(folder.absolute())
        try:
            yield self.seen
        finally:
            self.allowed = ""


class TooSlow(BaseException):
    """No reader can catch it by catching every Exception."""


def _alarm(*_: Any) -> None:
    raise TooSlow


def attempt(reader: Reader, folder: Path, guard: Guard, seconds: float) -> tuple[bool, str]:
    """(whether it was accepted, what is wrong or "")."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with guard.watch(folder.parent) as seen:
            reader.read(folder)
        accepted, problem = True, ""
    except AiakitError as error:
        problem = "" if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
        accepted, guard.reason = False, str(error)
    except TooSlow:
        accepted, problem = False, f"more than {seconds:g} s"
    except Exception as error:  # finding these is what this is for
        where = traceback.extract_tb(error.__traceback__)[-1]
        ours = [each for each in traceback.extract_tb(error.__traceback__) if "aiakit" in each.filename] or [where]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        accepted, problem = False, f"{type(error).__name__} at {place}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return accepted, problem or (seen[0] if seen else "")


def fuzz(reader: Reader, inputs: int, seed: int, home: Path, guard: Guard, seconds: float) -> Tally:
    """Read so many changed inputs. The same seed makes the same inputs."""
    tally = Tally()
    rng = Random(f"{seed} {reader.name}")  # noqa: S311 - repeatable on purpose
    sound, folder = home / "sound", home / "input"
    sound.mkdir()
    reader.build(sound)
    files = pack(sound)
    shutil.copytree(sound, folder)
    accepted, problem = attempt(reader, folder, guard, max(seconds, 60))
    if not accepted or problem:
        raise SystemExit(f"{reader.name}: the sound files are refused: {problem or guard.reason}")
    targets = [(name, change) for name in files if (change := _mutation(reader, name)) is not None]
    started = time.perf_counter()
    for _ in range(inputs):
        name, change = targets[rng.randrange(len(targets))]
        (folder / name).write_bytes(change(rng, files[name]))
        begun = time.perf_counter()
        accepted, problem = attempt(reader, folder, guard, seconds)
        tally.slowest = max(tally.slowest, time.perf_counter() - begun)
        tally.accepted += accepted
        tally.refused += not accepted
        if problem:
            tally.findings.append((problem, {name: (folder / name).read_bytes() if (folder / name).exists() else b""}))
        _restore(folder, files, name)
    tally.seconds = time.perf_counter() - started
    shutil.rmtree(sound)
    shutil.rmtree(folder)
    return tally


def _mutation(reader: Reader, name: str) -> Any:
    return next(
        (change for pattern, change in reader.mutate.items() if fnmatch.fnmatch(Path(name).name, pattern)), None
    )


def _restore(folder: Path, files: dict[str, bytes], changed: str) -> None:
    """Put the folder back: the changed file, and whatever a reader moved or mended."""
    if changed.endswith(".json") or "cells" in changed or "safetensors" in changed:
        shutil.rmtree(folder)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    else:
        (folder / changed).write_bytes(files[changed])


def limit_memory(mebibytes: int) -> None:
    """Let this process address so much more than it does now: an allocation beyond it is a MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def choose(beginning: str) -> list[Reader]:
    """The readers whose names begin so, without those that cannot read here, which are named."""
    chosen = [reader for reader in readers(ROOT) if reader.name.startswith(beginning)]
    for reader in chosen:
        if reader.unavailable:
            print(f"left out: {reader.name}: {reader.unavailable}")
    return [reader for reader in chosen if not reader.unavailable]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="the readers whose names begin so")
    parser.add_argument("--memory", type=int, default=1024, help="MiB that a reader may allocate beyond what is loaded")
    parser.add_argument("--seconds", type=float, default=20, help="that one input may take")
    parser.add_argument("--save", type=Path, default=Path("findings"))
    parser.add_argument("--folder", help="where the inputs lie; a file system in memory is quickest")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen = choose(given.only or "")
    total = sum(reader.share for reader in chosen)
    guard = Guard()
    limit_memory(given.memory)
    signal.signal(signal.SIGALRM, _alarm)
    begun, done, found = time.perf_counter(), 0, 0
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print("| reader | inputs | accepted | refused | findings | inputs a second | slowest, ms |\n" + "|---" * 7 + "|")
    for reader in chosen:
        count = round(given.inputs * reader.share / total)
        if count == 0:  # of a short run
            continue
        with tempfile.TemporaryDirectory(prefix="aiakit-fuzz-", dir=given.folder) as home:
            os.environ["AIAKIT_CACHE"] = str(Path(home) / "cache")  # the one other place where readers may write
            tally = fuzz(reader, count, given.seed, Path(home), guard, given.seconds)
        done, found = done + count, found + len(tally.findings)
        rate = count / max(tally.seconds, 1e-9)
        cells = [reader.name, count, tally.accepted, tally.refused, len(tally.findings), f"{rate:.0f}"]
        print("| " + " | ".join(map(str, [*cells, f"{1000 * tally.slowest:.0f}"])) + " |", flush=True)
        _save(given.save, reader.name, tally)
    elapsed = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\n{done} inputs in {elapsed:.0f} s ({done / elapsed:.0f} a second), {found} findings; resident memory "
          f"{base >> 10} MiB before, {peak >> 10} MiB at its peak")  # fmt: skip
    return 1 if found else 0


def _save(folder: Path, reader: str, tally: Tally) -> None:
    """The kinds of findings with their counts, and the files of the first of each."""
    kinds = Counter(problem.split(": ")[0] for problem, _ in tally.findings)
    for kind, count in kinds.most_common():
        problem, files = next(each for each in tally.findings if each[0].split(": ")[0] == kind)
        print(f"  {reader}: {count} × {json.dumps(problem)[:200]}", file=sys.stderr, flush=True)
        for name, content in files.items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{reader}-{kind[:40]}-{Path(name).name}".replace(" ", "-").replace("/", "-")).write_bytes(
                content
            )


if __name__ == "__main__":
    sys.exit(main())
