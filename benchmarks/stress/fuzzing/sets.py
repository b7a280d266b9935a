"""Data sets that lie in tables of their own, in records or in pickles: small sound copies, and how they are read."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from aiakit.contracts import Dataset
from aiakit.datasets.adience import Adience
from aiakit.datasets.bfw import BFW
from aiakit.datasets.fairface import FairFace
from aiakit.datasets.insightface import InsightFace
from aiakit.datasets.insightface_bin import InsightFaceBin
from aiakit.datasets.lfw import LFW
from aiakit.datasets.rfw import RFW
from aiakit.datasets.vggface2 import VGGFace2
from benchmarks.stress.fuzzing import mutations
from benchmarks.stress.fuzzing.mutations import Mutation

World = tuple[Callable[[Path], None], dict[str, Mutation], Callable[[Path], Dataset]]
TABLES: dict[str, Mutation] = {"*.txt": mutations.text, "*.csv": mutations.text, "*.idx": mutations.text}


def encoded(seed: int, side: int = 16) -> bytes:
    """A small picture of noise as PNG."""
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _write(path: Path, seed: int, side: int = 16) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(seed, side))


def _vggface2(root: Path) -> None:
    meta, boxes, maad = (
        ["Class_ID, Name, Sample_Num, Flag, Gender"],
        ["NAME_ID,X,Y,W,H"],
        ["Filename,Identity,Male,Young"],
    )
    for number in range(1, 4):
        meta.append(f'n{number:06d}, "A_{number},_Jr.",1,1, {"mf"[number % 2]}')
        boxes.append(f'"n{number:06d}/0001_01",1,1,12,12')
        maad.append(f"n{number:06d}/0001_01.jpg,{number},{number % 2},{number - 2}")
        _write(root / "train" / f"n{number:06d}" / "0001_01.jpg", number)
    (root / "bb_landmark").mkdir()
    for name, lines in (("identity_meta", meta), ("bb_landmark/loose_bb_train", boxes), ("MAAD-Face", maad)):
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n")


def _fairface(root: Path) -> None:
    for side in ("train", "val"):
        for number in (1, 2):
            _write(root / side / f"{number}.jpg", number)
        rows = [f"{side}/{number}.jpg,3-9,{('Male', 'Female')[number - 1]},White,True" for number in (1, 2)]
        (root / f"fairface_label_{side}.csv").write_text("\n".join(["file,age,gender,race,service_test", *rows]))


def _adience(root: Path) -> None:
    for fold in range(5):
        row = f"7@N0\tp{fold}.jpg\t{fold // 2 + 1}\t({fold}, {fold + 2})\t{'fm'[fold % 2]}"
        (root / f"fold_{fold}_data.txt").write_text(f"user_id\toriginal_image\tface_id\tage\tgender\n{row}\n")
        _write(root / "faces" / "7@N0" / f"coarse_tilt_aligned_face.{fold // 2 + 1}.p{fold}.jpg", fold)


def _rfw(root: Path) -> None:
    for seed, group in enumerate(("African", "Asian")):
        for person in ("a", "b"):
            for number in (1, 2):
                _write(
                    root / "data" / group / f"m.{person}{seed}" / f"m.{person}{seed}_{number:04d}.jpg", seed + number
                )
        pairs = root / "txts" / group / f"{group}_pairs.txt"
        pairs.parent.mkdir(parents=True)
        pairs.write_text(f"m.a{seed}\t1\t2\nm.a{seed}\t1\tm.b{seed}\t2\n")


def _records(root: Path) -> None:
    payloads = [struct.pack("<IfQQ2f", 2, 0, 0, 0, 5, 7)]
    payloads += [struct.pack("<IfQQ", 0, seed // 2, 0, 0) + encoded(seed) for seed in range(4)]
    index, content = "", b""
    for key, payload in enumerate(payloads):
        index += f"{key}\t{len(content)}\n"
        content += struct.pack("<II", 0xCED7230A, len(payload)) + payload + b"\0" * (-len(payload) % 4)
    (root / "train.idx").write_text(index)
    (root / "train.rec").write_bytes(content)
    (root / "attributes.csv").write_text("label,gender\n0,m\n1,f\n")


def _pairs(root: Path) -> None:
    pictures = b"".join(b"B" + struct.pack("<I", len(encoded(seed))) + encoded(seed) + b"\x94" for seed in range(4))
    written = b"\x80\x04]\x94(" + pictures + b"e]\x94(\x88\x89e\x86\x94."
    (root / "lfw.bin").write_bytes(written)
    (root / "attributes.csv").write_text("image,gender\n0,m\n1,m\n2,f\n3,m\n")


def _bfw(root: Path) -> None:
    lines = ["left,right,same,fold"]
    for seed, group in enumerate(("asian_females", "white_males")):
        for number in (1, 2):
            _write(root / group / f"n00000{seed}" / f"000{number}_01.jpg", 2 * seed + number)
        own = f"{group}/n00000{seed}/000"
        lines += [f"{own}1_01.jpg,{own}2_01.jpg,1,{fold}" for fold in range(10)]
        lines += [f"{own}1_01.jpg,{('asian_females', 'white_males')[1 - seed]}/n00000{1 - seed}/0001_01.jpg,0,{fold}"
                  for fold in range(10)]  # fmt: skip
    (root / "pairs.csv").write_text("\n".join(lines) + "\n")


def _lfw_attributes(root: Path) -> None:
    lines = ["# 3 images of attributes", "#\tperson\timagenum\tMale\tSmiling"]
    for seed, (first, last) in enumerate((("Ann", "Lee"), ("Bob", "Ray"), ("Cid", "May"))):
        name = f"{first}_{last}"
        for number in (1, 2):
            _write(root / "lfw" / name / f"{name}_{number:04d}.jpg", seed, 80)
            lines.append(f"{first} {last}\t{number}\t{seed - 1.5}\t{number - 1.25}")
    (root / "lfw_attributes.txt").write_text("\n".join(lines) + "\n")


def sets() -> dict[str, World]:
    """Name → how a folder of sound files is made, how its files are changed, and the data set of the folder."""
    return {
        "vggface2": (_vggface2, TABLES, lambda at: VGGFace2(str(at))),
        "fairface": (_fairface, TABLES, lambda at: FairFace(str(at))),
        "adience": (_adience, TABLES, lambda at: Adience(str(at))),
        "rfw": (_rfw, TABLES, lambda at: RFW(str(at))),
        "bfw": (_bfw, TABLES, lambda at: BFW(str(at), str(at / "pairs.csv"))),
        "lfw attributes": (_lfw_attributes, TABLES, lambda at: LFW(str(at))),
        "insightface": (_records, {**TABLES, "*.rec": mutations.damaged}, lambda at: InsightFace(str(at))),
        "insightface-bin": (
            _pairs, {**TABLES, "*.bin": mutations.damaged}, lambda at: InsightFaceBin(str(at / "lfw.bin")),
        ),
    }  # fmt: skip
