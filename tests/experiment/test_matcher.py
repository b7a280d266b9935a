"""A fixed matcher on released pictures, failures to acquire, and templates of several images: as users call them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import aiakit as package
from aiakit.errors import InputError
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.plugins import registry
from tests.conftest import SHORT, TINY, Answer

Aiakit = Callable[..., Answer]
PEOPLE = ("--people", "120", "--images-per-person", "4", "--pairs", "2000", "--image-size", "16", "--precision", "fp32",
          "--jobs", "1")  # fmt: skip
EYES = '''"""A matcher that looks at coarse colours, and finds no face in dark pictures."""
import numpy as np
from aiakit.contracts import Encoder


class Eyes(Encoder):
    summary = "means of the cells of a grid"

    def __init__(self, detect: bool = False, light: float = 100.0) -> None:
        self.detect = detect
        self.light = light

    def encode(self, images, files):
        grid = images.reshape(len(images), 4, images.shape[1] // 4, 4, images.shape[2] // 4, 3)
        cells = grid.mean((2, 4)).reshape(len(images), -1) - 128.0
        if self.detect:
            cells[images.mean((1, 2, 3)) < self.light] = 0
        return cells.astype(np.float32)
'''


@pytest.fixture
def eyes(tmp_path: Path, no_plugin_files: None) -> Path:
    path = tmp_path / "eyes.py"
    path.write_text(EYES)
    return path


def test_released_pictures_are_compared_beside_the_verifier(aiakit: Aiakit, eyes: Path, tmp_path: Path) -> None:
    asked = ("run", "--defense", "blur,leace", "--attacks", "logreg", *PEOPLE, *SHORT, "--plugin", eyes,
             "--matcher", "eyes", "--pooled", "2,9", "--out", tmp_path, "--name", "run", "--json")  # fmt: skip
    answer = aiakit(*asked)
    assert answer.code == 0, answer.err
    rows = {row["release"]: row["utility"] for row in answer.document["rows"]}
    assert set(rows) == {"original", "blur", "leace"}
    assert "matcher" not in rows["leace"]  # it publishes no picture
    for name in ("original", "blur"):
        found = rows[name]["matcher"]
        assert found["encoder"] == "eyes"
        for kind in ("random", "same_attribute"):
            assert set(rows[name][kind]) < set(found[kind])
            low, high = found[kind]["ci95"]
            assert low <= found[kind]["accuracy"] <= high
            assert found[kind]["counts"]["genuine_pairs"] == rows[name][kind]["counts"]["genuine_pairs"]
    photographs = answer.document["photographs"]
    assert photographs["encoder"] == "eyes"
    assert set(photographs["random"]) == set(found["random"])
    # it sees less of anybody where the picture is blurred
    assert photographs["random"]["auc"] > found["random"]["auc"]
    failures, random = found["failure_to_acquire"], found["random"]
    assert 0 < failures["failures"] < failures["pictures"]
    assert failures["people"] == random["counts"]["genuine_people"]
    assert failures["ci95"][0] < failures["rate"] < failures["ci95"][1]
    assert 0 < random["counts"]["compared_genuine_pairs"] < random["counts"]["genuine_pairs"]
    assert random["frr_at_far_1pct"] > failures["rate"] / 2
    # what an autoencoder of one epoch shows of anybody is grey
    assert rows["original"]["matcher"]["failure_to_acquire"]["failures"] == 0
    shown = aiakit("show", tmp_path / "run", "--verbose").out
    page = (tmp_path / "run" / "report.html").read_text()
    for text in (" ".join(shown.split()), page):
        assert "by eyes, which nobody trained here" in text
        assert "FRR at FAR 1" in text
        assert "(photographs)" in text
        assert "mean of several images of the enrolled person" in text
    compared = aiakit("compare", f"{tmp_path / 'run'}:original", f"{tmp_path / 'run'}:blur", "--json").document
    [line] = [line for line in compared["rows"] if line["what"] == "matcher eyes, random impostors"]
    assert [line["first"], line["second"]] == [
        rows[name]["matcher"]["random"]["accuracy"] for name in ("original", "blur")
    ]
    run = Run.open(tmp_path / "run")
    cells = make_plan(run.config).matches
    assert set(cells) == {("original", 0), ("blur", 0)}
    pictures = run.store.read(cells["blur", 0].digest).tensors("pictures")
    tested = {name for name in answer.document["splits"] if name in ("attacker-val", "test")}
    assert len(pictures["rows"]) <= sum(answer.document["splits"][name]["images"] for name in tested)
    assert run.store.read(cells["blur", 0].digest).inputs["matcher"]["params"]["detect"] is True
    before = {cell.digest: run.store.seconds(cell.digest) for cell in cells.values()}
    assert aiakit(*asked).document["rows"] == answer.document["rows"]
    assert before == {digest: run.store.seconds(digest) for digest in before}


def test_templates_are_compared_with_one_image_of_the_same_pairs(aiakit: Aiakit, eyes: Path, tmp_path: Path) -> None:
    answer = aiakit("run", "--defense", "blur", "--no-reference", "--attacks", "pixels", *PEOPLE,
                    "--plugin", eyes, "--matcher", "eyes", "--set", "eyes.detect=false", "--pooled", "1,3,9",
                    "--out", tmp_path, "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    [row] = answer.document["rows"]
    assert row["utility"]["matcher"]["failure_to_acquire"] is None
    assert not any("frr" in key for key in row["utility"]["matcher"]["random"])
    for found in (row["utility"], row["utility"]["matcher"]):
        of_three, of_nine = found["templates"]
        assert (of_three["images"], of_nine["images"]) == (3, 9)
        assert of_nine == {"images": 9, "single": {}}  # nobody has ten images
        for kind in ("random", "same_attribute"):
            several, single = of_three[kind], of_three["single"][kind]
            # everybody has four images, so that all pairs are there, and one image of them is what stands beside
            assert single["accuracy"] == found[kind]["accuracy"]
            assert several["counts"]["genuine_people"] == single["counts"]["genuine_people"]
        # the mean of three images of a person is nearer to the fourth than one image is
        assert of_three["random"]["auc"] > of_three["single"]["random"]["auc"]


def test_the_matcher_does_not_depend_on_how_it_is_asked(aiakit: Aiakit, eyes: Path, tmp_path: Path) -> None:
    """Python and the command line give the same figures."""
    answer = aiakit("run", "--defense", "blur", "--no-reference", "--attacks", "pixels", *TINY,
                    "--plugin", eyes, "--matcher", "eyes", "--out", tmp_path, "--name", "cli", "--json")  # fmt: skip
    result = package.run(
        "blur", attacks="pixels", data={"people": 80, "images_per_person": 3}, pairs=2000,
        image_size=16, precision="fp32", reference=False, matcher="eyes", plugins=[eyes], out=tmp_path, name="python",
    )  # fmt: skip
    assert result.to_dict()["rows"][0]["utility"] == answer.document["rows"][0]["utility"]


def test_every_point_of_a_sweep_is_compared(aiakit: Aiakit, eyes: Path, tmp_path: Path) -> None:
    answer = aiakit("sweep", "--defense", "blur", "--set", "sigma=0.01,0.3", "--attacks", "logreg", *TINY, *SHORT,
                    "--plugin", eyes, "--set", "eyes.detect=false", "--matcher", "eyes", "--out",
                    tmp_path, "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    sharp, blurred = (point["utility"]["matcher"]["random"]["auc"] for point in answer.document["points"])
    assert sharp > blurred


def test_pictures_of_an_audit_are_compared(eyes: Path) -> None:
    registry.register_file(eyes)
    rng = np.random.default_rng(0)
    people, gender = np.repeat(np.arange(60), 4), np.repeat(np.arange(60) % 2, 4)
    faces = rng.integers(60, 200, (60, 4, 4, 3))[people]
    pictures = np.kron(faces, np.ones((1, 4, 4, 1))) + rng.integers(-20, 20, (240, 16, 16, 3))
    asked: dict[str, Any] = {"attributes": {"gender": gender}, "identity": people, "pairs": 2000, "matcher": "eyes"}
    result = package.audit(pictures.clip(0, 255).astype(np.uint8), attacks="pixels",
                           folds=1, **asked)  # fmt: skip
    found = result.to_dict()["rows"][0]["utility"]["matcher"]
    assert found["random"]["auc"] > 0.99
    result = package.audit(pictures.clip(0, 255).astype(np.uint8), attacks="pixels", folds=1,
                           options={"eyes": {"light": 300}}, **asked)  # fmt: skip
    found = result.to_dict()["rows"][0]["utility"]["matcher"]
    assert found["failure_to_acquire"]["rate"] == 1
    for kind in ("random", "same_attribute"):
        assert found[kind]["accuracy"] == pytest.approx(0.5)
        assert found[kind]["auc"] == pytest.approx(0.5)
        assert found[kind]["fnmr_at_fmr_1pct"] is None
        assert found[kind]["frr_at_far_1pct"] == pytest.approx(1)
        assert found[kind]["far_at_far_1pct"] == 0
    assert "photographs" not in result.to_dict()
    with pytest.raises(InputError, match="no release here has any"):
        package.audit(rng.normal(size=(240, 8)), attacks="logreg", **asked)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--matcher", "autoencoder"), "is trained here"),
        (("--matcher", "stored"), "looks at no picture"),
        (("--matcher", "precomputed"), "looks at no picture"),
        (("--matcher", "eyez"), "eyez"),
        (("--matcher", "timm:resnet18"), "random weights"),
        (("--matcher", "eyes:3"), "--matcher eyes:3 cannot be read"),
        (("--matcher", "eyes", "--no-utility"), "--no-utility"),
        (("--matcher", "eyes", "--set", "eyes.light=dim"), "light"),
    ],
)
def test_bad_matchers_are_one_line(aiakit: Aiakit, eyes: Path, tmp_path: Path, arguments: Any, said: str) -> None:
    answer = aiakit("run", "--defense", "blur", "--attacks", "pixels", *TINY, "--plugin", eyes, "--out", tmp_path,
                    *arguments)  # fmt: skip
    assert answer.code == 2
    assert said in answer.message


def test_releases_without_pictures_have_nothing_to_compare(aiakit: Aiakit, eyes: Path, tmp_path: Path) -> None:
    answer = aiakit("run", "--defense", "leace", "--encoder", "timm:resnet18", "--attacks", "logreg", *TINY, "--plugin",
                    eyes, "--matcher", "eyes", "--out", tmp_path)  # fmt: skip
    assert answer.code == 2
    assert "no release here has any" in answer.message


@pytest.mark.skipif(bool(registry.unavailable("encoder", "dlib")), reason="needs the extra judges")
@pytest.mark.skipif("AIAKIT_DATA" not in os.environ, reason="needs AIAKIT_DATA")
def test_dlib_knows_people_of_lfw(tmp_path: Path) -> None:
    """Ten people are tested, two pictures of each; one in which no face is found costs a genuine pair."""
    from aiakit.datasets.lfw import FACE
    from aiakit.datasets.pixels import decode

    folders = sorted((Path(os.environ["AIAKIT_DATA"]) / "lfw" / "lfw-deepfunneled").iterdir())
    several = [sorted(folder.glob("*.jpg"))[:2] for folder in folders if len(list(folder.glob("*.jpg"))) > 1][:40]
    pictures = decode([path for paths in several for path in paths], FACE, 64).pixels
    people = np.repeat(np.arange(40), 2)
    result = package.audit(
        pictures, attributes={"half": people % 2}, identity=people, attacks="pixels",
        pairs=100, folds=1, matcher="dlib", folder=tmp_path / "audit",
    )  # fmt: skip
    found = result.to_dict()["rows"][0]["utility"]["matcher"]
    assert found["random"]["auc"] > 0.85
    assert found["failure_to_acquire"]["failures"] <= 3
