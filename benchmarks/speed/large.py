"""Time and memory of every stage on a set the size of CelebA, laid out on the disk as CelebA is.

    python -m benchmarks.speed.large [--images 10000 50000 200000] [--pairs 1000000] [--folder DIR]

Each size writes drawn faces (20 a person, so 200,000 images show 10,000 people) as 178×218 JPEGs with the published
text files, then makes one run as a process of its own: `aiakit run --dataset celeba --defense aia --attacks fast`, one
epoch. Seconds are the processor's, so that other work on the machine does not count; with --threads 1 they are what
an idle machine takes, waiting for the disk aside. "beyond the map" is the peak of the process's anonymous memory
(RssAnon of Linux): what is not pages of files, which the system may drop. Images are kept under --folder, so that a
second start draws nothing again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from aiakit.contracts import FaceSet, LoadSettings, batches
from aiakit.datasets.celeba import FACE
from aiakit.datasets.synthetic import Synthetic
from aiakit.experiment.run import RUN, Run
from aiakit.storage.store import CELLS

PER_PERSON = 20
SIZE = (178, 218)
SHARES = (0.8, 0.1, 0.1)  # of people: train, val, test, as CelebA's own partition has them
ATTRIBUTES = 40
STAGES = ("write", "prepare", "split", "fit", "release", "attacks", "verify", "evaluate")


def write_celeba(root: Path, images: int, threads: int) -> None:
    """Drawn faces in the files and the order of CelebA: people come mixed."""
    if (root / "written").exists():
        return
    folder = root / "img_align_celeba"
    folder.mkdir(parents=True, exist_ok=True)
    faces = Synthetic(people=images // PER_PERSON, images_per_person=PER_PERSON).load(
        LoadSettings(64, root / "drawn", threads)
    )
    order = np.random.default_rng(0).permutation(len(faces))
    names = [f"{number:06d}.jpg" for number in range(1, len(order) + 1)]

    def save(part: slice) -> None:
        for name, row in zip(names[part], order[part], strict=True):
            canvas = Image.new("RGB", SIZE, (96, 96, 96))
            side = (int(FACE[2] - FACE[0]), int(FACE[3] - FACE[1]))
            canvas.paste(Image.fromarray(faces.images[row]).resize(side), (int(FACE[0]), int(FACE[1])))
            canvas.save(folder / name, quality=90)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(save, batches(len(order), 1000)))
    _write_tables(root, faces, order, names)
    (root / "written").touch()


def _write_tables(root: Path, faces: FaceSet, order: np.ndarray, names: Sequence[str]) -> None:
    known = {"Male": faces.attributes["gender"].values} | {
        name.capitalize(): attribute.values for name, attribute in faces.attributes.items() if name != "gender"
    }
    rng = np.random.default_rng(1)
    for number in range(len(known), ATTRIBUTES):
        known[f"Other_{number}"] = rng.integers(0, 2, len(faces))
    values = np.where(np.stack(list(known.values()), axis=1)[order] > 0, " 1", "-1")
    person = faces.identity[order]
    side = np.searchsorted(np.cumsum(SHARES)[:-1] * len(faces.people), person, "right")
    lines = [f"{name} {' '.join(row)}" for name, row in zip(names, values, strict=True)]
    (root / "list_attr_celeba.txt").write_text("\n".join([str(len(names)), " ".join(known), *lines, ""]))
    for table, column in (("identity_CelebA", person + 1), ("list_eval_partition", side)):
        lines = [f"{name} {value}" for name, value in zip(names, column.tolist(), strict=True)]
        (root / f"{table}.txt").write_text("\n".join([*lines, ""]))


def measure(root: Path, pairs: int, threads: int, settings: Sequence[str], out: Path) -> tuple[dict[str, float], float]:
    """Processor seconds of each stage of one run, and the peak of anonymous memory in MiB."""
    command = [sys.executable, "-m", "aiakit", "run"]
    command += ["--dataset", "celeba", "--data-root", str(root), "--defense", "aia", "--no-reference"]
    command += ["--attacks", "fast", "--set", "aia.epochs=1", "--pairs", str(pairs), "--out", str(out), "--name", "run"]
    command += ["--jobs", "1", "--threads", str(threads), *(word for each in settings for word in ("--set", each))]
    folder, environment = out / "run", {**os.environ, "AIAKIT_CACHE": str(out / "cache")}
    log = out / "log"
    with log.open("wb") as err:
        planned, peak, used = 0.0, 0.0, 0.0
        ended: dict[str, float] = {}  # cells, in the order in which they are finished, one after another
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=err)
        while process.poll() is None:
            used, peak = max(used, _processor(process.pid)), max(peak, _anonymous(process.pid))
            if (folder / RUN).exists():
                planned = planned or used
                for cell in sorted(_cells(folder) - ended.keys()):
                    ended[cell] = used
            time.sleep(0.02)
    if process.returncode:
        sys.exit(f"the run on {root} failed: {log.read_text().splitlines()[-1:]}")
    seconds = _stages(Run.open(folder), planned, ended)
    seconds["prepare"] = planned
    seconds["evaluate"] += used - max(ended.values())
    return seconds, peak


def _cells(folder: Path) -> set[str]:
    with contextlib.suppress(FileNotFoundError):
        return {name for name in os.listdir(folder / CELLS) if not name.startswith(".")}
    return set()


def _processor(pid: int) -> float:
    """Seconds that the process has computed, in all its threads."""
    with contextlib.suppress(OSError, IndexError):  # it has just ended
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _anonymous(pid: int) -> float:
    """MiB of memory that is no page of a file."""
    with contextlib.suppress(OSError):  # it has just ended
        for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _stages(run: Run, began: float, ended: dict[str, float]) -> dict[str, float]:
    seconds: dict[str, float] = defaultdict(float)
    names = {"protocol": "split", "labels": "split", "attack": "attacks", "utility": "verify", "piece": "fit"}
    for digest, until in ended.items():
        cell, took, began = run.store.read(digest), until - began, until
        if cell.inputs["kind"] == "release":
            share = cell.result["release_seconds"] / max(cell.seconds, 1e-9)
            seconds["release"] += took * share
            seconds["fit"] += took * (1 - share)
        else:
            seconds[names.get(cell.inputs["kind"], "evaluate")] += took
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 50_000, 200_000])
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--set", action="append", default=[], metavar="PLUGIN.PARAM=VALUE", help="as of aiakit run")
    parser.add_argument("--folder", type=Path, help="where the images are kept; a temporary folder by default")
    options = parser.parse_args()
    print(f"| images | {' | '.join(f'{stage}, s' for stage in STAGES)} | in all, ms an image | beyond the map, MiB |")
    print(f"|{'---|' * (len(STAGES) + 3)}")
    with tempfile.TemporaryDirectory() as temporary:
        for images in options.images:
            root = (options.folder or Path(temporary)) / f"celeba-{images}"
            began = time.process_time()
            write_celeba(root, images, options.threads)
            written = time.process_time() - began
            with tempfile.TemporaryDirectory(dir=root) as out:
                seconds, peak = measure(root, options.pairs, options.threads, options.set, Path(out))
            each = sum(seconds.values()) / images * 1e3
            cells = " | ".join(f"{value:.1f}" for value in [written, *(seconds[stage] for stage in STAGES[1:])])
            print(f"| {images:,} | {cells} | {each:.1f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
