"""Colour profiles: pixels of other primaries become sRGB, and profiles that say nothing useful change nothing."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from aiakit.contracts import LoadSettings
from aiakit.datasets.folder import Folder
from aiakit.datasets.pixels import read_image
from tests.datasets.squares import BLUE, RED, draw

Settings = Callable[..., LoadSettings]
pytestmark = pytest.mark.skipif(not features.check("littlecms2"), reason="needs a Pillow with littlecms2")
COLOUR = (200, 120, 40)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exchanged() -> bytes:
    """A profile whose first channel is blue and whose last is red, and which does not call itself sRGB."""
    profile = bytearray(SRGB.replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be")))
    (count,) = struct.unpack_from(">I", profile, 128)
    places = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("turn", [0, 6])
def test_another_profile_becomes_srgb(tmp_path: Path, ending: str, turn: int) -> None:
    exif = Image.Exif()
    if turn:
        exif[0x0112] = turn
    path = tmp_path / f"a.{ending}"
    Image.new("RGB", (64, 64), COLOUR).save(path, icc_profile=exchanged(), exif=exif, quality=100)
    assert np.abs(read_image(path, 16).astype(int) - COLOUR[::-1]).max() <= 4


def test_a_transparent_picture_keeps_its_profile(tmp_path: Path) -> None:
    Image.new("RGBA", (64, 64), (*COLOUR, 255)).save(tmp_path / "a.png", icc_profile=exchanged())
    assert np.abs(read_image(tmp_path / "a.png", 16).astype(int) - COLOUR[::-1]).max() <= 2


@pytest.mark.parametrize(
    "profile", [SRGB, b"no profile", SRGB[:200], b""], ids=["sRGB", "foreign", "cut short", "empty"]
)
def test_other_profiles_change_nothing(tmp_path: Path, profile: bytes) -> None:
    Image.new("RGB", (64, 64), COLOUR).save(tmp_path / "a.png", icc_profile=profile)
    assert (read_image(tmp_path / "a.png", 16) == COLOUR).all()


def test_grey_and_cmyk_with_profiles_are_read_by_their_modes(tmp_path: Path) -> None:
    for mode, colour, space in (("L", 90, b"GRAY"), ("CMYK", (0, 0, 0, 165), b"CMYK")):
        Image.new(mode, (64, 64), colour).save(
            tmp_path / "a.jpg", icc_profile=exchanged()[:16] + space + exchanged()[20:]
        )
        assert np.abs(read_image(tmp_path / "a.jpg", 16).astype(int) - 90).max() <= 2


def test_a_sought_face_is_converted_as_well(tmp_path: Path, settings: Settings, squares: list[object]) -> None:
    for person in ("ann", "bob"):
        path = tmp_path / "mine" / person / "1.png"
        draw(path, (RED, 40, 30, 100))
    with Image.open(path) as image:
        image.save(path, icc_profile=exchanged())
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    faces = Folder(root=str(tmp_path / "mine"), align="face").load(settings(32))
    assert faces.images[:, 16, 16].argmax(axis=1).tolist() == [RED, BLUE]
