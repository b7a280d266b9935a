"""The labels of entries, made again from the data set by whoever has it.

Entries whose labels may not be handed on are stored without them: nobody can judge them but those who hold the data.
No entry holds the labels of attacker-train, which a submitted release then only states.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aiakit.contracts import FaceSet, LoadSettings
from aiakit.errors import InputError
from aiakit.experiment.cells import COMPUTE
from aiakit.experiment.cellspec import protocol_cell
from aiakit.experiment.config import DatasetSpec, PluginSpec, framework_fingerprint, library_versions, plugin_spec
from aiakit.experiment.protocol import Protocol
from aiakit.experiment.request import make_config
from aiakit.experiment.runtime import Runtime
from aiakit.experiment.workers import execute
from aiakit.leaderboard.of_run import truth_of
from aiakit.leaderboard.packing import packed
from aiakit.leaderboard.schema import Entry, FileRef, ProtocolInfo
from aiakit.leaderboard.scores import truth_digest
from aiakit.leaderboard.tensors import FOLDS, Tensors
from aiakit.leaderboard.writing import records, secret, write_tensors
from aiakit.plugins import registry
from aiakit.storage.documents import writing
from aiakit.storage.store import Store


def lacking_labels(folder: Path) -> list[Entry]:
    """The entries of a folder whose file of labels is not there, one for each such file."""
    found: dict[FileRef, Entry] = {}
    for _, entry in records(folder):
        if entry.truth is not None and not (folder / entry.truth.file).exists():
            found.setdefault(entry.truth, entry)
    return list(found.values())


@dataclass(frozen=True)
class Labels:
    """truth : what scores are judged by. train : ``labels`` and ``identity`` of attacker-train, image by image."""

    truth: Tensors
    train: Tensors


@dataclass(frozen=True)
class Data:
    """A data set that entries may be of, as it was loaded, of which labels depend on nothing."""

    faces: FaceSet
    spec: DatasetSpec
    settings: LoadSettings

    @classmethod
    def load(cls, dataset: str, options: Mapping[str, Any], settings: LoadSettings) -> Self:
        """dataset, options : a data set as for a run; settings : how it is loaded."""
        spec = plugin_spec("dataset", dataset, dict(options))
        with registry.guard(registry.entry("dataset", dataset)):
            faces = registry.make("dataset", dataset, spec["params"]).load(settings)
        loaded = DatasetSpec(**spec, image_size=settings.image_size, strict=settings.strict, data=faces.fingerprint)
        return cls(faces, loaded, settings)

    def labels_of(self, entry: Entry) -> Labels:
        """The labels of an entry. Raises InputError where it is of other data: another version of it, other people."""
        info = entry.protocol
        if info.attribute not in self.faces.attributes:
            raise InputError(f"{entry.name} is about {info.attribute}, of which {self.faces.name} says nothing")
        found = _computed(info, self.spec, self.settings)
        if truth_digest(found.truth) != info.truth:
            raise InputError(
                f"{entry.name} was judged by the labels of {info.dataset}: {info.people} people, {info.images} images; "
                f"those of {self.faces.name} here are others: another version of the data, or options of it"
            )
        return found


def write_labels(folder: Path, dataset: str, options: Mapping[str, Any], settings: LoadSettings) -> list[Path]:
    """Write the files of labels that the entries of a folder lack; the files.

    dataset, options, settings : as of ``Data.load``. Raises InputError where an entry is of other data.
    """
    data = Data.load(dataset, options, settings)
    written = []
    for entry in lacking_labels(folder):
        tensors = data.labels_of(entry).truth
        hidden = {name: part for name, part in packed(tensors).items() if secret(name, FOLDS in tensors)}
        with writing(folder):
            written.append(folder / write_tensors(folder, "truth", hidden).file)
    return written


def _computed(info: ProtocolInfo, dataset: DatasetSpec, settings: LoadSettings) -> Labels:
    """The labels under a protocol; the cell is computed as a run computes it."""
    config = make_config(
        dataset=dataset,
        attribute=info.attribute,
        split=info.split,
        pairs=info.pairs,
        defenses=((PluginSpec(**plugin_spec("defense", "random", {})),),),  # of which the cell knows nothing
        attacks=(),
        framework=framework_fingerprint(),
        libraries=library_versions(),
    )
    cell = protocol_cell(config)
    with tempfile.TemporaryDirectory(prefix="aiakit-labels-") as folder:
        store = Store(Path(folder))
        store.open()
        execute(store, cell.inputs, Runtime(settings.cache, settings.jobs, settings.report), COMPUTE)
        protocol = Protocol.read(store, cell.digest)
        rows = protocol.rows("attacker-train")
        train = {"labels": protocol.labels(rows), "identity": protocol.identity(rows)}
        return Labels(truth_of(protocol), train)
