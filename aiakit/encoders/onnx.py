"""Any recogniser in an ONNX file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator, Field

from aiakit.contracts import PixelArray, batches
from aiakit.encoders._landmarks import aligned
from aiakit.encoders._output import in_words, require_varied, rows_of
from aiakit.encoders._pinned import Pinned
from aiakit.encoders._recipe import SIZES, Asked, Recipe, numbers_of, recipe_for
from aiakit.errors import InputError
from aiakit.networks.landmarks import SIDE
from aiakit.plugins.bases import not_installed
from aiakit.storage.onnxfile import OnnxFile, read_onnx
from aiakit.storage.paths import existing

BATCH = 64  # pictures that a model is given at once, where it takes any number
COMPANY = 4  # pictures that one is given with once more
APART = 0.05  # what a row may differ then; half precision rounds by less
SMALLEST = 1e-12
CODES = re.compile(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ")
Numbers = tuple[float, ...] | None


class Onnx(Pinned):
    """The output of a network in an ONNX file, run by onnxruntime on as many threads as the run has.

    What is left open is read from the file: layout, size and type from the shape of its input; colour, mean and scale
    from its metadata; and where that begins by taking pixels of 0 to 255 to its own scale, they are given as they are.
    Else it is asked as recognisers in the line of ArcFace are: RGB, (x − 127.5) / 127.5. ``notes`` say how. Nothing in
    the file is executed but the operators of ONNX and onnxruntime.

    Parameters
    ----------
    model : path of the file. output : which of its outputs, where it has several.
    size : side of the pictures in pixels, where the file leaves it open. layout : auto, nchw or nhwc.
    colour : the order of its channels. mean, scale : it is given (x − mean) / scale of pixels x from 0 to 255; one
        number, or one a channel in the model's order.
    align : "arcface" turns faces to the five-point template of 112×112 pixels by dlib's landmarks (extra judges).
    margin : the part of a picture's side, on each side, that lies outside the face; for landmarks.
    """

    summary = "a network in an ONNX file of yours (extra onnx)"
    shorthand = ("model",)
    pinned = "model"

    def __init__(
        self,
        model: Annotated[str, AfterValidator(existing("an ONNX file"))],
        output: str = "",
        size: Annotated[int, Field(ge=SIZES[0], le=SIZES[-1])] | None = None,
        layout: Literal["auto", "nchw", "nhwc"] = "auto",
        colour: Literal["auto", "rgb", "bgr"] = "auto",
        mean: Annotated[Numbers, AfterValidator(partial(numbers_of, "mean"))] = None,
        scale: Annotated[Numbers, AfterValidator(partial(numbers_of, "scale"))] = None,
        align: Literal["none", "arcface"] = "none",
        margin: Annotated[float, Field(ge=0, le=0.4)] = 0.1,
    ) -> None:
        self.model = model
        self.output = output
        self.size = size
        self.layout = layout
        self.colour = colour
        self.mean = mean
        self.scale = scale
        self.align = align
        self.margin = margin

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        return not_installed("onnx", "onnx", "onnxruntime")

    @classmethod
    def depends_on(cls, params: Mapping[str, Any]) -> dict[str, str]:
        """Also the version of onnxruntime, whose arithmetic it is."""
        return {**super().depends_on(params), "onnxruntime": version("onnxruntime")}

    def content(self) -> str:
        """Of the file and of the weights beside it. Raises InputError where the model cannot be asked as it should."""
        _ = self._recipe
        return self._file.digest()

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        """Raises InputError for what the model cannot do, and for embeddings that are none."""
        made = []
        for rows in self.ctx_.track(list(batches(len(images), self._recipe.batch or BATCH)), "onnx"):
            pictures = np.stack([self._picture(np.ascontiguousarray(each)) for each in images[rows]])
            made.append(self._run(pictures, files[rows]))
        embeddings = np.concatenate(made)
        require_varied(embeddings, images, self.model, f"are mean and scale ({self._recipe}) those of its training?")
        self._require_apart(images, embeddings)
        self.notes = (self._described(embeddings), *self._on_device())
        return embeddings

    def _require_apart(self, images: PixelArray, embeddings: NDArray[np.float32]) -> None:
        """Raise InputError where the first picture gets another row beside noise than it got among the others.

        So it is with a network that was exported while it was training: its normalisation is of the batch.
        """
        pictures = np.stack([self._picture(np.ascontiguousarray(images[0]))] * COMPANY)
        pictures[1:] = np.random.default_rng(0).integers(0, 256, pictures[1:].shape, dtype=np.uint8)
        count = min(COMPANY, self._recipe.batch or COMPANY)
        beside_noise = self._run(pictures[:count], ("",) * count)[0]
        off = float(np.abs(beside_noise - embeddings[0]).max() / max(np.abs(embeddings[0]).max(), SMALLEST))
        if off > APART:
            raise InputError(
                f"{self.model} gives a picture another embedding beside other pictures (by {off:.0%} of its largest "
                "value), so that no row is of one face: export it in evaluation mode (model.eval())"
            )

    def _described(self, embeddings: NDArray[Any]) -> str:
        """A line: what the model was given and what it gives."""
        turned = "aligned" if self.align == "arcface" else "not aligned"
        given = f"{Path(self.model).name} was given pictures in {self._recipe}, {turned}"
        return f"{given}, and gave {in_words(embeddings)}"

    def _on_device(self) -> tuple[str, ...]:
        """A line where it did not run on the device that was meant."""
        runs_there = "CUDAExecutionProvider" in self._session.get_providers()
        if self.ctx_.device == "cpu" or runs_there:
            return ()
        return (f"{Path(self.model).name} ran on the CPU: onnxruntime has nothing for {self.ctx_.device} here",)

    def _picture(self, image: PixelArray) -> NDArray[np.uint8]:
        """One picture as large as the model takes it."""
        if self.align == "arcface":
            return aligned(image, self.margin, self._recipe.width)
        size = (self._recipe.width, self._recipe.height)
        if image.shape[1::-1] == size:
            return image
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))

    def _run(self, pictures: NDArray[np.uint8], files: tuple[str, ...]) -> NDArray[np.float32]:
        """float32 (B, D). A model of a fixed number of pictures is given the last one again until there are enough."""
        count = len(pictures)
        short = (self._recipe.batch or 0) - count
        if short > 0:
            pictures = np.concatenate([pictures, np.repeat(pictures[-1:], short, axis=0)])
        try:
            (made,) = self._session.run([self._recipe.output], {self._recipe.input: self._recipe.prepare(pictures)})
        except Exception as error:  # onnxruntime's have no base of their own
            raise InputError(f"{self.model} fails on pictures in {self._recipe}: {_reason(error)}") from None
        who = f"the output {self._recipe.output} of {self.model}"
        return rows_of(made, len(pictures), files, who, "choose another with --set onnx.output")[:count]

    @cached_property
    def _file(self) -> OnnxFile:
        return read_onnx(Path(self.model).expanduser())

    @cached_property
    def _recipe(self) -> Recipe:
        asked = Asked(self.output, self.size, self.layout, self.colour, self.mean, self.scale)
        recipe = recipe_for(self._file, asked)
        if self.align == "arcface":
            missing = not_installed("judges", "dlib", "face_recognition_models")
            if missing:
                raise InputError(f"--set onnx.align=arcface cannot be used: {missing}")
            if recipe.height != recipe.width or recipe.width % SIDE:
                raise InputError(
                    f"--set onnx.align=arcface is for pictures of {SIDE}×{SIDE} or a multiple, and {self.model} takes "
                    f"{recipe.width}×{recipe.height}: leave it out"
                )
        return recipe

    @cached_property
    def _session(self) -> Any:
        """The model, ready to run. A custom operator is refused, since no library of any is loaded."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.ctx_.threads
        options.inter_op_num_threads = 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # what goes wrong is raised
        device, _, number = self.ctx_.device.partition(":")
        providers: list[Any] = ["CPUExecutionProvider"]
        if device == "cuda" and "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            exact = {"device_id": number or "0", "use_tf32": str(int(self.ctx_.precision != "fp32"))}
            providers.insert(0, ("CUDAExecutionProvider", exact))
        try:
            place = str(self._file.path)
            return onnxruntime.InferenceSession(place, options, providers=providers, enable_fallback=0)
        except Exception as error:  # onnxruntime's have no base of their own
            raise InputError(f"{self.model} cannot be loaded by onnxruntime: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """What onnxruntime says, in one line and without its codes. Raises the error again where that is no memory left."""
    if isinstance(error, MemoryError):
        raise error
    return " ".join(CODES.sub("", str(error)).split())[:300]
