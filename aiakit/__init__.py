"""aiakit: privacy-attack evaluation for face representations.

``run``, ``audit`` and ``sweep`` measure; ``load`` opens what they stored, ``compare`` sets two results side by side,
and ``load_defense`` makes a trained defense something to call. Plugins subclass ``Attack``, ``Defense``,
``EmbeddingDefense``, ``Encoder``, ``Dataset``, ``Linker``, ``Decoder`` or ``Regressor``; the built-in ones are in
``aiakit.attacks`` and ``aiakit.defenses``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiakit import attacks as attacks
    from aiakit import defenses as defenses
    from aiakit.api.audits import audit as audit
    from aiakit.api.comparing import compare as compare
    from aiakit.api.result import Result as Result
    from aiakit.api.runs import load as load
    from aiakit.api.runs import run as run
    from aiakit.api.sweeps import SweepResult as SweepResult
    from aiakit.api.sweeps import sweep as sweep
    from aiakit.api.trained import TrainedDefense as TrainedDefense
    from aiakit.api.trained import load_defense as load_defense
    from aiakit.contracts import Attack as Attack
    from aiakit.contracts import Context as Context
    from aiakit.contracts import Dataset as Dataset
    from aiakit.contracts import Decoder as Decoder
    from aiakit.contracts import DecoderData as DecoderData
    from aiakit.contracts import Defense as Defense
    from aiakit.contracts import EmbeddingDefense as EmbeddingDefense
    from aiakit.contracts import Embeddings as Embeddings
    from aiakit.contracts import Encoder as Encoder
    from aiakit.contracts import Faces as Faces
    from aiakit.contracts import FaceSet as FaceSet
    from aiakit.contracts import LabelledRelease as LabelledRelease
    from aiakit.contracts import Linker as Linker
    from aiakit.contracts import LinkerData as LinkerData
    from aiakit.contracts import OfficialPairs as OfficialPairs
    from aiakit.contracts import Regressor as Regressor
    from aiakit.contracts import RegressorData as RegressorData
    from aiakit.contracts import Release as Release
    from aiakit.errors import AiakitError as AiakitError
    from aiakit.errors import InputError as InputError
    from aiakit.errors import PluginError as PluginError

__version__ = "0.1.0"

_CONTRACTS = ("Attack", "Context", "Dataset", "Decoder", "DecoderData", "Defense", "EmbeddingDefense", "Embeddings",
              "Encoder", "FaceSet", "Faces", "LabelledRelease", "Linker", "LinkerData", "OfficialPairs", "Regressor",
              "RegressorData", "Release")  # fmt: skip
# Name → the module that has it; a name that is a module itself has none. A bare ``import aiakit`` loads none of them.
_HOME = {
    "attacks": "",
    "defenses": "",
    "audit": "aiakit.api.audits",
    "compare": "aiakit.api.comparing",
    "load": "aiakit.api.runs",
    "load_defense": "aiakit.api.trained",
    "run": "aiakit.api.runs",
    "sweep": "aiakit.api.sweeps",
    "Result": "aiakit.api.result",
    "SweepResult": "aiakit.api.sweeps",
    "TrainedDefense": "aiakit.api.trained",
    **dict.fromkeys(_CONTRACTS, "aiakit.contracts"),
    **dict.fromkeys(("AiakitError", "InputError", "PluginError"), "aiakit.errors"),
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        from aiakit.errors import nearest

        close = nearest(name, _HOME)
        hint = f": did you mean {' or '.join(close)}?" if close else ""
        raise AttributeError(f"module 'aiakit' has no attribute {name!r}{hint}", name=name, obj=None)
    if not _HOME[name]:
        return import_module(f"aiakit.{name}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
