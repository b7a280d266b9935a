"""RFW and BFW: groups of people by folder, pairs of their own, and errors of verification by group."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiakit.datasets.bfw import BFW
from aiakit.datasets.rfw import RFW
from aiakit.errors import InputError
from tests.conftest import SHORT, Answer

Aiakit = Callable[..., Answer]
PEOPLE = 25  # of each ethnicity: enough for two of each in every split
BFW_GROUPS = [f"{ethnicity}_{gender}" for ethnicity in ("asian", "black", "indian", "white")
              for gender in ("females", "males")]  # fmt: skip


@pytest.fixture
def rfw(tmp_path: Path, picture: Any) -> Path:
    """Two people of each group, two images each; pairs of three groups, the last list without an end of line."""
    root = tmp_path / "rfw"
    for number, group in enumerate(("African", "Asian", "Caucasian", "Indian")):
        first, second = f"m.0{number}a", f"m.0{number}_b"
        for person in (first, second):
            for image in (1, 2):
                picture(root / "test" / "data" / group / person / f"{person}_{image:04d}.jpg", (40, 40))
        if group != "Indian":
            lists = root / "test" / "txts" / group
            lists.mkdir(parents=True)
            pairs = [f"{first}\t1\t2", f"{first}\t1\t{second}\t2", f"{second}\t1\t2", f"{first}\t2\t{second}\t2"]
            (lists / f"{group}_pairs.txt").write_text("\r\n".join(pairs))
    return root


@pytest.fixture
def bfw(tmp_path: Path, picture: Any) -> Path:
    root = tmp_path / "bfw"
    for number, group in enumerate(BFW_GROUPS):
        for image in (1, 2):
            picture(root / "bfw-cropped-aligned" / group / f"n{number:06d}" / f"{image:04d}_01.jpg", (40, 40))
    return root


def test_rfw_groups_and_pairs(rfw: Path, settings: Any) -> None:
    faces = RFW(root=str(rfw)).load(settings())
    assert len(faces) == 16
    assert len(faces.people) == 8
    ethnicity = faces.attributes["ethnicity"]
    assert ethnicity.classes == ("African", "Asian", "Caucasian", "Indian")
    assert ethnicity.values.tolist() == [code for code in range(4) for _ in range(4)]
    assert faces.default_attribute == ""
    assert faces.pairs is not None
    assert faces.pairs.same.tolist() == [True, False, True, False] * 3
    assert faces.pairs.fold.tolist() == [0, 2, 5, 7] * 3
    shown = [
        (faces.files[left], faces.files[right]) for left, right in zip(faces.pairs.left, faces.pairs.right, strict=True)
    ]
    assert shown[:2] == [
        ("African/m.00a/m.00a_0001.jpg", "African/m.00a/m.00a_0002.jpg"),
        ("African/m.00a/m.00a_0001.jpg", "African/m.00_b/m.00_b_0002.jpg"),
    ]
    assert shown[4][0] == "Asian/m.01a/m.01a_0001.jpg"
    assert faces.notes == ("there is no GROUP_pairs.txt of Indian: no official pairs of theirs",)


def test_a_person_of_two_groups_is_one_person(rfw: Path, settings: Any, picture: Any) -> None:
    picture(rfw / "test" / "data" / "Asian" / "m.00a" / "m.00a_0003.jpg", (40, 40))
    faces = RFW(root=str(rfw)).load(settings())
    assert len(faces.people) == 8
    assert faces.notes[0] == "1 of 8 people lie in the folders of two groups: m.00a"


def bad_pairs(line: str) -> Any:
    return lambda root: (root / "test" / "txts" / "Asian" / "Asian_pairs.txt").write_text(line)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "test" / "data").rename(root / "pictures"), "holds no data/African/ID/ID_0001.jpg"),
        (bad_pairs("m.01a 1 2\n"), "Asian_pairs.txt:1 must be NAME I J or NAME I NAME J"),
        (bad_pairs("m.01a\t1\t2\nm.01a\t1\t9\n"), "Asian_pairs.txt:2 names m.01a_0009.jpg, which is not among"),
        (bad_pairs("m.00a\t1\t2\n"), "names m.00a_0001.jpg, which is not among the images"),  # of another group
        (bad_pairs("m.01a\t1\t1\n"), "Asian_pairs.txt:1 pairs m.01a_0001.jpg with itself"),
    ],
)
def test_bad_rfw_is_one_clear_line(rfw: Path, settings: Any, damage: Any, words: str) -> None:
    damage(rfw)
    with pytest.raises(InputError, match=words) as error:
        RFW(root=str(rfw)).load(settings())
    assert "\n" not in str(error.value)


def test_bfw_groups(bfw: Path, settings: Any) -> None:
    faces = BFW(root=str(bfw)).load(settings())
    assert len(faces.people) == 8
    assert faces.default_attribute == "gender"
    assert faces.attributes["gender"].classes == ("female", "male")
    assert faces.attributes["gender"].values.tolist() == [0, 0, 1, 1] * 4
    assert faces.attributes["ethnicity"].classes == ("asian", "black", "indian", "white")
    assert faces.attributes["ethnicity"].values.tolist() == [code for code in range(4) for _ in range(4)]
    assert faces.files[0] == "asian_females/n000000/0001_01.jpg"
    assert faces.notes == ()


def test_the_pickle_of_bfw_is_never_read(bfw: Path, settings: Any) -> None:
    (bfw / "bfw-v0.1.5-datatable.pkl").write_bytes(b"\x80\x04.")
    faces = BFW(root=str(bfw)).load(settings())
    assert faces.pairs is None
    (note,) = faces.notes
    assert note.startswith("bfw-v0.1.5-datatable.pkl is a pickle and was not read: no official pairs; write it as CSV")
    with pytest.raises(InputError, match=r"datatable.pkl is a pickle, .* is not read: write it as CSV"):
        BFW(root=str(bfw), pairs="bfw-v0.1.5-datatable.pkl").load(settings())


def test_pairs_of_bfw_from_a_table(bfw: Path, settings: Any) -> None:
    first, second = "asian_females/n000000/0001_01.jpg", "asian_females/n000000/0002_01.jpg"
    other = "white_males/n000007/0001_01.jpg"
    rows = [f"{first},{second},1,1", f"{first},{other},0,1", f"{first},{second},1,2", f"{second},{other},0,2"]
    (bfw / "pairs.csv").write_text("\n".join(["left,right,same,fold", *rows]))
    faces = BFW(root=str(bfw), pairs="pairs.csv").load(settings())
    assert faces.pairs is not None
    assert faces.pairs.same.tolist() == [True, False, True, False]
    assert faces.pairs.fold.tolist() == [0, 0, 1, 1]


def test_bfw_without_its_folders(tmp_path: Path, settings: Any) -> None:
    with pytest.raises(InputError, match="holds no asian_females/n000009"):
        BFW(root=str(tmp_path)).load(settings())


@pytest.mark.parametrize("name", ["rfw", "bfw"])
def test_errors_by_group_at_one_threshold(name: str, tmp_path: Path, picture: Any, aiakit: Aiakit) -> None:
    groups = ["data/African", "data/Asian", "data/Caucasian", "data/Indian"] if name == "rfw" else BFW_GROUPS
    people = PEOPLE * 4 // len(groups) + 1
    for group in groups:
        for number in range(people):
            person = f"{group[-9:].replace('/', '')}{number}"
            for image in (1, 2):
                picture(tmp_path / "root" / group / person / f"{person}_{image:04d}.png", (16, 16))
    command = ("run", "--dataset", name, "--data-root", tmp_path / "root", "--attribute", "ethnicity", *SHORT)
    small = ("--image-size", "16", "--jobs", "1", "--set", "random.latent=16", "--out", tmp_path / "runs", "--json")
    answer = aiakit(*command, "--defense", "random", "--attacks", "logreg", *small)
    assert answer.code == 0, answer.err
    for row in answer.document["rows"]:
        found = row["errors_by_class"]["accuracy"]
        assert len(found) == 4
        for errors in found.values():
            assert 0 <= errors["false_non_match"]["rate"] <= 1
            assert 0 <= errors["false_match"]["rate"] <= 1
