"""Hostile input: every reader refuses or accepts it, and does nothing else. benchmarks/stress has the long run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from aiakit.contracts import LoadSettings
from aiakit.datasets.celeba import CelebA
from aiakit.datasets.folder import Folder
from aiakit.datasets.lfw_pairs import read_pairs
from aiakit.datasets.pixels import read_image
from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.leaderboard.entry import read_record
from aiakit.storage import tensorfile
from aiakit.storage.arrays import LARGEST_UNPACKED, read_arrays
from aiakit.storage.documents import DEEPEST, read_json, read_toml
from aiakit.storage.embeddings import numbered
from aiakit.storage.tables import read_csv, whole_number
from aiakit.storage.text import as_text
from aiakit.suites.load import read_suite

ROOT = Path(__file__).parents[2]
RUN = ROOT / "tests" / "fixtures" / "run-schema-3" / "run.json"
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        read()
    return str(caught.value)


def test_the_harness_finds_nothing_in_a_short_run(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.stress.fuzz", "--inputs", "150", "--seed", "1", "--save", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ,
                          "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 findings" in done.stdout


def test_the_harness_names_what_it_leaves_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.stress.fuzz import choose

    everything = {reader.name for reader in choose("")} | {"hdf5", "onnx", "parquet"}
    monkeypatch.setattr("aiakit.plugins.extras.find_spec", lambda name: None)
    assert everything - {reader.name for reader in choose("")} == {"hdf5", "onnx", "parquet"}
    assert "left out: parquet: pyarrow is not installed: pip install 'aiakit[parquet]'" in capsys.readouterr().out


def test_the_harness_can_find(tmp_path: Path) -> None:
    from benchmarks.stress.fuzz import Guard, attempt
    from benchmarks.stress.fuzzing.readers import Reader

    outside, folder = tmp_path / "outside", tmp_path / "in" / "input"
    folder.mkdir(parents=True)

    def wrong(_: Path) -> None:
        raise KeyError("x")

    def slow(_: Path) -> None:
        while True:
            pass

    faults: dict[str, Callable[[Path], object]] = {
        "KeyError": wrong,
        "more than": slow,
        "wrote": lambda _: outside.write_text("x"),
        "subprocess": lambda _: subprocess.run(["true"], check=True),
    }
    guard = Guard()
    import signal

    from benchmarks.stress.fuzz import _alarm

    before = signal.signal(signal.SIGALRM, _alarm)
    try:
        for word, read in faults.items():
            assert word in attempt(Reader("r", lambda _: None, {}, read), folder, guard, 0.2)[1]
    finally:
        signal.signal(signal.SIGALRM, before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
READERS: dict[str, Callable[[Path], object]] = {
    "a.json": read_record,
    "b.toml": read_record,
    "suite.toml": read_suite,
    "release.npy": read_source,
    "release.npz": read_source,
    "release.safetensors": read_source,
    "release.csv": read_source,
    "release.parquet": read_source,
    "picture.png": lambda path: read_image(path, 16),
    "table.csv": read_csv,
    "pairs.txt": lambda path: read_pairs(path, {"a_0001.jpg": 0}),
    "run.json": lambda path: Run.open(path.parent),
}


@pytest.mark.parametrize("name", READERS)
@few
@given(content=st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | JSON.map(json.dumps).map(str.encode))
def test_any_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    try:
        READERS[name](path)
    except InputError:
        assert list(tmp_path.iterdir()) == [path]


@few
@given(key=st.sampled_from(sorted(json.loads(RUN.read_text())["config"])), value=JSON)
def test_any_value_in_the_record_of_a_run(tmp_path: Path, key: str, value: Any) -> None:
    record = json.loads(RUN.read_text())
    record["config"][key] = value
    (tmp_path / "run.json").write_text(json.dumps(record))
    try:
        Run.open(tmp_path)
    except InputError:
        return


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": NaN}', "not finite"),
        ('{"a": [1e999]}', "not finite"),
        ('{"a": 1' + "0" * 30 + "}", "64 bits"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested"),
        ("[" * 100_000, "no sound JSON"),
        ("1" * 5000, "no sound JSON"),
    ],
)
def test_json_beyond_its_bounds(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    assert words in refused(lambda: read_json(path))


def test_toml_beyond_its_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.toml"
    path.write_text("a = inf")
    assert "not finite" in refused(lambda: read_toml(path))
    monkeypatch.setattr("aiakit.storage.documents.LARGEST", 3)
    assert "more than 3 bytes" in refused(lambda: read_toml(path))


def npy(header: str, body: bytes = b"") -> bytes:
    written = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(written).to_bytes(2, "little") + written + body


HEADERS = {
    "unclosed": "{'descr': '<f4', 'fortran_order': False, 'shape': (",
    "rows of nothing": "{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000,), }",
    "negative": "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1), }",
    "beyond integers": "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 0), }",
    "rows without values": "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 0), }",
    "a call": "{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (1,), }",
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_of_arrays(tmp_path: Path, case: str) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(npy(HEADERS[case], b"" if "without" in case else b"\0" * 4))
    refused(lambda: read_source(path))


def test_characters_that_do_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    texts = np.array([0x110000, 65], np.uint32).view("<U1")
    np.savez(path, embedding=np.eye(2), gender=texts)
    assert "characters that do not exist" in refused(lambda: read_source(path))


def test_an_archive_that_unpacks_to_very_much(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("e.npy", "w") as member:
        shape = (LARGEST_UNPACKED // 1000 + 1, 1000)
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for _ in range(shape[0] // 1000 + 1):
            member.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    assert "unpacks from" in refused(lambda: read_arrays(path))


def test_an_archive_packed_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("e.npy", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", b"\0" * 4))
    assert "packed" in refused(lambda: read_arrays(path))


@pytest.mark.parametrize("shape", [[2**70, 0], [1] * 80, [0, 2**62, 2**62]])
def test_shapes_of_tensors(tmp_path: Path, shape: list[int]) -> None:
    path = tmp_path / "a.safetensors"
    size = 4 if 0 not in shape else 0
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * size)
    refused(lambda: tensorfile.load(path))


def test_a_table_of_a_billion_equal_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    table = pa.table({"e0": pa.array(np.zeros(2**20))})
    with parquet.ParquetWriter(path, table.schema) as writer:
        for _ in range(40):
            writer.write_table(table)
    assert path.stat().st_size < 1_000_000
    assert "unpacks to more than" in refused(lambda: read_source(path))


def test_every_byte_of_a_table_damaged(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    table = pa.table({"e0": [1.0, 2.0, 3.0], "person": ["x", "y", "x"]})
    parquet.write_table(table, path, compression="none", store_schema=False)
    content = path.read_bytes()
    outcomes = set()
    for at, byte in enumerate(content):
        for damaged in (0, 255, byte ^ 1, byte ^ 16):
            path.write_bytes(content[:at] + bytes([damaged]) + content[at + 1 :])
            try:
                read_source(path)
                outcomes.add("read")
            except InputError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_names_of_columns_that_are_no_text(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pa.table({"e0": [1.0, 2.0], "person": ["x", "y"]}), path)
    path.write_bytes(path.read_bytes().replace(b"person", b"pers\xff\xfe"))
    refused(lambda: read_source(path))


def test_numbers_of_columns_take_no_time() -> None:
    long = "1" * 100_000 + "x"
    assert ["e_0", "e_1"] in numbered([long, "e_0", "e_1", "1" * 100]).values()


def test_one_long_cell_costs_its_own_length_only(tmp_path: Path) -> None:
    cells = ["a" * 100_000] + ["b"] * 100_000  # as an array of text: 40 GB
    assert as_text(cells) == cells
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    (tmp_path / "index.csv").write_text("path,identity\na.png,x\n" + "".join(f"n{i}.png,y\n" for i in range(3)))
    faces = Folder(str(tmp_path), index="index.csv").load(LoadSettings(16, tmp_path / "cache"))
    assert faces.people == ("x",)


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("٣", 3), ("9" * 5000, None), ("-1", None), ("²", None)])
def test_whole_numbers(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("first", ["1000000000 0", "-1 -1", "9" * 5000 + " 1", "2", ""])
def test_announced_folds(tmp_path: Path, first: str) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(f"{first}\n")
    refused(lambda: read_pairs(path, {}))


def test_celeba_with_numbers_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    for name in ("identity_CelebA", "list_eval_partition"):
        (tmp_path / f"{name}.txt").write_text("a.jpg 1\n")
    for content in ("9" * 5000 + "\nMale\na.jpg 1\n", "Male\n\n  \n", "1\n\0\n\0 \n"):
        (tmp_path / "list_attr_celeba.txt").write_text(content)
        refused(lambda: CelebA(str(tmp_path)).load(LoadSettings(16, tmp_path / "cache")))
    (tmp_path / "list_attr_celeba.txt").write_text("Male\na.jpg 1\n")
    (tmp_path / "identity_CelebA.txt").write_text("a.jpg " + "9" * 5000 + "\n")
    refused(lambda: CelebA(str(tmp_path)).load(LoadSettings(16, tmp_path / "cache")))


def test_names_that_no_file_system_has_are_missing_images(tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    names = ["x/" * 3000 + "b.png", "nul\0/b.png"]
    (tmp_path / "index.csv").write_text("path,identity\na.png,x\n" + "".join(f"{name},y\n" for name in names))
    faces = Folder(str(tmp_path), index="index.csv").load(LoadSettings(16, tmp_path / "cache"))
    assert len(faces) == 1


def test_a_part_of_a_picture_that_announces_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (16, 16)).save(path)
    content = path.read_bytes()
    at = content.index(b"IDAT") - 4
    path.write_bytes(content[:at] + b"\xff\0\0\0" + content[at + 4 :])
    tracemalloc.start()
    try:
        assert read_image(path, 16).shape == (16, 16, 3)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_postscript_starts_no_program(tmp_path: Path) -> None:
    path = tmp_path / "face.png"
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, "EPS")
    path.write_bytes(buffer.getvalue())
    assert "cannot be read as an image" in refused(lambda: read_image(path, 16))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attack_seeds", 10**9),
        ("permutations", 10**9),
        ("seeds", []),
        ("seeds", [-1]),
        ("defenses", []),
        ("defenses", [[]]),
        ("bootstrap_draws", 10**9),
        ("split", {"seed": -1}),
        ("pooled", [0]),
    ],
)
def test_records_of_runs_ask_for_no_more_than_can_be_planned(tmp_path: Path, key: str, value: Any) -> None:
    record = json.loads(RUN.read_text())
    record["config"][key] = value
    (tmp_path / "run.json").write_text(json.dumps(record))
    assert key in refused(lambda: Run.open(tmp_path)) or "cells" in refused(lambda: Run.open(tmp_path))


def test_errors_steer_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    from aiakit.cli.main import main

    assert main(["show", "a\x1b[31m\u202eb"]) == 2
    error = capsys.readouterr().err
    assert "\x1b" not in error
    assert "\u202e" not in error
    assert "a\\x1b[31m\\u202eb" in error
