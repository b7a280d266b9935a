"""Rows, references and pairs that stand in another order, or are named in another form: joined, noted or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.datasets.official import read_official_pairs
from aiakit.datasets.ordering import in_order_of
from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from tests.audit.inputs.sixty import (
    EACH,
    OTHER_ORDER,
    PEOPLE,
    ROWS,
    Audit,
    Base,
    csv,
    read,
    require_base,
    save,
    shuffled,
)


@pytest.mark.parametrize("shared", ["image", "person", "gender"])
def test_rows_in_another_order_are_refused(base: Base, tmp_path: Path, shared: str) -> None:
    held = {shared: base.columns()[shared]}
    save(tmp_path / "emb.npz", base.embedding, held)
    given = shuffled(base.columns())
    (tmp_path / "people.csv").write_text(csv(given))
    row = next(row for row in range(ROWS) if given[shared][row] != held[shared][row])
    option = "--join-on image" if shared == "image" else "--join-on COL"
    expected = f"people.csv:{row + 2} has the {shared} '{given[shared][row]}' where row {row} of emb.npz has"
    with pytest.raises(InputError, match=f"{expected}.*not in one order.*{option}"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    if shared == "image":
        require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "image"), base)


def test_names_of_rows_in_columns_of_other_names_are_seen(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"f": [f"faces/{name}" for name in base.image]})
    given = shuffled(base.columns())
    given["image"] = [name.replace(".jpg", ".png") for name in given["image"]]
    (tmp_path / "people.csv").write_text(csv(given))
    with pytest.raises(InputError, match=r"not in one order.*--join-on f=image"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv", "f=image")
    require_base(samples, base)
    assert any(
        "180 of 180 names are written otherwise in people.csv and were matched" in note for note in samples.notes
    )


@pytest.mark.parametrize("kind", ["people", "numbers of people", "numbers of rows"])
def test_the_same_cells_in_another_order_are_refused_whatever_their_column_is_called(
    base: Base, tmp_path: Path, kind: str
) -> None:
    cells = {
        "people": base.person,
        "numbers of people": [str(int(name[1:])) for name in base.person],
        "numbers of rows": [str(7 * row) for row in range(ROWS)],
    }[kind]
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"person": base.person, "who": cells})))
    save(tmp_path / "emb.npz", base.embedding, {"z": cells})
    with pytest.raises(InputError, match=rf"has the (who|person) '\w+' where row 0 of emb.npz has the z '{cells[0]}'"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv")
    (tmp_path / "people.csv").write_text(csv(base.columns() | {"who": cells}))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv"), base)


def test_numbers_that_count_the_rows_of_a_table_name_none(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"z": [str(row) for row in OTHER_ORDER]})
    (tmp_path / "people.csv").write_text(csv({"": range(ROWS), **base.columns()}))
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv")
    require_base(samples, base)
    assert "the rows of people.csv were taken to be in the order of emb.npz" in samples.notes


def test_objects_that_are_wanted_are_named(base: Base, tmp_path: Path) -> None:
    np.savez(tmp_path / "emb.npz", e=base.embedding, person=base.person, gender=np.array(base.gender, object))
    with pytest.raises(InputError, match=r"emb.npz: gender holds Python objects.*save it as an array"):
        read(tmp_path / "emb.npz")
    (tmp_path / "people.csv").write_text(csv(base.columns()))
    with pytest.raises(InputError, match="gender holds Python objects"):
        read(tmp_path / "emb.npz", tmp_path / "people.csv", "gender=image")


def test_columns_that_agree_in_another_form_are_in_one_order(base: Base, tmp_path: Path) -> None:
    codes = ["0" if each == "female" else "1" for each in base.gender]
    number = [str(int(name[1:])) for name in base.person]
    held = {"image": [f"x/{name}" for name in base.image], "Gender": codes, "person": [f"{each}.0" for each in number]}
    save(tmp_path / "emb.npz", base.embedding, held)
    (tmp_path / "people.csv").write_text(csv(base.columns() | {"person": number}))
    samples = read(tmp_path / "emb.npz", tmp_path / "people.csv")
    np.testing.assert_array_equal(samples.attributes["gender"].values, np.array(codes).astype(int))
    assert len(samples.people) == PEOPLE


def test_a_row_of_which_nothing_is_known_keeps_its_place(base: Base, npz: Path, tmp_path: Path) -> None:
    lines = csv({"person": base.person, "gender": base.gender}).splitlines()
    lines[5] = ","
    (tmp_path / "people.csv").write_text("\n".join([*lines, ",", ""]))
    samples = read(npz, tmp_path / "people.csv")
    assert samples.identity[4] == -1
    assert [samples.people[code] for code in samples.identity if code >= 0] == [*base.person[:4], *base.person[5:]]


def test_what_a_joined_table_overrules_is_noted(base: Base, tmp_path: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, base.columns())
    other = [*base.gender[:-2], "female", "female"]
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"gender": other})))
    notes = read(tmp_path / "emb.npz", tmp_path / "people.csv", "image").notes
    assert "gender of people.csv differs from that of emb.npz in 2 rows: that of people.csv was taken" in notes


KEYS = {
    "extension": lambda name: name.replace(".jpg", ".png"),
    "no extension": lambda name: name.removesuffix(".jpg"),
    "folder": lambda name: f"faces/{name}",
    "root": lambda name: f"/{name}",
    "Windows": lambda name: f".\\faces\\{name}",
    "capitals": str.upper,
    "zero width": lambda name: f"\u200b{name}",
}


@pytest.mark.parametrize("form", KEYS)
def test_keys_that_differ_by_form_are_joined(base: Base, tmp_path: Path, form: str) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"image": [KEYS[form](name) for name in base.image]})
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns())))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "image"), base)


def test_keys_of_numbers_are_joined_in_every_form(base: Base, tmp_path: Path) -> None:
    np.savez(tmp_path / "emb.npz", e=base.embedding, id=np.arange(ROWS, dtype=float))
    (tmp_path / "people.csv").write_text(csv(shuffled(base.columns() | {"id": [f"{row}.0" for row in range(ROWS)]})))
    require_base(read(tmp_path / "emb.npz", tmp_path / "people.csv", "id"), base)


def reference_of(base: Base, order: Any) -> np.ndarray:
    """Twice the embeddings, in this order: what the attack finds is the same."""
    return 2 * base.embedding[order]


@pytest.mark.parametrize("name", ["image", "f"])
def test_a_reference_is_joined_by_its_own_names(base: Base, tmp_path: Path, name: str) -> None:
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, {"image": base.image}))
    theirs = {name: [base.image[row] for row in OTHER_ORDER], "person": [base.person[row] for row in OTHER_ORDER]}
    reference = read_source(save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), theirs))
    found = in_order_of(reference, mine, None)
    np.testing.assert_array_equal(found.values, 2 * base.embedding)
    assert found.notes == [f"the rows of the reference ref.npz were joined by {name}: they are in another order"]


def test_a_reference_in_another_order_shows_power(base: Base, audit: Audit, tmp_path: Path, people: Path) -> None:
    save(tmp_path / "emb.npz", base.embedding, {"image": base.image})
    save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), {"image": [base.image[row] for row in OTHER_ORDER]})
    found = audit(tmp_path / "emb.npz", "--labels", people, "--reference", tmp_path / "ref.npz")
    assert found.says("the rows of the reference ref.npz were joined by image")
    assert found.power is True


@pytest.mark.parametrize("held", ["image", "person"])
def test_a_reference_is_joined_by_the_names_in_the_table_of_labels(
    base: Base, audit: Audit, tmp_path: Path, people: Path, npz: Path, held: str
) -> None:
    reference = save(tmp_path / "ref.npz", reference_of(base, OTHER_ORDER), {held: shuffled(base.columns())[held]})
    given = (npz, "--labels", people, "--reference", reference)
    if held == "person":
        assert "has the person" in audit(*given, refused=True)
    else:
        assert audit(*given).power is True


def test_a_reference_whose_rows_are_only_counted_is_taken_in_order(base: Base, tmp_path: Path) -> None:
    count = {"id": [str(row) for row in range(ROWS)]}
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, count))
    reference = read_source(save(tmp_path / "ref.npz", base.embedding, count))
    assert in_order_of(reference, mine, None).notes == [
        "the rows of the reference ref.npz were taken to be in the order of emb.npz"
    ]


def test_a_reference_without_names_is_noted_and_one_that_disagrees_refused(base: Base, tmp_path: Path) -> None:
    mine = read_source(save(tmp_path / "emb.npz", base.embedding, base.columns()))
    plain = read_source(save(tmp_path / "ref.npz", reference_of(base, range(ROWS)), {}))
    assert in_order_of(plain, mine, None).notes == [
        "the rows of the reference ref.npz were taken to be in the order of emb.npz"
    ]
    for shared in ("person", "gender"):
        other = read_source(save(tmp_path / "ref.npz", base.embedding, {shared: shuffled(base.columns())[shared]}))
        with pytest.raises(InputError, match=f"the reference ref.npz has the {shared} .* not the same"):
            in_order_of(other, mine, None)
    fewer = read_source(save(tmp_path / "ref.npz", base.embedding[5:], {"image": base.image[5:]}))
    with pytest.raises(InputError, match=r"ref.npz has no row for 5 of 180 rows \(image 'img0.jpg' for one\)"):
        in_order_of(fewer, mine, None)


def pairs_of(keys: list[str], numbers: list[tuple[int, int]]) -> list[str]:
    return [
        f"{keys[left]},{keys[right]},{int(left // EACH == right // EACH)},{at // 2 % 2}"
        for at, (left, right) in enumerate(numbers)
    ]


NUMBERS = [(0, 1), (0, 5), (3, 4), (3, 9), (6, 7), (6, 20), (9, 10), (9, 50)]


HEAD = "left,right,same,fold"


@pytest.mark.parametrize("form", KEYS)
def test_pairs_name_rows_in_every_form(base: Base, tmp_path: Path, form: str) -> None:
    (tmp_path / "pairs.csv").write_text(
        "\n".join([HEAD, *pairs_of([KEYS[form](name) for name in base.image], NUMBERS)])
    )
    pairs = read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == NUMBERS


def test_pairs_name_rows_by_number_or_by_key_and_never_by_both(base: Base, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    numbers = [str(row) for row in range(ROWS)]
    path.write_text("\n".join([HEAD, *pairs_of(numbers, NUMBERS)]))
    for keys in (None, base.image, numbers):
        assert read_official_pairs(path, keys, ROWS).right.tolist() == [right for _, right in NUMBERS]
    turned = read_official_pairs(path, numbers[::-1], ROWS)  # images whose names are numbers
    assert turned.right.tolist() == [ROWS - 1 - right for _, right in NUMBERS]
    path.write_text("\n".join([HEAD, *pairs_of([base.image[0], *numbers[1:]], NUMBERS)]))
    with pytest.raises(InputError, match=r"pairs.csv:4 names '3', which is neither a row number nor a key here"):
        read_official_pairs(path, base.image, ROWS)


@pytest.mark.parametrize("same", [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("Match", "mismatch"), ("1", "-1")])
def test_the_same_is_said_in_several_ways(base: Base, tmp_path: Path, same: tuple[str, str]) -> None:
    lines = [line.split(",") for line in pairs_of(base.image, NUMBERS)]
    text = [",".join([left, right, same[said == "0"], fold]) for left, right, said, fold in lines]
    (tmp_path / "pairs.csv").write_text("\n".join([HEAD, *text]))
    assert read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS).same.tolist() == [True, False] * 4


def test_a_pair_of_one_image_is_refused(base: Base, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("\n".join([HEAD, *pairs_of(base.image, [*NUMBERS, (4, 4)])]))
    with pytest.raises(InputError, match=r"pairs.csv:10 pairs img4.jpg with itself, which tells nothing"):
        read_official_pairs(tmp_path / "pairs.csv", base.image, ROWS)
    (tmp_path / "pairs.txt").write_text("2\t1\nA\t1\t2\nA\t1\tB\t1\nB\t2\t2\nB\t1\tA\t1\n")
    with pytest.raises(InputError, match=r"pairs.txt:4 pairs B_0002.jpg with itself"):
        read_official_pairs(tmp_path / "pairs.txt", [f"{name}_000{at}.jpg" for name in "AB" for at in (1, 2)], 4)
