"""The nearest known name for a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from aiakit.errors import InputError

LISTED = 40  # more names than this are not listed in one line


def nearest(word: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that look like the word, the most alike first."""
    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=3, cutoff=0.6)
    return [by_folded[name] for name in close]


def unknown(what: str, word: str, known: Iterable[str], where: str = "") -> InputError:
    """The error for a name that is not known: says the nearest names, else (or besides) which there are.

    >>> str(unknown("attack", "xgbost", ["logreg", "xgboost"]))
    "unknown attack 'xgbost': did you mean xgboost? Known: logreg, xgboost"
    """
    known = list(known)
    close = nearest(word, known)
    message = f"unknown {what} {word!r}{where}"
    if close:
        message += f": did you mean {' or '.join(close)}?"
    if not known:
        message += ": there are none"
    elif len(known) <= LISTED:
        message += f"{'' if close else '.'} Known: {', '.join(known)}"
    return InputError(message)
