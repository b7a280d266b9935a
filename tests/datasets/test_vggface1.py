"""VGG Face: a text file a person, images that may have vanished from the web, gender from a CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import MISSING
from aiakit.datasets.vggface1 import VGGFace1
from aiakit.errors import InputError
from tests.datasets.layouts import vggface1_person


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    """Two people with three lines each; the third image of the first is not there."""
    folder = tmp_path / "vgg"
    boxes = ("10.50 20.00 60.50 70.00", "10.50 20.00 60.50 70.00", "70.00 70.00 140.00 130.00")
    vggface1_person(folder, "A.J._Buckley", boxes, picture, missing=(3,))
    vggface1_person(folder, "Zoe_Z", boxes, picture)
    (folder / "gender.csv").write_bytes("\ufeffname, gender\r\nA.J. Buckley, m\r\nZoe_Z,f\r\n".encode())
    return folder


def test_boxes_gender_and_missing_images(root: Path, settings: Any) -> None:
    marked = np.zeros((100, 100, 3), np.uint8)
    marked[20:70, 10:61] = 255
    Image.fromarray(marked).save(root / "images" / "Zoe_Z" / "00000001.jpg", quality=100)
    faces = VGGFace1(root=str(root)).load(settings())
    numbers = {"A.J._Buckley": (1, 2), "Zoe_Z": (1, 2, 3)}
    assert faces.files == tuple(f"{person}/{n:08d}.jpg" for person, found in numbers.items() for n in found)
    assert faces.people == ("A.J._Buckley", "Zoe_Z")
    assert faces.default_attribute == "gender"
    assert faces.attributes["gender"].classes == ("f", "m")
    assert faces.attributes["gender"].values.tolist() == [1, 1, 0, 0, 0]
    assert faces.notes == ("1 of 6 images are missing: A.J._Buckley/00000003.jpg",)
    assert faces.images[2][2:-2, 2:-2].min() > 240  # the box, and a box clipped to the image was read as well


def test_only_curated_images(root: Path, settings: Any) -> None:
    faces = VGGFace1(root=str(root), curated=True).load(settings())
    assert faces.files == ("A.J._Buckley/00000001.jpg", "Zoe_Z/00000001.jpg", "Zoe_Z/00000003.jpg")


def test_folders_alone(root: Path, settings: Any) -> None:
    for text in (root / "files").iterdir():
        text.unlink()
    faces = VGGFace1(root=str(root)).load(settings())
    assert len(faces) == 5
    assert faces.notes == ()


def test_images_beside_their_text_files(root: Path, settings: Any) -> None:
    for person in (root / "images").iterdir():
        person.rename(root / "files" / person.name)
    (root / "images").rmdir()
    assert len(VGGFace1(root=str(root)).load(settings())) == 5


def test_a_person_without_gender_is_noted(root: Path, settings: Any) -> None:
    (root / "g.csv").write_text("name,gender\nA.J._Buckley,m\n")
    faces = VGGFace1(root=str(root), gender_csv=str(root / "g.csv")).load(settings())
    assert faces.attributes["gender"].values.tolist() == [0, 0, MISSING, MISSING, MISSING]
    assert "1 of 2 people have no row in g.csv: Zoe_Z" in faces.notes


def text(content: str) -> Any:
    return lambda root: (root / "files" / "Zoe_Z.txt").write_text(content)


def table(content: str) -> Any:
    return lambda root: (root / "gender.csv").write_text(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "gender.csv").unlink(), "no gender.csv .*name,gender"),
        (table("who,gender\na,m\n"), "no column name .* it has who, gender"),
        (table("name,age\na,3\n"), "no column gender"),
        (table("name,gender\n"), "is empty"),
        (table("name,gender\na,m,x\n"), "gender.csv:2 has 3 cells, the header has 2"),
        (table("name,gender,Gender\na,m,x\n"), "two columns called"),
        (table('name,gender\n"a,m\n'), "is not CSV"),
        (text("00000001 http://x 1 2 3\n"), "Zoe_Z.txt:1 must be: id url left"),
        (text("00000001 http://x 1 2 3 nan 3.00 2.31 1\n"), "Zoe_Z.txt:1 must be"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, tmp_path: Path, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        VGGFace1(root=str(root)).load(settings())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_an_empty_folder(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "gender.csv").write_text("name,gender\na,m\n")
    with pytest.raises(InputError, match=r"neither text files of people nor PERSON/ID.jpg"):
        VGGFace1(root=str(tmp_path)).load(settings())
