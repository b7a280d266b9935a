"""Every data set of raw photographs seeks faces, about its own boxes, or turns them by its own landmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import LoadSettings
from aiakit.datasets.alignment import GIVEN, UPRIGHT, Alignment
from aiakit.datasets.detections import SoughtFaceSet
from aiakit.errors import InputError
from aiakit.plugins import registry
from tests.datasets.layouts import LINE, vggface2
from tests.datasets.squares import BLUE, GREEN, RED, draw

Settings = Callable[..., LoadSettings]
pytestmark = pytest.mark.usefixtures("squares")
PLACE = (RED, 40, 30, 100)  # of a face beside the middle
TWO = (400, 300)


def adience(root: Path) -> None:
    rows = ["user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy"]
    for face in (1, 2):
        draw(root / "faces" / "u@N0" / f"coarse_tilt_aligned_face.{face}.{face}_o.jpg", PLACE)
        rows.append(f"u@N0\t{face}_o.jpg\t{face}\t(25, 32)\t{'mf'[face - 1]}\t900\t900\t9\t9")
    (root / "fold_0_data.txt").write_text("\n".join([*rows, ""]))


def bfw(root: Path) -> None:
    for group in ("asian_females", "white_males"):
        draw(root / group / "n000009" / "0010_01.jpg", PLACE)


def fairface(root: Path) -> None:
    lines = ["file,age,gender,race,service_test"]
    for number, gender in enumerate(("Male", "Female"), start=1):
        draw(root / "train" / f"{number}.jpg", PLACE)
        lines.append(f"train/{number}.jpg,10-19,{gender},White,True")
    (root / "fairface_label_train.csv").write_text("\n".join([*lines, ""]))


def rfw(root: Path) -> None:
    for group in ("African", "Asian"):
        draw(root / "data" / group / "m.01" / "m.01_0001.jpg", PLACE)


def utkface(root: Path) -> None:
    for gender in (0, 1):
        draw(root / f"25_{gender}_3_20170109142408075.jpg", PLACE)


def vggface1(root: Path) -> None:
    (root / "files").mkdir(parents=True)
    for person in ("Ann", "Bob"):
        draw(root / "images" / person / "00000001.jpg", PLACE)
        (root / "files" / f"{person}.txt").write_text(LINE.format(id=1, box="30 20 150 140", curation=1) + "\n")
    (root / "gender.csv").write_text("name,gender\nAnn,f\nBob,m\n")


def vggface2_of_squares(root: Path) -> None:
    people = {"n000001": ("test", "m"), "n000002": ("train", "f")}
    vggface2(root, people, 1, lambda path, size: draw(path, PLACE), boxes=False)


SETS = {
    "adience": adience,
    "bfw": bfw,
    "fairface": fairface,
    "rfw": rfw,
    "utkface": utkface,
    "vggface1": vggface1,
    "vggface2": vggface2_of_squares,
}


def load(name: str, root: Path, settings: LoadSettings, **options: Any) -> Any:
    return registry.make("dataset", name, {"root": str(root), **options}).load(settings)


@pytest.mark.parametrize("name", SETS)
def test_a_face_is_sought_in_every_photograph(tmp_path: Path, settings: Settings, name: str) -> None:
    SETS[name](tmp_path / "set")
    faces = load(name, tmp_path / "set", settings(32), align="face")
    assert isinstance(faces, SoughtFaceSet)
    assert [each.faces for each in faces.detections] == [1, 1]
    for each in faces.detections:
        assert each.box == pytest.approx((40, 30, 140, 130), abs=2)
    inside = faces.images[:, 5:-5, 5:-5]
    assert (inside[..., RED] > 200).all()
    assert (faces.images[:, 0, :, RED] < 60).all()  # the margin
    assert not any("the middle of each picture" in note for note in faces.notes)
    taken_as_they_are = load(name, tmp_path / "set", settings(32))
    assert not isinstance(taken_as_they_are, SoughtFaceSet)


def two_people(root: Path, box: str, size: tuple[int, int] = TWO) -> None:
    """VGG Face with photographs of two, of whom the box says who is meant, and not the one in the middle."""
    vggface1(root)
    draw(root / "images" / "Ann" / "00000001.jpg", (GREEN, 150, 100, 100), (BLUE, 20, 20, 80), size=size)
    (root / "files" / "Ann.txt").write_text(LINE.format(id=1, box=box, curation=1) + "\n")


def test_the_face_is_sought_about_the_box_of_the_data_set(tmp_path: Path, settings: Settings) -> None:
    two_people(tmp_path / "set", "25 25 95 95")
    faces = load("vggface1", tmp_path / "set", settings(32), align="face")
    assert faces.detections[0].faces == 1
    assert faces.detections[0].box == pytest.approx((20, 20, 100, 100), abs=2)
    assert faces.images[0, 16, 16].argmax() == BLUE
    two_people(tmp_path / "other", "150 100 250 200")  # another box of the same photograph is not found in the cache
    assert load("vggface1", tmp_path / "other", settings(32), align="face").images[0, 16, 16].argmax() == GREEN


def test_a_small_face_in_a_large_photograph_is_found_by_its_box(tmp_path: Path, settings: Settings) -> None:
    two_people(tmp_path / "set", "25 25 95 95", size=(3000, 2000))  # 4 % of its shorter side
    faces = load("vggface1", tmp_path / "set", settings(32), align="face")
    assert faces.images[0, 16, 16].argmax() == BLUE


def test_a_box_outside_of_the_photograph_is_counted(tmp_path: Path, settings: Settings) -> None:
    two_people(tmp_path / "set", "500 25 595 95")
    faces = load("vggface1", tmp_path / "set", settings(32), align="face")
    assert "1 of 2 images cannot be read: Ann/00000001.jpg" in faces.notes


def landmark_table(root: Path, part: str, rows: dict[str, np.ndarray]) -> None:
    head = "NAME_ID," + ",".join(f"P{number}{axis}" for number in range(1, 6) for axis in "XY")
    lines = [
        f'"{name}",' + ",".join(f"{value:.5g}" for point in points for value in (point.real, point.imag))
        for name, points in rows.items()
    ]
    (root / "bb_landmark").mkdir(exist_ok=True)
    (root / "bb_landmark" / f"loose_landmark_{part}.csv").write_text("\n".join([head, *lines, ""]))


ROWS = {"train": "n000002/0001_01", "test": "n000001/0001_01"}


@pytest.mark.parametrize("margin", [0.1, 0.25])
def test_landmarks_of_the_data_set_place_the_face(
    tmp_path: Path, settings: Settings, squares: list[Any], margin: float
) -> None:
    """One photograph is turned by 30°: what its landmarks say is upright again, and no detector is asked."""
    root = tmp_path / "set"
    vggface2_of_squares(root)
    upright = 40 + 30j + GIVEN * 100 - (0.5 + 0.5j)
    straight = Image.open(root / "train" / "n000002" / "0001_01.jpg")
    straight.rotate(30, Image.Resampling.BICUBIC, center=(90, 80)).save(root / "test" / "n000001" / "0001_01.jpg")
    middle = 90 + 80j - (0.5 + 0.5j)
    landmark_table(root, "train", {ROWS["train"]: upright})
    landmark_table(root, "test", {ROWS["test"]: (upright - middle) * np.exp(-1j * np.pi / 6) + middle})
    faces = load("vggface2", root, settings(64), align="landmarks", margin=margin)
    assert squares == []
    assert not isinstance(faces, SoughtFaceSet)
    for image in faces.images:
        lit = image[..., RED] > 127
        for axis in (0, 1):
            inside = np.flatnonzero(lit.mean(axis=axis) > 0.25)
            assert inside[0] == pytest.approx(margin * 64, abs=1.5)
            assert inside[-1] + 1 == pytest.approx((1 - margin) * 64, abs=1.5)


def test_landmarks_and_the_search_crop_alike() -> None:
    """The eyes, of one by their middles and of the other by their corners, come to lie in one place."""
    assert GIVEN[0] == pytest.approx(UPRIGHT[2:4].mean())
    assert GIVEN[1] == pytest.approx(UPRIGHT[:2].mean())
    assert 0.45 < GIVEN[2].imag < 0.6 < GIVEN[3].imag < 0.8


def test_images_without_landmarks_are_left_out(tmp_path: Path, settings: Settings) -> None:
    vggface2_of_squares(tmp_path / "set")
    landmark_table(tmp_path / "set", "train", {ROWS["train"]: 40 + 30j + GIVEN * 100})
    faces = load("vggface2", tmp_path / "set", settings(16), align="landmarks")
    assert faces.files == ("n000002/0001_01.jpg",)
    assert "1 of 2 images have no landmarks and are left out: n000001/0001_01.jpg" in faces.notes


@pytest.mark.parametrize(
    "points", [np.full(5, 30 + 30j), 5000 + GIVEN * 100], ids=["in one place", "outside of the photograph"]
)
def test_landmarks_of_no_face_are_counted(tmp_path: Path, settings: Settings, points: np.ndarray) -> None:
    vggface2_of_squares(tmp_path / "set")
    landmark_table(tmp_path / "set", "train", {ROWS["train"]: 40 + 30j + GIVEN * 100})
    landmark_table(tmp_path / "set", "test", {ROWS["test"]: points})
    faces = load("vggface2", tmp_path / "set", settings(16), align="landmarks")
    assert "1 of 2 images cannot be read: n000001/0001_01.jpg" in faces.notes


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("utkface", {"align": "landmarks"}, "utkface.align=landmarks needs landmarks, and this data set gives none"),
        ("vggface2", {"align": "landmarks"}, r"and there is no bb_landmark/loose_landmark_\*\.csv: align=face seeks"),
        ("rfw", {"margin": 0.2}, "margin and smallest_face are of align=face"),
        ("bfw", {"align": "landmarks", "smallest_face": 0.2}, "no face is sought with align=landmarks"),
        ("bfw", {"align": "crop"}, "bfw.align must be"),
    ],
)
def test_what_cannot_be_aligned_is_one_line(
    tmp_path: Path, settings: Settings, name: str, options: dict[str, Any], words: str
) -> None:
    SETS[name](tmp_path / "set")
    with pytest.raises(InputError, match=words) as error:
        load(name, tmp_path / "set", settings(16), **options)
    assert "\n" not in str(error.value)


def test_a_cell_that_is_no_number_is_named(tmp_path: Path, settings: Settings) -> None:
    vggface2_of_squares(tmp_path / "set")
    landmark_table(tmp_path / "set", "train", {ROWS["train"]: 40 + 30j + GIVEN * 100})
    table = tmp_path / "set" / "bb_landmark" / "loose_landmark_train.csv"
    head, row = table.read_text().splitlines()
    table.write_text("\n".join([head, row.rpartition(",")[0] + ",nan"]))
    with pytest.raises(InputError, match=r"loose_landmark_train\.csv:2 must be NAME_ID,P1X,P1Y"):
        load("vggface2", tmp_path / "set", settings(16), align="landmarks")


def test_a_large_jpeg_is_cropped_as_a_small_one(tmp_path: Path, settings: Settings) -> None:
    """Unpacked at an eighth of its size, the landmarks are those of the file still."""
    crops = []
    for scale in (1, 8):
        path = tmp_path / f"{scale}.jpg"
        draw(path, (RED, 40 * scale, 30 * scale, 100 * scale), size=(400 * scale, 300 * scale))
        points = scale * (40 + 30j + GIVEN * 100) - (0.5 + 0.5j)
        pairs = np.stack([points.real, points.imag], axis=1).ravel().tolist()
        crops.append(Alignment().placed(path, 32, pairs).astype(int))
    assert np.abs(crops[0] - crops[1]).mean() < 4
