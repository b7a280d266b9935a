"""Faces turned to the template of recognisers in the line of ArcFace."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from aiakit.datasets.lfw import FACE
from aiakit.datasets.pixels import decode
from aiakit.encoders import _landmarks
from aiakit.encoders._landmarks import aligned, five_points, middle
from aiakit.networks.landmarks import TEMPLATE, landmarks
from aiakit.plugins import registry

needs_dlib = pytest.mark.skipif(bool(registry.unavailable("encoder", "dlib")), reason="needs the extra judges")


@needs_dlib
@pytest.mark.parametrize("size", [64, 128])
def test_aligned_faces_have_their_eyes_where_the_template_says(size: int) -> None:
    """Measured on 60 photographs of LFW: medians of 2.4 and 2.0 pixels of 112, by another landmark model."""
    if "AIAKIT_DATA" not in os.environ:
        pytest.skip("needs AIAKIT_DATA")
    paths = sorted((Path(os.environ["AIAKIT_DATA"]) / "lfw" / "lfw-deepfunneled").glob("*/*.jpg"))
    chosen = np.random.default_rng(0).permutation(len(paths))[:20]
    made = [
        aligned(np.ascontiguousarray(each), 0.1, 112) for each in decode([paths[i] for i in chosen], FACE, size).pixels
    ]
    off = np.array([five_points(each, 0.05) for each in made]) - TEMPLATE
    assert np.median(np.abs(off), axis=0).max() < 7
    corners = [
        [complex(part.x, part.y) for part in landmarks(each, middle(each, 0.0), "five").parts()] for each in made
    ]
    eyes = np.array([[(each[2] + each[3]) / 2, (each[0] + each[1]) / 2] for each in corners])
    assert np.median(np.abs(eyes - TEMPLATE[:2]), axis=0).max() < 4


def test_alignment_undoes_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landmarks that stand as the template does, doubled and moved, take the picture back exactly."""
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3), dtype=np.uint8)
    large = np.zeros((260, 260, 3), np.uint8)
    large[10 : 10 + 224, 20 : 20 + 224] = picture.repeat(2, axis=0).repeat(2, axis=1)
    points = 2 * TEMPLATE + (0.5 + 0.5j) + (20 + 10j)
    monkeypatch.setattr(_landmarks, "five_points", lambda image, margin: points)
    np.testing.assert_array_equal(aligned(large, 0.1, 112), picture)
    quarter = np.rot90(large)  # (x, y) ↦ (y, 259 − x)
    monkeypatch.setattr(_landmarks, "five_points", lambda image, margin: points.imag + 1j * (259 - points.real))
    np.testing.assert_array_equal(aligned(np.ascontiguousarray(quarter), 0.1, 112), picture)
