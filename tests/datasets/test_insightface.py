"""insightface's records and verification sets, written by the test byte by byte, whole and damaged."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from aiakit.contracts import MISSING
from aiakit.datasets.insightface import InsightFace
from aiakit.datasets.insightface_bin import JOINED, InsightFaceBin
from aiakit.errors import InputError
from aiakit.storage.records import MAGIC, Records

LABELS = (7, 7, 12, 12, 12, 3)  # of six pictures


def picture(grey: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((112, 112, 3), grey, np.uint8)).save(file, kind)
    return file.getvalue()


def packed(labels: float | Sequence[float], data: bytes = b"") -> bytes:
    """A payload as insightface packs it: IfQQ, further labels, an encoded picture."""
    if isinstance(labels, float | int):
        return struct.pack("<IfQQ", 0, labels, 0, 0) + data
    return struct.pack("<IfQQ", len(labels), 0.0, 0, 0) + struct.pack(f"<{len(labels)}f", *labels) + data


def record(payload: bytes) -> bytes:
    """A record of MXNet; where the magic stands at a multiple of four bytes, the record is cut there."""
    cuts = [at for at in range(0, len(payload) - 3, 4) if payload[at : at + 4] == MAGIC]
    starts, ends = [0, *(cut + 4 for cut in cuts)], [*cuts, len(payload)]
    written = b""
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        part = 0 if not cuts else 1 if number == 0 else 3 if number == len(cuts) else 2
        written += MAGIC + struct.pack("<I", part << 29 | (end - start)) + payload[start:end]
        written += b"\0" * (-(end - start) % 4)
    return written


def write(root: Path, payloads: dict[int, bytes]) -> None:
    places, content = [], b""
    for key, payload in payloads.items():
        places.append(f"{key}\t{len(content)}")
        content += record(payload)
    (root / "train.idx").write_text("\n".join([*places, ""]))
    (root / "train.rec").write_bytes(content)


def payloads() -> dict[int, bytes]:
    """Record 0 says where pictures end; after them, records about people, as published."""
    pictures = {key: packed(label, picture(40 * key)) for key, label in enumerate(LABELS, start=1)}
    about_people = {7: packed([6.0, 7.0]), 8: packed([1.0, 3.0]), 9: packed([3.0, 6.0])}
    return {0: packed([7.0, 10.0]), **pictures, **about_people}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, payloads())
    (tmp_path / "property").write_text("3,112,112")
    (tmp_path / "attributes.csv").write_text("label,gender\n7,m\n12,f\n3,\n99,m\n")
    return tmp_path


def load(root: Path, settings: Any, **options: Any) -> Any:
    return InsightFace(root=str(root), **options).load(settings())


def test_pictures_people_and_attributes(root: Path, settings: Any) -> None:
    faces = load(root, settings)
    assert faces.files == ("1", "2", "3", "4", "5", "6")
    assert [faces.people[code] for code in faces.identity] == [str(label) for label in LABELS]
    assert faces.attributes["gender"].classes == ("f", "m")
    assert faces.attributes["gender"].values.tolist() == [1, 1, 0, 0, 0, MISSING]
    assert [int(image[3, 3, 0]) for image in faces.images] == [40, 80, 120, 160, 200, 240]
    assert faces.default_attribute == "gender"


def test_without_a_first_record_and_with_lists_of_labels(root: Path, settings: Any) -> None:
    write(root, {key: packed([float(label), 0.5], picture(40 * key, "JPEG")) for key, label in enumerate(LABELS)})
    faces = load(root, settings)
    assert faces.files == ("0", "1", "2", "3", "4", "5")
    assert [faces.people[code] for code in faces.identity] == [str(label) for label in LABELS]


def test_a_record_that_was_cut_at_the_magic_is_put_together(root: Path) -> None:
    data = b"abcd" + MAGIC + b"efgh" + MAGIC + MAGIC + b"ij"
    content = {0: packed([5.0, 6.0]), 1: packed(3, data), 2: struct.pack("<IfQQ", 0, 4.0, 0xCED7230A, 0) + data}
    write(root, content)
    records = Records(root / "train.idx")
    assert (root / "train.rec").read_bytes().count(MAGIC) > len(content)
    for key in (1, 2):
        assert records.read(key).data == data
    assert [records.label(key) for key in (0, 1, 2)] == [5.0, 3.0, 4.0]


def test_as_many_images_a_person_as_wanted(root: Path, settings: Any) -> None:
    assert load(root, settings, images_per_person=2).files == ("1", "2", "3", "4", "6")
    assert load(root, settings, images_per_person=1).files == ("1", "3", "6")


def test_other_pictures_in_the_same_places_are_read_again(root: Path, settings: Any) -> None:
    before = load(root, settings).fingerprint
    again = load(root, settings)
    assert again.fingerprint == before
    write(root, {**payloads(), 4: packed(12, picture(7))})
    after = load(root, settings)
    assert after.fingerprint != before
    assert int(after.images[3][3, 3, 0]) == 7


def test_a_damaged_picture_is_counted(root: Path, settings: Any) -> None:
    write(root, {**payloads(), 4: packed(12, picture(7)[:60])})
    faces = load(root, settings)
    assert "1 of 6 images cannot be read: 4" in faces.notes
    assert len(faces) == 5


def rewrite(**changed: bytes) -> Any:
    return lambda root: write(root, {**payloads(), **{int(key[1:]): value for key, value in changed.items()}})


def shorten(root: Path) -> None:
    content = (root / "train.rec").read_bytes()
    (root / "train.rec").write_bytes(content[: len(content) // 2])


def index(text: str) -> Any:
    return lambda root: (root / "train.idx").write_text(text)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda root: (root / "train.idx").unlink(), "there is no train.idx"),
        (lambda root: (root / "train.rec").unlink(), "there is no .*train.rec beside train.idx: copy both"),
        (lambda root: (root / "train.rec").write_bytes(b""), "train.rec ends before its record 0 does"),
        (lambda root: (root / "attributes.csv").unlink(), "give a CSV with the columns label and attributes"),
        (lambda root: (root / "attributes.csv").write_text("who,gender\n7,m\n"), "has no column label or identity"),
        (shorten, r"train.rec ends before its record \d does: get a whole copy"),
        (index("0\t0\n1\tfour\n"), "train.idx:2 must be a key and an offset"),
        (index(""), "train.idx is empty"),
        (index("0\t0\n1\t40\n"), "its index lacks 2"),
        (index("0\t4\n"), "has no record 0 at byte 4: its index is of another file"),
        (rewrite(k1=b"\x0a\x07protobuf"), "record 1 of .* holds no labelled picture"),
        (rewrite(k1=packed(7, b"\x0a\x10 of another program")), "record 1 of .* holds no labelled picture"),
        (rewrite(k2=packed(7.5, picture(1))), "record 2 of .* has the label 7.5: a whole number says who"),
        (rewrite(k2=packed(float("nan"), picture(1))), "record 2 of .* has the label nan"),
        (rewrite(k0=packed([-1.0, 4.0])), "record 0 of .* must say where its pictures end, not -1"),
        (rewrite(k0=struct.pack("<IfQQ", 1 << 30, 0, 0, 0)), "record 0 of .* holds no labelled picture"),
    ],
)
def test_bad_records_are_one_clear_line(root: Path, settings: Any, tmp_path: Path, damage: Any, words: str) -> None:
    damage(root)
    with pytest.raises(InputError, match=words) as error:
        load(root, settings)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


# Pictures 0 and 1 show one person, 2 and 3 two; 4 is 0 again and shows the person of 5; 6 and 7 are two.
PAIRS = ([picture(grey) for grey in (10, 30, 50, 70, 10, 90, 110, 130)], [True, False, True, False])


def python2(pictures: Sequence[bytes], same: Sequence[bool]) -> bytes:
    """As Python 2 wrote them, protocol 2: strings are bytes, and everything is put into the memo."""
    strings = b"".join(b"T" + struct.pack("<I", len(each)) + each + b"q\x02" for each in pictures)
    truths = b"".join(b"\x88" if each else b"\x89" for each in same)
    return b"\x80\x02]q\x01(" + strings + b"e]q\x03(" + truths + b"e\x86q\x04."


@pytest.fixture
def bin_file(tmp_path: Path) -> Path:
    (tmp_path / "lfw.bin").write_bytes(pickle.dumps(PAIRS, protocol=4))
    rows = [f"{number},{'fm'[number // 2 % 2]}" for number in range(8)]
    (tmp_path / "attributes.csv").write_text("\n".join(["image,gender", *rows]))
    return tmp_path / "lfw.bin"


@pytest.mark.parametrize("write_as", [2, 3, 4, 5, "python2", "lists"])
def test_the_pairs_of_a_verification_set(bin_file: Path, settings: Any, write_as: Any) -> None:
    if write_as == "python2":
        bin_file.write_bytes(python2(*PAIRS))
    elif write_as == "lists":
        bin_file.write_bytes(pickle.dumps(list(PAIRS), protocol=4))
    elif write_as > 2:  # bytes are no part of protocol 2, and Python 3 would write a call
        bin_file.write_bytes(pickle.dumps(PAIRS, protocol=write_as))
    faces = InsightFaceBin(root=str(bin_file)).load(settings())
    assert faces.files == tuple(str(number) for number in range(8))
    assert faces.pairs is not None
    assert faces.pairs.left.tolist() == [0, 2, 4, 6]
    assert faces.pairs.right.tolist() == [1, 3, 5, 7]
    assert faces.pairs.same.tolist() == [True, False, True, False]
    assert faces.pairs.fold.tolist() == [0, 2, 5, 7]
    one = faces.identity.tolist()
    assert one[0] == one[1] == one[4] == one[5]
    assert len({one[0], one[2], one[3], one[6], one[7]}) == 5
    assert faces.attributes["gender"].values.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert [int(image[3, 3, 0]) for image in faces.images] == [10, 30, 50, 70, 10, 90, 110, 130]
    assert JOINED in faces.notes


class Evil:
    """What a pickle may do where it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def dumped(content: Any, protocol: int = 4) -> Any:
    return lambda path: path.write_bytes(pickle.dumps(content, protocol=protocol))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            lambda path: path.write_bytes(pickle.dumps(([Evil(path.with_name("ran"))], [True]))),
            "which could run a program",
        ),
        (dumped(PAIRS, 2), "lfw.bin is a pickle with GLOBAL at byte"),
        (dumped(([np.zeros(3, np.uint8)], [True])), "which could run a program"),
        (dumped((PAIRS[0], [np.True_] * 4)), "which could run a program"),
        (dumped((PAIRS[0], PAIRS[1][:3])), "holds 8 pictures for 3 pairs: two each are expected"),
        (dumped(([], [])), "holds 0 pictures for 0 pairs"),
        (dumped((PAIRS[1], PAIRS[0])), "is a pickle of something else"),
        (dumped(PAIRS[0]), "is a pickle of something else"),
        (lambda path: path.write_bytes(path.read_bytes()[:-200]), "is no whole pickle of pictures and pairs"),
        (lambda path: path.write_bytes(b""), "is no whole pickle"),
        (lambda path: path.write_bytes(b"\x80\x04\x86."), "is no whole pickle"),
        (lambda path: path.write_bytes(b"\x80\x04]h\x07a."), "is no whole pickle"),
        (lambda path: path.write_bytes(b"no pickle"), "is "),
        (lambda path: path.unlink(), "there is no file"),
        (lambda path: (path.parent / "attributes.csv").unlink(), "give a CSV with the columns image and attributes"),
    ],
)
def test_bad_sets_are_one_clear_line_and_run_nothing(bin_file: Path, settings: Any, damage: Any, words: str) -> None:
    damage(bin_file)
    with pytest.raises(InputError, match=words) as error:
        InsightFaceBin(root=str(bin_file)).load(settings())
    assert "\n" not in str(error.value)
    assert not bin_file.with_name("ran").exists()


def test_impostors_of_one_person_are_said(bin_file: Path, settings: Any) -> None:
    pictures = [*PAIRS[0][:6], PAIRS[0][1], PAIRS[0][5]]
    bin_file.write_bytes(pickle.dumps((pictures, PAIRS[1]), protocol=4))
    faces = InsightFaceBin(root=str(bin_file)).load(settings())
    assert "1 of 4 pairs are impostors of one person, by other pairs: 3" in faces.notes
