"""Data sets that say of nobody who is shown: UTKFace and FairFace, attacked by image and never verified."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.contracts import MISSING
from aiakit.datasets.fairface import FairFace
from aiakit.datasets.splits import UNIDENTIFIED, split_people
from aiakit.datasets.utkface import UTKFace
from aiakit.errors import InputError
from tests.conftest import SHORT, Answer

Aiakit = Callable[..., Answer]
STAMP = "2017010914{:07d}"
UTK = [f"{age}_{n % 2}_{n % 5}_{STAMP.format(n)}.jpg.chip.jpg" for n, age in enumerate((0, 2, 3, 9, 10, 69, 70, 116))]
RACES = ("White", "Black", "East Asian", "Latino_Hispanic")


@pytest.fixture
def utkface(tmp_path: Path, picture: Any) -> Path:
    for name in UTK:
        picture(tmp_path / "utk" / "UTKFace" / name, (200, 200))
    return tmp_path / "utk"


@pytest.fixture
def fairface(tmp_path: Path, picture: Any) -> Path:
    """60 images of train and 20 of val, in the two tables."""
    root = tmp_path / "fairface"
    for side, count in (("train", 60), ("val", 20)):
        lines = ["file,age,gender,race,service_test"]
        for number in range(1, count + 1):
            file = f"{side}/{number}.jpg"
            picture(root / file, (32, 32))
            gender, race = ("Female", "Male")[number % 2], RACES[number % 4]
            lines.append(f"{file},{('3-9', 'more than 70')[number % 3 == 0]},{gender},{race},{number % 5 == 0}")
        (root / f"fairface_label_{side}.csv").write_text("\r\n".join([*lines, ""]))
    return root


def test_utkface_reads_what_its_names_say(utkface: Path, settings: Any) -> None:
    faces = UTKFace(root=str(utkface)).load(settings())
    by_name = {name: row for row, name in enumerate(faces.files)}
    assert sorted(by_name) == sorted(UTK)
    age, gender, race = (faces.attributes[name] for name in ("age", "gender", "race"))
    found = [age.classes[age.values[by_name[name]]] for name in UTK]
    assert found == ["0-2", "0-2", "3-9", "3-9", "10-19", "60-69", "70+", "70+"]
    assert [gender.classes[gender.values[by_name[name]]] for name in UTK] == ["male", "female"] * 4
    assert [race.classes[race.values[by_name[name]]] for name in UTK[:5]] == [
        "White", "Black", "Asian", "Indian", "Other",
    ]  # fmt: skip
    assert faces.default_attribute == "gender"


def test_every_image_is_a_person_of_its_own(utkface: Path, settings: Any) -> None:
    faces = UTKFace(root=str(utkface)).load(settings())
    assert not faces.identified
    assert faces.people == tuple(sorted(faces.files))
    assert sorted(faces.identity.tolist()) == list(range(8))
    assert faces.notes == ()


def test_utkface_counts_names_that_lack_a_field(utkface: Path, settings: Any, picture: Any) -> None:
    lacking = ("39_1_20170116174525125.jpg.chip.jpg", "61_3_1_20170109142408075.jpg", "53__0_20170116184028385.jpg")
    for name in lacking:
        picture(utkface / "UTKFace" / name, (200, 200))
    faces = UTKFace(root=str(utkface)).load(settings())
    assert len(faces) == 8
    expected = "3 of 11 images are not called [age]_[gender]_[race]_[date].jpg and are left out: "
    assert faces.notes[0] == expected + ", ".join(sorted(lacking))


def test_utkface_pictures_in_the_root_itself(tmp_path: Path, picture: Any, settings: Any) -> None:
    picture(tmp_path / "25_0_3_20170109142408075.jpg", (200, 200))
    assert UTKFace(root=str(tmp_path)).load(settings()).files == ("25_0_3_20170109142408075.jpg",)


def test_the_same_picture_twice_is_said(utkface: Path, settings: Any) -> None:
    folder = utkface / "UTKFace"
    (folder / UTK[1]).write_bytes((folder / UTK[0]).read_bytes())
    faces = UTKFace(root=str(utkface)).load(settings())
    (note,) = (note for note in faces.notes if "repeat another pixel by pixel" in note)
    assert note.startswith("1 of 8 images")
    assert UTK[0] in note
    assert UTK[1] in note


def test_fairface_has_its_partition_and_its_classes(fairface: Path, settings: Any) -> None:
    faces = FairFace(root=str(fairface)).load(settings())
    assert len(faces) == 80
    assert list(faces.attributes) == ["age", "gender", "race"]
    assert faces.attributes["race"].classes == tuple(sorted(RACES))
    assert faces.attributes["age"].classes == ("3-9", "more than 70")
    assert faces.attributes["gender"].values[:3].tolist() == [1, 0, 1]
    assert not faces.identified
    split = split_people(faces, "gender", 0)
    assert split.notes == (UNIDENTIFIED,)
    assert [faces.files[row] for row in split.rows["test"]] == [f"val/{number}.jpg" for number in range(1, 21)]
    assert all(faces.files[row].startswith("train/") for row in split.rows["attacker-val"])


def test_fairface_in_the_folder_of_its_download_and_one_side_alone(fairface: Path, settings: Any) -> None:
    home = fairface / "fairface-img-margin025-trainval"
    home.mkdir()
    (fairface / "train").rename(home / "train")
    (fairface / "fairface_label_val.csv").unlink()
    faces = FairFace(root=str(fairface)).load(settings())
    assert len(faces) == 60
    assert faces.partition is None


def test_fairface_images_without_a_value(fairface: Path, settings: Any) -> None:
    table = fairface / "fairface_label_val.csv"
    table.write_text(table.read_text().replace("val/1.jpg,3-9,Male", "val/1.jpg,3-9,"))
    faces = FairFace(root=str(fairface)).load(settings())
    assert faces.attributes["gender"].values[faces.files.index("val/1.jpg")] == MISSING


def test_a_name_that_no_file_can_have_is_an_image_that_is_not_there(fairface: Path, settings: Any) -> None:
    edit("fairface_label_train.csv", "train/1.jpg", f"train/{'1' * 300}.jpg")(fairface)
    assert len(FairFace(root=str(fairface)).load(settings()).files) == 79


def edit(name: str, old: str, new: str) -> Any:
    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return change


def no_tables(root: Path) -> None:
    for table in root.glob("*.csv"):
        table.unlink()


def rename_gender(root: Path) -> None:
    for side in ("train", "val"):
        edit(f"fairface_label_{side}.csv", "gender", "sexes")(root)


def rename_images(root: Path) -> None:
    for side in ("train", "val"):
        (root / side).rename(root / f"{side}-images")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_tables, "no fairface_label_train.csv or fairface_label_val.csv"),
        (edit("fairface_label_train.csv", "file,age", "who,age"), "has no column path or file .* for the image"),
        (rename_gender, "has no column gender for the gender"),
        (edit("fairface_label_val.csv", "race", "ethnicity"), "have different columns"),
        (edit("fairface_label_val.csv", "val/1.jpg", "train/1.jpg"), "val.csv:2 lists train/1.jpg again"),
        (rename_images, "none of the 80 listed images exists"),
    ],
)
def test_bad_fairface_is_one_clear_line(fairface: Path, settings: Any, damage: Any, words: str) -> None:
    damage(fairface)
    with pytest.raises(InputError, match=words) as error:
        FairFace(root=str(fairface)).load(settings())
    assert "\n" not in str(error.value)


def test_utkface_without_pictures(tmp_path: Path, picture: Any, settings: Any) -> None:
    picture(tmp_path / "39_1_20170116174525125.jpg", (200, 200))
    with pytest.raises(InputError, match=r"holds no picture called \[age\]"):
        UTKFace(root=str(tmp_path)).load(settings())


def test_data_shows_the_split_without_asking_for_pairs(fairface: Path, aiakit: Aiakit) -> None:
    document = aiakit("data", "--dataset", "fairface", "--data-root", fairface, "--json").document
    assert document["identified"] is False
    assert UNIDENTIFIED in document["notes"]
    assert "split_error" not in document
    assert document["splits"]["test"]["images"] == 20
    shown = aiakit("data", "--dataset", "fairface", "--data-root", fairface)
    assert "fairface: people who are not named, 80 images" in shown.out


def test_a_run_attacks_verifies_nobody_and_says_what_that_does_not_show(
    fairface: Path, aiakit: Aiakit, tmp_path: Path
) -> None:
    command = ("run", "--dataset", "fairface", "--data-root", fairface, "--defense", "random", "--attacks", "logreg")
    small = ("--image-size", "16", "--jobs", "1", *SHORT, "--set", "random.latent=16", "--out", tmp_path / "runs")
    answer = aiakit(*command, *small, "--json")
    assert answer.code == 0, answer.err
    document = answer.document
    assert UNIDENTIFIED in document["notes"]
    assert all(row["utility"] == {} for row in document["rows"])
    assert all("logreg" in row["attacks"] for row in document["rows"])
    (folder,) = (tmp_path / "runs").iterdir()
    assert json.loads((folder / "run.json").read_text())["config"]["unit"] == "image"
    assert "verification is left out" in (folder / "report.html").read_text()
    searched = aiakit("sweep", *command[1:], "--set", "random.latent=8:16", "--search", "2")
    assert searched.code == 2
    assert "--search weighs privacy against utility, and fairface does not say who is shown" in searched.err
    refused = aiakit(*command, *small, "--matcher", "autoencoder")
    assert refused.code == 2
    assert "--matcher measures verification, and fairface does not say who is shown" in refused.err
