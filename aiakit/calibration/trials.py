"""The cells of a calibration: what one attack says of one draw of a leak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from aiakit.calibration.image_leaks import image_leaks
from aiakit.calibration.leaks import Leak, embedding_leaks
from aiakit.contracts import Context, LabelledRelease, Precision
from aiakit.errors import InputError
from aiakit.experiment import apart
from aiakit.experiment.config import PluginSpec, Record
from aiakit.experiment.plan import CellSpec
from aiakit.experiment.probing import combined_scores
from aiakit.experiment.runtime import Runtime, ask
from aiakit.plugins import registry
from aiakit.plugins.fingerprint import source_digest
from aiakit.storage.store import Draft, Store

CLASSES = ("0", "1")
VAL_SHARE = 0.25  # of the attacker's samples
FEWEST = 40  # samples: with fewer a set may hold one class only
KIND = "calibration"


def all_leaks() -> dict[str, Leak]:
    """Every leak by its name: those of embeddings (64 dimensions), then those of pictures (32 × 32 pixels)."""
    return {leak.name: leak for leak in (*embedding_leaks(), *image_leaks())}


def draw(leak: Leak, n: int, seed: int) -> dict[str, LabelledRelease]:
    """One draw of a leak: the attacker's n samples ("train", and a quarter of them "val") and n others ("test").

    The people of each are its own.
    """
    val = round(n * VAL_SHARE)
    ctx, parts = Context(seed=seed), {}
    for part, size in (("train", n - val), ("val", val), ("test", n)):
        release, labels = leak.draw(size, ctx.rng("leak", leak.name, part))
        parts[part] = LabelledRelease(release, labels, np.arange(size) // leak.images, CLASSES)
    return parts


class Calibration(Record):
    """A calibration: every attack on every leak that it reads, for every seed; and the null for ``nulls`` seeds.

    leaks : names. n : the attacker's samples, and as many to test on. code : a digest of the sources that compute it.
    """

    attacks: tuple[PluginSpec, ...]
    leaks: tuple[str, ...]
    n: int
    seeds: tuple[int, ...]
    nulls: int = 0
    device: str = "cpu"
    precision: Precision = "fp32"
    code: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)

    def trials(self) -> Iterator[tuple[str, int]]:
        """(leak, seed) of every trial: those of the table, then those of the nulls that are not among them."""
        table = [(leak, seed) for leak in self.leaks for seed in self.seeds]
        yield from table
        yield from (trial for trial in ((NULL, seed) for seed in range(self.nulls)) if trial not in table)

    def cells(self, leak: str, seed: int) -> dict[str, CellSpec]:
        """Attack → its cell on one draw of a leak; the attacks that combine the others last. Empty where none reads it.

        An attack that combines others needs two of them.
        """
        view = all_leaks()[leak].view
        cells = {
            spec.name: self._cell(leak, seed, spec) for spec in self.attacks if spec.view == view and not spec.combines
        }
        alone = tuple(cell.digest for cell in cells.values())
        if len(alone) > 1:
            cells |= {spec.name: self._cell(leak, seed, spec, alone) for spec in self.attacks if spec.combines}
        return cells

    def _cell(self, leak: str, seed: int, attack: PluginSpec, others: Sequence[str] = ()) -> CellSpec:
        inputs = {
            "kind": KIND,
            "leak": leak,
            "n": self.n,
            "seed": seed,
            "attack": attack.inputs(),
            "combines": list(others),
            "device": self.device,
            "precision": self.precision,
            "code": self.code,
            "libraries": self.libraries,
        }
        label = f"{attack.name} on {leak}, seed {seed}"
        return CellSpec(inputs, label, tuple(others), ("attack", attack.name), release=leak)


NULL = "null"


def calibration_code() -> str:
    """A digest of the sources that compute the cells, attacks left out (each has a fingerprint of its own)."""
    return source_digest([__name__])


def compute_trial(store: Store, inputs: Mapping[str, Any], draft: Draft, runtime: Runtime) -> None:
    """Train an attack on one draw of a leak and score its validation and test sets."""
    spec = inputs["attack"]
    entry = registry.entry("attack", spec["name"])
    attack = apart.make("attack", spec["name"], spec["params"], store.folder)
    parts = draw(all_leaks()[inputs["leak"]], inputs["n"], inputs["seed"])
    ctx = Context(inputs["seed"], inputs["device"], inputs["precision"], report=runtime.report)
    if inputs["combines"]:
        tables = [store.read(digest).tensors("scores") for digest in inputs["combines"]]
        known = parts["val"].labels, parts["val"].identity
        draft.save("scores", combined_scores(tables, known, CLASSES, attack, entry, ctx))
        return
    scores = {}
    with registry.guard(entry):
        attack.fit(parts["train"], parts["val"], ctx)
    for part in ("val", "test"):
        scores[part] = ask(attack, entry, parts[part].release, len(CLASSES))[0]
    draft.save("scores", scores)


KINDS = {KIND: compute_trial}


def check_size(n: int) -> None:
    """Raises InputError where n samples are too few for two classes in each set."""
    if n < FEWEST:
        raise InputError(f"--n {n} is too small: a calibration needs at least {FEWEST} samples")
