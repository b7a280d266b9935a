"""Pictures that are not read are counted and named; pictures that were replaced are read again."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import MISSING, LoadSettings
from aiakit.datasets.celeba import CelebA
from aiakit.datasets.folder import Folder
from aiakit.datasets.lfw import LFW
from aiakit.datasets.listing import EXTENSIONS
from aiakit.datasets.pixels import read_image
from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from tests.datasets.layouts import Picture, celeba_images, celeba_texts

Settings = Callable[..., LoadSettings]


@pytest.fixture
def root(tmp_path: Path, picture: Picture) -> Path:
    """Two people with two images each."""
    folder = tmp_path / "mine"
    for file in ("ann/1.jpg", "ann/2.jpg", "bob/1.jpg", "bob/2.jpg"):
        picture(folder / file)
    (folder / "attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    return folder


def load(root: Path, settings: Settings, **options: str) -> Any:
    return Folder(root=str(root), **options).load(settings())


@pytest.mark.parametrize("ending", ["bmp", "gif", "jfif", "JPE", "JPEG", "webp", "png"])
def test_pictures_of_every_common_ending_are_read(
    root: Path, settings: Settings, picture: Picture, ending: str
) -> None:
    made = picture(root / "ann" / "3.png")
    Image.open(made).save(
        root / "ann" / f"4.{ending}", format={"jfif": "JPEG", "JPE": "JPEG", "JPEG": "JPEG"}.get(ending)
    )
    faces = load(root, settings)
    assert f"ann/4.{ending}" in faces.files
    assert len(faces) == 6


def lost(root: Path, kind: str) -> str:
    """Add a picture that is not read; what must be said of it."""
    whole = (root / "ann/1.jpg").read_bytes()
    match kind:
        case "tiff" | "avif" | "jp2":
            (root / f"ann/x.{kind}").write_bytes(b"anything")
            return f"{EXTENSIONS[-1]} are) and are left out: ann/x.{kind}"
        case "no ending":
            (root / "ann/x").write_bytes(whole)
            return "1 of 5 pictures are of a kind that is not read"
        case "backup":
            (root / "ann/x.jpg~").write_bytes(whole)
            return "are left out: ann/x.jpg~"
        case "link":
            (root / "ann/x.jpg").symlink_to(root / "nowhere.jpg")
            return "1 of 5 links lead nowhere and are left out: ann/x.jpg"
        case "deeper":
            (root / "ann/monday").mkdir()
            (root / "ann/monday/x.jpg").write_bytes(whole)
            return "1 of 5 pictures lie deeper than PERSON/IMAGE and are left out: ann/monday/x.jpg"
        case "root":
            (root / "x.jpg").write_bytes(whole)
            return "1 of 5 pictures lie in no folder of a person and are left out: x.jpg"
        case _:
            (root / "cid").mkdir()
            return "1 of 3 folders hold no picture that is read and are left out: cid"


@pytest.mark.parametrize("kind", ["tiff", "avif", "jp2", "no ending", "backup", "link", "deeper", "root", "empty"])
def test_a_picture_that_is_not_read_is_counted_and_named(root: Path, settings: Settings, kind: str) -> None:
    said = lost(root, kind)
    faces = load(root, settings)
    assert len(faces) == 4
    (note,) = faces.notes
    assert said in note
    with pytest.raises(InputError, match="correct the data, or leave out --strict"):
        Folder(root=str(root)).load(settings(strict=True))
    audited = read_source(root, image_size=16).notes
    if kind == "root":
        assert audited == ()
    else:
        assert said in audited[0]


def test_other_files_are_no_pictures(root: Path, settings: Settings) -> None:
    for name in ("ann/notes.txt", "ann/.hidden.tiff", "ann/emb.npy", "ann/empty", "list.csv"):
        (root / name).write_bytes(b"" if name.endswith("empty") else b"no picture")
    assert load(root, settings).notes == ()


def test_replaced_pictures_are_read_again(root: Path, settings: Settings) -> None:
    path = root / "ann/1.jpg"
    before = load(root, settings)
    status = path.stat()
    other = Image.fromarray(np.full((32, 32, 3), 200, np.uint8))
    other.save(path, format="BMP")
    content = path.read_bytes()[: status.st_size].ljust(status.st_size, b"\0")
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    after = load(root, settings)
    assert after.fingerprint != before.fingerprint


def test_a_picture_under_two_names_is_noted(root: Path, settings: Settings) -> None:
    (root / "bob/3.jpg").write_bytes((root / "ann/1.jpg").read_bytes())
    (root / "bob/4.jpg").hardlink_to(root / "bob/1.jpg")
    notes = load(root, settings).notes
    assert any("1 of 6 images show, pixel by pixel, an image of another person" in note for note in notes)
    assert any("ann/1.jpg and bob/3.jpg" in note for note in notes)
    assert any(
        "1 of 6 images repeat one of the same person" in note and "bob/1.jpg and bob/4.jpg" in note for note in notes
    )
    assert load(root, settings).notes == notes  # from the cache as well


def test_a_16_bit_picture_lying_on_its_side_is_turned(tmp_path: Path) -> None:
    drawn = np.zeros((32, 32), np.uint16)
    drawn[:, :16] = 0xFFFF
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(drawn).save(tmp_path / "a.png", exif=exif)
    turned = read_image(tmp_path / "a.png", 16)
    assert turned[:6].min() > 200
    assert turned[10:].max() < 50


def index(root: Path, text: str) -> dict[str, str]:
    (root / "index.csv").write_text(text)
    return {"index": "index.csv"}


ROWS = [("ann/1.jpg", "ann", "f"), ("ann/2.jpg", "ann", "f"), ("bob/1.jpg", "bob", "m"), ("bob/2.jpg", "bob", "m")]


def test_a_row_number_is_no_person(root: Path, settings: Settings) -> None:
    rows = [f"{at},{person},{file},{gender}" for at, (file, person, gender) in enumerate(ROWS)]
    faces = load(root, settings, **index(root, "\n".join(["id,subject,file,gender", *rows])))
    assert faces.people == ("ann", "bob")
    rows = [f"{at},{file},{gender}" for at, (file, _, gender) in enumerate(ROWS)]
    with pytest.raises(InputError, match="the column id has another value in every row, so it numbers the rows"):
        load(root, settings, **index(root, "\n".join(["id,file,gender", *rows])))


FORMS = {
    "Windows": lambda file: file.replace("/", "\\"),
    "here": lambda file: f"./{file}",
    "doubled": lambda file: file.replace("/", "//"),
    "ending": lambda file: file.replace(".jpg", ".png"),
    "capitals": str.upper,
}


@pytest.mark.parametrize("form", FORMS)
def test_an_index_in_another_form_finds_its_images(root: Path, settings: Settings, form: str) -> None:
    rows = [f"{FORMS[form](file)},{person},{gender}" for file, person, gender in ROWS]
    faces = load(root, settings, **index(root, "\n".join(["path,identity,gender", *rows])))
    assert len(faces) == 4
    assert faces.attributes["gender"].values.tolist() == [0, 0, 1, 1]
    rows = [*rows, f"{ROWS[0][0]},bob,m"]
    if form in ("Windows", "here", "doubled"):
        with pytest.raises(
            InputError, match=r"index.csv:6 says that ann/1.jpg shows bob, and line 2 that it shows ann"
        ):
            load(root, settings, **index(root, "\n".join(["path,identity,gender", *rows])))


def test_decomposed_names_of_folders_are_found(tmp_path: Path, picture: Picture, settings: Settings) -> None:
    composed = unicodedata.normalize("NFC", "José")
    for person in (unicodedata.normalize("NFD", "José"), "bob"):
        for number in (1, 2):
            picture(tmp_path / "mine" / person / f"{number}.jpg")
    rows = [f"{person}/{number}.jpg,{person},{person[0]}" for person in (composed, "bob") for number in (1, 2)]
    faces = load(tmp_path / "mine", settings, **index(tmp_path / "mine", "\n".join(["path,identity,gender", *rows])))
    assert faces.people == (composed, "bob")
    (tmp_path / "mine" / "attributes.csv").write_text(f"person,gender\n{composed},f\nbob,m\n")
    assert (load(tmp_path / "mine", settings).attributes["gender"].values != MISSING).all()


@pytest.mark.parametrize("keys", [("ann/1.png", "bob/2"), ("/x/ann/1.jpg", "ANN/2.JPG")])
def test_attributes_by_file_are_found_in_another_form(root: Path, settings: Settings, keys: tuple[str, ...]) -> None:
    (root / "attributes.csv").write_text(
        "file,gender\n" + "".join(f"{key},{value}\n" for key, value in zip(keys, "fm", strict=True))
    )
    faces = load(root, settings)
    assert (faces.attributes["gender"].values != MISSING).sum() == 2
    assert any("names are written otherwise in attributes.csv and were matched" in note for note in faces.notes)


def test_why_nothing_matched_is_said(root: Path, settings: Settings) -> None:
    (root / "attributes.csv").write_text("person,gender\nperson-1,f\nperson-2,m\n")
    with pytest.raises(InputError, match=r"names none of the 2 people, ann for one, .* person has person-1, person-2$"):
        load(root, settings)


def test_lists_of_lfw_in_another_form(tmp_path: Path, picture: Picture, settings: Settings) -> None:
    for person in ("Ann_A", "Bob_B"):
        picture(tmp_path / "lfw" / person / f"{person}_0001.png", (250, 250))
    (tmp_path / "female_names.txt").write_text("Ann_A/Ann_A_0001.jpg\n")
    (tmp_path / "male_names.txt").write_text("Bob_B_0001\n")
    faces = LFW(root=str(tmp_path)).load(settings())
    assert faces.attributes["gender"].values.tolist() == [0, 1]
    (tmp_path / "pairs.txt").write_text("2\t1\nAnn_A\t1\t1\n" * 2)
    with pytest.raises(InputError, match=r"pairs.txt"):
        LFW(root=str(tmp_path)).load(settings())


FILES = [f"{number:06d}.jpg" for number in range(1, 13)]
MALE = [1, -1] * 6
PERSON = [number // 2 + 100 for number in range(12)]
SIDE = [0] * 6 + [1] * 2 + [2] * 4


@pytest.fixture
def celeba(tmp_path: Path, picture: Picture) -> Path:
    celeba_images(tmp_path / "celeba" / "img_align_celeba", picture, FILES)
    celeba_texts(tmp_path / "celeba", FILES, {"Male": MALE, "Smiling": MALE[::-1]}, PERSON, SIDE)
    return tmp_path / "celeba"


def tables(
    root: Path, mark: str = ",", quote: str = "", number: bool = False, decimals: str = "", ending: str = ".jpg"
) -> None:
    """The three lists as CSV, as they circulate."""
    for path in root.glob("*.txt"):
        path.unlink()
    attributes = {"Male": MALE, "Smiling": MALE[::-1]}
    for name, columns in (
        ("list_attr_celeba", attributes),
        ("identity_CelebA", {"identity": PERSON}),
        ("list_eval_partition", {"partition": SIDE}),
    ):
        lines = [["" if number else None, "image_id", *columns]]
        for at, (file, *values) in enumerate(zip(FILES, *columns.values(), strict=True)):
            lines.append(
                [str(at) if number else None, file.replace(".jpg", ending), *(f"{value}{decimals}" for value in values)]
            )
        text = [mark.join(f"{quote}{cell}{quote}" for cell in line if cell is not None) for line in lines]
        (root / f"{name}.csv").write_text("\n".join(text) + "\n")


LISTS = {
    "plain": {},
    "quoted": {"quote": '"'},
    "semicolons": {"mark": ";"},
    "tabs": {"mark": "\t"},
    "row numbers": {"number": True},
    "row numbers and tabs": {"number": True, "mark": "\t"},
    "decimals": {"decimals": ".0"},
    "png": {"ending": ".png"},
    "all": {"quote": '"', "mark": ";", "number": True, "decimals": ".0"},
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_of_celeba_in_every_form(celeba: Path, settings: Settings, kind: str) -> None:
    tables(celeba, **LISTS[kind])
    faces = CelebA(root=str(celeba)).load(settings())
    assert [int(name) for name in faces.people] == sorted(set(PERSON))
    assert faces.attributes["Male"].values.tolist() == [int(value > 0) for value in MALE]
    assert faces.partition is not None
    assert faces.partition.tolist() == [("train", "val", "test")[side] for side in SIDE]
    assert bool(faces.notes) == (kind == "png")


def test_pictures_of_celeba_as_png(celeba: Path, settings: Settings) -> None:
    for path in (celeba / "img_align_celeba").iterdir():
        Image.open(path).save(path.with_suffix(".png"))
        path.unlink()
    faces = CelebA(root=str(celeba)).load(settings())
    assert len(faces) == 12
    assert any(
        note.startswith("12 of 12 images are spelt otherwise in their folder: 000001.png for 000001.jpg")
        for note in faces.notes
    )


def change(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def test_an_image_of_two_people_is_refused_with_both_lines(celeba: Path, settings: Settings) -> None:
    change(celeba / "identity_CelebA.txt", "000003.jpg 101", "000002.jpg 101")
    with pytest.raises(InputError, match=r"identity_CelebA.txt:3 says 101 of 000002.jpg, and line 2 says 100"):
        CelebA(root=str(celeba)).load(settings())
    change(celeba / "identity_CelebA.txt", "000002.jpg 101", "000003.jpg 101\n000003.jpg 101")
    assert CelebA(root=str(celeba)).load(settings()).notes == ()


def test_zero_between_minus_one_and_one_is_not_known(celeba: Path, settings: Settings) -> None:
    change(celeba / "list_attr_celeba.txt", "000002.jpg  -1", "000002.jpg  0")
    faces = CelebA(root=str(celeba)).load(settings())
    assert faces.attributes["Male"].values.tolist() == [1, MISSING, *(int(value > 0) for value in MALE[2:])]
    assert "1 of 24 values of attributes are 0: not known" in faces.notes
    text = (celeba / "list_attr_celeba.txt").read_text().replace("-1", "0")
    (celeba / "list_attr_celeba.txt").write_text(text)
    faces = CelebA(root=str(celeba)).load(settings())
    assert faces.attributes["Male"].values.tolist() == [int(value > 0) for value in MALE]
    assert "the attributes are 0 and 1: 0 was taken for no, since no value is -1" in faces.notes


@pytest.mark.parametrize("word", ["-1", "NA", "nan"])
def test_an_image_of_nobody_is_left_out(celeba: Path, settings: Settings, word: str) -> None:
    change(celeba / "identity_CelebA.txt", "000003.jpg 101", f"000003.jpg {word}")
    faces = CelebA(root=str(celeba)).load(settings())
    assert len(faces) == 11
    assert faces.notes == ("1 of 12 images are not in identity_CelebA and left out: 000003.jpg",)
