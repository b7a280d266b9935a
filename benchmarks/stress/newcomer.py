"""What a newcomer types: the commands of README.md and the tutorial, in order, as they are shown but small.

    python -m benchmarks.stress.newcomer [--folder DIR]

Twice, each time in an empty folder: on a terminal of 80 columns, where no line may be wider, and through pipes. Every
command must end with 0 and print something. Commands on data that has to be fetched (DIR) are left out and named. What
was printed is kept in the folder, to be read.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.stress.processes import Begin

ROOT = Path(__file__).parents[2]
COLUMNS = 80
PAGES = ("README.md", "docs/tutorial.md")
COMMAND = re.compile(r"^(?:    |\$ )aiakit (.+)$", re.MULTILINE)
SMALL = "--people 60 --images-per-person 3 --image-size 16 --set original.epochs=1 --set original.latent=16"
SHORT = {"aia": "--set aia.epochs=1 --set aia.latent=16"}
SUITES = re.compile(r"--attacks (all|fast)")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


def main() -> int:
    """Run all commands both ways; 1 where one of them fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where to work and to keep what was printed")
    folder = parser.parse_args().folder or Path(tempfile.mkdtemp(prefix="aiakit-newcomer-"))
    problems = []
    for way, run in (("terminal", on_a_terminal), ("pipes", through_pipes)):
        work = folder / way
        work.mkdir(parents=True)
        _put_files(work)
        for number, words in enumerate(shown()):
            given = adapted(words, work)
            if given is None:
                print(f"{way}: left out: aiakit {shlex.join(words)}", flush=True)
                continue
            start = time.monotonic()
            code, text = run(given, work)
            (work / f"{number:02}.txt").write_text(f"$ aiakit {shlex.join(given)}\n{text}", encoding="utf-8")
            found = list(_wrong(code, text, wide=way == "pipes" or "--json" in given))
            print(f"{way}: {'; '.join(found) or 'well'}: aiakit {shlex.join(given)} ({time.monotonic() - start:.0f} s)",
                  flush=True)  # fmt: skip
            problems += found
    print(f"{len(problems)} problems; what was printed is in {folder}")
    return 1 if problems else 0


def shown() -> list[list[str]]:
    """The words after ``aiakit`` of every command that the pages show in blocks."""
    texts = [(ROOT / page).read_text("utf-8").replace("\\\n", "") for page in PAGES]
    return [shlex.split(match[1], comments=True) for text in texts for match in COMMAND.finditer(text)]


def adapted(words: list[str], work: Path) -> list[str] | None:
    """The command as it can be given here: small, with runs that are there; None where it needs data of one's own."""
    if "DIR" in words:
        return None
    if words[0] in ("run", "sweep") and "--people" not in words:
        text = SUITES.sub("--attacks logreg,in-loop", shlex.join(words))
        defenses = words[words.index("--defense") + 1].replace("+", ",").split(",")
        return shlex.split(f"{text} {SMALL} {' '.join(SHORT[name] for name in defenses if name in SHORT)}")
    runs = {defense: _run_of(defense, work) for defense in ("aia", "leace")}
    return [re.sub(r"^RUN2?(?=:(\w+)|$)", lambda m: str(runs[m[1] or "aia"]), word) for word in words]


def _run_of(defense: str, work: Path) -> Path | None:
    """The newest run with a defense, as somebody would name it."""
    found = sorted((work / "runs").glob(f"*{defense}*"), key=lambda path: path.stat().st_mtime)
    return found[-1].relative_to(work) if found else None


def _put_files(work: Path) -> None:
    """What the commands name: embeddings with labels, the plugins of the tutorial."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(60), 3)
    rows = rng.standard_normal((60, 8))[who] + 0.5 * rng.standard_normal((len(who), 8)) + (who % 2)[:, None]
    np.savez(work / "embeddings.npz", embedding=rows.astype(np.float32))
    lines = [f"p{person},{'female' if person % 2 else 'male'}" for person in who]
    (work / "people.csv").write_text("\n".join(["person,gender", *lines]) + "\n", encoding="utf-8")
    for source in (ROOT / "docs" / "tutorial").glob("*.py"):
        shutil.copy(source, work)


def _program(words: list[str]) -> list[str]:
    return [sys.executable, "-P", "-m", "aiakit", *words]


def through_pipes(words: list[str], work: Path) -> tuple[int, str]:
    """Exit code, and what is said on stderr and stdout, without a terminal."""
    done = subprocess.run(
        _program(words), cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr + done.stdout


def on_a_terminal(
    words: list[str], work: Path, terminal: str = "xterm", begin: Begin = subprocess.Popen
) -> tuple[int, str]:
    """Exit code, and all that was drawn on a terminal of 80 columns. terminal : its kind; "dumb" knows no colours."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), inside)
    environment = {**os.environ, "TERM": terminal}
    process = begin(_program(words), **streams, cwd=work, env=environment, start_new_session=True)
    os.close(inside)
    written = b"".join(_read(screen))
    os.close(screen)
    return process.wait(), written.decode(errors="replace")


def _read(screen: int) -> Iterator[bytes]:
    while True:
        try:
            part = os.read(screen, 65536)
        except OSError:  # Linux says so when the other end has gone
            return
        if not part:
            return
        yield part


def _wrong(code: int, text: str, wide: bool) -> Iterator[str]:
    """What is wrong with what a command did. wide : whether its lines may be."""
    if code:
        yield f"exit code {code}"
    if not text.strip():
        yield "printed nothing"
    if "Traceback" in text:
        yield "a traceback"
    plain = [part for line in ESCAPE.sub("", text).split("\n") for part in line.split("\r")]
    # commands are there to be copied, as they are
    prose = [line for line in plain if not line.strip().startswith(("aiakit ", "pip "))]
    widest = max(prose, key=len)
    if len(widest) > COLUMNS and not wide:
        yield f"a line of {len(widest)} columns ({widest[:60]!r}…)"


if __name__ == "__main__":
    raise SystemExit(main())
