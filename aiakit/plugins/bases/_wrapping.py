"""A scikit-learn classifier as an attack."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Any, Self

from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases._grid import GridAttack
from aiakit.plugins.bases._samples import sklearn_seed


def from_sklearn(estimator: type, *, view: str = "embedding", **options: Any) -> type[GridAttack]:
    """An attack class that fits a scikit-learn classifier to standardised embeddings, every class weighing the same.

    A plugin file with this line is a whole attack, called ``hist-gradient-boosting-classifier``::

        Boosting = from_sklearn(HistGradientBoostingClassifier, max_iter=200)

    Margins of a classifier without ``predict_proba`` become probabilities by a factor fitted on attacker-val.

    Parameters
    ----------
    estimator : the class, with scikit-learn's ``fit`` and ``predict_proba`` or ``decision_function``.
    view : "embedding", the one view that such a classifier reads.
    options : parameters of the estimator. They become options of the attack (``--set NAME.max_iter=100``), with the
        types of the values given here; all others stay at the estimator's defaults.

    Raises
    ------
    ValueError : another view.
    TypeError : an option that the estimator does not have.
    """
    if view != "embedding":
        raise ValueError(f"a scikit-learn classifier reads the view 'embedding', not {view!r}")
    known = inspect.signature(estimator).parameters
    for option in options:
        if option not in known:
            raise TypeError(f"{estimator.__name__} has no parameter {option!r}")

    def store(self: Any, **given: Any) -> None:
        for option, value in {**options, **given}.items():
            setattr(self, option, value)

    types = {option: _type_of(value) for option, value in options.items()}
    store.__annotations__ = types
    parameters = [
        inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=types[option])
        for option, value in options.items()
    ]
    body = {
        "__init__": store,
        "__signature__": inspect.Signature(parameters),
        # A plugin file registers only classes of its own module, and a class made here would be of this one: it is
        # given the module that the call stands in, as collections.namedtuple does.
        "__module__": sys._getframe(1).f_globals.get("__name__", __name__),
        "summary": f"scikit-learn's {estimator.__name__}",
        "estimator": estimator,
        "takes": frozenset(known),
    }
    return type(estimator.__name__, (Wrapped,), body)


def _type_of(value: Any) -> Any:
    """The annotation of an option with this default, by which texts of a command line are converted."""
    if value is None:
        return Any
    return tuple[type(value[0]), ...] if isinstance(value, tuple) and value else type(value)  # type: ignore[misc]


class Wrapped(GridAttack):
    """The base of what ``from_sklearn`` makes. estimator : the wrapped class. takes : its parameters."""

    estimator: type
    takes: frozenset[str]

    def screen(self, rows: int) -> int:
        """There is nothing to choose from: the one candidate sees every row."""
        return rows

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """The estimator, seeded from the context."""
        params = self.get_params()
        if "random_state" in self.takes:
            params.setdefault("random_state", sklearn_seed(ctx, "estimator"))
        if "class_weight" in self.takes:
            params.setdefault("class_weight", "balanced")
            return [self.estimator(**params)]
        model = self.estimator(**params)
        return [_Balanced(model) if "sample_weight" in inspect.signature(model.fit).parameters else model]


class _Balanced:
    """An estimator whose samples are weighted so that every class weighs the same."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def fit(self, inputs: NDArray[Any], labels: NDArray[Any], sample_weight: NDArray[Any]) -> Self:
        self._model.fit(inputs, labels, sample_weight=sample_weight * compute_sample_weight("balanced", labels))
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
