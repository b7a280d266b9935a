"""The readers of outside bytes: for each, valid files to begin from, how they are changed, and how they are read."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from aiakit.api.result import Result
from aiakit.contracts import Context, Dataset, LoadSettings
from aiakit.datasets.celeba import CelebA
from aiakit.datasets.columns import join_labels
from aiakit.datasets.folder import Folder
from aiakit.datasets.lfw import LFW
from aiakit.datasets.official import read_official_pairs
from aiakit.datasets.pixels import read_image
from aiakit.datasets.samples import make_samples
from aiakit.datasets.source import read_source
from aiakit.datasets.vggface1 import VGGFace1
from aiakit.encoders.onnx import Onnx
from aiakit.encoders.precomputed import Precomputed
from aiakit.errors import InputError
from aiakit.experiment.plan import make_plan
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import read_record, read_submission
from aiakit.leaderboard.gather import gather
from aiakit.leaderboard.scores import truth_digest
from aiakit.leaderboard.submit import submit
from aiakit.leaderboard.verify import verified
from aiakit.plugins.extras import not_installed
from aiakit.results.document import document_of_run
from aiakit.results.gate import read_policy
from aiakit.storage import tensorfile
from aiakit.storage.documents import UNSOUND
from aiakit.storage.embeddings import Source
from aiakit.storage.store import json_digest
from aiakit.suites.load import read_suite
from benchmarks.stress.fuzzing import conduct, mutations, whole
from benchmarks.stress.fuzzing.mutations import Mutation
from benchmarks.stress.fuzzing.sets import sets
from benchmarks.stress.fuzzing.templates import Arrays, templates
from benchmarks.stress.fuzzing.worlds import LABELS, RELEASE, worlds

SIZE = 16  # pixels of the pictures that are read
ROWS = 40


@dataclass(frozen=True)
class Reader:
    """Something that reads outside bytes.

    build : makes a folder of sound files. mutate : name pattern of a file → how it is changed; the first that matches.
    read : reads the folder. share : how many of the inputs it gets, relative to the others (slow readers get fewer).
    unavailable : why it cannot be read here; None where it can.
    """

    name: str
    build: Callable[[Path], None]
    mutate: dict[str, Mutation]
    read: Callable[[Path], object]
    share: float = 1.0
    unavailable: str | None = None


def picture(path: Path, seed: int = 0, mode: str = "RGB", size: tuple[int, int] = (20, 18), **options: object) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(path, **options)  # type: ignore[arg-type]


def _pictures(folder: Path) -> None:
    picture(folder / "a.png")
    picture(folder / "palette.png", mode="P")
    picture(folder / "grey.png", mode="LA")
    picture(folder / "b.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")
    picture(folder / "c.webp")
    picture(folder / "d.bmp")
    picture(folder / "e.gif", mode="P")
    Image.fromarray(np.arange(400, dtype=np.uint16).reshape(20, 20)).save(folder / "sixteen.png")


def _read_pictures(folder: Path) -> None:
    for path in folder.iterdir():
        read_image(path, SIZE)


def _people(root: Path, pattern: str = "{person}/{person}_{number:04d}.jpg") -> None:
    for seed, person in enumerate(("Ann", "Bob", "Cid")):
        for number in (1, 2):
            picture(root / pattern.format(person=person, number=number), seed, size=(80, 80))


def _celeba(folder: Path) -> None:
    for number in range(1, 5):
        picture(folder / "img_align_celeba" / f"{number:06d}.jpg", number, size=(60, 60))
    names = [f"{number:06d}.jpg" for number in range(1, 5)]
    attributes = "".join(f"{name} {1 - 2 * (at % 2)} -1\n" for at, name in enumerate(names))
    (folder / "list_attr_celeba.txt").write_text("4\nMale Smiling\n" + attributes)
    (folder / "identity_CelebA.txt").write_text("".join(f"{name} {at // 2}\n" for at, name in enumerate(names)))
    (folder / "list_eval_partition.txt").write_text("".join(f"{name} {at % 3}\n" for at, name in enumerate(names)))


def _lfw(folder: Path) -> None:
    _people(folder / "lfw")
    (folder / "female_names.txt").write_text("Ann_0001.jpg\nAnn_0002.jpg\n")
    (folder / "male_names.txt").write_text("Bob_0001.jpg\nBob_0002.jpg\nCid_0001.jpg\nCid_0002.jpg\n")
    (folder / "pairs.txt").write_text("2\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\nBob\t1\t2\nBob\t2\tCid\t1\n")


def _vggface1(folder: Path) -> None:
    _people(folder / "images", "{person}/{number:08d}.jpg")
    (folder / "gender.csv").write_text("name,gender\nAnn,f\nBob,m\nCid,m\n")
    (folder / "files").mkdir()
    for person in ("Ann", "Bob", "Cid"):
        lines = [f"{number:08d} http://x/{number} 1.0 2.0 15.5 17.5 3.0 4.1 1\n" for number in (1, 2)]
        (folder / "files" / f"{person}.txt").write_text("".join(lines))


def _folder(folder: Path) -> None:
    _people(folder)
    (folder / "attributes.csv").write_text("person,gender,age\nAnn,f,young\nBob,m,old\nCid,m,\n")


def _index(folder: Path) -> None:
    _people(folder)
    lines = [f"{person}/{person}_000{n}.jpg,{person},{n}" for person in ("Ann", "Bob", "Cid") for n in (1, 2)]
    (folder / "index.csv").write_text("path,identity,gender\n" + "\n".join(lines) + "\n")


def _load(make: Callable[[Path], Dataset]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        cache = folder.parent / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        return make(folder).load(LoadSettings(SIZE, cache))

    return read


def _arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    person = np.arange(ROWS) // 4
    return {
        "embedding": rng.normal(size=(ROWS, 6)).astype(np.float32),
        "person": person,
        "gender": np.where(person % 2 == 1, "male", "female"),
        "picture": np.array([f"p{row}.jpg" for row in range(ROWS)]),
    }


def _npz(folder: Path) -> None:
    np.savez(folder / "release.npz", **_arrays())


def _npy(folder: Path) -> None:
    np.save(folder / "release.npy", _arrays()["embedding"])


def _safetensors(folder: Path) -> None:
    arrays = _arrays()
    gender = (arrays["person"] % 2).astype(np.int64)
    tensorfile.save(
        folder / "release.safetensors", {"embedding": arrays["embedding"], "person": arrays["person"], "gender": gender}
    )


def _csv(folder: Path) -> None:
    arrays = _arrays()
    lines = ["person,gender,file,e0,e1,e2"]
    for row in range(ROWS):
        values = ",".join(f"{value:.4f}" for value in arrays["embedding"][row, :3])
        lines.append(f"{arrays['person'][row]},{arrays['gender'][row]},{arrays['picture'][row]},{values}")
    (folder / "release.csv").write_text("\n".join(lines) + "\n")


def _parquet(folder: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    arrays = _arrays()
    table = pa.table({**{k: arrays[k] for k in ("person", "gender")}, "embedding": arrays["embedding"].tolist()})
    parquet.write_table(table, folder / "release.parquet")


def _audit(name: str) -> Callable[[Path], object]:
    """Read a release and check it, up to where an audit begins to train."""

    def read(folder: Path) -> object:
        source = read_source(folder / name)
        labels = join_labels(source, None, None)
        attributes = {"gender": labels.column("gender", "--attribute")}
        return make_samples(name, source.values, attributes, labels.column("person", "--identity"), {}, None, None,
                            None, ())  # fmt: skip

    return read


def _templates(write: Callable[[Path, Arrays], None], folder: Path) -> None:
    write(folder, _arrays())


def _policy(folder: Path) -> None:
    (folder / "policy.toml").write_text("min_utility = 0.9\n[fail_above]\ngender = 0.6\nage_group = 0.4\n")


def _read_rows(name: str) -> Callable[[Path], object]:
    """Read a file of vectors, whose columns say nothing of people."""

    def read(folder: Path) -> object:
        rows = np.arange(ROWS)
        values = read_source(folder / name).values
        return make_samples("x", values, {"gender": rows % 2}, rows // 2, {}, None, None, None, ())

    return read


def _beside(folder: Path) -> None:
    lines = [f"p{row}.jpg,{row // 4},{'mf'[row // 4 % 2]}" for row in range(ROWS)]
    (folder / "labels.csv").write_text("file,person,gender\n" + "\n".join(lines) + "\n")
    pairs = [f"p{row}.jpg,p{row + 1 if row % 2 else 39 - row}.jpg,{row % 2},{row % 4}" for row in range(1, 17)]
    (folder / "pairs.csv").write_text("left,right,same,fold\n" + "\n".join(pairs) + "\n")
    (folder / "lfw.txt").write_text("2\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\nBob\t1\t2\nBob\t2\tCid\t1\n")


def _read_beside(folder: Path) -> None:
    files = [f"p{row}.jpg" for row in range(ROWS)]
    values = np.random.default_rng(0).normal(size=(ROWS, 3))
    read_official_pairs(folder / "pairs.csv", files, ROWS)
    read_official_pairs(folder / "lfw.txt", [f"{n}_000{i}.jpg" for n in ("Ann", "Bob", "Cid") for i in (1, 2)], 6)
    labels = join_labels(Source("release", values, {"file": files}), folder / "labels.csv", "file")
    make_samples(
        "x", values, {"gender": labels.column("gender", "a")}, labels.column("person", "i"), {}, None, None, None, ()
    )


def _encode(folder: Path) -> None:
    files = tuple(f"p{row}.jpg" for row in range(ROWS))
    Precomputed(str(folder / "release.npz"), "embedding", "picture").encode(np.empty((ROWS, 1, 1, 3), np.uint8), files)


def _onnx(folder: Path) -> None:
    """A model of pictures of 8×8 pixels that says how it wants them, and has its matrix inside."""
    import onnx
    from onnx import TensorProto, helper

    matrix = np.random.default_rng(0).normal(size=(192, 3)).astype(np.float32)
    nodes = [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "m"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x", "y")]
    ports[0] = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [onnx.numpy_helper.from_array(matrix, "m")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {"mean": "1,2,3", "colour": "bgr"})
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def _encode_by_onnx(folder: Path) -> None:
    encoder = Onnx(str(folder / "model.onnx"))
    encoder.ctx_ = Context()
    images = np.random.default_rng(0).integers(0, 256, (ROWS, 8, 8, 3), dtype=np.uint8)
    encoder.encode(images, tuple(f"p{row}.jpg" for row in range(ROWS)))


def _copied(source: Path) -> Callable[[Path], None]:
    """Copy a folder."""

    def copy(folder: Path) -> None:
        shutil.copytree(source, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)

    return copy


def _open_run(folder: Path) -> None:
    run = Run.open(folder)
    run.failures()
    make_plan(run.config)
    gather([folder])


def _signed(change: Mutation) -> Callable[[Random, bytes], bytes]:
    """A cell's record, changed, and named by its new inputs as its author would."""

    def mutate(rng: Random, data: bytes) -> bytes:
        record = json.loads(data)
        record["result"] = json.loads(change(rng, json.dumps(record["result"]).encode()) or b"{}")
        return json.dumps(record).encode()

    def safe(rng: Random, data: bytes) -> bytes:
        if rng.random() < 0.3:
            return change(rng, data)
        try:
            return mutate(rng, data)
        except ValueError:
            return change(rng, data)

    return safe


