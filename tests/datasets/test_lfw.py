"""LFW's layout, with the contradictions and gaps that its labels really have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.contracts import MISSING
from aiakit.datasets.lfw import LFW
from aiakit.datasets.splits import require_pairs, split_people
from aiakit.errors import InputError

FEMALE = ("Ann_A_0001.jpg", "Ann_A_0002.jpg", "Both_B_0001.jpg", "Cy_C_0001.jpg", "Ghost_G_0001.jpg")
MALE = ("Both_B_0001.jpg", "Cy_C_0002.jpg", "Dan_D_0001.jpg")
FILES = ("Ann_A_0001", "Ann_A_0002", "Both_B_0001", "Cy_C_0001", "Cy_C_0002", "Dan_D_0001", "Eve_E_0001")
PAIRS = "1\t2\nAnn_A\t1\t2\nCy_C\t1\t2\nAnn_A\t1\tDan_D\t1\nAnn_A\t2\tEve_E\t1\n"


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    folder = tmp_path / "lfw"
    for file in FILES:
        picture(folder / "lfw-deepfunneled" / file[:-5] / f"{file}.jpg", (250, 250))
    (folder / "female_names.txt").write_bytes("\r\n".join(FEMALE).encode() + b"\r\n")
    (folder / "male_names.txt").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(MALE).encode() + b"\r\n\r\n")
    (folder / "pairs.txt").write_text(PAIRS)
    return folder


def test_people_labels_pairs_and_notes(root: Path, settings: Any) -> None:
    faces = LFW(root=str(root)).load(settings(jobs=2))
    assert len(faces) == 7
    assert faces.people == ("Ann_A", "Both_B", "Cy_C", "Dan_D", "Eve_E")
    assert faces.attributes["gender"].classes == ("female", "male")
    assert faces.attributes["gender"].values.tolist() == [0, 0, MISSING, 0, 1, 1, MISSING]
    assert faces.notes == (
        "1 of 7 images are in both gender lists and get no label: Both_B_0001.jpg",
        "1 of 7 images are in neither gender list and get no label: Eve_E_0001.jpg",
        "1 of 5 people are female in one image and male in another: Cy_C",
    )
    assert faces.pairs is not None
    assert faces.pairs.left.tolist() == [0, 3, 0, 1]
    assert faces.pairs.right.tolist() == [1, 4, 5, 6]
    assert faces.pairs.same.tolist() == [True, True, False, False]
    assert faces.pairs.fold.tolist() == [0, 0, 0, 0]


def test_a_corrupt_image_is_counted_named_and_left_out(root: Path, settings: Any) -> None:
    (root / "lfw-deepfunneled" / "Ann_A" / "Ann_A_0001.jpg").write_bytes(b"no image")
    faces = LFW(root=str(root)).load(settings())
    assert len(faces) == 6
    assert "1 of 7 images cannot be read: Ann_A_0001.jpg" in faces.notes
    assert "2 of 4 official pairs lack an image and are left out" in faces.notes
    assert faces.pairs is not None
    assert faces.files[faces.pairs.left[0]] == "Cy_C_0001.jpg"
    again = LFW(root=str(root)).load(settings())  # the cache remembers what could not be read
    assert (again.notes, again.fingerprint) == (faces.notes, faces.fingerprint)


def test_the_fingerprint_follows_the_data_not_the_place(
    root: Path, settings: Any, picture: Any, tmp_path: Path
) -> None:
    before = LFW(root=str(root)).load(settings()).fingerprint
    moved = root.rename(tmp_path / "elsewhere")
    assert LFW(root=str(moved)).load(settings()).fingerprint == before
    picture(moved / "lfw-deepfunneled" / "Ann_A" / "Ann_A_0001.jpg", (250, 250), grey=3)
    after = LFW(root=str(moved)).load(settings()).fingerprint
    assert after != before
    (moved / "male_names.txt").write_text("\n".join((*MALE, "Eve_E_0001.jpg")))
    assert LFW(root=str(moved)).load(settings()).fingerprint != after


def test_strict_refuses_what_would_be_noted(root: Path, settings: Any) -> None:
    with pytest.raises(InputError, match=r"both gender lists.*and 2 other problems.*--strict"):
        LFW(root=str(root)).load(settings(strict=True))


def remove_list(root: Path) -> None:
    (root / "male_names.txt").unlink()


def remove_images(root: Path) -> None:
    (root / "lfw-deepfunneled").rename(root / "pictures")


def cut_pairs(root: Path) -> None:
    (root / "pairs.txt").write_text("\n".join(PAIRS.splitlines()[:3]))


def head_pairs(root: Path) -> None:
    (root / "pairs.txt").write_text("pairs\n")


def foreign_pair(root: Path) -> None:
    (root / "pairs.txt").write_text(PAIRS.replace("Eve_E\t1", "Eve_E\t9"))


def crooked_pair(root: Path) -> None:
    (root / "pairs.txt").write_text(PAIRS.replace("Ann_A\t1\t2", "Ann_A 1 2"))


def latin_list(root: Path) -> None:
    (root / "male_names.txt").write_bytes("Jos\xe9_0001.jpg".encode("latin-1"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove_list, "no male_names.txt"),
        (remove_images, "holds no lfw-deepfunneled/NAME"),
        (cut_pairs, "announces 4 pairs and holds 2"),
        (head_pairs, "pairs.txt:1 must be two numbers"),
        (foreign_pair, "pairs.txt:5 names Eve_E_0009.jpg"),
        (crooked_pair, "pairs.txt:2 must be NAME I J"),
        (latin_list, "male_names.txt is not UTF-8"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, tmp_path: Path, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        LFW(root=str(root)).load(settings())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(("root", "words"), [("", "--data-root"), ("/nowhere/at/all", "does not exist")])
def test_no_folder(settings: Any, root: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        LFW(root=root).load(settings())


@pytest.mark.skipif("AIAKIT_DATA" not in os.environ, reason="needs the real data set (AIAKIT_DATA)")
def test_the_real_data_set(settings: Any) -> None:
    faces = LFW(root=str(Path(os.environ["AIAKIT_DATA"]) / "lfw")).load(settings(jobs=2))
    assert (len(faces.people), len(faces)) == (5749, 13233)
    assert faces.pairs is not None
    assert len(faces.pairs.same) == 6000
    assert faces.pairs.same.sum() == 3000
    assert np.bincount(faces.pairs.fold).tolist() == [600] * 10
    assert [note.split(":")[0] for note in faces.notes] == [
        "5 of 13233 images are in both gender lists and get no label",
        "4 of 13233 images are in neither gender list and get no label",
    ]
    assert (faces.attributes["gender"].values == MISSING).sum() == 9
    split = split_people(faces, "gender", 0)
    require_pairs(faces, split)
    assert 0.16 < split.people["test"] / len(faces.people) < 0.18


SCORED = ("Ann A\t1\t-1.5\t0.2", "Ann A\t2\t-0.1\t-3", "Both B\t1\t2.25e-1\t0", "Dan D\t1\t1\t1")


def scores(root: Path, rows: tuple[str, ...] = SCORED, head: str = "#\tperson\timagenum\tMale\tMiddle Aged") -> None:
    (root / "lfw_attributes.txt").write_text("\n".join(["# Attribute scores, by a comment", head, *rows, ""]))


def test_attributes_by_the_signs_of_their_scores(root: Path, settings: Any) -> None:
    scores(root)
    faces = LFW(root=str(root)).load(settings())
    assert list(faces.attributes) == ["gender", "Male", "Middle Aged"]
    assert faces.default_attribute == "gender"
    assert faces.attributes["Male"].classes == ("female", "male")
    assert faces.attributes["Male"].values.tolist() == [0, 0, 1, MISSING, MISSING, 1, MISSING]
    assert faces.attributes["Middle Aged"].classes == ("no", "yes")
    assert faces.attributes["Middle Aged"].values.tolist() == [1, 0, MISSING, MISSING, MISSING, 1, MISSING]
    unknown = "3 of 7 images have no line in lfw_attributes.txt, and their values are not known: "
    assert faces.notes[-1] == unknown + "Cy_C_0001.jpg, Cy_C_0002.jpg, Eve_E_0001.jpg"


def test_attributes_elsewhere_stand_in_for_the_lists_of_names(root: Path, settings: Any, tmp_path: Path) -> None:
    scores(root)
    moved = (root / "lfw_attributes.txt").rename(tmp_path / "scores.txt")
    for name in ("female_names.txt", "male_names.txt"):
        (root / name).unlink()
    faces = LFW(root=str(root), attributes=str(moved)).load(settings())
    assert list(faces.attributes) == ["Male", "Middle Aged"]
    assert faces.default_attribute == "Male"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: scores(root, ("Ann A\t1\t0.5",)), "lfw_attributes.txt:3 must be a person, a number and 2 scores"),
        (lambda root: scores(root, ("Ann A\t1\t0.5\tx",)), "lfw_attributes.txt:3 must be a person, a number and 2"),
        (lambda root: scores(root, ("Ann A\t1\t1\t1", "Ann A\t1\t1\t1")), "lists Ann_A_0001.jpg of line 3 again"),
        (lambda root: scores(root, ("Zoe Z\t1\t1\t1",)), "names none of the 7 images, Ann_A_0001.jpg for one"),
        (lambda root: scores(root, ()), "lfw_attributes.txt is empty"),
        (lambda root: scores(root, SCORED, "# name\tnumber\tMale"), "lfw_attributes.txt:3 must be '# person imagenum"),
        (lambda root: (root / "lfw_attributes.txt").write_text(""), "lfw_attributes.txt is empty"),
    ],
)
def test_bad_attributes_are_one_clear_line(root: Path, settings: Any, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        LFW(root=str(root)).load(settings())
    assert "\n" not in str(error.value)


def test_attributes_that_are_not_there(root: Path, settings: Any) -> None:
    with pytest.raises(InputError, match=r"there is no nothing\.txt"):
        LFW(root=str(root), attributes="nothing.txt").load(settings())
