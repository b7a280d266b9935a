"""Labelled columns of pandas: put into the order of the embeddings by their index, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiakit.errors import InputError


def aligned(embeddings: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns in the order of the embeddings.

    embeddings : rows, with an index where they are a DataFrame. columns : what messages call it → N values, with an
    index where they are a Series. Where the embeddings have none, columns with an index must agree in theirs.

    Raises
    ------
    InputError : an index with repetitions, or of other rows.
    """
    known = {name: index for name, column in columns.items() if (index := _index(column)) is not None}
    reference = _index(embeddings)
    what = "the embeddings"
    if reference is None:
        if not known:
            return dict(columns)
        what, reference = next(iter(known.items()))
    return {
        name: _reordered(name, column, known[name], what, reference) if name in known else column
        for name, column in columns.items()
    }


def _index(values: Any) -> Any:
    """The index of something of pandas; None of anything else (a list has a method of that name)."""
    index = getattr(values, "index", None)
    return index if hasattr(index, "equals") else None


def _reordered(name: str, column: Any, index: Any, what: str, reference: Any) -> Any:
    if index.equals(reference):
        return column
    if len(index) == len(reference) and index.is_unique and reference.is_unique and index.isin(reference).all():
        if what != "the embeddings":
            raise InputError(
                f"{name} and {what} have one index in two orders, and the embeddings have none to go by: give the "
                "embeddings as a DataFrame with that index"
            )
        return column.reindex(reference)
    raise InputError(
        f"the index of {name} is not that of {what} ({len(index)} and {len(reference)} rows): give the same rows, or "
        "plain arrays in one order (.to_numpy())"
    )
