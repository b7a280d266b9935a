"""Tensor files: the safetensors format, written in pieces and read as maps; damaged ones are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load_file, save_file

from aiakit.errors import InputError
from aiakit.storage import tensorfile

TENSORS = st.dictionaries(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8),
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]).flatmap(
        lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
    ),
    max_size=4,
)


def same(left: dict[str, np.ndarray], right: dict[str, np.ndarray]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and left[name].tobytes() == right[name].tobytes()
        for name in left
    )


@settings(max_examples=60, deadline=None)
@given(tensors=TENSORS)
def test_the_library_reads_what_we_write_and_we_what_it_writes(
    tensors: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tensors")
    tensorfile.save(folder / "ours.safetensors", tensors)
    assert same(load_file(folder / "ours.safetensors"), tensors)
    assert same(tensorfile.load(folder / "ours.safetensors"), tensors)
    save_file({name: np.array(array, order="C") for name, array in tensors.items()}, folder / "theirs.safetensors")
    assert same(tensorfile.load(folder / "theirs.safetensors"), tensors)


def test_maps_are_filled_in_pieces_and_read_only(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    maps = tensorfile.create(path, {"x": (np.float32, (4, 3)), "y": (np.uint8, (2,))})
    for row in range(4):
        maps["x"][row] = row
    maps["y"][:] = 7
    read = tensorfile.load(path)
    assert np.array_equal(read["x"], np.repeat(np.arange(4, dtype=np.float32)[:, None], 3, axis=1))
    assert not read["x"].flags.writeable


def test_unknown_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        tensorfile.save(tmp_path / "t.safetensors", {"x": np.array(["text"])})


def header(entry: object) -> bytes:
    text = json.dumps(entry).encode()
    return len(text).to_bytes(8, "little") + text


DAMAGED = {
    "empty": b"",
    "short": b"\x01",
    "huge header": (1 << 40).to_bytes(8, "little") + b"{}",
    "no JSON": (4).to_bytes(8, "little") + b"{{{{",
    "no table": header([1, 2]),
    "no offsets": header({"x": {"dtype": "F32", "shape": [1]}}),
    "unknown type": header({"x": {"dtype": "F7", "shape": [1], "data_offsets": [0, 4]}}) + bytes(4),
    "truncated values": header({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}) + bytes(4),
    "values left over": header({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}) + bytes(9),
    "shape too large": header({"x": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 4]}}) + bytes(4),
    "negative": header({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}) + bytes(4),
    "overlap": header(
        {
            "x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]},
            "y": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]},
        }
    )
    + bytes(6),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_file_is_refused(case: str, tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    path.write_bytes(DAMAGED[case])
    with pytest.raises(InputError, match="not a sound safetensors file"):
        tensorfile.load(path)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "t.safetensors"
    path.write_bytes(content)
    try:
        tensorfile.load(path)
    except InputError:
        return
