"""Faces are sought in photographs, turned upright and cropped; drawn squares are found by a detector of squares."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from aiakit.cli.data import data
from aiakit.contracts import LoadSettings, PixelArray
from aiakit.datasets import alignment
from aiakit.datasets.alignment import UPRIGHT, Alignment, Face
from aiakit.datasets.contact import NONE, SEVERAL, contact_sheet
from aiakit.datasets.detections import SoughtFaceSet
from aiakit.datasets.folder import Folder
from aiakit.encoders._landmarks import middle
from aiakit.errors import InputError
from aiakit.networks.landmarks import landmarks
from aiakit.plugins import registry
from aiakit.plugins.extras import not_installed
from aiakit.storage.journal import Journal
from tests.datasets.squares import BLUE, GREEN, RED, draw

Settings = Callable[..., LoadSettings]
pytestmark = pytest.mark.usefixtures("squares")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two people; a photograph of one face, of three, of one that is too small, of none."""
    folder = tmp_path / "mine"
    draw(folder / "ann/one.png", (RED, 40, 30, 100))
    draw(folder / "ann/three.png", (RED, 10, 10, 90), (GREEN, 160, 100, 90), (BLUE, 290, 150, 90))
    draw(folder / "bob/small.png", (RED, 10, 20, 60), (BLUE, 190, 140, 30))
    draw(folder / "bob/none.png")
    (folder / "attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    return folder


def load(root: Path, settings: LoadSettings, **options: Any) -> SoughtFaceSet:
    faces = Folder(root=str(root), align="face", **options).load(settings)
    assert isinstance(faces, SoughtFaceSet)
    return faces


def colours(faces: SoughtFaceSet) -> list[int]:
    """The channel of the square in the middle of each image."""
    middle = faces.images.shape[1] // 2
    return np.argmax(faces.images[:, middle, middle], axis=1).tolist()


def test_the_face_nearest_to_the_middle_and_large_enough_is_taken(root: Path, settings: Settings) -> None:
    faces = load(root, settings())
    assert faces.files == ("ann/one.png", "ann/three.png", "bob/small.png")
    assert colours(faces) == [RED, GREEN, RED]
    assert [faces.people[code] for code in faces.identity] == ["ann", "ann", "bob"]
    assert [(each.file, each.faces) for each in faces.detections] == [
        ("ann/one.png", 1), ("ann/three.png", 3), ("bob/none.png", 0), ("bob/small.png", 1),
    ]  # fmt: skip
    assert faces.detections[1].box == pytest.approx((160, 100, 250, 190), abs=1)
    assert faces.detections[2].box is None
    assert faces.notes == (
        "1 of 4 photographs show no face and are left out: bob/none.png",
        "1 of 4 photographs show several faces, of which the one nearest to the middle was taken: ann/three.png",
    )
    assert load(root, settings()).detections == faces.detections  # from the cache as well
    with pytest.raises(InputError, match="show no face and are left out"):
        load(root, settings(strict=True))


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.25])
@pytest.mark.parametrize("turn", [0, 3, 6, 8])
def test_the_box_lies_in_the_middle_with_the_margin_around(
    tmp_path: Path, settings: Settings, margin: float, turn: int
) -> None:
    """Also of a photograph that lies on its side or on its head: its landmarks are those of the photograph upright."""
    draw(tmp_path / "mine/ann/1.png", (RED, 200, 60, 160), size=(500, 400), turn=turn)
    draw(tmp_path / "mine/bob/1.png", (RED, 100, 60, 160), size=(500, 400))
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    size = 64
    faces = load(tmp_path / "mine", settings(size), margin=margin)
    lit = faces.images[0, ..., RED].astype(float) / 255
    assert lit.mean() == pytest.approx((1 - 2 * margin) ** 2, abs=0.02)
    for axis in (0, 1):
        along = lit.mean(axis=axis)
        inside = np.flatnonzero(along > along.max() / 2)
        assert inside[0] == pytest.approx(margin * size, abs=1)
        assert inside[-1] + 1 == pytest.approx((1 - margin) * size, abs=1)


