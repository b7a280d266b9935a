"""The benchmark of attackers, on a small cross-fitted run."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from aiakit.cli.main import main
from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.errors import InputError
from benchmarks.statistics import attackers

RUN = ("run", "--defense", "leace", "--attacks", "logreg,lda", "--people", "100", "--images-per-person", "2",
       "--image-size", "16", "--precision", "fp32", "--jobs", "1", "--no-reference", "--set", "original.epochs=1",
       "--set", "original.width=8", "--set", "original.latent=16", "--pairs", "200", "--no-forecast")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("attackers")
    assert main([*RUN, "--folds", "4", "--knowledge", "insider", "--out", str(out), "--name", "run"]) == 0
    return out / "run"


def test_an_insider_knows_the_defenders_people_and_none_who_are_judged(folder: Path) -> None:
    insider = attackers.Insider(folder, "leace")
    assert insider.folds == 4
    known = [insider.known(0, split) for split in ("attacker-train", "attacker-val", "test")]
    people = [set(part.identity.tolist()) for part in known]
    assert not people[0] & people[1]
    assert not (people[0] | people[1]) & people[2]
    assert len(insider.known(0, "attacker-train", *attackers.DEFENDERS)) > len(known[0])


def test_the_table_has_a_row_for_each_attack(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--release", "leace", "--attacks", "logreg,svm,label-spreading,stack", "--folds", "0,2"]
    monkeypatch.setattr(sys, "argv", ["attackers", str(folder), *asked])
    attackers.main()
    lines = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [line[0] for line in lines] == ["logreg", "svm", "label-spreading", "stack"]
    for line in lines:
        assert 0 < float(line[1]) < 1
        assert len(line) == 5


def test_another_release_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="no release 'inlp', only leace"):
        attackers.Insider(folder, "inlp")


@pytest.mark.parametrize("name", attackers.TRIED)
def test_what_was_tried_reads_a_plain_leak(name: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 2
    x = rng.normal(size=(600, 6)).astype(np.float32)
    x[:, 0] += 3 * labels
    known = LabelledRelease(Release(x), labels, np.arange(600) // 2 * 2 + labels, ("a", "b"))
    if name.startswith("pytabkit"):
        pytest.importorskip("pytabkit")
    attack = attackers.TRIED[name]().fit(known[:300], known[300:400], Context())
    right = np.mean(attack.predict_proba(known.release[400:]).argmax(axis=1) == labels[400:])
    assert right > 0.8
