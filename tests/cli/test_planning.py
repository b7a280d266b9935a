"""``--dry-run``, ``--quiet`` and shell completion."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--defense", "leace", "--attacks", "lda,qda", *TINY, *SHORT)
SWEEP = ("sweep", "--defense", "gaussian-noise", "--set", "epsilon=1,2", "--attacks", "lda", *TINY, *SHORT)


def test_a_dry_run_says_what_there_is_to_compute_and_writes_nothing(aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit(*RUN, "--out", tmp_path, "--name", "plan", "--dry-run", "--json")
    assert answer.code == 0, answer.err
    assert list(tmp_path.iterdir()) == []
    planned = answer.document
    assert {row["release"]: row["cells"] for row in planned["releases"]} == {"original": 4, "leace": 4}
    assert (planned["cells"], planned["finished"], planned["measured"]) == (9, 0, False)  # and the splits
    assert planned["seconds"] > 0
    assert planned["curves"] == 0, "so few people carry none"
    assert planned["run"] == str(tmp_path / "plan")
    assert aiakit(*RUN, "--out", tmp_path, "--name", "plan").code == 0
    used = sum(path.stat().st_size for path in (tmp_path / "plan").rglob("*.safetensors"))
    assert used / 4 < planned["bytes"] < 40 * used  # in this small one what is learned weighs most
    again = aiakit(*RUN, "--out", tmp_path, "--name", "plan", "--dry-run", "--json").document
    assert (again["cells"], again["finished"], again["seconds"], again["bytes"]) == (9, 9, 0, 0)
    more = ("--attacks", "svm", "--out", tmp_path, "--name", "other", "--dry-run")
    said = aiakit(*RUN, *more).out
    for words in ("original", "leace", "11 cells", "Nothing was computed", "free"):
        assert words in said


def test_a_dry_sweep_counts_every_point(aiakit: Aiakit, tmp_path: Path) -> None:
    planned = aiakit(*SWEEP, "--out", tmp_path, "--dry-run", "--json").document
    assert [row["cells"] for row in planned["releases"]] == [3, 3, 3]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [RUN, SWEEP])
def test_quiet_prints_the_conclusion_alone(command: tuple[str, ...], aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit(*command, "--out", tmp_path, "--quiet")
    assert answer.code == 0
    assert answer.err == ""
    assert answer.out.count("chance 50 %") == 1
    assert "[95 %]" not in answer.out
    assert len(answer.out.splitlines()) <= 3


def completed(words: str) -> list[str]:
    """What a shell offers after these words, of which the last one is being typed."""
    program = [sys.executable, "-c", "import sys; from aiakit.cli import main; sys.exit(main())"]
    typed = {"_AIAKIT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    done = subprocess.run(program, capture_output=True, text=True, check=True, env={**os.environ, **typed})
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("aiakit ru", {"run"}),
        ("aiakit le", {"leaderboard"}),
        ("aiakit run --def", {"--defense"}),
        ("aiakit run --precision b", {"bf16"}),
        ("aiakit benchmark ru", {"run"}),
    ],
)
def test_a_shell_completes_commands_and_options(words: str, offered: set[str]) -> None:
    assert offered <= set(completed(words))
