"""Made-up faces for the encoders."""

from __future__ import annotations

import numpy as np
import pytest

from aiakit.contracts import Faces
from aiakit.plugins import mock


@pytest.fixture(scope="session")
def faces() -> Faces:
    """12 people with 2 images of 32×32 pixels each."""
    rng = np.random.default_rng(3)
    return mock.faces(mock.people(12, 2, rng), rng)
