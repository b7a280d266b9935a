"""Small folders in the layouts that the real data sets have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.data.dataset import LoadSettings


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., LoadSettings]:
    """Settings with a cache of this test's own."""

    def make(image_size: int = 16, jobs: int = 1, strict: bool = False) -> LoadSettings:
        return LoadSettings(image_size=image_size, cache=tmp_path / "cache", jobs=jobs, strict=strict)

    return make


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write an image of one grey, or of noise, and return where it is."""

    def make(path: Path, size: tuple[int, int] = (32, 32), grey: int | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(sum(path.name.encode()))
        shape = (size[1], size[0], 3)
        pixels = rng.integers(0, 256, shape, dtype=np.uint8) if grey is None else np.full(shape, grey, np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return make
