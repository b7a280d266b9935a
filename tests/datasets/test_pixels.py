"""Reading images and keeping their pixels."""

from __future__ import annotations

import errno
import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import LoadSettings
from aiakit.datasets import pixels
from aiakit.datasets.pixels import read_image
from aiakit.errors import InputError
from aiakit.storage import cache
from aiakit.storage.cache import Batch, cache_folder, cached_pixels


def batches(*values: int) -> Any:
    for value in values:
        yield Batch(np.full((2, 16, 16, 3), value, np.uint8), {})


def test_a_box_is_cropped_and_clipped_to_the_image(tmp_path: Path) -> None:
    drawn = np.zeros((40, 60, 3), np.uint8)
    drawn[:20, 40:] = 200
    Image.fromarray(drawn).save(tmp_path / "a.png")
    for box, grey in (((40, 0, 60, 20), 200), ((40, -50, 90, 20), 200), ((0, 20, 40, 40), 0)):
        inside = read_image(tmp_path / "a.png", 16, box)[3:-3, 3:-3]  # the filter looks a little beyond the box
        assert (inside == grey).all()


def test_without_a_box_the_central_square_is_taken(tmp_path: Path) -> None:
    drawn = np.zeros((20, 60, 3), np.uint8)
    drawn[:, 20:40] = 90
    Image.fromarray(drawn).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 16)[:, 3:-3] == 90).all()


def test_a_large_jpeg_is_read_alike_at_reduced_size(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 2000).astype(np.uint8)
    Image.fromarray(np.stack([np.tile(ramp, (2000, 1))] * 3, axis=2)).save(tmp_path / "a.jpg", quality=95)
    Image.open(tmp_path / "a.jpg").save(tmp_path / "a.png")
    jpeg, png = read_image(tmp_path / "a.jpg", 32), read_image(tmp_path / "a.png", 32)
    assert np.abs(jpeg.astype(int) - png).max() <= 3


@pytest.mark.parametrize(("mode", "value"), [("L", 77), ("LA", (77, 255)), ("RGBA", (77, 77, 77, 255)), ("P", 77)])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str, value: Any) -> None:
    image = Image.new(mode, (20, 20), value)
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in range(3)])
    image.save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 16) == 77).all()


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((20, 20), 77 * 256, np.uint16)).save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png", 16) == 77).all()


def test_a_photograph_lying_on_its_side_is_turned(tmp_path: Path) -> None:
    drawn = np.zeros((32, 32, 3), np.uint8)
    drawn[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # show it turned by a quarter clockwise: left becomes top
    Image.fromarray(drawn).save(tmp_path / "a.png", exif=exif)
    turned = read_image(tmp_path / "a.png", 16)
    assert turned[:6].min() > 200
    assert turned[10:].max() < 50


def broken(tmp_path: Path, kind: str) -> Any:
    path = tmp_path / "a.png"
    if kind == "text":
        path.write_text("no image")
    elif kind == "empty":
        path.touch()
    elif kind == "half":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:3000])
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize("kind", ["absent", "text", "empty", "half", "folder"])
def test_what_is_no_image_is_one_clear_line(tmp_path: Path, kind: str) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(InputError, match=r"a\.png") as error:
        read_image(path, 16)
    assert "\n" not in str(error.value)


def test_a_box_beside_the_image_is_refused(tmp_path: Path, picture: Any) -> None:
    with pytest.raises(InputError, match="face box"):
        read_image(picture(tmp_path / "a.png"), 16, (100, 100, 150, 150))


def test_a_decompression_bomb_is_refused_before_it_unpacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, picture: Any
) -> None:
    monkeypatch.setattr(pixels, "LARGEST", 1000)
    with pytest.raises(InputError, match="unpacks to 32×32 pixels"):
        read_image(picture(tmp_path / "a.png"), 16)


def test_pixels_are_made_once_and_mapped(tmp_path: Path) -> None:
    first = cached_pixels(tmp_path, "key", 16, batches(1, 2))
    second = cached_pixels(tmp_path, "key", 16, batches(9))
    assert np.array_equal(first.images, second.images)
    assert first.digest == second.digest
    assert isinstance(second.images, np.memmap)
    assert second.images[:, 0, 0, 0].tolist() == [1, 1, 2, 2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key"]


@pytest.mark.parametrize("damage", ["truncated", "record", "absent"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, damage: str) -> None:
    cached_pixels(tmp_path, "key", 16, batches(1))
    if damage == "truncated":
        os.truncate(tmp_path / "key" / "pixels.npy", 500)
    elif damage == "record":
        (tmp_path / "key" / "record.json").write_text("{")
    else:
        (tmp_path / "key" / "pixels.npy").unlink()
    assert cached_pixels(tmp_path, "key", 16, batches(3)).images.max() == 3


def test_an_interrupted_making_leaves_nothing(tmp_path: Path) -> Any:
    def interrupted() -> Any:
        yield from batches(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_pixels(tmp_path, "key", 16, interrupted())
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_both_end_well(tmp_path: Path) -> Any:
    barrier, results = threading.Barrier(2), []

    def slow() -> Any:
        yield from batches(4)
        barrier.wait(10)  # both have begun to write

    threads = [
        threading.Thread(target=lambda: results.append(cached_pixels(tmp_path, "key", 16, slow()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert [result.images.tolist() for result in results] == [np.full((2, 16, 16, 3), 4).tolist()] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key"]


@pytest.mark.parametrize("damaged", [False, True])
def test_a_sound_cache_is_never_out_of_place(tmp_path: Path, damaged: bool) -> Any:
    """However late a process that began without one, or with a damaged one, comes to publish its own."""
    if damaged:
        (tmp_path / "key").mkdir()

    def late() -> Any:
        yield from batches(2)
        cached_pixels(tmp_path, "key", 16, batches(2))  # the other one, from its beginning to its end
        published.append((tmp_path / "key").stat().st_ino)

    published = []
    found = cached_pixels(tmp_path, "key", 16, late())
    assert (tmp_path / "key").stat().st_ino == published[0]
    assert found.images.tolist() == np.full((2, 16, 16, 3), 2).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key"]


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / ".other-0123456789ab"
    left.mkdir()
    fresh = tmp_path / ".third-0123456789ab"
    fresh.mkdir()
    os.utime(left, (0, 0))
    cached_pixels(tmp_path, "key", 16, batches(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".third-0123456789ab", "key"]


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_flush", full)
    with pytest.raises(InputError, match=r"No space left on device.*AIAKIT_CACHE"):
        cached_pixels(tmp_path, "key", 16, batches(1))
    assert list(tmp_path.iterdir()) == []


def test_a_cache_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot keep pixels"):
        cached_pixels(tmp_path / "file" / "cache", "key", 16, batches(1))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIAKIT_CACHE", "/somewhere")
    assert str(cache_folder()) == "/somewhere"
    monkeypatch.delenv("AIAKIT_CACHE")
    assert "aiakit" in cache_folder().parts


@pytest.mark.skipif(sys.platform != "linux", reason="the rule of Linux")
@pytest.mark.parametrize(("chosen", "place"), [("/there", "/there/aiakit"), ("", "/home/me/.cache/aiakit")])
def test_where_linux_keeps_caches(chosen: str, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIAKIT_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", chosen)
    assert str(cache_folder()) == place


@pytest.mark.parametrize("bad", [{"image_size": 50}, {"image_size": 8}, {"image_size": 1024}, {"jobs": 0}])
def test_settings_that_cannot_be_used(bad: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        LoadSettings(**{"image_size": 64, "cache": tmp_path, **bad})
