"""A folder with every kind of picture that people have: each is read rightly, or left out, counted and named."""

from __future__ import annotations

import os
import struct
import sys
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import FaceSet, LoadSettings
from aiakit.datasets import listing
from aiakit.datasets.folder import Folder
from aiakit.plugins.extras import not_installed

Settings = Callable[..., LoadSettings]
COLOUR, OTHER = (200, 120, 40), (0, 0, 255)
SIDE = 40


def plain(colour: tuple[int, ...] = COLOUR, mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), colour)


def animated(path: Path) -> None:
    """The first picture counts."""
    plain().save(
        path, save_all=True, append_images=[plain(OTHER)] * 3, **({"lossless": True} if "webp" in path.name else {})
    )


def burst(path: Path) -> None:
    """What telephones write: a JPEG with a second picture in it."""
    plain().save(path, format="MPO", save_all=True, append_images=[plain(OTHER)])


def lying(orientation: int) -> Callable[[Path], None]:
    """White above and black below for who looks at it, stored as the camera was held."""
    stored = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
        5: Image.Transpose.TRANSPOSE,
    }[orientation]

    def write(path: Path) -> None:
        seen = np.zeros((SIDE, SIDE, 3), np.uint8)
        seen[: SIDE // 2] = 255
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(seen).transpose(stored).save(path, exif=exif)

    return write


def deep(colour_type: int, *channels: int, width: int = SIDE, height: int = SIDE) -> Callable[[Path], None]:
    """A PNG of 16 bits a channel, which Pillow reads and does not write. colour_type : as PNG numbers them."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def write(path: Path) -> None:
        row = b"\0" + struct.pack(f">{len(channels)}H", *(257 * value for value in channels)) * SIDE
        head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
        parts = (part(b"IHDR", head), part(b"IDAT", zlib.compress(row * SIDE)), part(b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))

    return write


def saved(picture: Image.Image, **options: object) -> Callable[[Path], None]:
    return lambda path: picture.save(path, **options)  # type: ignore[arg-type]


GREY, WHITE = (77, 77, 77), (255, 255, 255)
UPRIGHT = None  # white above, black below
READ: dict[str, tuple[Callable[[Path], None], tuple[int, ...] | None]] = {
    "cmyk.jpg": (saved(plain().convert("CMYK"), quality=95), COLOUR),
    "progressive.jpg": (saved(plain(), quality=95, progressive=True), COLOUR),
    "burst.jpg": (burst, COLOUR),
    "grey.jpg": (saved(plain((77,), "L"), quality=95), GREY),
    "grey16.png": (deep(0, 77), GREY),
    "grey16alpha.png": (deep(4, 77, 255), GREY),
    "colour16.png": (deep(2, *COLOUR), COLOUR),
    "colour16alpha.png": (deep(6, *COLOUR, 255), COLOUR),
    "hidden16.png": (deep(6, *OTHER, 0), WHITE),
    "bits.png": (saved(Image.new("1", (SIDE, SIDE), 1)), WHITE),
    "palette.png": (saved(plain().quantize(4)), COLOUR),
    "hidden.png": (saved(plain((*OTHER, 0), "RGBA")), WHITE),
    "hidden palette.png": (saved(plain(OTHER).quantize(4), transparency=0), WHITE),
    "hidden colour.png": (saved(plain(OTHER), transparency=OTHER), WHITE),
    "half.webp": (saved(plain((*COLOUR, 128), "RGBA"), lossless=True), (227, 187, 147)),
    "animated.gif": (animated, COLOUR),
    "animated.webp": (animated, COLOUR),
    "animated.png": (animated, COLOUR),
    "profile.png": (saved(plain(), icc_profile=b"no profile"), COLOUR),
    "turned3.jpg": (lying(3), UPRIGHT),
    "turned5.png": (lying(5), UPRIGHT),
    "turned6.webp": (lying(6), UPRIGHT),
    "turned8.jpg": (lying(8), UPRIGHT),
    "CAPITALS.JPG": (saved(plain(), format="JPEG", quality=95), COLOUR),
    "Mixed.PnG": (saved(plain(), format="PNG"), COLOUR),
    "no.jpg": (saved(plain(), format="PNG"), COLOUR),  # the content says what it is
    "with  spaces & 'quotes'.png": (saved(plain()), COLOUR),
    "фото.png": (saved(plain()), COLOUR),
    "照片.png": (saved(plain()), COLOUR),
    "صورة.png": (saved(plain()), COLOUR),
    "😀.png": (saved(plain()), COLOUR),
    unicodedata.normalize("NFD", "é.png"): (saved(plain()), COLOUR),
    "two\nlines.png": (saved(plain()), COLOUR),
}
LEFT_OUT = {
    "images cannot be read": ("bomb.png", "cut.png", "empty.jpg", "text.jpg"),
    "links lead nowhere": ("circle.jpg", "nowhere.jpg"),
    "are of a kind that is not read": ("scan.tif",),
    "lie deeper than PERSON/IMAGE": ("more/deeper.png",),
}


def write_all(folder: Path) -> None:
    """READ, links to one of them, what is left out, and what systems leave in folders."""
    folder.mkdir(parents=True)
    for name, (write, _) in READ.items():
        write(folder / name)
    whole = folder / "palette.png"
    deep(0, 77, width=100_000, height=100_000)(folder / "bomb.png")
    (folder / "cut.png").write_bytes(whole.read_bytes()[:60])
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    (folder / "nowhere.jpg").symlink_to(folder / "gone.jpg")
    (folder / "circle.jpg").symlink_to(folder / "circle.jpg")
    saved(plain())(folder / "scan.tif")
    (folder / "more").mkdir()
    saved(plain())(folder / "more/deeper.png")
    for clutter in (".DS_Store", "._palette.png", "Thumbs.db", "desktop.ini", ".hidden/1.png", "__MACOSX/._1.png"):
        (folder / clutter).parent.mkdir(exist_ok=True)
        (folder / clutter).write_bytes(b"\0\0\0\1Bud1")


@pytest.fixture
def faces(tmp_path: Path, settings: Settings) -> FaceSet:
    root = tmp_path / "mine"
    write_all(root / "ann")
    (root / "bob").mkdir()
    (root / "bob/linked.png").symlink_to(root / "ann/palette.png")
    (tmp_path / "elsewhere").mkdir()
    saved(plain())(tmp_path / "elsewhere/1.png")
    (root / "cid").symlink_to(tmp_path / "elsewhere")
    (root / "__MACOSX").mkdir()
    saved(plain())(root / "__MACOSX/1.png")
    (root / ".DS_Store").write_bytes(b"\0")
    (root / "attributes.csv").write_text("person,gender\nann,f\nbob,m\ncid,m\n")
    return Folder(root=str(root)).load(settings())


def test_every_kind_is_read_rightly_or_left_out(faces: FaceSet) -> None:
    assert set(faces.files) == {f"ann/{name}" for name in READ} | {"bob/linked.png", "cid/1.png"}
    for file, image in zip(faces.files, faces.images.astype(int), strict=True):
        wanted = READ.get(file.removeprefix("ann/"), (None, COLOUR))[1]
        if wanted is UPRIGHT:
            assert image[:6].min() > 200, file
            assert image[10:].max() < 55, file
        else:
            assert np.abs(image - wanted).max() <= 3, file


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_left_out_is_counted_and_named(faces: FaceSet, what: str) -> None:
    (note,) = (note for note in faces.notes if what in note)
    assert note.startswith(f"{len(LEFT_OUT[what])} of ")
    assert all(f"ann/{name}" in note for name in LEFT_OUT[what])


def test_nothing_else_is_said(faces: FaceSet) -> None:
    """Clutter of systems is no picture. These pictures of one colour are equal, and not square faces in common."""
    others = [note for note in faces.notes if not any(what in note for what in LEFT_OUT)]
    assert all("pixel by pixel" in note or "no layout in common" in note for note in others), others


@pytest.mark.skipif(sys.platform != "linux", reason="file names of other systems are text")
def test_a_name_that_is_no_text(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "mine/ann").mkdir(parents=True)
    plain().save(os.fsencode(tmp_path / "mine/ann") + b"/\xff.png", format="PNG")
    (tmp_path / "mine/bob").mkdir()
    plain().save(tmp_path / "mine/bob/1.png")
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\nbob,m\n")
    faces = Folder(root=str(tmp_path / "mine")).load(settings())
    assert len(faces) == 2
    assert faces.fingerprint


@pytest.mark.parametrize("orientation", [1, 6])
def test_pictures_of_telephones_are_read_where_pillow_heif_is(
    tmp_path: Path, settings: Settings, orientation: int
) -> None:
    heif = pytest.importorskip("pillow_heif")
    root = tmp_path / "mine"
    seen = np.zeros((64, 64, 3), np.uint8)
    seen[:32] = 255
    stored = Image.fromarray(seen).transpose(Image.Transpose.ROTATE_90) if orientation == 6 else Image.fromarray(seen)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (root / "ann").mkdir(parents=True)
    for name in ("IMG_1.HEIC", "2.heif"):
        heif.from_pillow(stored).save(root / "ann" / name, exif=exif.tobytes(), quality=95)
    (root / "attributes.csv").write_text("person,gender\nann,f\n")
    faces = Folder(root=str(root)).load(settings())
    assert faces.files == ("ann/2.heif", "ann/IMG_1.HEIC")
    assert faces.images[:, :6].min() > 200
    assert faces.images[:, 10:].max() < 55


def test_where_it_is_not_they_are_counted_and_the_extra_named(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "EXTENSIONS", (".png",))
    monkeypatch.setattr(listing, "NO_HEIF", not_installed("heif", "no_such_module"))
    (tmp_path / "mine/ann").mkdir(parents=True)
    plain().save(tmp_path / "mine/ann/1.png")
    (tmp_path / "mine/ann/2.HEIC").write_bytes(b"\0\0\0\x1cftypheic")
    (tmp_path / "mine/attributes.csv").write_text("person,gender\nann,f\n")
    assert Folder(root=str(tmp_path / "mine")).load(settings()).notes == (
        "1 of 2 pictures are HEIF (no_such_module is not installed: pip install 'aiakit[heif]') and are left out: "
        "ann/2.HEIC",
    )
