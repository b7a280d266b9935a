"""TensorBoard: an event file in a folder, for ``tensorboard --logdir``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from aiakit.tracking.tracker import Figure, Step, safe


class TensorBoard:
    """where : the folder of event files, one folder a run in it; without one ``tensorboard`` in the run's folder."""

    modules: ClassVar[tuple[str, ...]] = ("tensorboard",)

    def __init__(self, where: str) -> None:
        self.where = where
        self.writer: Any = None

    def begin(self, folder: str, configuration: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        place = Path(self.where) / Path(folder).name if self.where else Path(folder) / "tensorboard"
        place.mkdir(parents=True, exist_ok=True)  # the writer itself would fail later, and in another thread
        self.writer = SummaryWriter(str(place))
        self.writer.add_text("configuration", _fenced(configuration))

    def step(self, step: Step) -> None:
        self.writer.add_scalar("cells/finished", step.finished, step.finished)
        self.writer.add_scalar(f"seconds/{safe(step.label)}", step.seconds, step.finished)
        if step.failure is not None:
            self.writer.add_text(f"failed/{safe(step.label)}", step.failure, step.finished)

    def figures(self, figures: Sequence[Figure], document: Mapping[str, Any]) -> None:
        for figure in figures:
            self.writer.add_scalar(safe(figure.name), figure.value, 0)
            for repeat, value in enumerate(figure.per_repeat):
                if math.isfinite(value):
                    self.writer.add_scalar(safe(f"{figure.name}/per_seed"), value, repeat)
        self.writer.add_text("document", _fenced(document))

    def close(self, complete: bool) -> None:
        if self.writer is not None:
            self.writer.close()


def _fenced(document: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(document, indent=1)}\n```"
