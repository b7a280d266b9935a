"""The errors that aiakit raises on purpose. The command line turns each into one line and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 40  # more names than this are not listed in one line
ROOM = "use fewer or smaller images, or fewer --jobs"  # what helps where memory runs out


class AiakitError(Exception):
    """Base of every error that aiakit raises on purpose; ``exit_code`` is what the command line exits with."""

    exit_code = 1


class InputError(AiakitError):
    """What the user gave cannot be used. The message says what is wrong, where, and how to put it right.

    who : the plugin that says so, once its code has raised it; "" where no plugin does.
    """

    exit_code = 2
    who: str = ""


class PluginError(AiakitError):
    """A plugin broke its contract or raised. The message names the plugin and the package or file it came from."""


class Diverged(AiakitError):
    """Training produced non-finite losses or a collapsed representation.

    ``state`` holds the last good parameters (name → array), which the store keeps beside the failure.
    """

    def __init__(self, message: str, state: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.state = state or {}


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
