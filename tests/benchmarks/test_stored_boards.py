"""What is stored of boards: small, without the labels of real people. That figures are right `make site` finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiakit.leaderboard.entry import read_record
from aiakit.leaderboard.schema import Entry
from aiakit.leaderboard.writing import secret
from aiakit.storage import tensorfile
from benchmarks.joining import LIMIT
from benchmarks.kept import kept_document
from benchmarks.site import BOARDS, PAGES_KEPT

STORED = sorted(path for path in BOARDS.glob("*") if path.is_dir())
REAL = [board for board in STORED if board.name.startswith("lfw")]


@pytest.mark.parametrize("board", STORED, ids=lambda board: board.name)
def test_its_files_are_small_and_belong_to_an_entry(board: Path) -> None:
    records = {path: read_record(path) for path in board.glob("*.json")}
    assert records
    named = {ref.file for record in records.values() if isinstance(record, Entry) for ref in record.files}
    for path in board.iterdir():
        assert path in records or path.name in {*named, PAGES_KEPT} or path.suffix == ".toml", path
        assert path.stat().st_size <= LIMIT, path


@pytest.mark.parametrize("board", REAL, ids=lambda board: board.name)
def test_no_label_of_a_real_person_is_stored(board: Path) -> None:
    for path in board.glob("*.safetensors"):
        if not path.name.startswith("truth."):  # made again by `make site`, and ignored by git
            assert [name for name in tensorfile.load(path) if secret(name, cross_fitted=True)] == []


@pytest.mark.parametrize("board", REAL, ids=lambda board: board.name)
def test_the_pages_that_are_kept_are_of_its_entries(board: Path) -> None:
    names = {path.stem for path in board.glob("*.json")}
    assert {row["entry"] for row in kept_document(board / PAGES_KEPT)["rows"]} == names
