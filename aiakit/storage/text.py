"""What a cell of a table says, whatever form it is written in: Unicode forms, invisible characters, numbers.

Identities, labels and keys are all read through here, so that what is the same text to one reader is to every other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import numpy as np

from aiakit.errors import InputError

# What tables write where they know nothing, in folded form: pandas, R, SQL, Excel, and people.
WORDS = """
na|n/a|n.a.|<na>|#n/a|#na|#n/a n/a|nan|+nan|-nan|<nan>|nat|inf|-inf|null|<null>|(null)|none|<none>|nil|\\n|#null!
#value!|#ref!|#name?|#num!|#div/0!|1.#qnan|1.#ind|-1.#ind|missing|unknown|<unknown>|(unknown)|unk|<unk>|undefined|undetermined
unspecified|unlabelled|unlabeled|not available|not known|?|??|???|-|--|---|\N{EN DASH}|\N{EM DASH}|.|..|...|*
"""
UNKNOWN = frozenset(word for line in WORDS.splitlines() for word in line.split("|"))  # and the empty cell
IGNORED = frozenset("\u034f\u180b\u180c\u180d\u180f" + "".join(map(chr, range(0xFE00, 0xFE10))))  # beside category Cf
NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(e[+-]\d{2,3})?", re.ASCII | re.IGNORECASE)
LONGEST_NUMBER = 28  # characters; Decimal is exact up to 28 digits
NAMED = 5  # how many of the affected images or people a note names
EXACT = 2**53  # floating point cannot tell larger whole numbers apart
EXACT_OF = {2: 2**11, 4: 2**24, 8: EXACT}  # by bytes of a floating type


def cleaned(text: str) -> str:
    """The text in one Unicode form (NFKC), without invisible characters and outer or repeated spaces.

    Digits of other scripts become those of ours.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    composed = unicodedata.normalize("NFKC", text)
    visible = (c for c in composed if unicodedata.category(c) != "Cf" and c not in IGNORED and c != "\0")
    return " ".join("".join(str(unicodedata.decimal(c, c)) for c in visible).split())


def plain_number(text: str, zeros: bool = False) -> str:
    """``7.0`` and ``7.000e+00`` as ``7``, ``0.50`` as ``0.5``; a text that is no number as it is.

    zeros : whether ``007`` is ``7`` as well. An exponent needs a sign and two digits, as programs write it: ``1e3`` may
    be a name.
    """
    if not NUMBER.fullmatch(text) or len(text) > LONGEST_NUMBER:
        return text
    value = Decimal(text)
    whole = text.partition(".")[0]
    if not zeros and whole.isdecimal() and (whole == text or whole != str(int(whole))):
        return whole if value == int(whole) else text
    if value == value.to_integral_value():
        return str(int(value))
    return format(value.normalize(), "f")


def loose(name: str) -> str:
    """What is left of a name without capitals, spaces, underscores, hyphens and leading zeros of its numbers."""
    joined = " ".join(re.sub(r"[\s_-]+", " ", name.casefold()).split())
    return re.sub(r"(?<!\d)0+(?=\d)", "", joined)


def is_inexact(text: str) -> bool:
    """Whether a number was rounded when it was written, so that others may be written the same.

    ``9007199254740992.0`` is beyond what floating point holds exactly, ``1.23457E+17`` lacks digits.
    """
    found = NUMBER.fullmatch(text)
    if not found or text.lstrip("+-").isdecimal():
        return False
    mantissa, _, exponent = text.lower().partition("e")
    lacking = bool(exponent) and int(exponent) > len(mantissa.partition(".")[2])
    return lacking or abs(Decimal(text)) >= EXACT


def says_nothing(text: str) -> bool:
    """Whether a cleaned text means that the value is not known."""
    return text.casefold() in UNKNOWN


def about_unknown(what: str, words: Iterable[str]) -> list[str]:
    """``gender is not known where it says NA, missing``: a note on the words that were taken to say nothing."""
    distinct = sorted({cleaned(word) for word in words} - {""})
    shown = f"{', '.join(distinct[:NAMED])}{', …' if len(distinct) > NAMED else ''}"
    return [f"{what} is not known where it says {shown}"] if distinct else []


def as_text(values: Any) -> list[str]:
    """N texts of N numbers, truth values, bytes or texts. NaN and None say nothing (""); 1.0 is "1".

    Values of shape (N, 1) are a column as well. A whole number that its floating type cannot tell from its neighbours
    is written with an exponent, for which ``is_inexact`` holds.
    """
    if isinstance(values, list | tuple) and all(isinstance(cell, str) for cell in values):
        return [cell.strip() for cell in values]  # an array would make every cell as wide as the longest
    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(f"a column must have one value a row, got an array of shape {array.shape}")
    if array.dtype.kind == "S":
        try:
            return [cell.decode().strip() for cell in array.tolist()]
        except UnicodeDecodeError:
            raise InputError("a column holds bytes that are not UTF-8 text: save it as text") from None
    exact = EXACT_OF.get(array.dtype.itemsize, EXACT) if array.dtype.kind == "f" else EXACT
    return [_cell(value, exact) for value in array.tolist()]


def _cell(value: Any, exact: int) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value)) if abs(value) < exact else f"{value:.1e}"
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else str(value).strip()


def counted(number: int, total: int, what: str, names: Iterable[str]) -> str:
    """``3 of 10 images are missing: a.jpg, b.jpg, c.jpg``: a note that counts and names."""
    first = [name for name, _ in zip(names, range(NAMED), strict=False)]
    return f"{number} of {total} {what}: {', '.join(first)}{', …' if number > len(first) else ''}"
