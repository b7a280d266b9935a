"""ONNX files, looked at without running them: what goes in and out, what they say of themselves, what lies beside."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from aiakit.errors import InputError
from aiakit.storage.store import file_digest

PASSING = ("Cast", "Identity", "Transpose")  # what changes no value
ARITHMETIC = ("Add", "Sub", "Mul", "Div")
LEAST_OFFSET, LEAST_DIVISOR = 16, 64  # what is taken off, or divided by, where values are pixels of 0 to 255


@dataclass(frozen=True)
class Port:
    """An input or an output. dtype : NumPy's word for it, "" of what is no tensor. shape : None of an open axis."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None

    def __str__(self) -> str:
        axes = "of any rank" if self.shape is None else f"({', '.join(str(n or '?') for n in self.shape)})"
        return f"{self.name} {self.dtype or 'no tensor'} {axes}"


@dataclass(frozen=True)
class OnnxFile:
    """What an ONNX file is about.

    metadata : key, in small letters, → text. takes_pixels : whether it begins by taking values of 0 to 255 to its own
    scale. beside : the files that hold weights which are not in it.
    """

    path: Path
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    metadata: dict[str, str]
    takes_pixels: bool
    beside: tuple[Path, ...]

    def digest(self) -> str:
        """SHA-256 of the file, or of the digests of it and of those beside it."""
        own = file_digest(self.path)
        if not self.beside:
            return own
        return hashlib.sha256("\n".join([own, *map(file_digest, self.beside)]).encode()).hexdigest()


def read_onnx(path: Path) -> OnnxFile:
    """What a file holds; weights that lie beside it are not read. The package onnx must be there.

    Raises InputError for a damaged file, or one whose weights lie in a file that is missing or in another folder.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model(str(path), load_external_data=False)
    except (DecodeError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is damaged or no ONNX file ({reason}): get a whole copy") from None
    graph = model.graph
    ports = [*graph.input, *graph.output]
    if not graph.node:
        raise InputError(f"{path} is damaged or no ONNX file (there is no graph in it): get a whole copy")
    texts = [*((entry.key, entry.value) for entry in model.metadata_props), *((each.name, "") for each in ports)]
    if not all(isinstance(text, str) for pair in texts for text in pair):
        raise InputError(f"{path} is damaged or no ONNX file (a name in it is no text): get a whole copy")
    tensors = [*_tensors(graph), *(tensor for each in model.functions for tensor in _of_nodes(each.node))]
    outside = [tensor for tensor in tensors if tensor.data_location == onnx.TensorProto.EXTERNAL]
    known = {tensor.name for tensor in graph.initializer}  # early versions name them among the inputs
    return OnnxFile(
        path,
        tuple(_port(value) for value in graph.input if value.name not in known),
        tuple(map(_port, graph.output)),
        {entry.key.lower(): entry.value for entry in model.metadata_props},
        _takes_pixels(graph),
        tuple(dict.fromkeys(_beside(path, tensor) for tensor in outside)),
    )


def _port(value: Any) -> Port:
    import onnx

    if not value.type.HasField("tensor_type"):
        return Port(value.name, "", None)
    tensor = value.type.tensor_type
    name = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    dtype = {"float": "float32", "double": "float64"}.get(name, name)
    if not tensor.HasField("shape"):
        return Port(value.name, dtype, None)
    return Port(value.name, dtype, tuple(axis.dim_value or None for axis in tensor.shape.dim))


def _tensors(graph: Any) -> Iterator[Any]:
    """Every tensor of a graph and of the graphs in it."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Any) -> Iterator[Any]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
            yield from _tensors(inner)


def _beside(path: Path, tensor: Any) -> Path:
    """The file that holds a tensor. Raises InputError for one that is not there, or not in the folder of the model."""
    where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    place, folder = path.parent / where, path.parent.resolve()
    plain = where and not PurePosixPath(where).is_absolute() and ".." not in PurePosixPath(where).parts
    if not plain or not place.resolve().is_relative_to(folder):
        raise InputError(
            f"{path} says that weights lie in {where!r}, outside of its folder, which is refused: save it anew"
        )
    if not place.is_file():
        raise InputError(f"{path} has weights in {where}, which is not beside it: copy that file there, too")
    return place


def _takes_pixels(graph: Any) -> bool:
    """Whether the first arithmetic on the input has constants of the size that pixels of 0 to 255 need."""
    import onnx

    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    names = [value.name for value in graph.input if value.name not in constants]
    for node in graph.node:  # which stand in the order of their work
        if not names or names[-1] not in node.input:
            continue
        other = [name for name in node.input if name != names[-1]]
        if node.op_type in ARITHMETIC and len(other) == 1 and other[0] in constants:
            tensor = constants[other[0]]
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                return False
            size = float(np.abs(onnx.numpy_helper.to_array(tensor).astype(np.float64)).max(initial=0))
            added = node.op_type in ("Add", "Sub") and size >= LEAST_OFFSET
            divided = node.op_type == "Div" and size >= LEAST_DIVISOR
            multiplied = node.op_type == "Mul" and 0 < size <= 1 / LEAST_DIVISOR
            if added or divided or multiplied:
                return True
        elif node.op_type not in PASSING:
            return False
        names.append(node.output[0])
    return False
