"""What is stored of scores: their order and their figures stay, and packing again changes nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import expit, logit

from aiakit.leaderboard.differences import differences
from aiakit.leaderboard.packing import PRECISIONS, packed, unpacked
from aiakit.leaderboard.scores import figures_of, statistics_row
from aiakit.leaderboard.writing import MOVED, write_submission
from aiakit.storage import tensorfile


@st.composite
def probabilities(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    shape = draw(st.tuples(st.integers(0, 20), st.integers(2, 4)))
    raw = draw(hnp.arrays(np.float64, shape, elements=st.floats(0, 1)))
    raw[:, 0] += raw.sum(axis=1) == 0
    return raw / raw.sum(axis=1, keepdims=True)


@given(probabilities(), st.sampled_from(PRECISIONS[:2]))
def test_what_is_unpacked_packs_to_the_same(scores: np.ndarray[Any, Any], precision: Any) -> None:
    tensors = {"attack.0.0.test": scores, "test.identity": np.arange(len(scores)), "same": scores[:, 0] > 0.5}
    stored = packed(tensors, precision)
    read = unpacked(stored)
    assert read["attack.0.0.test"].shape == scores.shape
    assert np.allclose(read["attack.0.0.test"], scores, atol=2e-3)
    assert np.allclose(read["attack.0.0.test"].sum(axis=1), 1)
    assert np.array_equal(read["test.identity"], tensors["test.identity"])
    assert np.array_equal(read["same"], tensors["same"])
    again = packed(read, precision)
    assert {name: part.tobytes() for name, part in again.items()} == {n: part.tobytes() for n, part in stored.items()}


@given(hnp.arrays(np.float64, st.integers(1, 50), elements=st.floats(-1, 1)), st.sampled_from(PRECISIONS))
def test_similarities_are_the_same_in_half_precision_however_they_were_stored(similarity: Any, precision: Any) -> None:
    """Two roundings may end elsewhere than one: an entry in single precision would not be its own run's."""
    tensors = {"verifier.0.test.random": similarity}
    again = packed(unpacked(packed(tensors, precision)))
    assert again["verifier.0.test.random"].tobytes() == packed(tensors)["verifier.0.test.random"].tobytes()


def test_half_precision_is_rounded_to_by_way_of_single() -> None:
    """1 + 2⁻¹¹ lies half-way between two halves, where ties go to the even one, and what is a little more does not."""
    of_double = np.array([1 + 2.0**-11 + 2.0**-40])
    assert of_double.astype(np.float16) != of_double.astype(np.float32).astype(np.float16)
    similarities = {"verifier.0.test.random": of_double}
    assert packed(unpacked(packed(similarities, np.float32)))["verifier.0.test.random"] == np.float16(1)
    assert packed(similarities)["verifier.0.test.random"] == np.float16(1)


def test_samples_that_an_attack_is_sure_of_stay_in_order() -> None:
    """In half precision all of these probabilities would be 1."""
    sure = 1 - 10.0 ** -np.arange(4, 12)
    read = unpacked(packed({"attack.0.0.val": np.stack([1 - sure, sure], axis=1)}))["attack.0.0.val"]
    assert (np.diff(read[:, 0]) < 0).all()


@pytest.mark.parametrize(("spread", "precision"), [(None, np.float16), (1e-3, np.float32)])
def test_scores_are_stored_in_the_lowest_precision_that_keeps_the_figures(
    make: Any, tmp_path: Any, spread: float | None, precision: Any
) -> None:
    """Similarities that half precision cannot tell apart are kept in single precision, and nothing but these."""
    submission = make("aia", {"logreg": 0.9})
    tensors = {
        name: 1 + spread * part if spread and name.startswith("verifier") else part
        for name, part in submission.tensors.items()
    }
    written = write_submission(tmp_path, submission.entry, tensors)
    stored = tensorfile.load(tmp_path / written.entry.scores.file)
    of_verifier = {part.dtype for name, part in stored.items() if name.startswith("verifier")}
    assert of_verifier == {np.dtype(precision)}
    assert {part.dtype for name, part in stored.items() if not name.startswith("verifier")} == {np.dtype(np.float16)}
    assert not list(differences(submission.entry.figures, written.entry.figures, MOVED))


def test_an_attack_that_needs_more_precision_is_alone_in_it(make: Any, tmp_path: Any) -> None:
    submission = make("aia", {"logreg": 0.9, "lda": 0.8})
    tensors = {**submission.tensors}
    for name in [name for name in tensors if name.startswith("attack.0.")]:  # sure of one class, and hardly differing
        first = expit(8 + 1e-3 * logit(np.clip(tensors[name][:, 0], 1e-6, 1 - 1e-6)))
        tensors[name] = np.stack([first, 1 - first], axis=1)
    entry = submission.entry.model_copy(update={"figures": figures_of(statistics_row(submission.entry, tensors))})
    written = write_submission(tmp_path, entry, tensors)
    stored = tensorfile.load(tmp_path / written.entry.scores.file)
    wide = {name for name, part in stored.items() if part.dtype.kind == "f" and part.dtype != np.float16}
    assert wide
    assert all(name.startswith("attack.0.") for name in wide)
    assert not list(differences(entry.figures, written.entry.figures, MOVED))
