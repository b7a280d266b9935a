"""Where and how networks compute: the device and the precision that are meant, or the best there are."""

from __future__ import annotations

import os
from importlib.util import find_spec
from shutil import which
from typing import cast

from aiakit.contracts import Precision
from aiakit.errors import InputError


def choose_device(name: str, remote: bool = False) -> str:
    """A torch device that is there (``remote``: that may be, on another machine). Raises InputError for another."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind = name.split(":")[0]
    known = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if kind not in known:
        raise InputError(f"--device {name} is no device: choose auto, cpu, cuda, cuda:N or mps")
    if remote:
        return name
    try:
        if not known[kind]:
            raise RuntimeError("it is not available")
        torch.empty(1, device=name)
    except RuntimeError as error:
        raise InputError(f"--device {name} cannot be used here ({str(error).splitlines()[0]}): try auto") from None
    return name


def choose_precision(name: str, device: str, remote: bool = False) -> Precision:
    """ "auto" is bfloat16 on CUDA and on processors with instructions for it, else float32.

    ``remote``: of a GPU on another machine it is taken for granted; processors are taken to be like this one.
    """
    import torch

    if name != "auto":
        return cast(Precision, name)
    if choose_device(device, remote).startswith("cuda"):
        return "bf16" if remote or torch.cuda.is_bf16_supported() else "fp32"
    checks = (getattr(torch.cpu, check, None) for check in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return "bf16" if any(check is not None and check() for check in checks) else "fp32"


def require_compiler(device: str, remote: bool = False) -> None:
    """Raise InputError where ``torch.compile`` has nothing to compile with: a C++ compiler, or Triton on CUDA."""
    if remote:
        return
    if device.startswith("cuda"):
        if find_spec("triton") is None:
            raise InputError("--compile needs Triton on CUDA: pip install triton, or leave out --compile")
    elif not any(map(which, (os.environ.get("CXX", "c++"), "g++", "clang++"))):
        raise InputError("--compile needs a C++ compiler here: install one (g++), or leave out --compile")
