"""Faces side by side: pixels, labels, figures, and what cannot be drawn."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.experiment.plan import AttackKey, make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.report.canvas import PNG, Canvas
from aiakit.report.gallery import COLUMN, SIDE, gallery_chart
from aiakit.report.svg import inline_svg
from aiakit.storage.cache import cache_folder
from tests.conftest import Answer, Evaluated

Aiakit = Callable[..., Answer]


def tile(path: Path, column: int, row: int, count: int) -> np.ndarray:
    """The pixels of a picture of the drawing, which is saved at twice its size, brought to 16 × 16."""
    image = Image.open(path).convert("RGB")
    height = (image.height / 2 - 12 - 42) / count
    left, top = 6 + COLUMN * column, 6 + 42 + row * height
    box = tuple(round(2 * edge) for edge in (left, top, left + SIDE, top + SIDE))
    return np.asarray(image.crop(box).resize((16, 16), Image.Resampling.BOX)).astype(float)


@pytest.fixture(scope="module")
def drawn(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:  # type: ignore[type-arg]
    """The picture and the document of two faces."""
    from contextlib import redirect_stdout

    from aiakit.cli.main import main

    path, out = tmp_path_factory.mktemp("gallery") / "faces.png", io.StringIO()
    with redirect_stdout(out):
        assert main(["visualize", str(tiny_run), "--count", "2", "--out", str(path), "--json"]) == 0
    return path, json.loads(out.getvalue())


def test_what_is_said_is_what_is_stored(drawn: tuple[Path, dict], tiny_run: Path) -> None:  # type: ignore[type-arg]
    document = drawn[1]
    run = Run.open(tiny_run)
    plan = make_plan(run.config)
    protocol = Protocol.read(run.store, plan.protocol.digest)
    test = protocol.rows("test").tolist()
    assert len(document["faces"]) == 2
    assert len({face["person"] for face in document["faces"]}) == 2
    assert document["strongest"].keys() == {"original", "aia", "random"}
    for face in document["faces"]:
        place = test.index(face["number"])
        assert face["truth"] == protocol.classes[protocol.labels(protocol.rows("test"))[place]]
        for release, said in face["releases"].items():
            assert said["picture"]
            stored = run.store.read(plan.attacks[AttackKey(release, 0, "logreg", 0)].digest).tensors("scores")["test"]
            assert list(said["attacks"]["logreg"].values()) == pytest.approx(stored[place].tolist())
            assert set(said["attacks"]) == {"logreg", "gender-mlp", "cnn"}
            assert (said["claimed"] is not None) == (release == "aia")
            scores = run.store.read(plan.utilities[release, 0].digest).tensors("scores")["test.random"]
            pairs = protocol.pairs("test.random", protocol.rows("test"))
            assert pairs is not None
            own = pairs.same & ((pairs.left == place) | (pairs.right == place))
            assert said["verifier"]["own"] == pytest.approx(-scores[own].mean())


def test_the_pixels_are_the_faces_and_their_releases(drawn: tuple[Path, dict], tiny_run: Path) -> None:  # type: ignore[type-arg]
    path, document = drawn
    run = Run.open(tiny_run)
    plan = make_plan(run.config)
    faces = load_faces(Protocol.read(run.store, plan.protocol.digest).cell.inputs["dataset"], Runtime(cache_folder()))
    for row, face in enumerate(document["faces"]):
        columns = [np.asarray(faces.images[face["number"]])]
        for release in face["releases"]:
            stored = run.store.read(plan.releases[release, 0].digest).tensors("release")["image"][face["number"]]
            columns.append(np.asarray(stored).transpose(1, 2, 0))
        shown = [tile(path, column, row, 2) for column in range(len(columns))]
        for picture, expected, noise in zip(shown, columns, (False, False, False, True), strict=True):
            assert np.abs(picture - expected).mean() < (35 if noise else 12)  # smoothed by being enlarged
        assert np.abs(shown[0] - shown[3]).mean() > 30  # the random release looks like nobody


def test_named_faces_in_the_order_given_and_the_same_bytes(
    drawn: tuple[Path, dict],
    tiny_run: Path,
    tmp_path: Path,
    aiakit: Aiakit,  # type: ignore[type-arg]
) -> None:
    faces = drawn[1]["faces"]
    names = f"{faces[1]['number']},{faces[0]['file']}"
    answer = aiakit("visualize", tiny_run, "--faces", names, "--attacks", "logreg", "--out", tmp_path / "a.png")
    assert answer.code == 0, answer.err
    assert answer.out.index(faces[1]["file"]) < answer.out.index(faces[0]["file"])
    options = ("--attacks", "logreg", "--out", tmp_path / "b.png", "--json")
    again = aiakit("visualize", tiny_run, "--faces", names, *options)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert [face["number"] for face in again.document["faces"]] == [faces[1]["number"], faces[0]["number"]]


def test_an_embedding_has_no_picture_and_says_so(evaluated: Evaluated) -> None:
    from aiakit.faces.examples import Face, Gallery, Tile, Verified

    said = {"<b>lda</b>": np.array([0.1, 0.9])}
    bare = Tile("leace", None, said, None, Verified(None, None, 0.5))
    face = Face(1, "<script>", "nobody", "male", np.zeros((4, 4, 3), np.uint8), (bare,))
    gallery = Gallery("synthetic", "gender", ("female", "male"), 0, {"leace": "<b>lda</b>"}, (face,))
    svg = inline_svg(gallery_chart(gallery).spec, "c-", "faces")
    for words in ("there is no picture", "no pair with this person", "&lt;script&gt;", "&lt;b&gt;lda"):
        assert words in svg
    assert "<script" not in svg
    assert svg.count("<image") == 1


def test_a_drawing_refers_to_its_own_pixels_only() -> None:
    canvas = Canvas(20, 20)
    canvas.picture(0, 0, 10, np.full((2, 2, 3), 7, np.uint8))
    chart = canvas.chart("one", "One picture.")
    assert PNG in inline_svg(chart.spec, "c-", "")
    outside = json.loads(json.dumps(chart.spec).replace(PNG, "https://example.org/x?"))
    with pytest.raises(ValueError, match="links"):
        inline_svg(outside, "c-", "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--faces", "nobody"), "unknown face 'nobody'"),
        (("--faces", "person-0000"), "did you mean person-000"),
        (("--faces", "999999"), "there is no face 999999"),
        (("--attacks", "lodreg"), "did you mean logreg"),
        (("--defense", "aia"), "--defense is for --image"),
        (("--run-seed", "7"), "no seed 7, only 0"),
        (("--out", "faces.gif"), "must end in one of .png"),
        (("--out", "nowhere/faces.png"), "no file in a folder that exists"),
    ],
)
def test_bad_requests_are_one_line(tiny_run: Path, options: tuple[str, ...], words: str, aiakit: Aiakit) -> None:
    answer = aiakit("visualize", tiny_run, *options)
    assert answer.code == 2
    assert answer.message.startswith("aiakit: error: ")
    assert words in answer.message


def test_only_test_faces_are_scored(tiny_run: Path, aiakit: Aiakit) -> None:
    run = Run.open(tiny_run)
    trained = Protocol.read(run.store, make_plan(run.config).protocol.digest).rows("defender-train")[0]
    answer = aiakit("visualize", tiny_run, "--faces", str(trained))
    assert answer.code == 2
    assert f"{trained} is no test face" in answer.message


def test_an_unfinished_run_and_no_run_are_refused(narrow_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(narrow_run, copy)
    shutil.rmtree(next(cell for cell in (copy / "cells").iterdir() if (cell / "scores.safetensors").exists()))
    answer = aiakit("visualize", copy)
    assert answer.code == 2
    assert "is not finished" in answer.message
    assert not (copy / "faces.png").exists()
    assert aiakit("visualize", tmp_path / "nothing").code == 2
