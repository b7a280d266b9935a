"""The run folder: cells are whole or absent, damage is found, two writers end well."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aiakit.errors import InputError
from aiakit.storage.store import Store, json_digest, write_atomically

INPUTS = {"kind": "test", "seed": 1}
DIGEST = json_digest(INPUTS)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(tmp_path / "run")
    opened.open()
    return opened


def write(store: Store, value: float = 1.0) -> None:
    with store.draft(DIGEST, INPUTS) as draft:
        draft.save("scores", {"x": np.full(3, value)})
        draft.result = {"value": value}


def test_digest_covers_the_inputs_in_any_order() -> None:
    assert json_digest({"a": 1, "b": [1, 2]}) == json_digest({"b": [1, 2], "a": 1})
    assert json_digest({"a": 1}) != json_digest({"a": 2})
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_digest({"a": float("nan")})


def test_cell_comes_back(store: Store) -> None:
    assert not store.has(DIGEST)
    write(store)
    cell = store.read(DIGEST)
    assert cell.inputs == INPUTS
    assert cell.result == {"value": 1.0}
    assert np.array_equal(cell.tensors("scores")["x"], np.ones(3))


def test_failing_draft_leaves_nothing(store: Store) -> None:

    def fail() -> None:
        with store.draft(DIGEST, INPUTS) as draft:
            draft.save("scores", {"x": np.ones(3)})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not store.has(DIGEST)
    assert not list(store.cells.iterdir())


def test_first_writer_wins(store: Store) -> None:
    with store.draft(DIGEST, INPUTS) as slow:
        slow.save("scores", {"x": np.zeros(3)})
        write(Store(store.folder))
    assert store.read(DIGEST).result == {"value": 1.0}
    assert [path.name for path in store.cells.iterdir()] == [DIGEST]


@pytest.mark.parametrize("fault", ["bit", "truncated", "missing", "record", "renamed"])
def test_damage_is_found_and_named(fault: str, store: Store) -> None:
    write(store)
    folder = store.cells / DIGEST
    scores = folder / "scores.safetensors"
    content = scores.read_bytes()
    if fault == "bit":
        scores.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif fault == "truncated":
        scores.write_bytes(content[:-4])
    elif fault == "missing":
        scores.unlink()
    elif fault == "record":
        (folder / "result.json").write_text("{")
    else:
        record = json.loads((folder / "result.json").read_text())
        record["inputs"]["seed"] = 2
        (folder / "result.json").write_text(json.dumps(record))
    reader = Store(store.folder)
    assert reader.find(DIGEST) is None
    assert DIGEST in reader.damaged[0]
    write(reader, 2.0)
    assert Store(store.folder).read(DIGEST).result == {"value": 2.0}


def test_a_cell_that_another_process_has_mended_meanwhile_stays(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store)
    (store.cells / DIGEST / "scores.safetensors").unlink()
    mkdtemp = tempfile.mkdtemp

    def slow(*words: Any, **named: Any) -> str:
        """Between the look at the damaged cell and its moving away, somebody else does both and computes it anew."""
        monkeypatch.undo()
        assert Store(store.folder).find(DIGEST) is None
        write(Store(store.folder), 2.0)
        return mkdtemp(*words, **named)

    reader = Store(store.folder)
    monkeypatch.setattr(tempfile, "mkdtemp", slow)
    found = reader.find(DIGEST)
    assert found is not None
    assert found.result == {"value": 2.0}
    assert reader.damaged == []
    assert len([path for path in store.cells.iterdir() if path.name.startswith("damaged-")]) == 1


def test_a_damaged_cell_in_the_place_of_a_finished_one_is_replaced(store: Store) -> None:
    with store.draft(DIGEST, INPUTS) as draft:
        draft.result = {"value": 2.0}
        write(other := Store(store.folder))
        (other.cells / DIGEST / "scores.safetensors").write_bytes(b"")
    assert Store(store.folder).read(DIGEST).result == {"value": 2.0}


def test_missing_cell_is_an_input_error(store: Store) -> None:
    with pytest.raises(InputError, match="no finished cell"):
        store.read(DIGEST)


def test_drafts_of_dead_processes_are_swept(store: Store) -> None:
    import socket

    dead = store.cells / f".draft-{socket.gethostname()}-4194999-abc"
    other = store.cells / ".draft-another.host-1-abc"
    for folder in (dead, other):
        folder.mkdir()
    store.open()
    assert not dead.exists()
    assert other.exists(), "another host's drafts may be alive"


def test_text_is_replaced_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_atomically(path, "old")
    write_atomically(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.json"]
