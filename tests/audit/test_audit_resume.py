"""Audits that were interrupted or that failed in part go on; show and report read what an audit left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.api.audits import prepare_arrays
from aiakit.api.result import Result
from aiakit.errors import InputError
from aiakit.experiment.engine import SilentObserver
from aiakit.experiment.local import Local
from aiakit.experiment.runtime import Runtime
from aiakit.storage import tensorfile
from tests.conftest import Answer

FLAKY = """
import pathlib
import numpy as np
from aiakit.contracts import Attack

class AuditFlaky(Attack):
    def __init__(self, mended: str = ""):
        self.mended = mended
    def fit(self, train, val, ctx):
        if not pathlib.Path(__file__).with_name("mended").exists():
            raise RuntimeError("out of luck")
        return self
    def predict_proba(self, release):
        return np.full((len(release), 2), 0.5)
"""


class Watch(SilentObserver):
    """Remembers what was begun, and presses Ctrl-C when something begins that it is afraid of."""

    def __init__(self, fear: Any = None) -> None:
        self.fear, self.started, self.known = fear, [], 0

    def begin(self, remaining: Any) -> None:
        self.known = remaining.finished

    def start(self, label: Any) -> None:
        if self.fear is not None and label.startswith(self.fear):
            raise KeyboardInterrupt
        self.started.append(label)


@pytest.fixture
def single(make_cast: Any) -> Any:
    """One row a person: there is nothing to verify, which is what takes long to judge."""
    cast = make_cast()
    return type(cast)(**{field.name: getattr(cast, field.name)[::3] for field in fields(cast)})


@pytest.fixture
def file(single: Any, tmp_path: Path) -> Any:
    path = tmp_path / "single.npz"
    np.savez(path, e=single.embedding, person=single.person, gender=single.gender, smiling=single.smiling)
    return path


def execute(cast: Any, folder: Any, watch: Any = None, **options: Any) -> Result:
    prepared = prepare_arrays(cast.embedding, **{"attacks": "logreg,lda,stack", "folds": 1, **cast.labels(), **options})
    run = prepared.begin(folder)
    run.execute(Runtime(folder), watch or SilentObserver(), Local(), prepared.broken)
    return Result(run)


def scores_of(result: Result) -> dict[str, dict[str, bytes]]:
    """Digest of a cell → its tensors, as bytes."""
    return {
        path.parent.name: {name: array.tobytes() for name, array in tensorfile.load(path).items()}
        for path in (result.run.folder / "cells").glob("*/*.safetensors")
    }


def test_an_interrupted_audit_goes_on_to_the_same_result(
    cast: Any, aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    folder, undisturbed = tmp_path / "audit", execute(cast, tmp_path / "undisturbed")
    with pytest.raises(KeyboardInterrupt):
        execute(cast, folder, Watch("lda"))
    answer = aiakit("show", folder)
    assert answer.code == 1
    assert "INCOMPLETE" in answer.out
    watch = Watch()
    result = execute(cast, folder, watch)
    assert watch.known == 4  # the truth, the release, the verification and one attack
    assert watch.started == ["lda on release, seed 0", "stack on release, seed 0"]
    assert scores_of(result) == scores_of(undisturbed)
    assert result.to_dict()["rows"][0]["attacks"] == undisturbed.to_dict()["rows"][0]["attacks"]


def test_only_what_failed_is_tried_again(file: Any, aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "flaky.py").write_text(FLAKY)
    arguments = ("audit", file, "--attribute", "gender", "--identity", "person", "--plugin", tmp_path / "flaky.py",
                 "--attacks", "logreg,audit-flaky,stack", "--out", tmp_path, "--name", "audit", "--json")  # fmt: skip
    first = aiakit(*arguments)
    assert first.code == 1
    assert first.document["rows"][0]["strongest"]["attack"] == "logreg"
    shown = aiakit("show", tmp_path / "audit", "--json")
    assert (shown.code, shown.document) == (1, first.document)
    (tmp_path / "mended").touch()
    second = aiakit(*arguments)
    assert second.code == 0, second.err
    assert "logreg on release" not in second.err
    assert second.document["rows"][0]["attacks"].keys() == {"logreg", "audit-flaky", "stack"}


def test_an_unfinished_audit_is_not_mistaken_for_another(
    single: Any, file: Any, aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        execute(single, tmp_path / "audit", Watch("lda"))
    answer = aiakit("audit", file, "--attribute", "gender", "--identity", "person", "--attacks", "logreg",
                    "--out", tmp_path, "--name", "audit")  # fmt: skip
    assert answer.code == 2
    assert "belongs to another configuration" in answer.message
    (tmp_path / "audit" / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run.json cannot be read"):
        Result.load(tmp_path / "audit")


def test_the_release_of_an_audit_is_not_made_without_its_file(cast: Any, tmp_path: Path) -> None:
    result = execute(cast, tmp_path / "audit")
    shutil.rmtree(tmp_path / "audit" / "cells")
    with pytest.raises(InputError, match="came from a file"):
        result.run.execute(Runtime(tmp_path), SilentObserver(), Local(), {})


def test_an_attack_on_scores_is_left_out_where_it_cannot_be_folded(single: Any, tmp_path: Path) -> None:
    split = ["val" if person in ("p00", "p01") else "test" if int(person[1:]) % 3 else "train"
             for person in single.person]  # fmt: skip
    document = execute(single, tmp_path / "audit", split=split).to_dict()
    assert document["complete"]
    assert document["rows"][0]["attacks"].keys() == {"logreg", "lda"}
    assert "out of fold" in document["rows"][0]["skipped"]["stack, informed"]


def test_knowledge_budgets_and_permutations_are_those_of_a_run(
    cast: Any, make_cast: Any, aiakit: Callable[..., Answer], tmp_path: Path
) -> None:
    path, plain = tmp_path / "release.npz", tmp_path / "plain.npz"
    np.savez(path, e=make_cast(gap=1).embedding, person=cast.person, gender=cast.gender)
    np.savez(plain, e=cast.embedding)
    answer = aiakit(
        "audit", path, "--folds", "1", "--attribute", "gender", "--reference", plain, "--attacks", "logreg,lda",
        "--knowledge", "ignorant", "--budgets", "12", "--pooled", "2", "--permutations", "3", "--pairs", "100",
        "--jobs", "1", "--out", tmp_path, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    row = answer.document["rows"][1]
    levels = {**row["knowledge"], row["level"]: row["attacks"]}
    assert levels.keys() == {"ignorant", "informed"}
    assert levels["ignorant"].keys() == {"logreg", "lda"}
    assert [point["people"] for point in row["budgets"]["lda"]] == [12]
    assert [point["images"] for point in row["pooled"]] == [2]
    assert len(row["null"]["balanced_accuracy"]) == 3
    refused = aiakit("audit", path, "--attribute", "gender", "--knowledge", "lazy", "--out", tmp_path)
    assert refused.code == 2
    assert "second release by the same defense" in refused.message


def test_show_and_report_read_an_audit(file: Any, aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    arguments = ("--attributes", "gender,smiling", "--identity", "person", "--attacks", "logreg", "--out", tmp_path)
    made = aiakit("audit", file, *arguments, "--name", "audit", "--group", "smiling")
    shown = aiakit("show", tmp_path / "audit")
    assert (made.code, shown.code) == (0, 0)
    assert shown.out == made.out
    assert "What else the releases say" in shown.out
    document = aiakit("show", tmp_path / "audit", "--json").document
    assert document["further"].keys() == {"smiling"}
    answer = aiakit("report", tmp_path / "audit", "-o", tmp_path / "page", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["files"] == [str(tmp_path / "page" / "report.html")]
    page = (tmp_path / "page" / "report.html").read_text()
    for words in ("what this release says of gender", "What else the releases say", "Parts of test", "lower bound"):
        assert words in page
