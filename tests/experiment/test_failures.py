"""What goes wrong in a run: broken plugins, divergence, a full disk. The rest goes on, and nothing is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.errors import InputError
from aiakit.experiment import probing
from aiakit.storage import tensorfile
from tests.conftest import SHORT, SHORT_AIA, TINY, Answer

Aiakit = Callable[..., Answer]

PLUGIN = '''
import numpy as np
from aiakit.contracts import Attack


class Prior(Attack):
    """Says how frequent each class was."""

    name = "{name}"

    def fit(self, train, val, ctx):
        self.prior_ = np.bincount(train.labels, minlength=len(train.classes)) / len(train)
        return self

    def predict_proba(self, release):
        {body}
'''
GOOD = "return np.tile(self.prior_, (len(release), 1))"
BROKEN = {
    "raises": ("raise ZeroDivisionError('halved by zero')", "ZeroDivisionError: halved by zero"),
    "no memory": ("return np.ones((1 << 20, 1 << 30))", "out of memory in attack 'prior-no-memory'"),
    "wrong shape": ("return np.ones((len(release), 7))", "(N, K) = (51, 2), not (51, 7)"),
    "not probabilities": ("return np.full((len(release), 2), np.nan)", "finite"),
    "not normalised": ("return np.full((len(release), 2), 3.0)", "sum to 1"),
}


def write(path: Path, name: str, body: str = GOOD) -> Path:
    """A plugin file; names are used once, since plugins stay registered in this process."""
    path.write_text(PLUGIN.replace("{name}", name).replace("{body}", body))
    return path


def run(attacks: str, *extra: str | Path) -> list[str | Path]:
    return ["run", "--defense", "original", "--attacks", attacks, *TINY, *SHORT, "--no-utility", *extra]


def test_attack_from_a_file(aiakit: Aiakit, tmp_path: Path) -> None:
    plugin = write(tmp_path / "mine.py", "prior")
    answer = aiakit(*run("logreg,prior", "--plugin", plugin, "--out", tmp_path / "runs", "--json"))
    assert answer.code == 0
    (row,) = answer.document["rows"]
    assert row["attacks"]["prior"]["balanced_accuracy"] == 0.5
    assert row["attacks"]["prior"]["power"] is False, "an attack that says nothing has no power"
    assert row["strongest"]["attack"] == "logreg"


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_attack_is_named_and_the_run_goes_on(fault: str, aiakit: Aiakit, tmp_path: Path) -> None:
    body, reason = BROKEN[fault]
    name = f"prior-{fault.replace(' ', '-')}"
    plugin = write(tmp_path / "mine.py", name, body)
    answer = aiakit(*run(f"logreg,{name}", "--plugin", plugin, "--out", tmp_path / "runs", "--json"))
    assert answer.code == 1
    document = answer.document
    assert document["complete"] is False
    (failure,) = document["failures"]
    assert "prior" in failure["reason"]
    assert "mine.py" in failure["reason"]
    assert reason.replace("51", str(document["splits"]["attacker-val"]["images"])) in failure["reason"]
    assert set(document["rows"][0]["attacks"]) == {"logreg"}


def test_what_one_defense_cannot_use_ends_its_own_cells(aiakit: Aiakit, tmp_path: Path) -> None:
    refused = ("--set", "pe-miu.block=5", "--attacks", "logreg", *TINY, *SHORT, "--no-utility", "--out", tmp_path)
    says = "defense 'pe-miu' from package aiakit"
    answer = aiakit("run", "--defense", "pe-miu,leace", *refused, "--name", "two", "--json")
    assert answer.code == 1
    first, *blocked = answer.document["failures"]
    assert first["reason"].startswith(says)
    assert "does not cut 16 dimensions" in first["reason"]
    assert "choose a smaller divisor" in first["reason"]
    assert {failure["reason"] for failure in blocked} == {"not run, since what it needs failed"}
    rows = {row["release"]: row for row in answer.document["rows"]}
    assert "logreg" in rows["leace"]["attacks"], "it comes after the one that was refused"
    alone = aiakit("run", "--defense", "pe-miu", *refused, "--name", "one")
    assert alone.code == 2, "the undefended release was not what was asked for"
    assert says in alone.message
    assert "choose a smaller divisor" in alone.message
    shown = aiakit("show", tmp_path / "one", "--json")
    assert shown.document["complete"] is False
    assert says in shown.document["failures"][0]["reason"]


def test_what_an_attack_of_others_cannot_use_ends_its_own_cell(aiakit: Aiakit, tmp_path: Path) -> None:
    body = "from aiakit.errors import InputError; raise InputError('choosy needs pictures of faces')"
    plugin = write(tmp_path / "mine.py", "choosy", body)
    answer = aiakit(*run("logreg,choosy", "--plugin", plugin, "--out", tmp_path / "runs", "--json"))
    assert answer.code == 1
    (failure,) = answer.document["failures"]
    assert failure["reason"] == f"attack 'choosy' from file {plugin}: choosy needs pictures of faces"
    assert set(answer.document["rows"][0]["attacks"]) == {"logreg"}


def test_data_that_changed_end_the_run_whoever_reads_them(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(*_: object) -> None:
        raise InputError("the data changed")

    monkeypatch.setattr(probing, "load_faces", changed)  # the photographs of an attack that is given some
    answer = aiakit(*run("logreg,decensor", "--out", tmp_path / "runs"))
    assert answer.code == 2
    assert answer.message.splitlines()[-1] == "aiakit: error: the data changed"


def test_divergence_keeps_the_last_good_state(aiakit: Aiakit, tmp_path: Path) -> None:
    arguments = ["run", "--defense", "aia", "--attacks", "logreg", *TINY, *SHORT, *SHORT_AIA, "--no-utility"]
    answer = aiakit(*arguments, "--set", "aia.rate=1e30", "--out", tmp_path, "--name", "run", "--json")
    assert answer.code == 1
    reasons = [failure["reason"] for failure in answer.document["failures"]]
    (diverged,) = [reason for reason in reasons if "last good state" in reason]
    assert "joint training" in diverged
    state = tensorfile.load(next((tmp_path / "run/diverged").glob("*.safetensors")))
    assert all(np.isfinite(tensor).all() for tensor in state.values() if tensor.dtype.kind == "f")
    rows = {row["release"]: row for row in answer.document["rows"]}
    assert "logreg" in rows["original"]["attacks"], "the other defense went on"
    assert rows["aia"]["strongest"] is None


def test_full_disk_is_one_line_and_nothing_half_written(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = run("logreg", "--out", tmp_path, "--name", "run")
    with monkeypatch.context() as patch:

        def full(*_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "posix_fallocate", full)
        answer = aiakit(*arguments)
    assert answer.code == 2
    assert "no space left" in answer.message
    assert not list((tmp_path / "run" / "cells").iterdir())
    assert aiakit(*arguments).code == 0, "with space again the same command goes on"


def test_protect_releases_new_photographs(tiny_run: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    photographs = []
    for number in range(3):
        photographs.append(tmp_path / f"face{number}.jpg")
        Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(photographs[-1])
    for out in ("a", "b"):
        answer = aiakit("protect", tiny_run, *photographs, "-o", tmp_path / out, "--defense", "aia")
        assert answer.code == 0
    first, second = (tensorfile.load(tmp_path / out / "embedding.safetensors")["embedding"] for out in ("a", "b"))
    assert first.shape == (3, 16)
    assert np.array_equal(first, second)
    pictures = sorted((tmp_path / "a").glob("*.png"))
    assert [path.name for path in pictures] == ["0-face0.png", "1-face1.png", "2-face2.png"]
    assert Image.open(pictures[0]).size == (16, 16)
    assert (tmp_path / "a" / "index.csv").read_text().splitlines()[1].endswith("face0.jpg,0-face0.png")


def test_stochastic_protection_differs_unless_told_otherwise(tiny_run: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    photograph = tmp_path / "face.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(photograph)
    released = {}
    for out, extra in (("a", ()), ("b", ()), ("c", ("--noise-seed", "1")), ("d", ("--noise-seed", "1"))):
        arguments = ("protect", tiny_run, photograph, "-o", tmp_path / out, "--defense", "random", *extra)
        assert aiakit(*arguments).code == 0
        released[out] = (tmp_path / out / "embedding.safetensors").read_bytes()
    assert released["a"] != released["b"]
    assert released["c"] == released["d"]