def test_a_tilted_head_is_turned_upright() -> None:
    """A face of four quarters, seen tilted by 30°, comes out as it is when it looks straight."""
    straight = np.zeros((400, 400, 3), np.uint8)
    straight[100:200, 100:200], straight[100:200, 200:300] = (255, 0, 0), (0, 255, 0)
    straight[200:300, 100:200], straight[200:300, 200:300] = (0, 0, 255), (255, 255, 0)
    points = (100 + 100j) + UPRIGHT * 200
    tilted = Image.fromarray(straight).rotate(30, Image.Resampling.BICUBIC)  # about the middle, anticlockwise
    moved = (points - (200 + 200j)) * np.exp(-1j * np.pi / 6) + (200 + 200j) - (0.5 + 0.5j)
    crops = []
    for image, where in ((Image.fromarray(straight), points - (0.5 + 0.5j)), (tilted, moved)):
        pairs = np.stack([where.real, where.imag], axis=1).ravel()
        seen = alignment.Seen(1, (0, 0, 0, 0), tuple(pairs.tolist()))
        crops.append(Alignment().crop(image, image.size, seen, 64).astype(int))
    assert np.abs(crops[0] - crops[1]).mean() < 3


def test_what_was_found_is_kept_by_content(root: Path, settings: Settings, squares: list[PixelArray]) -> None:
    """Another image size, another margin, another name find it again; another least size does not."""
    first = load(root, settings(16))
    assert len(squares) == 4
    load(root, settings(32))
    load(root, settings(16), margin=0.2)
    (root / "ann/one.png").rename(root / "ann/eins.png")
    again = load(root, settings(16))
    assert len(squares) == 4
    assert np.array_equal(np.sort(again.images, axis=0), np.sort(first.images, axis=0))
    assert load(root, settings(16), smallest_face=0.05).detections[-1].faces == 2
    assert len(squares) == 8


