"""From photographs of a camera to embeddings: what ``aiakit encode`` costs beside its parts, measured apart.

    python -m benchmarks.speed.photographs PHOTOGRAPHS [--images 400] [--rounds 3] [--model resnet50]

PHOTOGRAPHS is a folder of small photographs of one face each, such as LFW's. Each is pasted, twice as large, on a
canvas of a megapixel, and written as JPEG. The parts are: reading and unpacking the file; dlib's detector at the size
that ``align=face`` gives it, with five landmarks; the network, without weights of any training, in onnxruntime. Each
part is done by a process a core. The command is run on a quarter of the photographs and on all, and the difference of
the two is what the others cost: starting is left out. Parts and command take turns; figures are medians of the rounds.
"Cores busy" is what the command's threads used, or stood ready to use while other work on the machine had the core.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image

from aiakit.contracts import batches
from aiakit.datasets.alignment import DETECTED, Alignment, faces_in
from aiakit.encoders.onnx import BATCH
from benchmarks.speed.cores import CORES, Cost, alone, command

SIZE = (1152, 868)  # of a photograph, in pixels
ENLARGED = 2
SIDE = 112  # of the pictures that the network takes
DIMENSIONS = 512
PARTS = ("decode", "detect", "infer")


def write_photographs(root: Path, sources: Sequence[Path]) -> list[Path]:
    """A photograph of a megapixel of each source, one a person, and the table of attributes."""
    rng = np.random.default_rng(0)
    paths = []
    for number, source in enumerate(sources):
        with Image.open(source) as small:
            face = small.convert("RGB").resize(
                (ENLARGED * small.width, ENLARGED * small.height), Image.Resampling.BICUBIC
            )
        canvas = face.resize(SIZE).rotate(180)  # as detailed as a photograph, with no upright face
        place = [int(rng.integers(0, max(1, side - own))) for side, own in zip(SIZE, face.size, strict=True)]
        canvas.paste(face, (place[0], place[1]))
        path = root / f"p{number:05d}" / "1.jpg"
        path.parent.mkdir(parents=True)
        canvas.save(path, quality=92)
        paths.append(path)
    rows = "".join(f"{path.parent.name},{'fm'[row % 2]}\n" for row, path in enumerate(paths))
    (root / "attributes.csv").write_text(f"person,gender\n{rows}")
    return paths


def write_model(path: Path, name: str) -> None:
    """A network of timm's with an embedding at its end, as an ONNX file."""
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=DIMENSIONS).eval()
    with redirect_stdout(io.StringIO()):
        torch.onnx.export(
            network, (torch.zeros(2, 3, SIDE, SIDE),), str(path), input_names=["pictures"],
            output_names=["embedding"], dynamic_axes={"pictures": {0: "n"}, "embedding": {0: "n"}}, dynamo=False,
        )  # fmt: skip


def unpack(path: Path) -> Image.Image:
    """The first part: a photograph as pixels."""
    with Image.open(path) as image:
        return image.convert("RGB")


def detect(pixels: np.ndarray) -> None:
    """The second part: the faces in it, at the size in which they are sought, and their landmarks."""
    for face in faces_in(pixels):
        face.points()


def seen(path: Path) -> np.ndarray:
    """What the detector is given of a photograph."""
    image = unpack(path)
    scale = DETECTED / Alignment.smallest / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def infer(model: Path, count: int) -> None:
    """The third part: embeddings of so many pictures."""
    session = _session(model)
    session.run(None, {"pictures": np.zeros((count, 3, SIDE, SIDE), np.float32)})


@cache
def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def encode(root: Path, model: Path, folder: Path) -> Cost:
    """The command, with an empty cache."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        arguments = [sys.executable, "-m", "aiakit", "encode", "--dataset", "folder", "--data-root", str(root)]
        arguments += ["--set", "folder.align=face", "--image-size", str(SIDE), "--encoder", f"onnx:{model}"]
        return command([*arguments, "-o", f"{empty}/made.npz"], {"AIAKIT_CACHE": empty}, Path(empty))


def rounds_of(few: Path, all_: Path, paths: Sequence[Path], model: Path, folder: Path) -> Iterator[dict[str, Cost]]:
    """Name → cost, of the parts and of the command, again and again."""
    pixels = [seen(path) for path in paths]
    counts = [rows.stop - rows.start for rows in batches(len(paths), BATCH // 2)]
    while True:
        first = encode(few, model, folder)
        yield {
            "decode": alone(unpack, paths),
            "detect": alone(detect, pixels),
            "infer": alone(partial(infer, model), counts),
            "few": first,
            "all": encode(all_, model, folder),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="resnet50")
    asked = parser.parse_args()
    sources = sorted(asked.photographs.rglob("*.jpg"))[: asked.images]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        model = folder / "model.onnx"
        write_model(model, asked.model)
        few = len(sources) // 4
        write_photographs(folder / "few", sources[:few])
        paths = write_photographs(folder / "all", sources)
        turns = rounds_of(folder / "few", folder / "all", paths, model, folder)
        report([next(turns) for _ in range(asked.rounds)], len(paths), few)


def report(rounds: Sequence[dict[str, Cost]], images: int, few: int) -> None:
    """The table: milliseconds a photograph, of all cores together and of the processor."""
    print(f"{images} photographs of {SIZE[0]}×{SIZE[1]}, {CORES} cores, medians of {len(rounds)} rounds\n")
    print("| | ms a photograph | processor ms a photograph |\n|---|---|---|")
    apart = {name: [each[name] for each in rounds] for name in PARTS}
    whole = [each["all"].more_than(each["few"]) for each in rounds]
    for name, costs in apart.items():
        _row(name, costs, images)
    sums = [
        Cost(*(sum(getattr(each[name], key) for name in PARTS) for key in ("seconds", "processor"))) for each in rounds
    ]
    _row("sum of the parts", sums, images)
    _row("aiakit encode", whole, images - few)
    for key, what in (("seconds", "time"), ("processor", "processor")):
        ratios = [
            getattr(cost, key) / (images - few) * images / getattr(parts, key)
            for cost, parts in zip(whole, sums, strict=True)
        ]
        print(f"\n{what}, whole / parts, of each round: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    peaks = [median(each[name].peak for each in rounds) for name in ("few", "all")]
    print(f"cores busy: {', '.join(f'{cost.wanted:.0%}' for cost in whole)} (used {median(c.busy for c in whole):.0%})")
    print(f"peak memory: {peaks[0]:.0f} MiB for {few} photographs, {peaks[1]:.0f} MiB for {images}")


def _row(name: str, costs: Sequence[Cost], count: int) -> None:
    passed, used = (1000 * median(getattr(cost, key) for cost in costs) / count for key in ("seconds", "processor"))
    print(f"| {name} | {passed:.1f} | {used:.1f} |")


if __name__ == "__main__":
    main()
