"""MLflow: a run of the experiment ``aiakit``, on a server or in a local SQLite file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aiakit.tracking.tracker import Figure, Step, flat, safe

EXPERIMENT = "aiakit"
PARAMS_A_CALL = 100  # as many as a server takes at once
LONGEST = 500  # characters of a value; older servers refuse more


class MLflow:
    """where : a tracking URI; without one MLflow's own (``MLFLOW_TRACKING_URI``, else a file in this folder)."""

    modules: ClassVar[tuple[str, ...]] = ("mlflow",)

    def __init__(self, where: str) -> None:
        # A measurement of privacy tells nobody that it took place.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri=where or None)
        self.run = ""

    def begin(self, folder: str, configuration: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        known = self.client.get_experiment_by_name(EXPERIMENT)
        experiment = self.client.create_experiment(EXPERIMENT) if known is None else known.experiment_id
        run = self.client.create_run(experiment, tags={"aiakit.run": folder}, run_name=os.path.basename(folder))
        self.run = run.info.run_id
        params = [Param(safe(key), str(value)[:LONGEST]) for key, value in flat(configuration).items()]
        for start in range(0, len(params), PARAMS_A_CALL):
            self.client.log_batch(self.run, params=params[start : start + PARAMS_A_CALL])
        self.client.log_dict(self.run, dict(configuration), "configuration.json")

    def step(self, step: Step) -> None:
        self.client.log_metric(self.run, "cells/finished", step.finished, step=step.finished)
        self.client.log_metric(self.run, f"seconds/{safe(step.label)}", step.seconds, step=step.finished)
        if step.failure is not None:
            self.client.set_tag(self.run, f"failed/{safe(step.label)}", step.failure)

    def figures(self, figures: Sequence[Figure], document: Mapping[str, Any]) -> None:
        for figure in figures:
            self.client.log_metric(self.run, safe(figure.name), figure.value)
            for repeat, value in enumerate(figure.per_repeat):
                if math.isfinite(value):
                    self.client.log_metric(self.run, safe(f"{figure.name}/per_seed"), value, step=repeat)
        self.client.log_dict(self.run, dict(document), "document.json")

    def close(self, complete: bool) -> None:
        if self.run:
            self.client.set_terminated(self.run, status="FINISHED" if complete else "FAILED")
