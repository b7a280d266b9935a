"""Every command, every kind of bad input: exit code 2, one line on stderr, no traceback, nothing written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.cli.main import COMMANDS
from tests.conftest import TINY, Answer

Aiakit = Callable[..., Answer]
FIXTURES = Path(__file__).parents[1] / "fixtures"
ROWS = 120
AUDIT = ("audit", "release.npz", "--attribute", "gender", "--identity", "person", "--attacks", "lda", "--out", "runs",
         "--embedding-key", "embedding")  # fmt: skip
SWEEP = ("sweep", "--attacks", "lda", *TINY, "--out", "runs")
RUN = ("run", "--attacks", "lda", *TINY, "--out", "runs")


def release(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    person = np.arange(ROWS) // 3
    arrays = {"embedding": np.random.default_rng(0).normal(size=(ROWS, 4)), "person": person, "gender": person % 2}
    change(arrays)
    np.savez(folder / "release.npz", **arrays)


def put(name: str, value: object) -> Callable[[dict[str, np.ndarray]], None]:
    return lambda arrays: arrays.update({name: np.asarray(value)})


def at(value: float) -> Callable[[dict[str, np.ndarray]], None]:
    def change(arrays: dict[str, np.ndarray]) -> None:
        arrays["embedding"][7, 1] = value

    return change


RELEASES: dict[str, tuple[Callable[[dict[str, np.ndarray]], None], tuple[str, ...]]] = {
    "NaN": (at(np.nan), ("NaN", "row 7")),
    "infinite": (at(np.inf), ("infinite", "row 7")),
    "huge": (at(1e300), ("1e+300", "scale")),
    "constant": (put("embedding", np.ones((ROWS, 4))), ("the same",)),
    "one identity": (put("person", np.zeros(ROWS)), ("one person",)),
    "a class of too few people": (put("gender", np.r_[np.ones(3), np.zeros(ROWS - 3)]), ("too few people",)),
    "one class": (put("gender", np.zeros(ROWS)), ("nothing to infer",)),
    "another length": (put("gender", np.zeros(7)), ("gender",)),
    "objects": (put("embedding", np.full((ROWS, 4), None, dtype=object)), ("objects",)),
    "no numbers": (put("embedding", np.full((ROWS, 4), "x")), ("numbers",)),
}


def snapshot(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def refused(aiakit: Aiakit, folder: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    before = snapshot(folder)
    answer = aiakit(*arguments)
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1, answer.err
    assert answer.message.startswith("aiakit: error: ")
    assert "bug" not in answer.message
    for word in words:
        assert word in answer.message, answer.message
    assert snapshot(folder) == before


@pytest.mark.parametrize("case", RELEASES)
def test_releases(case: str, aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change, words = RELEASES[case]
    monkeypatch.chdir(tmp_path)
    release(tmp_path, change)
    refused(aiakit, tmp_path, AUDIT, words)


def test_rows_that_are_on_two_sides_of_a_split(aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(arrays: dict[str, np.ndarray]) -> None:
        arrays["embedding"] = np.tile(np.random.default_rng(0).normal(size=(ROWS // 2, 9)), (2, 1))
        arrays["part"] = np.repeat(["train", "val", "test"], [40, 20, 60])

    monkeypatch.chdir(tmp_path)
    release(tmp_path, doubled)
    refused(aiakit, tmp_path, (*AUDIT, "--split", "part"), ("--allow-overlap",))


def test_labels_that_disagree_within_a_person_are_a_note(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gender = np.arange(ROWS) // 3 % 2
    gender[0] = 1
    release(tmp_path, put("gender", gender))
    answer = aiakit(*AUDIT, "--json")
    assert answer.code == 0, answer.err
    assert any("more than one value of gender" in note for note in answer.document["notes"])


ARGUMENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "run: noise of no privacy": (
        (*RUN, "--defense", "gaussian-noise", "--set", "gaussian-noise.epsilon=0"),
        ("epsilon",),
    ),
    "run: noise below": ((*RUN, "--defense", "laplace-noise", "--set", "laplace-noise.epsilon=-1"), ("epsilon",)),
    "run: weight below 0": ((*RUN, "--defense", "aia", "--set", "aia.alpha=-1"), ("aia.alpha",)),
    "run: unknown encoder": ((*RUN, "--defense", "leace", "--encoder", "dlibb"), ("dlibb", "dlib")),
    "run: no embeddings file": ((*RUN, "--defense", "leace", "--encoder", "precomputed:no.npz"), ("no.npz",)),
    "run: pictures after embeddings": ((*RUN, "--defense", "leace+blur"), ("blur",)),
    "run: embeddings after pictures": ((*RUN, "--defense", "blur+leace"), ("blur", "leace", "no embedding")),
    "run: a chain without its end": ((*RUN, "--defense", "aia+"), ("aia+", "empty")),
    "run: a picture filter on an encoder": ((*RUN, "--defense", "blur", "--encoder", "timm:resnet18"), ("blur",)),
    "run: path in a name": ((*RUN, "--defense", "../../x"), ("../../x",)),
    "run: an option of the default encoder": (
        (*RUN, "--defense", "leace", "--set", "autoencoder.epochs=2"),
        ("autoencoder", "--set original.epochs=2"),
    ),
    "run: a name that leads out": ((*RUN, "--defense", "blur", "--name", "../x"), ("--name", "../x", "--out")),
    "run: a name of another folder": ((*RUN, "--defense", "blur", "--name", "/tmp/x"), ("--name", "--out")),
    "run: no name": ((*RUN, "--defense", "blur", "--name", ".."), ("--name", "--out")),
    "audit: a name that leads out": ((*AUDIT, "--name", "a/b"), ("--name", "a/b", "--out")),
    "sweep: a name that leads out": (
        (*SWEEP, "--defense", "gaussian-noise", "--set", "epsilon=1,2", "--name", "../x"),
        ("--name", "../x", "--out"),
    ),
    "benchmark: a name that leads out": (("benchmark", "run", "synthetic", "--name", "../x"), ("--name", "--out")),
    "sweep: noise below": ((*SWEEP, "--defense", "gaussian-noise", "--set", "epsilon=1,0"), ("epsilon",)),
    "sweep: unknown encoder": ((*SWEEP, "--defense", "leace", "--encoder", "no", "--set", "x=1"), ("no",)),
    "export: no run": (("export", ".", "-o", "a.onnx"), ("run.json",)),
    "export: unknown defense": (("export", "run", "-o", "a.onnx", "--defense", "aja"), ("aja", "grl")),
    "export: no format": (("export", "run", "-o", "a.bin", "--defense", "grl"), ("which format",)),
    "protect: no run": (("protect", ".", "face.png", "-o", "out"), ("run.json",)),
    "protect: no photograph": (("protect", "run", "no.png", "-o", "out"), ("no.png",)),
    "protect: a damaged photograph": (("protect", "run", "text.png", "-o", "out"), ("text.png",)),
    "protect: unknown defense": (("protect", "run", "face.png", "-o", "out", "--defense", "aja"), ("aja", "grl")),
    "protect: a folder that exists": (("protect", "run", "face.png", "-o", "run"), ("exists",)),
    "audit: unknown column": ((*AUDIT, "--group", "aeg"), ("aeg",)),
    "audit: no file": (("audit", "no.npz", "--attribute", "gender"), ("no.npz",)),
    "encode: unknown encoder": (("encode", "--encoder", "dlibb", "-o", "e.npz"), ("dlibb", "dlib")),
    "encode: another ending": (("encode", "--encoder", "timm", "-o", "e.csv"), ("e.csv", ".npz, .parquet")),
    "encode: no folder": (("encode", "--encoder", "timm", "-o", "no/e.npz"), ("no/e.npz",)),
    "encode: no such file": (("encode", "--encoder", "onnx:no.onnx", "-o", "e.npz"), ("no.onnx",)),
    "encode: embeddings": (("encode", "--encoder", "stored", "-o", "e.npz"), ("embeddings that exist",)),
    "encode: an option of nobody": (
        ("encode", "--encoder", "timm", "-o", "e.npz", "--set", "dlib.margin=0"),
        ("dlib", "part of this run"),
    ),
    "calibrate: unknown leak": (("calibrate", "--leaks", "linaer"), ("linaer", "linear")),
    "calibrate: unknown attack": (("calibrate", "--attacks", "logrec"), ("logrec", "logreg")),
    "leaderboard: an empty folder": (("leaderboard", "empty"), ("empty",)),
    "leaderboard: nothing there": (("leaderboard", "no"), ("no",)),
    "leaderboard: broken JSON": (("leaderboard", "broken.json"), ("broken.json", "JSON")),
    "leaderboard: foreign JSON": (("leaderboard", "foreign.json"), ("foreign.json", "no leaderboard entry")),
    "leaderboard: a later schema": (("leaderboard", "later.json"), ("schema version 99", "update")),
    "leaderboard: no scores": (("leaderboard", "alone.json"), ("alone.json", "cannot be read")),
    "leaderboard: a path in an entry": (("leaderboard", "path.json"), ("scores.file",)),
    "leaderboard: verify nothing": (("leaderboard", "verify", "no.json"), ("no.json",)),
    "leaderboard: a run in progress": (("leaderboard", "half"), ("not finished",)),
    "leaderboard: submit one in progress": (("leaderboard", "submit", "half", "-o", "out"), ("not finished",)),
    "leaderboard: no scores to add": (("leaderboard", "add-attack", "entries/e.json", "no", "--name", "x"), ("no",)),
    "report: no run": (("report", "empty"), ("run.json",)),
    "report: broken": (("report", "broken"), ("run.json",)),
    "report: onto a file": (("report", "run", "-o", "broken.json"), ("broken.json",)),
    "compare: no run": (("compare", "run", "empty"), ("run.json",)),
    "show: no run": (("show", "no"), ("run.json",)),
    "show: a later schema": (("show", "later"), ("99", "update")),
    "show: a record of numbers that are none": (("show", "nan"), ("not finite",)),
    "data: unknown data set": (("data", "--dataset", "celebb"), ("celebb", "celeba")),
    "data: no folder": (("data", "--dataset", "lfw", "--data-root", "no"), ("no",)),
    "data: an empty folder": (("data", "--dataset", "celeba", "--data-root", "empty"), ("empty",)),
    "new: a name that is none": (("new", "attack", "../x"), ("../x",)),
    "new: a name that is taken": (("new", "attack", "logreg"), ("logreg",)),
    "new: a folder that exists": (("new", "attack", "empty"), ("exists",)),
    "check: no file": (("check", "no.py"), ("no.py",)),
    "check: no plugin": (("check", "text.py"), ("text.py",)),
    "check: unknown plugin": (("check", "logrec"), ("logrec",)),
    "list: unknown kind": (("list", "atacks"), ("atacks",)),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sound run and entry, and with what is wrong in every way."""
    folder = tmp_path_factory.mktemp("place")
    run = shutil.copytree(FIXTURES / "run-schema-3", folder / "run")
    half = shutil.copytree(run, folder / "half")
    shutil.rmtree(next(path.parent for path in sorted(half.glob("cells/*/scores.safetensors"))))
    entries = shutil.copytree(FIXTURES / "entry-schema-5", folder / "entries")
    entry = next(entries.glob("*.json")).rename(entries / "e.json")
    record = json.loads(entry.read_text())
    (folder / "alone.json").write_text(json.dumps(record))
    (folder / "later.json").write_text(json.dumps(record | {"schema_version": 99}))
    (folder / "path.json").write_text(json.dumps(record | {"scores": record["scores"] | {"file": "../../x"}}))
    (folder / "broken.json").write_text("{")
    (folder / "foreign.json").write_text('{"name": "package", "version": "1.0.0"}')
    (folder / "empty").mkdir()
    config = json.loads((run / "run.json").read_text())
    for name, content in (("broken", "{"), ("later", json.dumps(config | {"schema": 99})), ("nan", '{"schema": NaN}')):
        (folder / name).mkdir()
        (folder / name / "run.json").write_text(content)
    Image.new("RGB", (20, 20)).save(folder / "face.png")
    (folder / "text.png").write_text("no picture")
    (folder / "text.py").write_text("x = 1\n")
    release(folder, lambda arrays: None)
    return folder


@pytest.mark.parametrize("case", ARGUMENTS)
def test_arguments(case: str, aiakit: Aiakit, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    refused(aiakit, place, *ARGUMENTS[case])


def test_every_command_is_looked_at() -> None:
    elsewhere = {"benchmark", "visualize"}  # tests/suite, tests/report
    assert set(COMMANDS) - {case.partition(":")[0] for case in ARGUMENTS} <= elsewhere
