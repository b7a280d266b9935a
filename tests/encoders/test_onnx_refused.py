"""ONNX files that cannot be used: one line that says what is wrong and which option chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx
from onnx import helper

from aiakit.contracts import Faces
from aiakit.errors import InputError
from aiakit.plugins import extras, registry
from tests.conftest import Answer
from tests.encoders.onnx_models import encode, fitted, names, write


def ended(*nodes: Any) -> dict[str, Any]:
    return {"ends": nodes}


REFUSED: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "two inputs": ({"more_inputs": ("mask",)}, {}, r"has 2 inputs \(pictures float32 \(\?, 3, 32, 32\), mask .*export"),
    "two outputs": ({"more_outputs": ("copy",)}, {}, r"2 outputs \(embedding .*, copy .*--set onnx.output=NAME"),
    "another output": ({}, {"output": "embeding"}, r"unknown output 'embeding' of .*did you mean embedding\?"),
    "no pictures": ({"shape": ("N", 512)}, {}, r"takes pictures float32 \(\?, 512\), and no pictures"),
    "four channels": ({"shape": ("N", 4, 32, 32)}, {}, r"pictures have 3 channels"),
    "another layout": ({}, {"layout": "nhwc"}, r"which is not NHWC: leave out --set onnx.layout"),
    "an open layout": (
        {"shape": (1, None, None, None)},
        {"size": "32"},
        r"say where its channels are, --set onnx.layout",
    ),
    "an open size": (
        {"shape": ("N", 3, "H", "W")},
        {},
        r"leaves the size of pictures open: say it, --set onnx.size=112",
    ),
    "another size": ({}, {"size": "112"}, r"takes pictures of 32×32 only: leave out --set onnx.size=112"),
    "too small": ({"shape": ("N", 3, 4, 4)}, {}, r"takes pictures of 4×4: 8 to 1024 pixels a side are possible"),
    "bytes with a mean": ({"dtype": "uint8"}, {"mean": "127.5"}, r"whole pixels \(uint8\), which have no mean"),
    "a mean of two": ({}, {"mean": "1,2"}, r"onnx.mean must be one number, or three: one a channel"),
    "a scale of none": ({}, {"scale": "0"}, r"onnx.scale must be other than 0"),
    "metadata of no number": (
        {"metadata": {"mean": "x"}},
        {},
        r"says mean = 'x', which cannot be used.*--set onnx.mean",
    ),
    "metadata of no format": (
        {"metadata": {"Image.BitmapPixelFormat": "Gray8"}},
        {},
        r"image.bitmappixelformat = 'Gray8'.*--set onnx.colour",
    ),
    "an operator of nobody's": (
        ended(helper.make_node("Steal", ["flat"], ["embedding"], domain="own")),
        {},
        r"cannot be loaded by onnxruntime: .*own:Steal",
    ),
    "an output of no rows": (
        ended(helper.make_node("ReduceMean", ["flat"], ["embedding"], keepdims=0)),
        {},
        r"the output embedding of .* gives float32 \(\) for 24",
    ),
    "one embedding for all": (
        ended(helper.make_node("Sub", ["flat", "flat"], ["embedding"])),
        {},
        r"each of 24 pictures the same embedding",
    ),
    "rows of a batch": (
        ended(
            helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[0], keepdims=1),
            helper.make_node("Sub", ["flat", "mean"], ["embedding"]),
        ),
        {},
        r"gives a picture another embedding beside other pictures .*model.eval\(\)",
    ),
    "no alignment": ({}, {"align": "arcface"}, r"align=arcface is for pictures of 112×112 or a multiple, and .* 32×32"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_one_line(case: str, faces: Faces, tmp_path: Path) -> None:
    file, options, message = REFUSED[case]
    if case == "no alignment" and registry.unavailable("encoder", "dlib"):
        pytest.skip("needs the extra judges")
    with pytest.raises(InputError, match=message) as caught:
        encode(write(tmp_path / "m.onnx", **file), faces, **options)
    assert "\n" not in str(caught.value)


def test_nan_for_a_blank_picture_names_it(faces: Faces, tmp_path: Path) -> None:
    nodes = [helper.make_node("ReduceL2", ["flat"], ["norm"], axes=[1])]
    nodes += [helper.make_node("Div", ["flat", "norm"], ["embedding"])]
    images = np.array(faces.images)
    images[5] = 0
    model = write(tmp_path / "m.onnx", ends=nodes, before=[("Mul", 1000.0)])
    first = onnx.load(str(model))
    for constant in first.graph.initializer:
        if constant.name == "0.bias":
            constant.CopyFrom(onnx.numpy_helper.from_array(np.zeros(8, np.float32), "0.bias"))
    model.write_bytes(first.SerializeToString())
    with pytest.raises(
        InputError, match=r"the output embedding of .* gives NaN or infinity for 1 of 24 pictures, 5\.png for one"
    ):
        fitted(model, faces, mean="0", scale="255").encode(images, names(faces))


def damaged(folder: Path) -> dict[str, Path]:
    whole = write(folder / "whole.onnx").read_bytes()
    paths = {name: folder / f"{name}.onnx" for name in ("bytes", "empty", "text", "cut", "lost", "outside", "later")}
    paths["empty"].write_bytes(b"")
    paths["text"].write_text("no model at all")
    paths["cut"].write_bytes(whole[: len(whole) // 2])
    write(paths["lost"], beside="lost.bin")
    (folder / "lost.bin").unlink()
    write(paths["outside"], beside="outside.bin")
    stored = paths["outside"].read_bytes()
    paths["outside"].write_bytes(stored.replace(b"outside.bin", b"../side.bin"))
    garbled = write(paths["bytes"], metadata={"mean": "127.5"}).read_bytes()
    paths["bytes"].write_bytes(garbled.replace(b"127.5", b"\xff" * 5))
    later = onnx.load(str(folder / "whole.onnx"))
    later.opset_import[0].version = 999
    paths["later"].write_bytes(later.SerializeToString())
    return paths


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", r"is damaged or no ONNX file \(there is no graph in it\)"),
        ("text", r"is damaged or no ONNX file"),
        ("cut", r"is damaged or no ONNX file"),
        ("lost", r"has weights in lost\.bin, which is not beside it: copy that file there, too"),
        ("outside", r"weights lie in '\.\./side\.bin', outside of its folder, which is refused"),
        ("bytes", r"is damaged or no ONNX file \(a name in it is no text\)"),
        ("later", r"cannot be loaded by onnxruntime"),
        ("absent", r"onnx\.model must be the path of an ONNX file that exists"),
    ],
)
def test_a_damaged_file_is_one_line(kind: str, message: str, faces: Faces, tmp_path: Path) -> None:
    path = damaged(tmp_path).get(kind, tmp_path / "absent.onnx")
    with pytest.raises(InputError, match=message) as caught:
        encode(path, faces)
    assert "\n" not in str(caught.value)


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, aiakit: Callable[..., Answer]) -> None:
    found = extras.find_spec
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "onnxruntime" else found("json"))
    answer = aiakit("run", "--defense", "leace", "--encoder", "onnx:m.onnx")
    assert answer.code == 2
    assert "onnxruntime is not installed: pip install 'aiakit[onnx]'" in answer.message
