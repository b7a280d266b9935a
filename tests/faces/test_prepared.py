"""A photograph of one's own is prepared as the run's data set prepares its own, also where that seeks faces."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import LoadSettings
from aiakit.datasets import alignment
from aiakit.datasets.alignment import UPRIGHT, Alignment, Face
from aiakit.datasets.folder import Folder
from aiakit.errors import InputError
from aiakit.experiment.config import DatasetSpec
from aiakit.faces.protect import doubts_of, read_for


def run_of(**options: Any) -> Any:
    spec = DatasetSpec(kind="dataset", name="folder", params={"root": "gone", **options}, image_size=32)
    return SimpleNamespace(config=SimpleNamespace(dataset=spec, require_images=lambda: None))


@pytest.fixture
def photograph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Noise in which a face is found at one place."""
    monkeypatch.setattr(Alignment, "require", lambda self, name: None)
    monkeypatch.setattr(
        alignment, "faces_in", lambda image: [Face((30, 40, 130, 140), lambda: (30 + 40j) + 100 * UPRIGHT)]
    )
    path = tmp_path / "mine/ann/1.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 500, 3), np.uint8)).save(path)
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\n")
    return path


def test_a_face_is_sought_where_the_data_set_seeks_one(photograph: Path, tmp_path: Path) -> None:
    folder = Folder(root=str(tmp_path / "mine"), align="face", margin=0.2)
    images = folder.load(LoadSettings(32, tmp_path / "cache")).images
    run = run_of(align="face", margin=0.2)
    assert np.array_equal(read_for(run, photograph), images[0])
    assert doubts_of(run, [photograph], lambda: images) == []
    plain = run_of()
    assert not np.array_equal(read_for(plain, photograph), images[0])
    assert "not square" in doubts_of(plain, [photograph], lambda: images)[0]


def test_a_photograph_without_a_face_is_refused(photograph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "faces_in", lambda image: [])
    with pytest.raises(InputError, match=r"1\.png shows no frontal face .*align=face"):
        read_for(run_of(align="face"), photograph)
