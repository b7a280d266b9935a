"""All that a plugin author reads: the data a plugin receives and the classes it may implement.

Shapes: N samples, D embedding dimensions, K ≥ 2 classes of the private attribute, H×W pixels.
The conventions are scikit-learn's: ``__init__`` stores its parameters under their own names and does nothing else,
``fit`` returns ``self``, capabilities are class attributes, all randomness comes from the context or the generator
that is handed in. Test labels are never part of anything a plugin receives.
"""

from aiakit.contracts.attacks import Attack, Knowledge
from aiakit.contracts.context import Context, Precision, State, compute_always, no_progress
from aiakit.contracts.datasets import MISSING, Attribute, Dataset, FaceSet, LoadSettings, OfficialPairs
from aiakit.contracts.defenses import BaseDefense, Defense, EmbeddingDefense, Encoder
from aiakit.contracts.plugin import Plugin, RiskName
from aiakit.contracts.releases import (
    VIEWS,
    Embeddings,
    Faces,
    FloatArray,
    IntArray,
    LabelledRelease,
    PixelArray,
    Release,
    Values,
    View,
    batches,
)
from aiakit.contracts.risks import (
    Decoder,
    DecoderData,
    Linker,
    LinkerData,
    Points,
    Regressor,
    RegressorData,
    RiskAttack,
)

__all__ = [
    "MISSING",
    "VIEWS",
    "Attack",
    "Attribute",
    "BaseDefense",
    "Context",
    "Dataset",
    "Decoder",
    "DecoderData",
    "Defense",
    "EmbeddingDefense",
    "Embeddings",
    "Encoder",
    "FaceSet",
    "Faces",
    "FloatArray",
    "IntArray",
    "Knowledge",
    "LabelledRelease",
    "Linker",
    "LinkerData",
    "LoadSettings",
    "OfficialPairs",
    "PixelArray",
    "Plugin",
    "Points",
    "Precision",
    "Regressor",
    "RegressorData",
    "Release",
    "RiskAttack",
    "RiskName",
    "State",
    "Values",
    "View",
    "batches",
    "compute_always",
    "no_progress",
]
