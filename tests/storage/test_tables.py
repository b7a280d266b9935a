"""Tables as programs and people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiakit.errors import InputError
from aiakit.storage.tables import read_csv

ROWS = (("0.5", "ann", "f"), ("-1.5", "bob", "m"))
SOUND = {
    "commas": "e0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "CRLF": "e0,person,gender\r\n0.5,ann,f\r\n-1.5,bob,m\r\n",
    "CR": "e0,person,gender\r0.5,ann,f\r-1.5,bob,m",
    "quoted": '"e0","person","gender"\n"0.5","ann","f"\n"-1.5","bob","m"\n',
    "semicolons": "e0;person;gender\n0.5;ann;f\n-1.5;bob;m\n",
    "Excel's hint": "sep=;\ne0;person;gender\n0.5;ann;f\n-1.5;bob;m\n",
    "bars": "e0|person|gender\n0.5|ann|f\n-1.5|bob|m\n",
    "tabs": "e0\tperson\tgender\n0.5\tann\tf\n-1.5\tbob\tm\n",
    "spaces": "e0   person gender\n 0.5  ann    f \n-1.5  bob    m\n",
    "NumPy": "# e0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "NumPy and a title": "# made today, by hand\n# e0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "comments": "# made by hand\ne0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "marked": "#e0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "BOM": "\ufeffe0,person,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "BOM twice": "\ufeff\ufeffe0,per\u200bson,gender\n0.5,ann,f\n-1.5,bob,m\n",
    "trailing commas": "e0,person,gender,\n0.5,ann,f,\n-1.5,bob,m,\n",
    "spreadsheet's end": "e0,person,gender\n0.5,ann,f\n-1.5,bob,m\n,,\n,,\n",
    "blank lines": "\n\ne0,person,gender\n\n0.5,ann,f\n-1.5,bob,m\n\n",
}


@pytest.mark.parametrize("kind", SOUND)
def test_one_table_in_many_forms(tmp_path: Path, kind: str) -> None:
    (tmp_path / "a.csv").write_bytes(SOUND[kind].encode())
    table = read_csv(tmp_path / "a.csv")
    assert table.columns == ("e0", "person", "gender")
    assert tuple(cells for _, cells in table.rows) == ROWS
    assert table.notes == ()
    first = SOUND[kind].replace("\r\n", "\n").replace("\r", "\n").split("\n")[table.rows[0][0] - 1]
    assert first.strip(' "').startswith("0.5")


def test_wide_characters_are_read_by_their_mark(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-32"):
        (tmp_path / "a.csv").write_bytes("e0;name\n1;é\n".encode(encoding))
        assert read_csv(tmp_path / "a.csv").rows[0][1] == ("1", "é")
    (tmp_path / "a.csv").write_bytes("e0;name\n1;e\n".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"is not UTF-8 text \(it is UTF-16 without its mark"):
        read_csv(tmp_path / "a.csv")
    (tmp_path / "a.csv").write_bytes("e0;name\n1;é\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 10\): save it as UTF-8"):
        read_csv(tmp_path / "a.csv")


@pytest.mark.parametrize("mark", ["\t", ",", ";"])
def test_empty_first_and_last_cells_stay(tmp_path: Path, mark: str) -> None:
    lines = [("a", "b", "c"), ("", "2", ""), ("1", "", "3"), ("", "", "")]
    (tmp_path / "a.tsv").write_text("\n".join([*map(mark.join, lines), mark.join("xyz")]))
    assert [cells for _, cells in read_csv(tmp_path / "a.tsv").rows] == [*lines[1:], ("x", "y", "z")]


def test_a_pandas_index_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",e0,e1\n0,1.5,2\n1,3,4\n")
    assert read_csv(tmp_path / "a.csv").columns == ("column 1", "e0", "e1")
    (tmp_path / "a.csv").write_text(",0,1\n0,1.5,2\n1,3,4\n")
    assert read_csv(tmp_path / "a.csv").columns == ("column 1", "0", "1")


@pytest.mark.parametrize("mark", [",", " ", "\t", ";"])
def test_numbers_without_a_header_are_all_used(tmp_path: Path, mark: str) -> None:
    (tmp_path / "a.csv").write_text("\n".join(mark.join(row) for row in (("0.12", "1e-05"), ("3", "-4"), ("5", "6"))))
    table = read_csv(tmp_path / "a.csv")
    assert table.columns == ("e0", "e1")
    assert [cells for _, cells in table.rows] == [("0.12", "1e-05"), ("3", "-4"), ("5", "6")]
    assert table.notes == ("a.csv has no header line: its columns are called e0 to e1",)


def test_values_where_the_header_should_be_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("p00,0.12,0.5,female\np01,0.2,0.4,male\n")
    with pytest.raises(InputError, match=r"a.csv:1 holds values \(0.12 for one\) where the names of the columns are"):
        read_csv(tmp_path / "a.csv")


def test_a_commented_header_of_texts_is_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("# person,gender\nann,f\nbob,m\n")
    table = read_csv(tmp_path / "a.csv")
    assert table.columns == ("person", "gender")
    assert len(table.rows) == 2
    (tmp_path / "a.csv").write_text("# labels as the annotators left them, with thanks\nperson,gender\nann,f\nbob,m\n")
    again = read_csv(tmp_path / "a.csv")
    assert (again.columns, len(again.rows)) == (table.columns, 2)
