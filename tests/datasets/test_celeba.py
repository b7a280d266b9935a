"""CelebA as published, and as the CSV files that circulate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.datasets.celeba import CelebA
from aiakit.datasets.splits import split_people
from aiakit.errors import InputError
from tests.datasets.layouts import celeba_images, celeba_texts

FILES = [f"{number:06d}.jpg" for number in range(1, 31)]
MALE = [1 if number % 4 < 2 else -1 for number in range(30)]
SMILE = [1 if number % 3 else -1 for number in range(30)]
PERSON = [number // 2 + 100 for number in range(30)]
SIDE = [0] * 18 + [1] * 6 + [2] * 6


def write_text(root: Path, end: str = "\n") -> None:
    celeba_texts(root, FILES, {"Male": MALE, "Smiling": SMILE}, PERSON, SIDE, end)


def write_csv(root: Path) -> None:
    rows = [f"{file},{male},{smile}" for file, male, smile in zip(FILES, MALE, SMILE, strict=True)]
    (root / "list_attr_celeba.csv").write_text("\ufeff" + "\r\n".join(["image_id,Male,Smiling", *rows]))
    for name, column, values in (("identity_CelebA", "identity", PERSON), ("list_eval_partition", "partition", SIDE)):
        rows = [f"{file},{value}" for file, value in zip(FILES, values, strict=True)]
        (root / f"{name}.csv").write_text("\r\n".join([f"image_id,{column}", *rows]))


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    celeba_images(tmp_path / "celeba" / "img_align_celeba", picture, FILES)
    write_text(tmp_path / "celeba")
    return tmp_path / "celeba"


def check(faces: Any) -> None:
    assert len(faces) == 30
    assert len(faces.people) == 15
    assert faces.default_attribute == "Male"
    assert faces.attributes["Male"].classes == ("female", "male")
    assert faces.attributes["Male"].values.tolist() == [int(value > 0) for value in MALE]
    assert faces.attributes["Smiling"].classes == ("no", "yes")
    assert faces.attributes["Smiling"].values.tolist() == [int(value > 0) for value in SMILE]
    assert faces.identity.tolist() == [number // 2 for number in range(30)]
    assert faces.partition.tolist() == [("train", "val", "test")[side] for side in SIDE]
    assert faces.notes == ()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_published_files(root: Path, settings: Any, end: str) -> None:
    write_text(root, end)
    check(CelebA(root=str(root)).load(settings()))


def test_the_csv_files_in_the_nested_folder(tmp_path: Path, picture: Any, settings: Any) -> None:
    root = tmp_path / "kaggle"
    celeba_images(root / "img_align_celeba" / "img_align_celeba", picture, FILES)
    write_csv(root)
    check(CelebA(root=str(root)).load(settings()))


def test_a_copy_in_csv_without_identities_says_the_way_on(tmp_path: Path, picture: Any, aiakit: Any) -> None:
    celeba_images(tmp_path / "img_align_celeba" / "img_align_celeba", picture, FILES)
    write_csv(tmp_path)
    (tmp_path / "identity_CelebA.csv").unlink()
    answer = aiakit("data", "--dataset", "celeba", "--data-root", tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert "there is no identity_CelebA.txt or identity_CelebA.csv" in answer.err
    assert "copy it from Anno/ of the set's own download" in answer.err


def test_the_folders_of_the_download(tmp_path: Path, picture: Any, settings: Any) -> None:
    root = tmp_path / "download"
    celeba_images(root / "Img" / "img_align_celeba", picture, FILES)
    write_text(root)
    (root / "Anno").mkdir()
    (root / "Eval").mkdir()
    for name in ("list_attr_celeba.txt", "identity_CelebA.txt"):
        (root / name).rename(root / "Anno" / name)
    (root / "list_eval_partition.txt").rename(root / "Eval" / "list_eval_partition.txt")
    check(CelebA(root=str(root)).load(settings()))


def test_the_official_partition_reaches_the_split(root: Path, settings: Any) -> None:
    faces = CelebA(root=str(root)).load(settings())
    split = split_people(faces, "Smiling", 0)
    assert split.rows["test"].tolist() == list(range(24, 30))
    assert split.rows["attacker-val"].tolist() == list(range(18, 24))


def test_the_face_is_cropped_from_the_middle(root: Path, settings: Any) -> None:
    marked = np.zeros((218, 178, 3), np.uint8)
    marked[39:179, 19:159] = 255
    Image.fromarray(marked).save(root / "img_align_celeba" / FILES[0], quality=100)
    faces = CelebA(root=str(root)).load(settings())
    assert faces.images[0][2:-2, 2:-2].min() > 240


def test_missing_and_corrupt_images_are_noted(root: Path, settings: Any) -> None:
    (root / "img_align_celeba" / FILES[4]).unlink()
    (root / "img_align_celeba" / FILES[7]).write_bytes(b"\xff\xd8\xff")
    faces = CelebA(root=str(root)).load(settings())
    assert len(faces) == 28
    assert faces.notes == ("1 of 30 images are missing: 000005.jpg", "1 of 30 images cannot be read: 000008.jpg")
    assert faces.attributes["Male"].values.tolist() == [int(v > 0) for n, v in enumerate(MALE) if n not in (4, 7)]
    with pytest.raises(InputError, match="1 of 30 images are missing"):
        CelebA(root=str(root)).load(settings(strict=True))


def test_images_without_identity_are_noted(root: Path, settings: Any) -> None:
    lines = (root / "identity_CelebA.txt").read_text().splitlines()
    (root / "identity_CelebA.txt").write_text("\n".join(lines[2:]))
    faces = CelebA(root=str(root)).load(settings())
    assert len(faces) == 28
    assert faces.notes == ("2 of 30 images are not in identity_CelebA and left out: 000001.jpg, 000002.jpg",)


def edit(name: str, old: str, new: str) -> Any:
    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return change


def remove(name: str) -> Any:
    return lambda root: (root / name).unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove("list_attr_celeba.txt"), "no list_attr_celeba.txt or list_attr_celeba.csv"),
        (remove("identity_CelebA.txt"), "no identity_CelebA.txt .* be in training and in test; copy it from Anno/"),
        (remove("list_eval_partition.txt"), "no list_eval_partition.txt"),
        (lambda root: (root / "img_align_celeba").rename(root / "images"), "no folder img_align_celeba"),
        (edit("list_attr_celeba.txt", "30\n", "40\n"), "announces 40 images and holds 30"),
        (edit("list_attr_celeba.txt", "000003.jpg", "000003.jpg 1"), "list_attr_celeba.txt:5 has 3 values for 2"),
        (edit("list_attr_celeba.txt", "000003.jpg  -1", "000003.jpg x"), "list_attr_celeba.txt:5 holds a value other"),
        (edit("list_attr_celeba.txt", "000003.jpg  -1", "000003.jpg 7"), "list_attr_celeba.txt:5 holds a value other"),
        (edit("list_attr_celeba.txt", "000003.jpg", "000002.jpg"), "lists an image twice"),
        (lambda root: (root / "list_attr_celeba.txt").write_text(""), "list_attr_celeba.txt is empty"),
        (edit("identity_CelebA.txt", "000003.jpg 101", "000003.jpg who"), "identity_CelebA.txt:3 must be an image"),
        (edit("list_eval_partition.txt", "000003.jpg 0", "000003.jpg 5"), "must hold 0, 1 or 2"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, tmp_path: Path, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        CelebA(root=str(root)).load(settings())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_no_image_at_all(root: Path, settings: Any) -> None:
    for file in FILES:
        (root / "img_align_celeba" / file).unlink()
    with pytest.raises(InputError, match="none of the 30 listed images exists"):
        CelebA(root=str(root)).load(settings())
    for file in FILES:
        (root / "img_align_celeba" / file).touch()
    with pytest.raises(InputError, match="not one image can be read"):
        CelebA(root=str(root)).load(settings())
