"""VGGFace2: leading spaces, commas in names, boxes, both parts, and MAAD-Face beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import MISSING
from aiakit.datasets.splits import split_people
from aiakit.datasets.vggface2 import VGGFace2
from aiakit.errors import InputError
from tests.conftest import Answer
from tests.datasets.layouts import vggface2

PEOPLE = {"n000001": ("test", "m"), "n000002": ("train", "f"), "n000003": ("train", "m"), "n000009": ("test", "f")}
FILES = [f"{person}/{image:04d}_01" for person in ("n000002", "n000003", "n000001", "n000009") for image in (1, 2)]


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    vggface2(tmp_path / "vgg", PEOPLE, 2, picture)
    return tmp_path / "vgg"


def maad(root: Path, rows: dict[str, tuple[int, ...]], head: str = "Filename,Identity,Male,Young,Asian") -> None:
    lines = [f"{file}.jpg,{file[1:7]},{','.join(map(str, values))}" for file, values in rows.items()]
    (root / "MAAD-Face.csv").write_text("\n".join([head, *lines, ""]))


def load(root: Path, settings: Any, **options: Any) -> Any:
    return VGGFace2(root=str(root), **options).load(settings())


def test_both_parts_with_genders_of_names_with_commas(root: Path, settings: Any) -> None:
    faces = load(root, settings)
    assert faces.people == tuple(sorted(PEOPLE))
    assert faces.files == tuple(f"{file}.jpg" for file in FILES)
    assert faces.default_attribute == "Gender"
    assert faces.attributes["Gender"].classes == ("f", "m")
    assert faces.attributes["Gender"].values.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert list(faces.attributes) == ["Gender"]
    assert faces.partition.tolist() == ["train"] * 4 + ["test"] * 4
    assert faces.notes == ()


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_part_alone_is_dealt_anew(root: Path, settings: Any, part: str) -> None:
    faces = load(root, settings, part=part)
    assert faces.people == tuple(person for person in sorted(PEOPLE) if PEOPLE[person][0] == part)
    assert faces.partition is None


def test_the_face_is_the_middle_square_of_the_extended_box(root: Path, settings: Any) -> None:
    marked = np.zeros((100, 100, 3), np.uint8)
    marked[30:70, 30:70] = 255  # 1.3 times the shorter side of the box, about its middle
    Image.fromarray(marked).save(root / "test" / "n000001" / "0001_01.jpg", quality=100)
    table = root / "bb_landmark" / "loose_bb_test.csv"
    text = table.read_text()
    table.write_text(text.replace('"n000001/0001_01",10,10,80,80', '"n000001/0001_01",35,20,30,60'))
    faces = load(root, settings)
    image = faces.images[faces.files.index("n000001/0001_01.jpg")]
    assert image[1:-1, 1:-1].min() > 240
    table.write_text(text.replace('"n000001/0001_01",10,10,80,80', '"n000001/0001_01",-3,-10,80,80'))
    assert len(load(root, settings)) == 8  # a box may begin outside of the picture


def test_without_boxes_the_middle_is_taken(tmp_path: Path, picture: Any, settings: Any) -> None:
    vggface2(tmp_path, PEOPLE, 2, picture, boxes=False)
    faces = load(tmp_path, settings)
    assert len(faces) == 8
    assert faces.notes == ("there is no bb_landmark/loose_bb_*.csv: the middle of each picture was taken",)


def test_images_without_a_box_are_left_out(root: Path, settings: Any) -> None:
    table = root / "bb_landmark" / "loose_bb_train.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if "n000002/0001_01" not in line))
    faces = load(root, settings)
    assert "n000002/0001_01.jpg" not in faces.files
    assert faces.notes == ("1 of 8 images have no box and are left out: n000002/0001_01.jpg",)
    assert faces.partition.tolist() == ["train"] * 3 + ["test"] * 4


def test_meta_data_without_header_and_with_ages(root: Path, settings: Any) -> None:
    path = root / "identity_meta.csv"
    header, *rows = path.read_text().splitlines()
    path.write_text("\r\n".join(rows))
    faces = load(root, settings)
    assert faces.attributes["Gender"].values.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    ages = ["young", "old", "", "old"]  # who has none ends with its comma
    dated = [f"{row.rstrip(',')}, {age}" for row, age in zip(rows, ages, strict=True)]
    path.write_text("\n".join([f"{header}, Age", *dated]))
    faces = load(root, settings)
    assert faces.attributes["Gender"].values.tolist() == [0, 0, 1, 1, 1, 1, 0, 0]
    assert faces.attributes["Age"].classes == ("old", "young")
    assert faces.attributes["Age"].values.tolist() == [0, 0, MISSING, MISSING, 1, 1, 0, 0]


def test_as_many_images_a_person_as_wanted(tmp_path: Path, picture: Any, settings: Any) -> None:
    vggface2(tmp_path, PEOPLE, 5, picture)
    faces = load(tmp_path, settings, images_per_person=2)
    assert [file for file in faces.files if file.startswith("n000002")] == [
        "n000002/0001_01.jpg", "n000002/0003_01.jpg",
    ]  # fmt: skip
    assert len(load(tmp_path, settings, images_per_person=9)) == 20


def test_the_folders_of_the_download(root: Path, settings: Any) -> None:
    (root / "VGG-Face2" / "data").mkdir(parents=True)
    (root / "VGG-Face2" / "meta").mkdir()
    for name in ("train", "test"):
        (root / name).rename(root / "VGG-Face2" / "data" / name)
    (root / "identity_meta.csv").rename(root / "VGG-Face2" / "meta" / "identity_meta.csv")
    (root / "bb_landmark").rename(root / "VGG-Face2" / "meta" / "bb_landmark")
    assert load(root, settings).notes == ()


def test_people_of_test_are_tested_and_train_gives_all_others(tmp_path: Path, picture: Any, settings: Any) -> None:
    people = {f"n{n:06d}": ("test" if n % 5 == 0 else "train", "mf"[n // 5 % 2]) for n in range(50)}
    vggface2(tmp_path, people, 1, picture)
    faces = load(tmp_path, settings)
    split = split_people(faces, "Gender", 0)
    tested = {faces.files[row][:7] for row in split.rows["test"]}
    assert tested == {person for person, (part, _) in people.items() if part == "test"}
    assert split.people["attacker-val"] >= 2
    assert sum(split.people.values()) == 50


def test_maad_face_beside(root: Path, settings: Any) -> None:
    rows = {file: (1 - 2 * (at % 2), at % 3 - 1, -1) for at, file in enumerate(FILES)}
    maad(root, {**rows, "n009999/0001_01": (1, 1, 1)})
    faces = load(root, settings)
    assert faces.attributes["Male"].classes == ("female", "male")
    assert faces.attributes["Male"].values.tolist() == [1, 0] * 4
    assert faces.attributes["Young"].values.tolist() == [0, MISSING, 1, 0, MISSING, 1, 0, MISSING]
    assert faces.default_attribute == "Gender"  # the set's own, by person
    assert faces.notes == ()
    maad(root, {file: rows[file] for file in FILES[1:]})
    faces = load(root, settings)
    assert faces.notes == ("1 of 8 images have no row in MAAD-Face.csv: n000002/0001_01.jpg",)
    assert faces.attributes["Male"].values[0] == MISSING


def meta(content: str) -> Any:
    return lambda root: (root / "identity_meta.csv").write_text(content)


def boxes(content: str) -> Any:
    return lambda root: (root / "bb_landmark" / "loose_bb_test.csv").write_text(content)


def other_boxes(root: Path) -> None:
    for part in ("train", "test"):
        (root / "bb_landmark" / f"loose_bb_{part}.csv").write_text("NAME_ID,X,Y,W,H\nn7/0001_01,1,1,5,5\n")


def a_pickle(root: Path) -> None:
    (root / "MAAD_Face.pkl").write_bytes(b"\x80\x04.")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "identity_meta.csv").unlink(), "no identity_meta.csv .* gender comes from it"),
        (meta("Class_ID, Name, Sample_Num, Flag\nn000001, A, 1, 0\n"), "has no column Gender"),
        (meta("Class_ID, Name, Sample_Num, Flag, Gender\n"), "is empty: expected a line for each person"),
        (meta("n000001, A, many, 0, m\n"), "identity_meta.csv:1 must be Class_ID, Name, Sample_Num, Flag, Gender"),
        (meta("n000001, A, 3, 0, m, 25\n"), "identity_meta.csv:1 must be"),
        (boxes("NAME_ID,X,Y,W\nn000001/0001_01,1,2,3\n"), "loose_bb_test.csv has no column h for the place of a face"),
        (boxes("NAME_ID,X,Y,W,H\nn000001/0001_01,1,2,3\n"), "loose_bb_test.csv:2 has 4 cells, the header has 5"),
        (boxes("NAME_ID,X,Y,W,H\nn000001/0001_01,1,2,0,9\n"), "loose_bb_test.csv:2 must be NAME_ID,X,Y,W,H"),
        (boxes("NAME_ID,X,Y,W,H\nn000001/0001_01,1,2,x,9\n"), "loose_bb_test.csv:2 must be NAME_ID,X,Y,W,H"),
        (boxes(""), "loose_bb_test.csv is empty"),
        (other_boxes, "has none of the 8 images, n000002/0001_01.jpg for one: it is of other images"),
        (a_pickle, "MAAD_Face.pkl is a pickle, .* is not read: get MAAD-Face.csv"),
        (lambda root: maad(root, {FILES[0]: (1, 1, 2)}), "MAAD-Face.csv:2 holds '2': expected 1, -1, or 0"),
        (lambda root: maad(root, {"n7/0001_01": (1, 1, 1)}), "MAAD-Face.csv names none of the 8 images"),
        (lambda root: maad(root, {}, head='"File\nname",Male'), "has no column filename .* it has File name, Male"),
        (lambda root: maad(root, {}, head="Name,Male"), "has no column filename for the image"),
        (lambda root: (root / "MAAD-Face.csv").write_bytes(b"\xff\xfe\x00"), "cannot be read as CSV"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, tmp_path: Path, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        load(root, settings)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_the_command_answers_in_one_line(root: Path, aiakit: Any) -> None:
    for part in ("train", "test"):
        (root / part).rename(root / f"{part}-pictures")
    answer: Answer = aiakit("data", "--dataset", "vggface2", "--data-root", root)
    assert answer.code == 2
    assert "holds no train or test/n000001/0001_01.jpg: unpack VGGFace2 there" in answer.err
    assert "Traceback" not in answer.err
