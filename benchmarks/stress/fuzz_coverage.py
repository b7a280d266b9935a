"""Search for hostile input by coverage: ``python -m benchmarks.stress.fuzz_coverage npy --seconds 60`` (needs atheris).

Atheris keeps the inputs that reach new lines of aiakit and changes them further. It begins from the sound file of a
reader of ``fuzz.py``; what counts as a finding is the same. A finding ends the search, and is written to the
working directory by libFuzzer, which ends the process: the folder of inputs stays behind.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["aiakit"]):
    from benchmarks.stress.fuzz import ROOT, Guard, _alarm, attempt
    from benchmarks.stress.fuzzing.readers import pack, readers

SECONDS = 20  # that one input may take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=[reader.name for reader in readers(ROOT)])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder", help="where the inputs lie; a file system in memory is quickest")
    given = parser.parse_args()
    reader = next(each for each in readers(ROOT) if each.name == given.reader)
    if reader.unavailable:
        sys.exit(f"{reader.name}: {reader.unavailable}")
    home = Path(tempfile.mkdtemp(prefix="aiakit-fuzz-", dir=given.folder))
    folder, corpus = home / "input", home / "corpus"
    folder.mkdir()
    corpus.mkdir()
    reader.build(folder)
    files = pack(folder)
    name = next(iter(files))
    for number, content in enumerate(files.values()):
        (corpus / str(number)).write_bytes(content)
    guard = Guard()
    signal.signal(signal.SIGALRM, _alarm)

    def read(data: bytes) -> None:
        (folder / name).write_bytes(data)
        _, problem = attempt(reader, folder, guard, SECONDS)
        if problem:
            raise AssertionError(problem)

    try:
        options = [f"-max_total_time={given.seconds}", "-seed=1", "-print_final_stats=1", "-verbosity=0", str(corpus)]
        atheris.Setup([sys.argv[0], *options], read)
        atheris.Fuzz()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