def test_an_interrupted_search_goes_on(root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, seen = alignment.faces_in, []

    def interrupted(image: PixelArray) -> list[Face]:
        if len(seen) == 3:
            raise KeyboardInterrupt
        seen.append(image)
        return whole(image)

    monkeypatch.setattr(alignment, "faces_in", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load(root, settings())
    (journal,) = (root.parent / "cache").glob("faces-*.jsonl")
    journal.write_bytes(journal.read_bytes()[:-20])  # killed while it wrote the third
    seen.clear()
    assert colours(load(root, settings())) == [RED, GREEN, RED]
    assert len(seen) == 2


def test_a_full_disk_is_one_clear_line_and_no_picture_that_cannot_be_read(
    root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal, key: str, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Journal, "add", full)
    with pytest.raises(InputError, match=r"No space left on device.*AIAKIT_CACHE"):
        load(root, settings())


def test_a_journal_that_cannot_be_read_is_one_clear_line(root: Path, settings: Settings) -> None:
    (root.parent / "cache" / f"faces-{alignment.VERSION}-0.15.jsonl").mkdir(parents=True)
    with pytest.raises(InputError, match=r"cannot read .*AIAKIT_CACHE"):
        load(root, settings())


def test_the_crop_is_the_same_whatever_is_known_already(root: Path, settings: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for file in ("ann/one.jpg", "bob/two.jpg"):
        pixels = rng.integers(0, 60, (1600, 2000, 3), np.uint8)
        pixels[500:1100, 600:1200, RED] = 220
        Image.fromarray(pixels).save(root / file, quality=95)
    afresh = load(root, settings(64))
    load(root, LoadSettings(128, tmp_path / "other"))
    known = load(root, LoadSettings(64, tmp_path / "other"))
    assert afresh.fingerprint == known.fingerprint


def test_progress_is_shown(root: Path, tmp_path: Path) -> None:
    said: list[tuple[str, int, int]] = []
    load(root, LoadSettings(16, tmp_path / "cache", jobs=2, report=lambda *step: said.append(step)))
    assert said == [("seeking faces", 0, 4), ("seeking faces", 4, 4)]


def test_nobody_anywhere_is_one_clear_line(tmp_path: Path, settings: Settings) -> None:
    for person in ("ann", "bob"):
        draw(tmp_path / "mine" / person / "1.png")
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    for _ in range(2):  # from the cache as well
        with pytest.raises(
            InputError, match=r"no frontal face.* in any of 2 photographs, ann/1.png for one: .*align=none"
        ):
            load(tmp_path / "mine", settings())


def test_pictures_that_cannot_be_read_are_counted_apart(root: Path, settings: Settings) -> None:
    (root / "ann/broken.png").write_bytes(b"no picture")
    notes = load(root, settings()).notes
    assert "1 of 5 images cannot be read: ann/broken.png" in notes
    assert "1 of 4 photographs show no face and are left out: bob/none.png" in notes


def test_options_without_a_search_are_refused(root: Path, settings: Settings) -> None:
    with pytest.raises(InputError, match="margin and smallest_face are of align=face"):
        Folder(root=str(root), margin=0.3).load(settings())


def test_a_detector_that_is_not_installed_names_the_extra(
    root: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(alignment, "not_installed", lambda extra, *modules: not_installed(extra, "no_such_module"))
    with pytest.raises(InputError, match=r"folder\.align=face needs a detector of faces: .*aiakit\[judges\]"):
        load(root, settings())


def test_the_sheet_marks_several_faces_and_shows_photographs_without(root: Path, settings: Settings) -> None:
    sheet = contact_sheet(load(root, settings()), rows=2, columns=2)
    assert sheet.shape == (32, 32, 3)  # ann, and photographs without a face
    assert (sheet[0, 16] == SEVERAL).all()
    assert not (sheet[0, 0] == SEVERAL).all()
    assert (sheet[16, 0] == NONE).all()
    assert (sheet[17:31, 1:15] == 0).all()
    assert (sheet[16:, 16:] == 255).all()


def test_the_command_lists_what_was_found(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIAKIT_CACHE", str(tmp_path / "cache"))
    table = tmp_path / "faces.csv"
    asked = ["--dataset", "folder", "--data-root", str(root), "--faces", str(table), "--json"]
    done = CliRunner().invoke(data, [*asked, "--set", "folder.align=face"], catch_exceptions=False)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["faces"] == str(table)
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["path"], row["faces"]) for row in rows] == [
        ("ann/one.png", "1"), ("ann/three.png", "3"), ("bob/none.png", "0"), ("bob/small.png", "1"),
    ]  # fmt: skip
    assert rows[2]["left"] == ""
    assert float(rows[0]["left"]) == pytest.approx(40, abs=1)
    with pytest.raises(InputError, match="no faces are sought in folder"):
        CliRunner().invoke(data, asked, catch_exceptions=False)


@pytest.mark.skipif(bool(registry.unavailable("encoder", "dlib")), reason="needs the extra judges")
def test_real_photographs(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of LFW: nearly all show a face that lies about the middle, upright however the photograph is turned by EXIF."""
    if "AIAKIT_DATA" not in os.environ:
        pytest.skip("needs AIAKIT_DATA")
    monkeypatch.undo()
    people = sorted((Path(os.environ["AIAKIT_DATA"]) / "lfw" / "lfw-deepfunneled").iterdir())[:30:2]
    exif = Image.Exif()
    exif[0x0112] = 6
    for folder in people:
        photograph = Image.open(sorted(folder.glob("*.jpg"))[0])
        (tmp_path / "mine" / folder.name).mkdir(parents=True)
        photograph.save(tmp_path / "mine" / folder.name / "1.png")
        photograph.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "mine" / folder.name / "2.png", exif=exif)
    text = "".join(f"{folder.name},{'fm'[row % 2]}\n" for row, folder in enumerate(people))
    (tmp_path / "mine/attributes.csv").write_text(f"person,gender\n{text}")
    faces = load(tmp_path / "mine", settings(64, jobs=2))
    assert len(faces) >= 28
    for each in faces.detections:
        assert each.box is None or abs(each.box[0] + each.box[2] - 250) < 60
    # Encoders that look for landmarks within the margin find them where the crop has them. Medians of 82: 0.03 at most.
    found = [
        [complex(at.x, at.y) for at in landmarks(each, middle(each, 0.1), "five").parts()] for each in faces.images
    ]
    off = np.array(found) / 64 - (0.1 + 0.1j + 0.8 * UPRIGHT)
    assert np.median(np.abs(off), axis=0).max() < 0.06
    assert all(np.array_equal(*faces.images[faces.identity == code]) for code in range(len(faces.people)))
