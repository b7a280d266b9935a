"""The attribute card: attacks fitted again on stored releases, before and after protection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.cli.main import main
from aiakit.contracts import Dataset
from aiakit.datasets.celeba import CelebA
from aiakit.datasets.folder import Folder
from aiakit.datasets.lfw import LFW
from aiakit.datasets.pixels import read_image, read_photograph
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime, load_faces
from aiakit.results.evaluate import evaluate
from aiakit.storage.cache import cache_folder
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with two further attributes, an embedding release and a stochastic one."""
    out = tmp_path_factory.mktemp("runs")
    arguments = ["run", "--defense", "original,leace,gaussian-noise", "--attacks", "logreg,lda", *TINY, *SHORT]
    arguments += ["--attributes", "smiling,hair_colour", "--threads", "1", "--out", str(out), "--name", "card"]
    assert main(arguments) == 0
    return out / "card"


@pytest.fixture(scope="module")
def face(run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A test face of the run as a file, and its place in test."""
    opened = Run.open(run)
    protocol = Protocol.read(opened.store, make_plan(opened.config).protocol.digest)
    faces = load_faces(protocol.cell.inputs["dataset"], Runtime(cache_folder()))
    path = tmp_path_factory.mktemp("photograph") / "face.png"
    Image.fromarray(np.asarray(faces.images[protocol.rows("test")[2]])).save(path)
    return path, 2


def answers(document: dict, release: str) -> dict:  # type: ignore[type-arg]
    """attribute → answer by an attack of the run."""
    (seen,) = [seen for seen in document["seen"] if seen["name"] == release]
    return {answer["attribute"]: answer for answer in seen["answers"] if answer["by"] != "off-the-shelf"}


def test_attacks_say_of_a_test_face_what_is_stored(run: Path, face: tuple[Path, int], aiakit: Aiakit) -> None:
    answer = aiakit("visualize", run, "--image", face[0], "--threads", "1", "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert [seen["name"] for seen in document["seen"]] == ["photograph", "original", "leace", "gaussian-noise"]
    assert [seen["picture"] for seen in document["seen"]] == [True, True, False, False]
    assert not [note for note in document["notes"] if "differs" in note]
    opened = Run.open(run)
    plan, evaluation = make_plan(opened.config), evaluate(opened.store, opened.config)
    tables = {"gender": (evaluation, plan.attacks)}
    tables |= {name: (evaluation.further[name], plan.further[name].attacks) for name in plan.further}
    for release in ("original", "leace"):
        said = answers(document, release)
        assert set(said) == {"gender", *plan.further}
        for attribute, (found, cells) in tables.items():
            strongest = found.rows[release].strongest
            assert said[attribute]["by"] == strongest
            (key,) = [key for key in cells if (key.release, key.attack) == (release, strongest)]
            assert sum(said[attribute]["says"].values()) == pytest.approx(1)
            assert tuple(said[attribute]["says"]) == found.protocol.classes
            if attribute == "gender":
                stored = opened.store.read(cells[key].digest).tensors("scores")["test"][face[1]]
                assert list(said[attribute]["says"].values()) == pytest.approx(stored.tolist(), abs=2e-3)


def test_the_card_as_table_and_as_picture(run: Path, face: tuple[Path, int], tmp_path: Path, aiakit: Aiakit) -> None:
    out = tmp_path / "card.png"
    answer = aiakit("visualize", run, "--image", face[0], "--defense", "leace", "--attacks", "lda", "--out", out)
    assert answer.code == 0, answer.err
    for word in ("photograph", "original", "leace", "gender", "smiling", "hair_colour", "lda"):
        assert word in answer.out
    assert "gaussian-noise" not in answer.out
    picture = np.asarray(Image.open(out).convert("RGB"))
    assert picture.shape[1] > 3 * 400
    photograph = np.asarray(Image.open(face[0])).astype(float).mean(axis=(0, 1))
    shown = picture[2 * (6 + 24) : 2 * (6 + 24 + 156), 12 : 12 + 2 * 156].astype(float).mean(axis=(0, 1))
    assert np.abs(photograph - shown).max() < 3


def test_noise_is_repeatable(run: Path, face: tuple[Path, int], aiakit: Aiakit) -> None:
    def said(seed: str) -> dict:  # type: ignore[type-arg]
        answer = aiakit("visualize", run, "--image", face[0], "--defense", "gaussian-noise", "--seed", seed, "--json")
        return answers(answer.document, "gaussian-noise")["gender"]["says"]

    assert said("0") == said("0") != said("1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--defense", "leice"), "did you mean leace"),
        (("--attacks", "lodreg"), "did you mean logreg"),
        (("--attacks", "logreg,lda"), "one attack with --image"),
        (("--run-seed", "0"), "--run-seed is not for --image"),
        (("--out", "card.txt"), "must end in one of"),
    ],
)
def test_bad_requests_are_one_line(
    run: Path, face: tuple[Path, int], options: tuple[str, ...], words: str, aiakit: Aiakit
) -> None:
    answer = aiakit("visualize", run, "--image", face[0], *options)
    assert answer.code == 2
    assert words in answer.message


def test_what_is_no_photograph_or_no_run(run: Path, face: tuple[Path, int], tmp_path: Path, aiakit: Aiakit) -> None:
    text = tmp_path / "text.png"
    text.write_text("no image")
    for image, folder, words in (
        (text, run, "cannot be read as an image"),
        (tmp_path / "nothing.png", run, "there is no image"),
        (face[0], tmp_path, "no run folder"),
    ):
        answer = aiakit("visualize", folder, "--image", image)
        assert answer.code == 2
        assert words in answer.message
    answer = aiakit("visualize", "--image", face[0], "--attacks", "lda")
    assert answer.code == 2
    assert "name a RUN" in answer.message
    answer = aiakit("visualize")
    assert answer.code == 2
    assert "--image PHOTO" in answer.message


def test_without_a_run_the_public_model_is_asked(face: tuple[Path, int], aiakit: Aiakit) -> None:
    from aiakit.faces.answers import public_missing

    answer = aiakit("visualize", "--image", face[0], "--json")
    if public_missing() is not None:
        assert answer.code == 2
        assert "no model is at hand" in answer.message
        return
    (seen,) = answer.document["seen"]
    gender, age = seen["answers"]
    assert set(gender["says"]) == {"female", "male"}
    assert next(iter(age["says"])).endswith(" years")


@pytest.mark.parametrize(("dataset", "size"), [(LFW, (250, 250)), (CelebA, (178, 218)), (Folder, (250, 250))])
def test_a_photograph_is_prepared_as_the_data_set_does(
    dataset: type[Dataset], size: tuple[int, int], tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "own.png")
    Image.fromarray(pixels[:-1]).save(tmp_path / "other.png")
    box = dataset.face_box[1] if dataset.face_box else None
    assert np.array_equal(read_photograph(tmp_path / "own.png", 32, dataset), read_image(tmp_path / "own.png", 32, box))
    other = tmp_path / "other.png"
    assert np.array_equal(read_photograph(other, 32, dataset), read_image(other, 32))