def _show(folder: Path) -> None:
    _mend_checksums(folder)
    document_of_run(Run.open(folder))


def _mend_checksums(folder: Path) -> None:
    """As the author of a malicious run would: the checksums are those of the files."""
    for cell in (folder / "cells").iterdir():
        path = cell / "result.json"
        if cell.name.startswith("damaged") or not path.is_file():
            continue
        try:
            record = json.loads(path.read_bytes())
            record["files"] = {
                each.name: hashlib.sha256(each.read_bytes()).hexdigest()
                for each in cell.iterdir()
                if each.name in record["files"]
            }
            if json_digest(record["inputs"]) != cell.name:
                continue
        except UNSOUND:
            continue
        path.write_text(json.dumps(record))


def _entry(run: Path, folder: Path) -> None:
    """What is submitted of a run today."""
    submit(Run.open(run), folder, "grl")


def _verify(folder: Path) -> None:
    path = next(folder.glob("*.json"))
    scores = next(folder.glob("*.safetensors"))
    try:
        record = json.loads(path.read_bytes())
        record["scores"]["sha256"] = hashlib.sha256(scores.read_bytes()).hexdigest()
        record["protocol"]["truth"] = truth_digest(tensorfile.load(scores))
        path.write_text(json.dumps(record))
    except (InputError, *UNSOUND):
        pass  # it is refused as it is
    verified(read_submission(path))


