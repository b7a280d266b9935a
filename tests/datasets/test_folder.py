"""People's own photographs: folders, CSV by person or by file, or one index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aiakit.contracts import MISSING
from aiakit.datasets.folder import Folder
from aiakit.errors import InputError


@pytest.fixture
def root(tmp_path: Path, picture: Any) -> Path:
    folder = tmp_path / "mine"
    for file in ("ann/1.jpg", "ann/2.png", "bob/1.webp", "cid/3.JPG", "cid/._3.jpg", ".git/x.jpg", "bob/notes.txt"):
        if file.endswith(".txt"):
            (folder / file).write_text("no image")
        else:
            picture(folder / file)
    (folder / "attributes.csv").write_text("person;Sex;mood\r\nann;f;good\r\nbob;m;bad\r\ncid;x;\r\n")
    return folder


def test_attributes_by_person(root: Path, settings: Any) -> None:
    faces = Folder(root=str(root)).load(settings())
    assert faces.files == ("ann/1.jpg", "ann/2.png", "bob/1.webp", "cid/3.JPG")
    assert faces.people == ("ann", "bob", "cid")
    assert faces.default_attribute == "Sex"
    assert faces.attributes["Sex"].classes == ("f", "m", "x")
    assert faces.attributes["Sex"].values.tolist() == [0, 0, 1, 2]
    assert faces.attributes["mood"].classes == ("bad", "good")
    assert faces.attributes["mood"].values.tolist() == [1, 1, 0, MISSING]
    assert faces.notes == ()


@pytest.mark.parametrize(
    "names", [("ann/1.jpg", "ann/2.png", "bob/1.webp", "cid/3.JPG"), ("1.jpg", "2.png", "1.webp", "3.JPG")]
)
def test_attributes_by_file(root: Path, settings: Any, names: Any) -> None:
    rows = zip(names, "abca", strict=True)
    (root / "by_file.csv").write_text("\n".join(["file,hat", *(f"{name},{value}" for name, value in rows)]))
    faces = Folder(root=str(root), attributes=str(root / "by_file.csv")).load(settings())
    assert faces.attributes["hat"].values.tolist() == [0, 1, 2, 0]
    assert faces.default_attribute == ""


def test_an_index_of_all(root: Path, settings: Any) -> None:
    rows = ["path,identity,gender", "ann/1.jpg,A,f", "bob/1.webp,B,m", "bob/gone.jpg,B,m", "cid/3.JPG,A,f"]
    (root / "index.csv").write_text("\n".join(rows))
    faces = Folder(root=str(root), index="index.csv").load(settings())
    assert faces.people == ("A", "B")
    assert faces.identity.tolist() == [0, 1, 0]
    assert faces.attributes["gender"].values.tolist() == [0, 1, 0]
    assert set(faces.attributes) == {"gender"}
    assert faces.notes == ("1 of 4 images are missing: bob/gone.jpg",)


def test_rows_that_disagree_and_people_without_a_row_are_noted(root: Path, settings: Any) -> None:
    (root / "attributes.csv").write_text("name,sex\nann,f\nann,m\nbob,m\n")
    faces = Folder(root=str(root)).load(settings())
    assert faces.attributes["sex"].values.tolist() == [MISSING, MISSING, 0, MISSING]
    assert faces.notes == (
        "1 of 3 people have no row in attributes.csv: cid",
        "1 of 3 people have rows in attributes.csv that disagree: ann",
    )
    with pytest.raises(InputError, match=r"no row in attributes.csv"):
        Folder(root=str(root)).load(settings(strict=True))


def test_a_measurement_is_no_category(root: Path, picture: Any, settings: Any) -> None:
    for number in range(60):
        picture(root / f"p{number}" / "1.png")
    rows = [f"p{number},{number % 2},{number / 7}" for number in range(60)]
    (root / "attributes.csv").write_text("\n".join(["person,side,weight", "ann,0,1", "bob,1,2", "cid,1,3", *rows]))
    faces = Folder(root=str(root)).load(settings(strict=True))
    assert set(faces.attributes) == {"side"}
    assert faces.notes[0].startswith("column weight has ")


def index(*lines: str) -> Any:
    def change(root: Path) -> dict[str, str]:
        (root / "index.csv").write_text("\n".join(lines))
        return {"index": "index.csv"}

    return change


def attributes(*lines: str) -> Any:
    def change(root: Path) -> dict[str, str]:
        (root / "attributes.csv").write_text("\n".join(lines))
        return {}

    return change


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (attributes("colour,shape", "a,b"), "no column person or identity"),
        (attributes(""), "attributes.csv is empty"),
        (attributes("file,hat", "1.jpg,a"), None),
        (lambda root: {"attributes": "nothing.csv"}, "no nothing.csv"),
        (lambda root: {"index": "nothing.csv"}, "no nothing.csv"),
        (lambda root: {"index": "a.csv", "attributes": "b.csv"}, "either index or attributes"),
        (index("identity,gender", "A,f"), "no column path"),
        (index("path,gender", "ann/1.jpg,f"), "no column person"),
        (index("path,identity", "ann/1.jpg,"), "index.csv:2 lacks its person"),
        (index("path,identity", "ann/1.jpg,A", "ann/1.jpg,B"), "index.csv:3 says that ann/1.jpg shows B"),
        (index("path,identity", "ann/9.jpg,A"), "none of the 1 listed images exists"),
    ],
)
def test_bad_files_are_one_clear_line(root: Path, settings: Any, damage: Any, words: str | None) -> None:
    options = damage(root)
    if words is None:
        (root / "bob" / "1.jpg").write_bytes((root / "ann" / "1.jpg").read_bytes())
        words = "several people have an image 1.jpg"
    with pytest.raises(InputError, match=words) as error:
        Folder(root=str(root), **options).load(settings())
    assert "\n" not in str(error.value)


def test_a_folder_without_images(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(InputError, match="one folder a person"):
        Folder(root=str(tmp_path)).load(settings())


@pytest.mark.parametrize("name", ["Jos\u00e9", "\u5f20\u4e09", "a b"])
def test_any_name_of_a_person(tmp_path: Path, picture: Any, settings: Any, name: str) -> None:
    picture(tmp_path / "faces" / name / "1.png")
    (tmp_path / "faces" / "attributes.csv").write_text(f"person,gender\n{name},f\n", encoding="utf-8")
    faces = Folder(root=str(tmp_path / "faces")).load(settings())
    assert faces.people == (name,)
    assert faces.attributes["gender"].values.tolist() == [0]


def test_folders_of_nobody_are_left_out_and_counted(root: Path, settings: Any, picture: Any) -> None:
    for file in ("unknown/1.jpg", "NA/1.jpg", "-1/1.jpg", "Ann/9.jpg"):
        picture(root / file)
    faces = Folder(root=str(root)).load(settings())
    assert faces.people == ("Ann", "ann", "bob", "cid")
    assert "3 of 8 images have no identity and are left out" in faces.notes
    assert "the identity is not known where it says -1, NA, unknown" in faces.notes
    assert any(
        "2 of 4 people differ from another in capitals" in note and "Ann and ann" in note for note in faces.notes
    )
