"""Audits that were interrupted or that failed in part go on; show and report read what an audit left."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np
import pytest

from aiakit.auditing.api import prepare
from aiakit.auditing.result import AuditResult
from aiakit.auditing.runner import SilentObserver
from aiakit.errors import InputError

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

    def __init__(self, fear=None):
        self.fear, self.started, self.known = fear, [], 0

    def begin(self, cells, finished):
        self.known = finished

    def start(self, label):
        if self.fear is not None and label.startswith(self.fear):
            raise KeyboardInterrupt
        self.started.append(label)


@pytest.fixture
def single(make_cast):
    """One row a person: there is nothing to verify, which is what takes long to judge."""
    cast = make_cast()
    return type(cast)(**{field.name: getattr(cast, field.name)[::3] for field in fields(cast)})


@pytest.fixture
def file(single, tmp_path):
    path = tmp_path / "single.npz"
    np.savez(path, e=single.embedding, person=single.person, gender=single.gender, smiling=single.smiling)
    return path


def prepared(cast, **options):
    return prepare(cast.embedding, **{"attacks": "logreg,lda,stack", **cast.labels(), **options})


def test_an_interrupted_audit_goes_on_to_the_same_result(cast, aiakit, tmp_path):
    folder, undisturbed = tmp_path / "audit", prepared(cast).execute()
    with pytest.raises(KeyboardInterrupt):
        prepared(cast).execute(Watch("lda"), folder)
    assert {path.name for path in folder.iterdir()} == {"audit.json", "cells"}
    answer = aiakit("show", folder)
    assert answer.code == 2
    assert "was interrupted: run the same command again" in answer.message
    watch = Watch()
    result = prepared(cast).execute(watch, folder)
    assert watch.known == 1
    assert watch.started == ["lda on gender, seed 0", "stack on gender, seed 0", "verification beside gender"]
    assert result.tensors[0].keys() == undisturbed.tensors[0].keys()
    for name, array in result.tensors[0].items():
        assert array.tobytes() == undisturbed.tensors[0][name].tobytes(), name
    result.save(folder)
    assert {path.name for path in folder.iterdir()} == {"result.json", "scores.safetensors"}
    assert AuditResult.load(folder).tensors[0].keys() == result.tensors[0].keys()


def test_only_what_failed_is_tried_again(file, aiakit, tmp_path):
    (tmp_path / "flaky.py").write_text(FLAKY)
    arguments = ("audit", file, "--attribute", "gender", "--identity", "person", "--plugin", tmp_path / "flaky.py",
                 "--attacks", "logreg,audit-flaky,stack", "--out", tmp_path, "--name", "audit", "--json")  # fmt: skip
    first = aiakit(*arguments)
    assert first.code == 1
    assert first.document["rows"][0]["strongest"]["attack"] == "logreg"
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {
        "result.json", "scores.safetensors", "audit.json", "cells"
    }  # fmt: skip
    shown = aiakit("show", tmp_path / "audit", "--json")
    assert (shown.code, shown.document) == (1, first.document)
    (tmp_path / "mended").touch()
    second = aiakit(*arguments)
    assert second.code == 0, second.err
    assert "logreg on gender" not in second.err
    assert second.document["rows"][0]["attacks"].keys() == {"logreg", "audit-flaky", "stack"}
    assert not (tmp_path / "audit" / "cells").exists()


def test_an_unfinished_audit_is_not_mistaken_for_another(single, file, aiakit, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        prepared(single).execute(Watch("lda"), tmp_path / "audit")
    answer = aiakit("audit", file, "--attribute", "gender", "--identity", "person", "--attacks", "logreg",
                    "--out", tmp_path, "--name", "audit")  # fmt: skip
    assert answer.code == 2
    assert "holds another audit" in answer.message
    (tmp_path / "audit" / "audit.json").write_text("{}")
    with pytest.raises(InputError, match=r"audit.json cannot be read"):
        AuditResult.load(tmp_path / "audit")


def test_an_attack_on_scores_is_left_out_where_it_cannot_be_folded(single):
    few = prepared(single, split=["val" if person in ("p00", "p01") else "test" if int(person[1:]) % 3 else "train"
                                for person in single.person])  # fmt: skip
    document = few.execute().document()
    assert document["complete"]
    assert document["rows"][0]["attacks"].keys() == {"logreg", "lda"}
    assert any("stack not run: it combines scores out of fold" in note for note in document["notes"])


def test_show_and_report_read_an_audit(file, aiakit, tmp_path):
    arguments = ("--attributes", "gender,smiling", "--identity", "person", "--attacks", "logreg", "--out", tmp_path)
    made = aiakit("audit", file, *arguments, "--name", "audit", "--group", "smiling")
    shown = aiakit("show", tmp_path / "audit")
    assert (made.code, shown.code) == (0, 0)
    assert shown.out == made.out
    assert "What else the releases say" in shown.out
    document = aiakit("show", tmp_path / "audit", "--json").document
    assert document["attributes"].keys() == {"gender", "smiling"}
    answer = aiakit("report", tmp_path / "audit", "-o", tmp_path / "page", "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["files"] == [str(tmp_path / "page" / "report.html")]
    page = (tmp_path / "page" / "report.html").read_text()
    for words in ("what this release says of gender", "What else the releases say", "Parts of test", "lower bound"):
        assert words in page
