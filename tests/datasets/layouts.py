"""Makers of small folders in the layouts that the real data sets have."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

Picture = Callable[..., Path]  # the fixture ``picture``, or ``write_picture``
LINE = "{id:08d} http://example.org/a b/{id}.jpg {box} 3.00 2.31 {curation}"


def write_picture(path: Path, size: tuple[int, int] = (32, 32), grey: int | None = None) -> Path:
    """Write an image of one grey, or of noise, and return where it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32("/".join(path.parts[-2:]).encode()))  # another picture in every place
    shape = (size[1], size[0], 3)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8) if grey is None else np.full(shape, grey, np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def celeba_images(folder: Path, picture: Picture, files: Sequence[str]) -> None:
    for file in files:
        picture(folder / file, (178, 218))


def celeba_texts(
    root: Path,
    files: Sequence[str],
    attributes: dict[str, Sequence[int]],
    person: Sequence[int],
    side: Sequence[int],
    end: str = "\n",
) -> None:
    """The three text files as published. attributes : name → 1 or -1 an image; side : 0 train, 1 val, 2 test."""
    columns = zip(*attributes.values(), strict=True)
    rows = [f"{file}  {' '.join(f'{of:2d}' for of in values)} " for file, values in zip(files, columns, strict=True)]
    head = [str(len(files)), "".join(f"{name} " for name in attributes)]
    (root / "list_attr_celeba.txt").write_bytes(end.join([*head, *rows, ""]).encode())
    for name, values in (("identity_CelebA", person), ("list_eval_partition", side)):
        rows = [f"{file} {value}" for file, value in zip(files, values, strict=True)]
        (root / f"{name}.txt").write_bytes(end.join([*rows, ""]).encode())


def vggface1_person(
    root: Path, person: str, boxes: Sequence[str], picture: Picture, missing: Sequence[int] = (), end: str = "\r\n"
) -> None:
    """A person's text file and pictures, one a box (left top right bottom), numbered from 1; every other is curated."""
    lines = []
    for number, box in enumerate(boxes, start=1):
        lines.append(LINE.format(id=number, box=box, curation=number % 2))
        if number not in missing:
            picture(root / "images" / person / f"{number:08d}.jpg", (100, 100))
    (root / "files").mkdir(parents=True, exist_ok=True)
    (root / "files" / f"{person}.txt").write_bytes(end.join([*lines, ""]).encode())


def vggface2(root: Path, people: dict[str, tuple[str, str]], each: int, picture: Picture, boxes: bool = True) -> None:
    """VGGFace2 with its meta data as published. people : nXXXXXX → part and gender; every second name has a comma."""
    meta = ["Class_ID, Name, Sample_Num, Flag, Gender"]
    tables: dict[str, list[str]] = {"train": ["NAME_ID,X,Y,W,H"], "test": ["NAME_ID,X,Y,W,H"]}
    for number, (person, (part, gender)) in enumerate(people.items()):
        flag = int(part == "train")
        if number % 2:  # a comma in the name, and none at the end
            meta.append(f'{person}, "Doe_{number},_Jr.",{each},{flag}, {gender}')
        else:
            meta.append(f'{person}, "Ann_{number}",{each},{flag}, {gender},')
        for image in range(1, each + 1):
            picture(root / part / person / f"{image:04d}_01.jpg", (100, 100))
            tables[part].append(f'"{person}/{image:04d}_01",10,10,80,80')
    (root / "identity_meta.csv").write_text("\n".join([*meta, ""]))
    if boxes:
        (root / "bb_landmark").mkdir()
        for part, lines in tables.items():
            (root / "bb_landmark" / f"loose_bb_{part}.csv").write_text("\n".join([*lines, ""]))
