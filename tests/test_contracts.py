"""What the evidence of an attack says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from aiakit.contracts import LabelledRelease, Release


def test_evidence_weighs_classes_alike_and_a_person_by_the_root_of_their_images() -> None:
    identity = np.repeat([7, 3, 9], [1, 4, 4])
    labels = np.repeat([0, 0, 1], [1, 4, 4])
    known = LabelledRelease(Release(np.zeros((9, 2))), labels, identity, ("f", "m", "x"))
    weights = known.weights
    assert weights.mean() == pytest.approx(1)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum())
    assert weights[identity == 3].sum() == pytest.approx(2 * weights[identity == 7].sum())
