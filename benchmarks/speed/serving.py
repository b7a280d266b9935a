"""What a defense in service costs: milliseconds for one face, and faces a second in batches, on one thread.

    python -m benchmarks.speed.serving FILE.onnx… [--batch 256]

The files are those of ``aiakit export``; they are run by onnxruntime, on made-up input.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

REPEATS = 30


def session_of(path: Path) -> Any:
    """The graph on one thread of the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def example(session: Any, count: int) -> dict[str, NDArray[Any]]:
    """So many random inputs of the shape and type that the graph takes."""
    rng, made = np.random.default_rng(0), {}
    for wanted in session.get_inputs():
        shape = (count, *wanted.shape[1:])
        bytes_ = wanted.type == "tensor(uint8)"
        made[wanted.name] = (
            rng.integers(0, 256, shape, dtype=np.uint8) if bytes_ else rng.standard_normal(shape).astype(np.float32)
        )
    return made


def seconds(session: Any, given: dict[str, NDArray[Any]]) -> float:
    """The median of some calls."""
    session.run(None, given)
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        session.run(None, given)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--batch", type=int, default=256)
    asked = parser.parse_args()
    print(f"| file | KiB | one face, ms | faces a second, batches of {asked.batch} |\n|---|---|---|---|")
    for path in asked.files:
        session = session_of(path)
        alone, many = (seconds(session, example(session, count)) for count in (1, asked.batch))
        size = path.stat().st_size / 1024
        print(f"| {path.name} | {size:,.0f} | {1000 * alone:.2f} | {asked.batch / many:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
