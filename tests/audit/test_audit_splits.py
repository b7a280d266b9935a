"""The split auditor: shared people and nearly equal rows are found, however they came there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aiakit
from aiakit.datasets.duplicates import LEAST_COSINE, clusters_of_duplicates
from aiakit.errors import InputError
from aiakit.experiment.plan import make_plan
from aiakit.experiment.protocol import Protocol

EACH = 3


def by_person(rows: int) -> np.ndarray:
    """A sound split: 30 people train, 12 val, 18 test."""
    person = np.arange(rows) // EACH
    return np.select([person < 30, person < 42], ["train", "val"], "test").astype(object)


def audit(cast: Any, **options: Any) -> Any:
    return aiakit.audit(cast.embedding, **{"attacks": "logreg", **cast.labels(), **options}).to_dict()


def test_a_sound_split_is_respected(cast: Any) -> None:
    split = by_person(cast.rows)
    split[-1] = "elsewhere"
    document = audit(cast, split=split)
    assert document["splits"] == {
        "attacker-train": {"people": 30, "images": 90},
        "attacker-val": {"people": 12, "images": 36},
        "test": {"people": 18, "images": 53},
    }
    assert "1 of 180 rows are in no split that is used: 'elsewhere'" in document["notes"]
    assert not any("OVERLAP" in note for note in document["notes"])


def test_what_varies_within_people_is_audited_on_one_split_where_nobody_asked_for_folds(cast: Any) -> None:
    once = np.where(np.arange(cast.rows) % EACH == 0, "yes", "no")  # one image of everybody
    for attributes in ({"smiling": once}, {"gender": cast.gender, "smiling": once}):
        document = audit(cast, attributes=attributes)
        assert document["folds"] == 1
        assert any("dealt to one split, and not to" in note for note in document["notes"])
        smiling = document["further"]["smiling"] if "further" in document else document
        assert any("not to 5 folds: 0 of them have smiling = yes on most of their" in note for note in smiling["notes"])
    assert audit(cast)["folds"] == 5
    with pytest.raises(InputError, match=r"--folds 5 cannot be done: 0 people with smiling = yes on most of their im"):
        audit(cast, attributes={"smiling": once}, folds=5)


def test_validation_people_are_taken_from_train_where_none_are_named(cast: Any) -> None:
    split = np.where(by_person(cast.rows) == "test", "test", "train")
    document = audit(cast, split=split)
    assert document["splits"]["attacker-val"]["people"] in (8, 9)
    assert document["splits"]["test"]["people"] == 18
    assert any("a fifth of the training people" in note for note in document["notes"])


def test_people_in_two_splits_are_refused_or_shouted(cast: Any) -> None:
    split = by_person(cast.rows)
    split[0], split[3] = "test", "test"
    with pytest.raises(InputError, match=r"attacker-train and test share 2 people .p00 for one.*--allow-overlap"):
        audit(cast, split=split)
    notes = audit(cast, split=split, allow_overlap=True)["notes"]
    assert any(note.startswith("OVERLAP, figures may be far too high") and "share 2 people" in note for note in notes)


@pytest.mark.parametrize("disguise", ["equal", "scaled", "jittered"])
def test_nearly_equal_rows_in_two_given_splits_are_refused_or_shouted(cast: Any, disguise: str) -> None:
    copy = cast.embedding[5].copy()
    if disguise == "scaled":
        copy *= 3
    elif disguise == "jittered":
        copy += 1e-5
    cast.embedding[170] = copy  # row 5 is of train, 170 of test
    split = by_person(cast.rows)
    with pytest.raises(InputError, match=r"share 1 rows that are equal or have a cosine above.*rows 5 and 170"):
        audit(cast, split=split)
    notes = audit(cast, split=split, allow_overlap=True)["notes"]
    assert any("OVERLAP" in note and "rows 5 and 170" in note for note in notes)


def test_people_who_share_rows_are_dealt_to_one_split(cast: Any) -> None:
    for source in range(0, 18, 3):  # six people have a copy of one of their rows under another name
        cast.embedding[source + 100] = cast.embedding[source]
    result = aiakit.audit(cast.embedding, attacks="logreg", **cast.labels())
    truth = Protocol.read(result.run.store, make_plan(result.run.config).protocol.digest)
    place = np.full(cast.rows, "", dtype="U14")
    for name in ("attacker-train", "attacker-val", "test"):
        place[truth.rows(name)] = name
    for source in range(0, 18, 3):
        assert place[source] == place[source + 100] != ""
    assert any("12 of 60 people share a row with another person" in note for note in result.to_dict()["notes"])


def test_a_release_that_gives_everybody_one_of_a_few_rows(cast: Any) -> None:
    collapsed = cast.embedding[np.arange(cast.rows) % 5 * 30]
    with pytest.raises(InputError, match=r"60 of 60 people are linked by rows.*--allow-overlap"):
        aiakit.audit(collapsed, attacks="logreg", **cast.labels())
    document = aiakit.audit(collapsed, attacks="logreg", allow_overlap=True, **cast.labels()).to_dict()
    assert any("OVERLAP" in note for note in document["notes"])


def test_an_image_level_split_would_have_recognised_people(cast: Any) -> None:
    """What the auditor is for: a label that says nothing but who somebody is looks like a leak."""
    rng = np.random.default_rng(3)
    coin = np.repeat(rng.permutation(np.arange(60) % 2), EACH)
    options = {"attributes": {"coin": coin}, "attacks": "knn", "options": {"knn": {"neighbours": 1}}}
    honest = audit(cast, **options)["rows"][0]["strongest"]["balanced_accuracy"]
    split = np.array(["train", "val", "test"])[np.arange(cast.rows) % EACH]
    leaky = audit(cast, **options, split=split, allow_overlap=True)["rows"][0]["strongest"]["balanced_accuracy"]
    assert honest < 0.8
    assert leaky > 0.95


def brute(values: np.ndarray) -> set[tuple[int, int]]:
    units = values / np.linalg.norm(values, axis=1, keepdims=True)
    left, right = np.nonzero(np.triu(units @ units.T > LEAST_COSINE, 1))
    return set(zip(left.tolist(), right.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 40), st.floats(1e-7, 1e-2))
def test_near_duplicates_are_those_that_comparing_all_pairs_finds(seed: int, dimensions: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(40, dimensions))
    copies = base[:10] * rng.uniform(0.5, 2, (10, 1)) + noise * rng.normal(size=(10, dimensions)) / dimensions**0.5
    values = np.concatenate([base, copies])
    pairs = brute(values)
    clusters = clusters_of_duplicates(values)
    assert all(clusters[left] == clusters[right] for left, right in pairs)
    assert len(np.unique(clusters)) == 50 - len(pairs)


def test_pictures_are_compared_as_thumbnails() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (20, 32, 32, 3), dtype=np.uint8)
    pictures[7] = pictures[3]
    pictures[9] = pictures[4]
    pictures[9, 0, 0, 0] ^= 1
    clusters = clusters_of_duplicates(pictures)
    assert clusters[7] == clusters[3]
    assert clusters[9] == clusters[4]
    assert len(np.unique(clusters)) == 18