def _reported(folder: Path) -> None:
    lines = ["schema_version = 1", 'kind = "reported"', 'source = "a paper"', 'dataset = "d"', 'attribute = "gender"']
    lines += ["[[rows]]", 'release = "theirs"', "leakage = 0.51", "utility = 0.9", 'note = "n"']
    (folder / "paper.toml").write_text("\n".join(lines))


def _suite(suites: Path) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        for path in suites.glob("*.toml"):
            shutil.copyfile(path, folder / path.name)

    return write


def _read_suites(folder: Path) -> None:
    for path in folder.glob("*.toml"):
        read_suite(path)


def _audit_result(folder: Path) -> None:
    import aiakit

    person = np.repeat(np.arange(60), 2)
    values = np.random.default_rng(0).normal(size=(120, 4))
    aiakit.audit(values, attributes={"gender": person % 2}, identity=person, attacks="lda").save(folder / "audit")


def _load_audit(folder: Path) -> None:
    Result.load(folder / "audit").to_dict()


def readers(root: Path) -> Iterator[Reader]:
    """All of them. root : the repository, whose suites and fixtures are seeds."""
    run = _copied(root / "tests" / "fixtures" / "run-schema-3")
    suites = root / "benchmarks" / "suites"
    table = mutations.text
    texts: dict[str, Mutation] = {"*.txt": table, "*.csv": table}
    yield Reader("image", _pictures, {"*": mutations.png}, _read_pictures, 1.0)
    yield Reader("celeba", _celeba, texts, _load(lambda at: CelebA(str(at))))
    yield Reader("lfw", _lfw, texts, _load(lambda at: LFW(str(at))))
    yield Reader("vggface1", _vggface1, texts, _load(lambda at: VGGFace1(str(at))))
    for name, (make, changed, dataset) in sets().items():
        yield Reader(name, make, changed, _load(dataset))
    yield Reader("folder", _folder, texts, _load(lambda at: Folder(str(at))))
    yield Reader("folder index", _index, texts, _load(lambda at: Folder(str(at), index="index.csv")))
    yield Reader("npy", _npy, {"*": mutations.npy}, _read_rows("release.npy"), 3.0)
    yield Reader("npz", _npz, {"*": mutations.npz}, _audit("release.npz"), 3.0)
    yield Reader("safetensors", _safetensors, {"*": mutations.safetensors}, _audit("release.safetensors"), 3.0)
    yield Reader("csv", _csv, texts, _audit("release.csv"), 3.0)
    yield Reader("parquet", _parquet, {"*": mutations.damaged}, _audit("release.parquet"), 2.0,
                 not_installed("parquet", "pyarrow"))  # fmt: skip
    for name, (file, write, mutate, missing) in templates().items():
        read = _read_rows(file) if file.endswith(".faiss") else _audit(file)
        yield Reader(name, partial(_templates, write), mutate, read, 2.0, missing)
    yield Reader("policy", _policy, {"*": table}, lambda at: read_policy(at / "policy.toml"), 2.0)
    yield Reader("labels and pairs", _beside, texts, _read_beside, 3.0)
    for name, (build, mutate, read) in worlds().items():
        yield Reader(name, build, mutate, read, 2.0)
    either = {"release.csv": RELEASE, "labels.csv": LABELS}
    yield Reader("whole audits", whole.build, either, whole.read, 0.2)
    yield Reader("conduct of plugins", conduct.build, {"*": conduct.change}, conduct.read, 0.5)
    yield Reader("precomputed", _npz, {"*": mutations.npz}, _encode, 2.0)
    yield Reader("onnx", _onnx, {"*": mutations.damaged}, _encode_by_onnx, 1.0,
                 not_installed("onnx", "onnx", "onnxruntime"))  # fmt: skip
    yield Reader("run.json", run, {"run.json": mutations.json_text}, _open_run, 0.1)
    changed = {"result.json": _signed(mutations.json_text), "*.safetensors": mutations.safetensors}
    yield Reader("cells", run, changed, _show, 0.05)
    yield Reader(
        "entry",
        partial(_entry, root / "tests" / "fixtures" / "run-schema-3"),
        {"*.json": mutations.json_text, "*": mutations.safetensors},
        _verify,
        0.2,
    )
    yield Reader("reported", _reported, {"*": table}, lambda at: read_record(at / "paper.toml"), 3.0)
    yield Reader("suite", _suite(suites), {"*.toml": table}, _read_suites, 2.0)
    yield Reader("audit", _audit_result, {"run.json": mutations.json_text}, _load_audit, 0.05)


def pack(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
