"""The files that an exported defense can be: each is written, and run by what a service would run it with."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aiakit.errors import InputError

PROVENANCE = "aiakit"  # the name that the provenance, a JSON text, has in each kind of file
OPSET = 17
AFFINE = 1e-5  # of the largest value: what an affine map may differ by
OUTPUTS = {"embedding": "release", "image": "picture"}  # view → output of a graph, whose input may be an embedding too
Inputs = Mapping[str, NDArray[Any]]  # in the order in which the module takes them
Outputs = list[NDArray[Any]]
_jit: Any = torch.jit  # untyped


@dataclass(frozen=True)
class Writer:
    """write : module, path, examples of inputs by name, names of outputs, provenance. run : path, inputs by name."""

    write: Callable[[nn.Module, Path, Inputs, tuple[str, ...], str], None]
    run: Callable[[Path, Inputs], Outputs]


def _write_onnx(module: nn.Module, path: Path, given: Inputs, gives: tuple[str, ...], provenance: str) -> None:
    try:
        import onnx
        import onnxruntime  # noqa: F401  (runs the file below)
    except ImportError as error:
        raise InputError(f"onnx needs {error.name}: pip install 'aiakit[onnx]'") from None
    with warnings.catch_warnings():
        # the exporter that torch puts in its place needs one more package, and this one writes the same operators
        warnings.simplefilter("ignore", DeprecationWarning)
        named = [OUTPUTS[view] for view in gives]
        any_number = {name: {0: "samples"} for name in (*given, *named)}
        try:
            with redirect_stdout(io.StringIO()):  # where it prints a graph before it raises
                torch.onnx.export(module, _tensors(given), str(path), input_names=list(given), output_names=named,
                                  dynamic_axes=any_number, opset_version=OPSET, dynamo=False)  # fmt: skip
        except Exception as error:  # it raises many kinds, and a module may be a plugin's
            reason = str(error).strip().partition("\n")[0][:200]
            raise InputError(f"onnx cannot express this defense ({reason}): try torchscript") from None
    model = onnx.load(str(path))
    model.metadata_props.add(key=PROVENANCE, value=provenance)
    model.producer_name = "aiakit"
    onnx.save(model, str(path))


def _run_onnx(path: Path, given: Inputs) -> Outputs:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: Outputs = session.run(None, dict(given))
    return found


def _write_torchscript(module: nn.Module, path: Path, given: Inputs, gives: tuple[str, ...], provenance: str) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)  # it is to be replaced by formats that C++ cannot read yet
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = _jit.trace(module, _tensors(given), check_trace=False)
        _jit.save(traced, str(path), _extra_files={PROVENANCE: provenance})


def _run_torchscript(path: Path, given: Inputs) -> Outputs:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        found = _jit.load(str(path), map_location="cpu")(*_tensors(given))
    return [each.numpy() for each in (found if isinstance(found, tuple) else (found,))]


def _write_npz(module: nn.Module, path: Path, given: Inputs, gives: tuple[str, ...], provenance: str) -> None:
    if list(given) != ["embedding"]:
        raise InputError(
            f"npz holds an affine map of embeddings, and this defense takes {' and '.join(given)}: give onnx"
        )
    (example,) = _tensors(given)
    dims = example.shape[1]
    with torch.no_grad():
        at_zero, at_ones = (module(part).double().numpy() for part in (torch.zeros(1, dims), torch.eye(dims)))
        offset, matrix = at_zero[0], (at_ones - at_zero).T
        expected = module(example).double().numpy()
    if np.abs(example.double().numpy() @ matrix.T + offset - expected).max() > AFFINE * np.abs(expected).max():
        raise InputError("npz holds an affine map, and this release is none: give onnx or torchscript")
    with path.open("wb") as file:
        np.savez(file, matrix=matrix, offset=offset, aiakit=np.array(provenance))  # named PROVENANCE


def _run_npz(path: Path, given: Inputs) -> Outputs:
    (values,) = given.values()
    with np.load(path, allow_pickle=False) as found:
        return [(values @ found["matrix"].T + found["offset"]).astype(np.float32)]


def _tensors(given: Inputs) -> tuple[Tensor, ...]:
    return tuple(map(torch.from_numpy, given.values()))


WRITERS = {
    "onnx": Writer(_write_onnx, _run_onnx),
    "torchscript": Writer(_write_torchscript, _run_torchscript),
    "npz": Writer(_write_npz, _run_npz),
}
