"""Photographs that are no crops of a face are noticed, since nobody seeks the face in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.datasets.crops import LEAST_AGREEMENT, agreement, crop_doubts
from aiakit.datasets.lfw import LFW
from aiakit.datasets.pixels import read_image
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
DATA = os.environ.get("AIAKIT_DATA")


def saved(folder: Path, width: int, height: int, count: int = 1) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        noise = np.random.default_rng(number).integers(0, 256, (4, 4, 3), np.uint8)
        Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return paths


def read(paths: list[Path]) -> np.ndarray:
    return np.stack([read_image(path, 16) for path in paths])


def test_photographs_that_are_not_square_are_counted(tmp_path: Path) -> None:
    paths = [*saved(tmp_path / "a", 64, 64, 2), *saved(tmp_path / "b", 80, 60)]
    (doubt,) = crop_doubts(paths, read(paths))
    assert doubt.startswith("1 of 3 photographs looked at are not square")
    assert "0.png is 80×60" in doubt
    assert crop_doubts(paths[:2], read(paths[:2])) == []
    assert crop_doubts(saved(tmp_path / "c", 64, 66), read(paths[:1])) == []


def test_those_of_the_size_of_the_data_set_have_its_face_box(tmp_path: Path) -> None:
    class Aligned(LFW):
        face_box = ((80, 60), (10, 0, 70, 60))

    paths = saved(tmp_path, 80, 60)
    assert crop_doubts(paths, read(paths), Aligned) == []
    assert len(crop_doubts(paths, read(paths))) == 1


def test_photographs_without_a_layout_in_common_are_doubted(tmp_path: Path) -> None:
    paths = saved(tmp_path, 64, 64, 40)
    (doubt,) = crop_doubts(paths, read(paths))
    assert "no layout in common" in doubt
    alike = np.clip(read(paths) // 4 + np.linspace(0, 180, 16).astype(np.uint8)[:, None, None], 0, 255)
    assert agreement(alike) > 0.45
    assert crop_doubts(paths, alike) == []
    assert crop_doubts(paths[:10], read(paths[:10])) == []  # too few to say


def test_a_data_set_and_protect_say_so(tiny_run: Path, tmp_path: Path, aiakit: Aiakit) -> None:
    for person in range(12):
        saved(tmp_path / "faces" / f"p{person}", 90, 60, 2)
    rows = "".join(f"p{person},{'male' if person % 2 else 'female'}\n" for person in range(12))
    (tmp_path / "faces" / "attributes.csv").write_text("person,gender\n" + rows)
    notes = aiakit("data", "--dataset", "folder", "--data-root", tmp_path / "faces", "--json").document["notes"]
    assert any("24 of 24 photographs looked at are not square" in note for note in notes)
    done = aiakit("protect", tiny_run, tmp_path / "faces" / "p0", "-o", tmp_path / "out", "--defense", "aia")
    assert done.code == 0
    assert "note: 2 of 2 photographs looked at are not square" in " ".join(done.err.split())


@pytest.mark.skipif(DATA is None, reason="AIAKIT_DATA is not set")
def test_faces_of_lfw_agree_and_boxes_anywhere_do_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = sorted(Path(str(DATA)).glob("lfw/lfw-deepfunneled/*/*.jpg"))
    chosen = [paths[row] for row in rng.choice(len(paths), 100, replace=False)]
    assert LFW.face_box is not None
    faces = np.stack([read_image(path, 32, LFW.face_box[1]) for path in chosen])
    assert crop_doubts(chosen, faces) == []
    sides = rng.integers(60, 200, len(chosen))
    corners = [rng.integers(0, 250 - side, 2) for side in sides]
    boxes = [(x, y, x + side, y + side) for (x, y), side in zip(corners, sides, strict=True)]
    anywhere = np.stack([read_image(path, 32, box) for path, box in zip(chosen, boxes, strict=True)])
    assert agreement(anywhere) < LEAST_AGREEMENT < agreement(faces)
    assert len(crop_doubts(chosen, anywhere)) == 1
