"""Words that have an order, as numbers: 0 for the least, and one more for each that follows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import MISSING, Attribute
from aiakit.errors import InputError
from aiakit.storage.text import cleaned, says_nothing

FORM = "an order is written band=child<adult<senior: two words or more, each once"


def split_order(text: str) -> tuple[str, tuple[str, ...]]:
    """``"band=child<adult<senior"`` → the name and the words, the least first; of a plain name no words.

    Raises InputError for what is no order.
    """
    name, given, words = text.partition("=")
    if not given:
        return text, ()
    order = tuple(word.strip() for word in words.split("<"))
    if not name.strip() or "" in order or len(order) < 2 or len(set(order)) < len(order):
        raise InputError(f"--numeric {text}: {FORM}")
    return name.strip(), order


def ranks(words: Sequence[str], name: str, order: Sequence[str]) -> NDArray[np.float64]:
    """(N,) the place of each word in the order, NaN of what says nothing. name : whose words they are, for messages.

    Raises InputError where the words that occur are not those of the order.
    """
    words = ["" if says_nothing(word) else word for word in map(cleaned, words)]
    occur, place = {*words} - {""}, {word: number for number, word in enumerate(order)}
    if left_out := sorted(occur - {*order}):
        raise InputError(f"--numeric {name}={'<'.join(order)}: {name} is also {', '.join(left_out[:5])}: put "
                         f"{'it' if len(left_out) == 1 else 'them'} into the order")  # fmt: skip
    if unheard := [word for word in order if word not in occur]:
        raise InputError(f"--numeric {name}={'<'.join(order)}: {name} is never {', '.join(unheard)}, but "
                         f"{', '.join(sorted(occur))}")  # fmt: skip
    return np.array([place.get(word, np.nan) for word in words])


def words_of(attribute: Attribute) -> list[str]:
    """N classes by their words, empty where one is not known."""
    return ["" if value == MISSING else attribute.classes[value] for value in attribute.values]
