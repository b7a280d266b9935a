"""Small folders in the layouts that the real data sets have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.contracts import LoadSettings, PixelArray
from aiakit.datasets import alignment
from tests.datasets.layouts import Picture, write_picture
from tests.datasets.squares import squares_in


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


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> list[PixelArray]:
    """A detector that takes a square of one pure colour for a face; the pictures that it was given."""
    given = []

    def found(image: PixelArray) -> list[alignment.Face]:
        given.append(image)
        return squares_in(image)

    monkeypatch.setattr(alignment, "faces_in", found)
    monkeypatch.setattr(alignment.Alignment, "require", lambda self, name: None)
    return given
