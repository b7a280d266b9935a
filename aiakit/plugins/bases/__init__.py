"""What plugins are built from, beside the contracts, the networks and the measures.

Attacks: ``GridAttack`` (a grid of scikit-learn estimators, judged on attacker-val), ``from_sklearn`` (one estimator in
one line), ``NetworkOnEmbeddings``, ``NetworkOnPictures``. Defenses: ``Learned`` (state of a handful of arrays),
``AffineEraser`` (x ↦ μ + A(x − μ)), ``Served`` (can be exported). For ``Plugin.unavailable``: ``not_installed``.
Regressors: ``aiakit.plugins.bases.regressors.GridRegressor``.

For attacks of your own making: ``embedding``, ``sample_rows``, ``subsample``, ``Sampled`` and ``in_chunks`` of what is
given, ``sklearn_seed``, ``reduction``; ``mean_auc``, ``temperature`` and ``all_classes`` of scores.

Names are imported when they are used: a plugin that needs none of scikit-learn or torch loads neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from aiakit.plugins.extras import not_installed as not_installed

if TYPE_CHECKING:
    from aiakit.plugins.bases._affine import AffineEraser as AffineEraser
    from aiakit.plugins.bases._grid import GridAttack as GridAttack
    from aiakit.plugins.bases._grid import reduction as reduction
    from aiakit.plugins.bases._learned import Learned as Learned
    from aiakit.plugins.bases._network import NetworkOnEmbeddings as NetworkOnEmbeddings
    from aiakit.plugins.bases._pictures import NetworkOnPictures as NetworkOnPictures
    from aiakit.plugins.bases._samples import Sampled as Sampled
    from aiakit.plugins.bases._samples import embedding as embedding
    from aiakit.plugins.bases._samples import in_chunks as in_chunks
    from aiakit.plugins.bases._samples import sample_rows as sample_rows
    from aiakit.plugins.bases._samples import sklearn_seed as sklearn_seed
    from aiakit.plugins.bases._samples import subsample as subsample
    from aiakit.plugins.bases._scores import all_classes as all_classes
    from aiakit.plugins.bases._scores import mean_auc as mean_auc
    from aiakit.plugins.bases._scores import temperature as temperature
    from aiakit.plugins.bases._serving import Served as Served
    from aiakit.plugins.bases._wrapping import from_sklearn as from_sklearn

_WHERE = {
    "AffineEraser": "_affine",
    "GridAttack": "_grid",
    "Learned": "_learned",
    "NetworkOnEmbeddings": "_network",
    "NetworkOnPictures": "_pictures",
    "Sampled": "_samples",
    "Served": "_serving",
    "all_classes": "_scores",
    "embedding": "_samples",
    "from_sklearn": "_wrapping",
    "in_chunks": "_samples",
    "mean_auc": "_scores",
    "reduction": "_grid",
    "sample_rows": "_samples",
    "sklearn_seed": "_samples",
    "subsample": "_samples",
    "temperature": "_scores",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
