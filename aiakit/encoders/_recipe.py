"""How pictures are put before an ONNX model: what the options say, else its file, else what is usual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from aiakit.errors import InputError, unknown
from aiakit.storage.onnxfile import OnnxFile, Port

T = TypeVar("T")
DTYPES = ("float16", "float32", "float64", "uint8")
LAYOUTS = {"nchw": 1, "nhwc": 3}  # and which axis holds the channels
USUAL = 127.5  # mean and scale of recognisers in the line of ArcFace
SIZES = range(8, 1025)
# The keys of a model's metadata: ours, which are called as the options are, and those that the ONNX project proposes.
FORMAT, RANGE = "image.bitmappixelformat", "image.nominalpixelrange"
FORMATS = {"rgb8": "rgb", "srgb8": "rgb", "bgr8": "bgr"}
RANGES = {
    "nominalrange_0_255": (0.0, 1.0),
    "normalized_0_1": (0.0, 255.0),
    "normalized_1_1": (USUAL, USUAL),
}


@dataclass(frozen=True)
class Asked:
    """What the options say; None or "auto" or "" of what they leave to the file."""

    output: str
    size: int | None
    layout: str
    colour: str
    mean: tuple[float, ...] | None
    scale: tuple[float, ...] | None


@dataclass(frozen=True)
class Recipe:
    """Pixels x of size height × width, channels in the order ``colour``, as (x − mean) / scale.

    batch : how many pictures it takes at once; None for any number.
    """

    input: str
    output: str
    dtype: str
    layout: str
    height: int
    width: int
    colour: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    batch: int | None

    def __str__(self) -> str:
        mean, scale = (_in_words(values) for values in (self.mean, self.scale))
        pixels = "pixels as they are" if (mean, scale) == ("0", "1") else f"pixels as (x − {mean}) / {scale}"
        return f"{self.colour.upper()} of {self.width}×{self.height}, {self.layout.upper()} {self.dtype}, {pixels}"

    def prepare(self, pictures: NDArray[np.uint8]) -> NDArray[Any]:
        """What the model is given for uint8 (B, height, width, 3) RGB pictures."""
        ordered = pictures[..., ::-1] if self.colour == "bgr" else pictures
        if self.dtype == "uint8":
            values: NDArray[Any] = ordered
        else:
            mean, scale = (np.array(values, np.float32) for values in (self.mean, self.scale))
            values = ((ordered.astype(np.float32) - mean) / scale).astype(self.dtype)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2) if self.layout == "nchw" else values)


def recipe_for(model: OnnxFile, asked: Asked) -> Recipe:
    """How the model is asked. Raises InputError where it cannot be, or where it is open and no option says it."""
    said = _Said(model)
    port = _pictures(model)
    assert port.shape is not None
    layout = _layout(model, port, asked.layout, said)
    axes = [axis for axis in (1, 2, 3) if axis != LAYOUTS[layout]]
    height, width = _size(model, [port.shape[axis] for axis in axes], asked.size, said)
    colour = asked.colour if asked.colour != "auto" else said.choice("colour", ("rgb", "bgr")) or said.colour() or "rgb"
    mean, scale = _range(model, port, asked, said)
    output = _output(model, asked.output)
    return Recipe(port.name, output, port.dtype, layout, height, width, colour, mean, scale, port.shape[0])


class _Said:
    """What the file's metadata say. Every answer is None where they are silent; what cannot be used is an InputError
    that names the option."""

    def __init__(self, model: OnnxFile) -> None:
        self.path = model.path
        self.metadata = {"colour": model.metadata.get("color", ""), **model.metadata}

    def choice(self, key: str, choices: Sequence[str]) -> str | None:
        """One of some words."""
        return self._read(key, key, lambda text: choices[choices.index(text)])

    def size(self) -> int | None:
        """A side in pixels."""
        return self._read("size", "size", lambda text: SIZES[SIZES.index(int(text))])

    def numbers(self, key: str) -> tuple[float, ...] | None:
        """One number, or one a channel."""
        return self._read(key, key, lambda text: numbers_of(key, tuple(map(float, text.strip("[]()").split(",")))))

    def colour(self) -> str | None:
        """The order of channels in the words of ONNX."""
        return self._read(FORMAT, "colour", lambda text: FORMATS[text])

    def range(self, option: str) -> tuple[float, float] | None:
        """Mean and scale in the words of ONNX."""
        return self._read(RANGE, option, lambda text: RANGES[text])

    def _read(self, key: str, option: str, parse: Callable[[str], T]) -> T | None:
        text = self.metadata.get(key, "").strip()
        if not text:
            return None
        try:
            return parse(text.lower())
        except (ValueError, KeyError):
            raise InputError(
                f"{self.path} says {key} = {text!r:.80}, which cannot be used: say what is meant with "
                f"--set onnx.{option}=…"
            ) from None


def numbers_of(what: str, values: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """The values of a mean or scale. Raises ValueError unless they are one or three, finite, and none of a scale 0."""
    if values is not None and (len(values) not in (1, 3) or not np.isfinite(values).all()):
        raise ValueError("one number, or three: one a channel in the model's order")
    if values is not None and what == "scale" and 0 in values:
        raise ValueError("other than 0")
    return values


def _pictures(model: OnnxFile) -> Port:
    """The input, where it is one and takes pictures."""
    if len(model.inputs) != 1:
        held = ", ".join(map(str, model.inputs)) or "none"
        raise InputError(
            f"{model.path} has {len(model.inputs)} inputs ({held}), and pictures are all that there is to give: "
            "export it with one"
        )
    (port,) = model.inputs
    if port.shape is None or len(port.shape) != 4:
        raise InputError(f"{model.path} takes {port}, and no pictures: its input must be (N, 3, H, W) or (N, H, W, 3)")
    if port.dtype not in DTYPES:
        raise InputError(f"{model.path} takes {port}: pictures can be given as {', '.join(DTYPES)}, export it so")
    return port


def _layout(model: OnnxFile, port: Port, asked: str, said: _Said) -> str:
    assert port.shape is not None
    sure = [layout for layout, axis in LAYOUTS.items() if port.shape[axis] == 3]
    open_ = [layout for layout, axis in LAYOUTS.items() if port.shape[axis] in (3, None)]
    if not open_:
        raise InputError(f"{model.path} takes {port}, and pictures have 3 channels: none of its axes is that of these")
    if asked != "auto" and asked not in open_:
        raise InputError(f"{model.path} takes {port}, which is not {asked.upper()}: leave out --set onnx.layout")
    chosen = asked if asked != "auto" else said.choice("layout", tuple(LAYOUTS)) if len(sure) != 1 else sure[0]
    if chosen is None and len(open_) == 1:
        chosen = open_[0]
    if chosen not in open_:
        raise InputError(f"{model.path} takes {port}: say where its channels are, --set onnx.layout=nchw or nhwc")
    return chosen


def _size(model: OnnxFile, fixed: list[int | None], asked: int | None, said: _Said) -> tuple[int, int]:
    if None not in fixed:
        height, width = (side or 0 for side in fixed)
        if asked is not None and (asked, asked) != (height, width):
            raise InputError(f"{model.path} takes pictures of {width}×{height} only: leave out --set onnx.size={asked}")
    else:
        side = asked or said.size()
        if side is None:
            raise InputError(
                f"{model.path} leaves the size of pictures open: say it, --set onnx.size=112 for recognisers in the "
                "line of ArcFace"
            )
        height, width = (known or side for known in fixed)
    if height not in SIZES or width not in SIZES:
        raise InputError(
            f"{model.path} takes pictures of {width}×{height}: {SIZES[0]} to {SIZES[-1]} pixels a side are possible"
        )
    return height, width


def _range(model: OnnxFile, port: Port, asked: Asked, said: _Said) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and scale, each from where it is said first."""
    raw = port.dtype == "uint8"
    usual = 0.0 if raw or model.takes_pixels else USUAL
    found = []
    for place, (key, given) in enumerate((("mean", asked.mean), ("scale", asked.scale))):
        value = given or said.numbers(key)
        if value is None:
            told = said.range(key)
            value = (told[place] if told else usual or float(place),)
        found.append(value)
    mean, scale = found
    if raw and (_in_words(mean), _in_words(scale)) != ("0", "1"):
        raise InputError(f"{model.path} takes whole pixels (uint8), which have no mean and scale: leave these out")
    return mean, scale


def _output(model: OnnxFile, asked: str) -> str:
    names = [port.name for port in model.outputs]
    if asked:
        if asked not in names:
            raise unknown("output", asked, names, f" of {model.path}")
        return asked
    if len(names) != 1:
        held = ", ".join(map(str, model.outputs)) or "none"
        raise InputError(
            f"{model.path} has {len(names)} outputs ({held}): say which is the embedding, --set onnx.output=NAME"
        )
    return names[0]


def _in_words(values: Sequence[float]) -> str:
    """``127.5``, or ``(123.7, 116.3, 103.5)``."""
    words = [f"{value:g}" for value in values]
    return words[0] if len(set(words)) == 1 else f"({', '.join(words)})"
