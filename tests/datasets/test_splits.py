"""Splits: no common person, every class everywhere, the same for a seed, and clear words where it cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiakit.contracts import MISSING, Attribute, FaceSet
from aiakit.datasets.splits import (
    SPLITS,
    Fractions,
    relabelled,
    require_disjoint,
    require_pairs,
    resolve_attribute,
    split_people,
)
from aiakit.errors import InputError


def faces_of(
    identity: list[int] | np.ndarray, labels: list[int] | np.ndarray, classes: Any = ("a", "b"), partition: Any = None
) -> FaceSet:
    identity = np.asarray(identity, np.int64)
    return FaceSet(
        name="toy",
        images=np.zeros((len(identity), 16, 16, 3), np.uint8),
        identity=identity,
        people=tuple(f"p{number}" for number in range(identity.max() + 1)),
        files=tuple(f"f{number}" for number in range(len(identity))),
        attributes={"gender": Attribute(np.asarray(labels, np.int64), tuple(classes))},
        default_attribute="gender",
        partition=None if partition is None else np.asarray(partition),
    )


def balanced(people: int, each: int = 2, classes: int = 2, partition: Any = None) -> FaceSet:
    identity = np.repeat(np.arange(people), each)
    return faces_of(identity, identity % classes, [f"c{code}" for code in range(classes)], partition)


@st.composite
def face_sets(draw: st.DrawFn) -> FaceSet:
    classes = draw(st.integers(2, 4))
    people = draw(st.integers(6 * classes, 90))
    each = np.array(draw(st.lists(st.integers(1, 4), min_size=people, max_size=people)))
    labels = np.arange(people) % classes
    identity = np.repeat(np.arange(people), each)
    values = np.repeat(labels, each)
    missing = np.array(draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    missing[np.r_[0, each.cumsum()[:-1]]] = False  # everybody keeps one labelled image
    values = np.where(missing, MISSING, values)
    return faces_of(identity, values, [f"c{code}" for code in range(classes)])


@given(faces=face_sets(), seed=st.integers(0, 1000))
def test_splits_are_disjoint_whole_stratified_and_repeatable(faces: FaceSet, seed: int) -> None:
    split = split_people(faces, "gender", seed)
    values = faces.attributes["gender"].values
    rows = np.concatenate([split.rows[name] for name in SPLITS])
    assert sorted(rows) == np.flatnonzero(values != MISSING).tolist()
    owners = [set(faces.identity[split.rows[name]]) for name in SPLITS]
    assert sum(map(len, owners)) == len(set().union(*owners)) == len(faces.people)
    assert [split.people[name] for name in SPLITS] == [len(people) for people in owners]
    for name, share in Fractions().of_people().items():
        assert np.all(np.diff(split.rows[name]) > 0)
        for code in range(len(faces.attributes["gender"].classes)):
            everybody = len(set(faces.identity[values == code]))
            here = len(set(faces.identity[split.rows[name]][values[split.rows[name]] == code]))
            assert here >= 1
            assert abs(here - share * everybody) < 3  # largest remainders, and room for one each
    again = split_people(faces, "gender", seed)
    assert all(np.array_equal(split.rows[name], again.rows[name]) for name in SPLITS)


def test_shares_are_those_of_the_protocol() -> None:
    split = split_people(balanced(1000), "gender", 0)
    assert split.summary() == {
        "defender-train": {"people": 450, "images": 900},
        "defender-val": {"people": 50, "images": 100},
        "attacker-train": {"people": 250, "images": 500},
        "attacker-val": {"people": 80, "images": 160},
        "test": {"people": 170, "images": 340},
    }


def test_another_seed_gives_another_split() -> None:
    faces = balanced(200)
    assert not np.array_equal(
        split_people(faces, "gender", 0).rows["test"], split_people(faces, "gender", 1).rows["test"]
    )


def test_the_official_partition_is_respected() -> None:
    side = np.repeat(["train"] * 60 + ["val"] * 20 + ["test"] * 20, 2)
    split = split_people(balanced(100, partition=side), "gender", 3)
    assert set(side[split.rows["test"]]) == {"test"}
    assert set(side[split.rows["attacker-val"]]) == {"val"}
    train = np.concatenate([split.rows[name] for name in ("defender-train", "defender-val", "attacker-train")])
    assert set(side[train]) == {"train"}
    assert len(train) == 120
    assert split.people["defender-train"] + split.people["defender-val"] == 2 * split.people["attacker-train"]
    assert split.notes == ()


def test_images_of_no_known_value_are_left_out_and_counted() -> None:
    gender = np.arange(100) % 2
    gender[:3] = MISSING
    split = split_people(faces_of(np.arange(100), gender), "gender", 0)
    assert sum(len(rows) for rows in split.rows.values()) == 97
    assert split.notes == ("3 of 100 images have no known gender and are left out",)


def test_a_person_on_two_sides_of_the_partition_keeps_the_larger_part() -> None:
    side = np.repeat(["train"] * 60 + ["val"] * 20 + ["test"] * 20, 3)
    side[0] = "test"  # one of person 0's three images
    split = split_people(balanced(100, each=3, partition=side), "gender", 0)
    assert not any(0 in rows for rows in split.rows.values())
    assert any(1 in rows for rows in split.rows.values())
    assert split.notes[0].startswith("1 images are outside the official partition")


def test_images_decide_about_classes_where_labels_vary_within_a_person() -> None:
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(80), 8)
    split = split_people(faces_of(identity, rng.random(640) < 0.15), "gender", 0)
    assert all(len(rows) for rows in split.rows.values())


@pytest.mark.parametrize(
    ("faces", "words"),
    [
        (faces_of([0, 1, 2], [MISSING] * 3), "no image of toy has a known gender"),
        (faces_of(np.arange(40), np.zeros(40)), "one class only"),
        (faces_of(np.arange(40), np.arange(40) < 3), "has 3 with gender = b"),
        (faces_of(np.arange(40), np.arange(40) % 2, ("a", "b", "c")), "has 0 with gender = c"),
        (balanced(30, partition=np.repeat(["train"] * 28 + ["val", "test"], 2)), "none with gender"),
    ],
)
def test_what_cannot_be_split_is_said_in_one_line(faces: FaceSet, words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        split_people(faces, "gender", 0)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("shares", [{"test": 0.3}, {"test": 0.0, "attacker_val": 0.25}, {"defender_val": 1.0}])
def test_shares_that_make_no_split(shares: dict[str, float]) -> None:
    with pytest.raises(InputError, match="sum to 1"):
        Fractions(**shares)


def test_a_common_person_is_refused() -> None:
    rows = {"test": np.array([0, 1]), "attacker-train": np.array([2, 3])}
    with pytest.raises(InputError, match="share 1 people"):
        require_disjoint(np.array([5, 6, 6, 7]), rows)


def test_verification_needs_pairs() -> None:
    faces = balanced(100, each=1)
    split = split_people(faces, "gender", 0)
    with pytest.raises(InputError, match="verification is impossible: split attacker-val of toy has nobody with two"):
        require_pairs(faces, split)
    faces = balanced(100, each=2)
    require_pairs(faces, split_people(faces, "gender", 0))


def test_the_attribute_that_is_meant() -> None:
    faces = balanced(10)
    assert resolve_attribute(faces, None) == resolve_attribute(faces, "gender") == "gender"
    with pytest.raises(InputError, match="did you mean gender"):
        resolve_attribute(faces, "gendr")
    nameless = FaceSet("toy", faces.images, faces.identity, faces.people, faces.files, faces.attributes)
    with pytest.raises(InputError, match="name an attribute"):
        resolve_attribute(nameless, None)


def test_another_attribute_keeps_the_splits_and_leaves_out_what_is_not_known() -> None:
    faces = balanced(40, each=3)
    split = split_people(faces, "gender", seed=0)
    hat = np.arange(len(faces)) % 3 - 1  # of every person's images one is not known, one is without, one with
    faces.attributes["hat"] = Attribute(hat.astype(np.int64), ("no", "yes"))
    other = relabelled(faces, split.rows, "hat")
    assert other.attribute == "hat"
    assert other.people == split.people
    for name in SPLITS:
        np.testing.assert_array_equal(other.rows[name], [row for row in split.rows[name] if hat[row] != MISSING])
    hat[split.rows["test"]] = 0
    faces.attributes["hat"] = Attribute(hat.astype(np.int64), ("no", "yes"))
    with pytest.raises(InputError, match=r"split test of toy has .* none with hat = yes"):
        relabelled(faces, split.rows, "hat")
    hat[:] = 0
    hat[np.concatenate([split.rows[n] for n in ("attacker-train", "attacker-val", "test")])[::2]] = 1
    faces.attributes["hat"] = Attribute(hat.astype(np.int64), ("no", "yes"))
    assert relabelled(faces, split.rows, "hat").people == split.people, "only what attacks see needs every class"
