"""What plugins are built from, beside the contracts, the networks and the measures.

Attacks: ``GridAttack`` (a grid of scikit-learn estimators, judged on attacker-val), ``from_sklearn`` (one estimator in
one line), ``NetworkOnEmbeddings``, ``NetworkOnPictures``. Defenses: ``Learned`` (state of a handful of arrays),
``AffineEraser`` (x ↦ μ + A(x − μ)). For ``Plugin.unavailable``: ``not_installed``.

Names are imported when they are used: a plugin that needs none of scikit-learn or torch loads neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aiakit.plugins.extras import not_installed as not_installed

if TYPE_CHECKING:
    from aiakit.plugins.bases.affine import AffineEraser as AffineEraser
    from aiakit.plugins.bases.estimators import GridAttack as GridAttack
    from aiakit.plugins.bases.learned import Learned as Learned
    from aiakit.plugins.bases.network import NetworkOnEmbeddings as NetworkOnEmbeddings
    from aiakit.plugins.bases.pictures import NetworkOnPictures as NetworkOnPictures
    from aiakit.plugins.bases.wrapping import from_sklearn as from_sklearn

_WHERE = {
    "AffineEraser": "affine",
    "GridAttack": "estimators",
    "Learned": "learned",
    "NetworkOnEmbeddings": "network",
    "NetworkOnPictures": "pictures",
    "from_sklearn": "wrapping",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
