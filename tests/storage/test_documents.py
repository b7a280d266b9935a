"""Small documents as editors and spreadsheets leave them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from aiakit.storage.documents import first_problem, read_json, read_toml


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("\ufeffx = 1\r\n", "utf-8")
    (tmp_path / "a.json").write_text('\ufeff{"x": 1}', "utf-8")
    assert read_toml(tmp_path / "a.toml") == read_json(tmp_path / "a.json") == {"x": 1}


class Asked(BaseModel):
    names: tuple[str, ...]


@pytest.mark.parametrize("given", ["aia", 3, {"a": 1}])
def test_a_list_is_called_a_list(given: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Asked(names=given)  # type: ignore[arg-type]
    problem = first_problem(caught.value)
    assert problem.startswith("names: Input should be a list, in brackets (got ")
