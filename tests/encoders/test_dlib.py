"""dlib's recogniser on real faces: skipped where the extra judges or the data are absent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aiakit.contracts import Context, Faces
from aiakit.datasets.lfw import FACE
from aiakit.datasets.lfw_pairs import read_pairs
from aiakit.datasets.pixels import decode
from aiakit.plugins import registry

needs_dlib = pytest.mark.skipif(bool(registry.unavailable("encoder", "dlib")), reason="needs the extra judges")


def encoder() -> Any:
    return registry.make("encoder", "dlib", {}).load_state_dict({})


@needs_dlib
@pytest.mark.parametrize("size", [8, 33, 200])
def test_any_square_size_is_encoded(size: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    made = encoder().encode(images, ("a", "b"))
    assert made.shape == (2, 128)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()


@needs_dlib
def test_memory_maps_and_strided_views_are_read_as_copies(faces: Faces, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", faces.images[:3])
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r", allow_pickle=False)
    made = encoder().fit(faces, faces, Context())
    np.testing.assert_array_equal(
        made.encode(mapped[::2], ("0", "2")), made.encode(np.array(faces.images[:3])[::2], ("0", "2"))
    )


@needs_dlib
@pytest.mark.slow
def test_people_of_lfw_are_told_apart() -> None:
    """Measured on 200 pairs: AUC .999 at 64 and at 128 pixels."""
    if "AIAKIT_DATA" not in os.environ:
        pytest.skip("needs AIAKIT_DATA")
    root = Path(os.environ["AIAKIT_DATA"]) / "lfw"
    paths = sorted((root / "lfw-deepfunneled").glob("*/*.jpg"))
    pairs = read_pairs(root / "pairs.txt", [path.name for path in paths])
    chosen = np.random.default_rng(0).permutation(len(pairs.left))[:40]
    rows, places = np.unique(np.stack([pairs.left, pairs.right])[:, chosen], return_inverse=True)
    images = decode([paths[row] for row in rows], FACE, 64).pixels
    made = encoder().encode(images, tuple(paths[row].name for row in rows))
    left, right = made[places.reshape(2, -1)]
    distance = np.linalg.norm(left - right, axis=1)
    assert roc_auc_score(pairs.same[chosen], -distance) >= 0.97


@needs_dlib
def test_a_picture_without_a_face_has_no_embedding_where_one_is_looked_for() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), dtype=np.uint8)
    looking = registry.make("encoder", "dlib", {"detect": True}).load_state_dict({})
    assert not looking.encode(images, ("a", "b", "c")).any()


@needs_dlib
@pytest.mark.skipif("AIAKIT_DATA" not in os.environ, reason="needs AIAKIT_DATA")
@pytest.mark.parametrize("image_size", [64, 96])
def test_faces_of_lfw_are_found(image_size: int) -> None:
    paths = sorted((Path(os.environ["AIAKIT_DATA"]) / "lfw" / "lfw-deepfunneled").glob("*/*.jpg"))[:200:10]
    images = decode(paths, FACE, image_size).pixels
    looking = registry.make("encoder", "dlib", {"detect": True}).load_state_dict({})
    faces = np.concatenate([images, np.full_like(images[:2], 90)])
    found = looking.encode(faces, tuple(map(str, range(len(faces))))).any(1)
    assert found[:20].mean() >= 0.9
    assert not found[20:].any()
