"""Columns of pandas are taken by their index, or refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import aiakit
from aiakit.api.alignment import aligned

ROWS = 180


def frame(seed: int = 0) -> tuple[pd.DataFrame, pd.Series[Any], pd.Series[Any]]:
    """Embeddings whose first number says the gender, the genders, and the people; one index for all."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(60), 3)
    gender = person % 2
    values = rng.normal(size=(ROWS, 6))
    values[:, 0] += 5 * gender
    index = pd.Index([f"row{number:03d}" for number in rng.permutation(ROWS)])
    return (
        pd.DataFrame(values.astype(np.float32), index=index),
        pd.Series(np.array(["female", "male"])[gender], index=index),
        pd.Series([f"p{each}" for each in person], index=index),
    )


def leak(embeddings: Any, gender: Any, person: Any) -> float:
    found = aiakit.audit(
        embeddings, attributes={"gender": gender}, identity=person, attacks="lda", utility=False, seed=2
    )
    return float(found.table()[0]["balanced_accuracy"])


def test_shuffled_labels_are_put_into_the_order_of_the_embeddings() -> None:
    embeddings, gender, person = frame()
    straight = leak(embeddings, gender, person)
    assert straight > 0.9
    assert leak(embeddings, gender.sample(frac=1, random_state=1), person.sample(frac=1, random_state=2)) == straight


def test_other_rows_are_refused() -> None:
    embeddings, gender, person = frame()
    other = gender.rename(index={gender.index[0]: "elsewhere"})
    with pytest.raises(aiakit.InputError, match="the index of gender is not that of the embeddings"):
        leak(embeddings, other, person)
    with pytest.raises(aiakit.InputError, match="not that of the embeddings"):
        leak(embeddings, gender, person.iloc[:-1])
    repeated = gender.rename(index={gender.index[0]: gender.index[1]})
    with pytest.raises(aiakit.InputError, match="not that of the embeddings"):
        leak(embeddings, repeated, person)


def test_columns_of_two_orders_need_an_index_of_the_embeddings() -> None:
    embeddings, gender, person = frame()
    with pytest.raises(aiakit.InputError, match="one index in two orders"):
        leak(embeddings.to_numpy(), gender.sample(frac=1, random_state=1), person)
    assert leak(embeddings.to_numpy(), gender, person) > 0.9


def test_lists_and_arrays_are_taken_as_they_are() -> None:
    columns = {"a": [3, 1, 2], "b": np.array([1, 2, 3])}
    assert aligned(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), columns) == columns


def test_object_arrays_are_explained() -> None:
    _, gender, person = frame()
    ragged = np.array([[1.0, 2.0], [1.0]], dtype=object)
    with pytest.raises(aiakit.InputError, match="Python objects or ragged rows"):
        leak(ragged, gender, person)


@given(order=st.permutations(range(7)))
def test_any_order_of_the_same_rows_gives_the_same_column(order: list[int]) -> None:
    index = pd.Index(list("abcdefg"))
    column = pd.Series(range(7), index=index)
    found = aligned(pd.DataFrame(np.zeros((7, 1)), index=index), {"x": column.iloc[order]})
    assert found["x"].tolist() == column.tolist()


def test_a_reference_is_put_into_the_order_of_the_embeddings() -> None:
    embeddings, gender, person = frame()
    noise = pd.DataFrame(np.random.default_rng(3).normal(size=embeddings.shape), index=embeddings.index)
    shuffled = embeddings.sample(frac=1, random_state=1)
    labels: Any = {"attributes": {"gender": gender}, "identity": person, "attacks": "lda", "utility": False, "seed": 2}
    found = [
        aiakit.audit(noise, reference=each, **labels).to_dict()["rows"][0]["attacks"]["lda"]["balanced_accuracy"]
        for each in (embeddings, shuffled)
    ]
    assert found[0] == found[1] > 0.9
    with pytest.raises(aiakit.InputError, match="the index of the reference is not that of the embeddings"):
        aiakit.audit(noise, reference=embeddings.rename(index={embeddings.index[0]: "elsewhere"}), **labels)
