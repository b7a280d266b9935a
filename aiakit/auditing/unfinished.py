"""What an audit has computed so far, in the place of its result: an interrupted audit goes on from there.

``FOLDER/audit.json`` says which audit it is, ``FOLDER/cells`` holds the scores of each attack as a run's cells do. The
finished result takes the place of both; a result with failures keeps them, so that only what failed is tried again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from aiakit.auditing.config import AuditConfig
from aiakit.errors import InputError
from aiakit.storage.store import Store, json_digest, write_atomically

UNFINISHED, CELLS = "audit.json", "cells"
SCHEMA = 1
Tensors = dict[str, NDArray[Any]]


class AuditCheckpoint:
    """The scores of an audit that is going on. store : where they are kept; None keeps none."""

    def __init__(self, config: AuditConfig, store: Store | None = None) -> None:
        self.audit = json_digest(config.model_dump(mode="json"))
        self.store = store

    @classmethod
    def begin(cls, folder: Path, config: AuditConfig) -> AuditCheckpoint:
        """Keep scores in a folder, going on where an earlier start of the same audit ended.

        Raises InputError where the folder cannot be written to.
        """
        store = Store(folder)
        store.open()
        record = {"schema": SCHEMA, "kind": "audit", "config": config.model_dump(mode="json")}
        write_atomically(folder / UNFINISHED, json.dumps(record, indent=1) + "\n")
        return cls(config, store)

    def inputs(self, kind: str, **given: Any) -> dict[str, Any]:
        """All that some scores depend on."""
        return {"kind": f"audit {kind}", "audit": self.audit, **given}

    def has(self, inputs: Mapping[str, Any]) -> bool:
        """Whether the scores of these inputs are kept."""
        return self.store is not None and self.store.has(json_digest(inputs))

    def remember(self, inputs: Mapping[str, Any], compute: Callable[[], Tensors]) -> tuple[Tensors, float]:
        """What ``compute`` returns and the seconds that it took, from the store where it was computed before."""
        started = time.perf_counter()
        if self.store is None:
            return compute(), time.perf_counter() - started
        digest = json_digest(inputs)
        if not self.store.has(digest):
            with self.store.draft(digest, inputs) as draft:
                draft.save("scores", compute())
                draft.seconds = time.perf_counter() - started
        cell = self.store.read(digest)
        # copies: the file goes when the result takes the folder's place
        return {name: np.array(array) for name, array in cell.tensors("scores").items()}, cell.seconds


def unfinished(folder: Path) -> AuditConfig | None:
    """The audit that was begun in a folder; None where there is none. Raises InputError where it cannot be read."""
    path = folder / UNFINISHED
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        if record["kind"] != "audit" or record["schema"] != SCHEMA:
            raise ValueError(f"it is no audit of schema {SCHEMA}")
        return AuditConfig.model_validate(record["config"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise InputError(f"{path} cannot be read: {' '.join(str(error).split())}") from None


def carry_over(folder: Path, place: Path, config: AuditConfig) -> None:
    """Move what was begun of this audit from a folder to another, where something was."""
    begun = unfinished(folder)
    if begun is not None and begun.equals(config):
        for name in (UNFINISHED, CELLS):
            (folder / name).rename(place / name)
