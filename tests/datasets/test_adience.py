"""Adience: five lists of faces, people by face_id, ages in groups and between them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiakit.contracts import MISSING
from aiakit.datasets.adience import Adience
from aiakit.errors import InputError

HEAD = ("user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\tfiducial_yaw_angle\tfiducial_score",)
# Two albums; 2 and 7 return in other pictures, the first picture shows two people.
FACES = [
    [("1@N03", "a_o.jpg", 1, "(25, 32)", "f"), ("1@N03", "a_o.jpg", 2, "(8, 12)", "m")],
    [("1@N03", "b_o.jpg", 2, "13", "m"), ("1@N03", "c_o.jpg", 3, "None", "u")],
    [("9@N06", "d_o.jpg", 7, "35", "f")],
    [("9@N06", "e_o.jpg", 7, "(27, 32)", "f"), ("9@N06", "e_o.jpg", 8, "(38, 48)", "")],
    [("9@N06", "f_o.jpg", 9, "(60, 100)", "m")],
]


def write(root: Path, picture: Any, stem: str = "fold", folder: str = "aligned/{}/landmark_aligned_face") -> Path:
    for fold, faces in enumerate(FACES):
        lines = ["\t".join([*map(str, face), *"1234567"]) for face in faces]
        (root / f"{stem}_{fold}_data.txt").write_text("\n".join([*HEAD, *lines, ""]))
        for user, image, face, *_ in faces:
            path = root / f"{folder.format(user)}.{face}.{image}"
            if not path.exists():
                picture(path, (80, 80))
    return root


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    (tmp_path / "adience").mkdir()
    return write(tmp_path / "adience", picture)


def test_people_genders_and_ages(root: Path, settings: Any) -> None:
    faces = Adience(root=str(root)).load(settings())
    assert faces.files[:2] == ("1@N03/landmark_aligned_face.1.a_o.jpg", "1@N03/landmark_aligned_face.2.a_o.jpg")
    assert [faces.people[code] for code in faces.identity] == ["1", "2", "2", "3", "7", "7", "8", "9"]
    gender, age = faces.attributes["gender"], faces.attributes["age"]
    assert gender.classes == ("female", "male")
    assert gender.values.tolist() == [0, 1, 1, MISSING, 0, 0, MISSING, 1]
    named = [None if code == MISSING else age.classes[code] for code in age.values]
    assert named == ["25-32", "8-13", "8-13", None, None, "25-32", None, "60+"]
    assert faces.notes == ("2 of 8 ages lie between the groups and are not known: 35, (38, 48)",)
    assert faces.default_attribute == "gender"


def test_coarsely_aligned_faces_and_frontal_lists(tmp_path: Path, picture: Any, settings: Any) -> None:
    write(tmp_path, picture, "fold_frontal", "faces/{}/coarse_tilt_aligned_face")
    faces = Adience(root=str(tmp_path), frontal=True).load(settings())
    assert faces.files[0] == "1@N03/coarse_tilt_aligned_face.1.a_o.jpg"
    with pytest.raises(InputError, match=r"there is no fold_0_data.txt … fold_4_data.txt"):
        Adience(root=str(tmp_path)).load(settings())


def test_a_list_that_is_missing_and_lines_that_repeat_are_said(root: Path, settings: Any) -> None:
    (root / "fold_4_data.txt").unlink()
    lists = root / "fold_2_data.txt"
    lists.write_text(lists.read_text() + lists.read_text().splitlines()[1] + "\n")
    faces = Adience(root=str(root)).load(settings())
    assert len(faces) == 7
    assert faces.notes[:2] == (
        "there is no fold_4_data.txt: the faces of other folds alone are read",
        "1 of 8 lines list a face again and are left out",
    )


def edit(old: str, new: str) -> Any:
    def change(root: Path) -> None:
        text = (root / "fold_0_data.txt").read_text()
        assert old in text
        (root / "fold_0_data.txt").write_text(text.replace(old, new, 1))

    return change


def move_albums(root: Path) -> None:
    for album in ("1@N03", "9@N06"):
        (root / "aligned" / album).rename(root / album)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "aligned").rename(root / "pictures"), "holds neither aligned/ nor faces/"),
        (edit("face_id", "face"), "fold_0_data.txt has no column face_id for the person"),
        (edit("a_o.jpg\t1\t", "a_o.jpg\tone\t"), "fold_0_data.txt:2 must name an album, a picture and a number"),
        (edit("\tf\t1\t2\t3\t4\t5\t6\t7", "\tf\t1"), "fold_0_data.txt:2 has 6 cells, the header has 12"),
        (move_albums, "none of the 8 listed images exists"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        Adience(root=str(root)).load(settings())
    assert "\n" not in str(error.value)
