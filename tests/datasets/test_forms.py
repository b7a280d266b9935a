"""One person and one value under every form in which they are written."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest

from aiakit.contracts import MISSING
from aiakit.datasets.identities import people_of
from aiakit.datasets.labels import about_classes, categorical
from aiakit.storage.text import as_text, cleaned, is_inexact, plain_number

NOWHERE = ["", "nan", "NA", "None", "<NA>", "#N/A", "unknown", "missing", "-", "NULL", "-1", "-1.0", "NaN", " n/a "]
NOWHERE += ["9007199254740992.0", "1.23457E+17", "1.6e+07", "N\uff0fA", "\u200bnan", "\\N"]


@pytest.mark.parametrize("word", NOWHERE)
def test_a_word_that_says_nothing_is_nobody(word: str) -> None:
    names, notes = people_of(["ann", "bob", word, word, "ann"])
    assert names == ["ann", "bob", "", "", "ann"]
    said = [f"the identity is not known where it says {cleaned(word)}"] if word else []
    assert notes == ["2 of 5 rows have no identity and are left out", *said]


SAME = {
    "float": ("7", "7.0"),
    "savetxt": ("7", "7.000000000000000000e+00"),
    "zeros": ("007", "007.0"),
    "plus": ("7.0", "+7.0"),
    "composed": (unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José")),
    "zero width": ("ann", "an\u200bn"),
    "mark inside": ("ann", "ann\ufeff"),
    "soft hyphen": ("annette", "an\u00adnette"),
    "no-break space": ("Ann Lee", "Ann\u00a0Lee"),
    "two spaces": ("Ann Lee", "Ann  Lee"),
    "direction": ("ann", "\u202aann\u202c"),
    "full width": ("p07", "\uff50\uff10\uff17"),
    "Arabic digits": ("12", "\u0661\u0662"),
    "variation selector": ("ann", "ann\ufe0f"),
}


@pytest.mark.parametrize("kind", SAME)
def test_forms_of_one_text_are_one_person(kind: str) -> None:
    names, notes = people_of([*SAME[kind], "bob"])
    assert names[0] == names[1] != names[2]
    assert any(note.startswith("1 of 2 people are written in several forms") for note in notes)


ALIKE = [
    ("Ann", "ann"),
    ("Ann Lee", "Ann_Lee"),
    ("007", "7"),
    ("p007", "p7"),
    ("Ann-Lee", "ann lee"),
    ("Ann Lee", "AnnLee"),
    ("p 7", "p7"),
]
ALIKE += [("Stra\u00dfe", "STRASSE")]
APART = [
    ("1e3", "1000"),
    ("0e12", "0e13"),
    ("12", "120"),
    ("p1", "p10"),
    ("p1 1", "p11"),
    ("9007199254740993", "9007199254740992"),
]


@pytest.mark.parametrize("pair", ALIKE)
def test_names_that_may_be_one_person_are_noted(pair: tuple[str, str]) -> None:
    names, notes = people_of([*pair, "bob"])
    assert names == [*pair, "bob"]
    (note,) = notes
    assert note.startswith("2 of 3 people differ from another in capitals, spaces or leading zeros only")
    assert " and ".join(sorted(pair)) in note


@pytest.mark.parametrize("pair", APART)
def test_names_of_different_people_stay_apart_without_a_word(pair: tuple[str, str]) -> None:
    assert people_of(pair) == (list(pair), [])


VALUES = {
    "case": (["F", "f", "m", "m"], ("F", "m"), "gender: taken for one value each: 'F' and 'f'"),
    "numbers": (["0", "0.0", "0", "1"], ("0", "1"), "'0' and '0.0'"),
    "truth": (["True", "1", "1", "False"], ("1", "False"), "'1' and 'True'"),
    "spaces": (["light  brown", "light brown", "dark", "dark"], ("dark", "light brown"), None),
    "full width": (["\uff4d\uff41\uff4c\uff45", "male", "female", "female"], ("female", "male"), None),
    "decimals": (["0.50", "0.5", "0.25", "0.25"], ("0.25", "0.5"), "'0.5' and '0.50'"),
    "zeros": (["01", "1", "1", "2"], ("1", "2"), "'01' and '1'"),
    "initials": (["m", "male", "female", "male"], ("female", "m", "male"), "may be one value.*'m' and 'male'"),
    "three": (["-1", "0", "1", "1"], ("-1", "0", "1"), "3 classes: where -1 or 0 means that nothing"),
    "minus one": (["f", "m", "-1", "f"], ("-1", "f", "m"), "-1 or f or m, 3 classes: where -1 means that nothing"),
    "codes": (["0", "1", "-1", "2"], ("-1", "0", "1", "2"), "4 classes: where -1 means"),
    "nines": (["1", "2", "99", "2"], ("1", "2", "99"), "3 classes: where 99 means"),
    "long": (["1", "9" * 5000, "2", "2"], ("1", "9" * 5000, "2"), None),
    "scale": (["7", "8", "9", "9"], ("7", "8", "9"), None),
    "sound": (["a", "b", "a", "b"], ("a", "b"), None),
}  # fmt: skip


@pytest.mark.parametrize("kind", VALUES)
def test_forms_of_one_value_are_one_class(kind: str) -> None:
    cells, classes, said = VALUES[kind]
    attribute = categorical(cells)
    assert sorted(attribute.classes) == sorted(classes)
    assert (attribute.values != MISSING).all()
    notes = about_classes("gender", cells)
    if said is None:
        assert notes == []
    else:
        assert len(notes) == 1
        assert re.search(said, notes[0])


@pytest.mark.parametrize("word", ["<NA>", "#N/A", "missing", "unknown", "-", "NaN", "Unknown", "\u2013", "n/a", "None"])
def test_words_that_say_nothing_are_no_class(word: str) -> None:
    attribute = categorical(["f", "m", word])
    assert attribute.classes == ("f", "m")
    assert attribute.values[2] == MISSING


@pytest.mark.parametrize("kind", ["float32", "float16", "float64"])
def test_numbers_that_a_type_cannot_tell_apart_are_nobody(kind: str) -> None:
    limit = {"float16": 2**11, "float32": 2**24, "float64": 2**53}[kind]
    texts = as_text(np.array([limit - 1, limit], kind))
    assert texts[0] == str(limit - 1)
    assert is_inexact(texts[1])


def test_numbers_and_texts_that_are_left_as_they_are() -> None:
    for text in ("1e3", "007", "1.2.3", "0x10", "12a", "9" * 40 + ".0", "", "e", "."):
        assert plain_number(text) == text
    assert cleaned("a\u200db") == "ab"
