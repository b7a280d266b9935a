"""Reading small JPEGs in VGGFace2's layout, beside Pillow's bare decoding of the same files on every core.

    python -m benchmarks.speed.reading PHOTOGRAPHS [--images 10000] [--rounds 5] [--image-size 64]

PHOTOGRAPHS is a folder of small photographs, such as LFW's. They are written anew as VGGFace2's are: 12 KB a picture,
120 to 300 pixels high, folders of 350, boxes and genders in their tables. The reader is the data set ``vggface2``, in
one process with a thread a core and an empty cache; bare decoding is Pillow in a process a core. They take turns, and
the ratio is the median of the rounds'.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from aiakit.contracts import LoadSettings, batches
from aiakit.datasets.vggface2 import VGGFace2
from benchmarks.speed.cores import CORES, alone

PER_PERSON = 350
HEIGHTS = (120, 300)
PART = 64  # pictures that a process of the bare decoding takes at once


def write_vggface2(root: Path, sources: Sequence[Path], images: int) -> list[Path]:
    """So many pictures of VGGFace2's size in its layout, made of the sources again and again."""
    rng = np.random.default_rng(0)
    meta, boxes, paths = ["Class_ID, Name, Sample_Num, Flag, Gender"], ["NAME_ID,X,Y,W,H"], list[Path]()
    for number in range(images):
        person = f"n{number // PER_PERSON:06d}"
        path = root / "train" / person / f"{number % PER_PERSON:04d}_01.jpg"
        if number % PER_PERSON == 0:
            path.parent.mkdir(parents=True)
            meta.append(f'{person}, "Ann_{person}",{PER_PERSON},1, {"fm"[number // PER_PERSON % 2]},')
        height = int(rng.integers(*HEIGHTS))
        with Image.open(sources[number % len(sources)]) as photograph:
            width = round(0.8 * height)
            photograph.resize((width, height), box=(50, 25, 210, 225)).save(path, quality=92)
        boxes.append(f'"{person}/{path.stem}",{width // 6},{height // 6},{2 * width // 3},{2 * height // 3}')
        paths.append(path)
    (root / "identity_meta.csv").write_text("\n".join([*meta, ""]))
    (root / "bb_landmark").mkdir()
    (root / "bb_landmark" / "loose_bb_train.csv").write_text("\n".join([*boxes, ""]))
    return paths


def decode(paths: Sequence[Path]) -> None:
    """Bare decoding."""
    for path in paths:
        with Image.open(path) as image:
            image.load()


def read(image_size: int, root: Path) -> None:
    """The data set, with an empty cache."""
    with tempfile.TemporaryDirectory(dir=root) as empty:
        VGGFace2(root=str(root)).load(LoadSettings(image_size, Path(empty), CORES))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image-size", type=int, default=64)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root, few = Path(place) / "all", Path(place) / "few"
        sources = sorted(asked.photographs.rglob("*.jpg"))[:2000]
        paths = write_vggface2(root, sources, asked.images)
        write_vggface2(few, sources, PART)  # what the first reading, which is not counted, reads
        parts = [paths[rows] for rows in batches(len(paths), PART)]
        size = sum(path.stat().st_size for path in paths) / len(paths)
        print(f"{len(paths)} JPEGs of {size / 1000:.1f} KB, {CORES} cores\n")
        print("| | µs a picture | processor µs a picture |\n|---|---|---|")
        rounds = []
        for _ in range(asked.rounds):
            bare = alone(decode, parts)
            ours = alone(partial(read, asked.image_size), [few, root], processes=1)
            rounds.append((bare, ours))
        for name, costs in zip(("Pillow, bare", "vggface2"), zip(*rounds, strict=True), strict=True):
            passed, used = (
                1e6 * median(getattr(cost, key) for cost in costs) / len(paths) for key in ("seconds", "processor")
            )
            print(f"| {name} | {passed:.0f} | {used:.0f} |")
        for key, what in (("seconds", "time"), ("processor", "processor")):
            ratios = [getattr(ours, key) / getattr(bare, key) for bare, ours in rounds]
            shown = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"\n{what}, reader / bare: {median(ratios):.2f} ({shown})")


if __name__ == "__main__":
    main()
