"""Small ONNX models, written by the tests: a convolution, a mean over the picture and a matrix, as torch has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from aiakit.contracts import Context, Faces
from aiakit.plugins import registry

DIMENSIONS = 5
TYPES = {"float16": TensorProto.FLOAT16, "float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8}


def network(channels: int = 3) -> nn.Sequential:
    """The network in torch, with weights of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        layers = nn.Conv2d(channels, 8, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(8, DIMENSIONS)).eval()


def write(
    path: Path,
    shape: Sequence[str | int | None] = ("N", 3, 32, 32),
    dtype: str = "float32",
    *,
    metadata: Mapping[str, str] | None = None,
    before: Sequence[tuple[str, float]] = (),
    unit: bool = False,
    more_inputs: Sequence[str] = (),
    more_outputs: Sequence[str] = (),
    ends: Sequence[Any] | None = None,
    beside: str = "",
) -> Path:
    """Write the network as a model.

    shape : of its input; channels first unless the last axis is 3. before : arithmetic on pixels that it begins with,
    as operator and constant. unit : whether it divides by the norm. more_inputs, more_outputs : names of others.
    ends : nodes in place of the last. beside : the file in which its matrix lies.
    """
    net = network()
    last = shape[-1] == 3
    kind = np.float16 if dtype == "float16" else np.float32
    weights = {name: value.numpy().astype(kind) for name, value in net.state_dict().items()}
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    nodes, at = [], "pictures"
    if dtype == "uint8":
        nodes.append(helper.make_node("Cast", [at], ["cast"], to=TensorProto.FLOAT))
        at = "cast"
    if last:
        nodes.append(helper.make_node("Transpose", [at], ["first"], perm=[0, 3, 1, 2]))
        at = "first"
    for number, (operator, value) in enumerate(before):
        constants.append(numpy_helper.from_array(np.array(value, kind), f"c{number}"))
        nodes.append(helper.make_node(operator, [at, f"c{number}"], [f"b{number}"]))
        at = f"b{number}"
    nodes += [
        helper.make_node("Conv", [at, "0.weight", "0.bias"], ["maps"], strides=[2, 2]),
        helper.make_node("Relu", ["maps"], ["kept"]),
        helper.make_node("GlobalAveragePool", ["kept"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "4.weight", "4.bias"], ["raw" if unit else "embedding"], transB=1),
    ]
    if unit:
        nodes += [
            helper.make_node("ReduceL2", ["raw"], ["norm"], axes=[1]),
            helper.make_node("Div", ["raw", "norm"], ["embedding"]),
        ]
    nodes = [*nodes[:-1], *ends] if ends is not None else nodes
    nodes += [helper.make_node("Identity", ["embedding"], [name]) for name in more_outputs]
    of = TYPES["float32" if dtype == "uint8" else dtype]
    inputs = [helper.make_tensor_value_info("pictures", TYPES[dtype], shape)]
    inputs += [helper.make_tensor_value_info(name, of, [1]) for name in more_inputs]
    outputs = [helper.make_tensor_value_info(name, of, None) for name in ("embedding", *more_outputs)]
    graph = helper.make_graph(nodes, "recogniser", inputs, outputs, constants)
    domains = {node.domain for node in nodes if node.domain}
    opsets = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    if beside:
        onnx.save_model(model, str(path), save_as_external_data=True, location=beside, size_threshold=0)
    else:
        path.write_bytes(model.SerializeToString())
    return path


def expected(images: Any, mean: Any = 127.5, scale: Any = 127.5, bgr: bool = False) -> Any:
    """What torch gives for uint8 (N, H, W, 3) pictures of the model's size."""
    ordered = np.asarray(images)[..., ::-1] if bgr else np.asarray(images)
    values = (ordered.astype(np.float32) - np.float32(mean)) / np.float32(scale)
    with torch.no_grad():
        return network()(torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))).numpy()


def fitted(path: Path, faces: Faces, threads: int = 1, **options: str) -> Any:
    """The encoder with this model."""
    made = registry.make("encoder", "onnx", {"model": str(path), **options})
    return made.fit(faces, faces, Context(threads=threads))


def encode(path: Path, faces: Faces, **options: str) -> Any:
    """The embeddings of the faces by this model."""
    return fitted(path, faces, **options).encode(faces.images, names(faces))


def names(faces: Faces) -> tuple[str, ...]:
    """What the pictures are called."""
    return tuple(f"{row}.png" for row in range(len(faces)))
