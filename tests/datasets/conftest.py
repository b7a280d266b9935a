"""Small folders in the layouts that the real data sets have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.contracts import LoadSettings
from tests.datasets.layouts import Picture, write_picture


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., LoadSettings]:
    """Settings with a cache of this test's own."""

    def make(image_size: int = 16, jobs: int = 1, strict: bool = False) -> LoadSettings:
        return LoadSettings(image_size=image_size, cache=tmp_path / "cache", jobs=jobs, strict=strict)

    return make


@pytest.fixture
def picture() -> Picture:
    """Write an image of one grey, or of noise, and return where it is."""
    return write_picture
