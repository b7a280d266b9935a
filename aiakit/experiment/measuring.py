"""Linkers, decoders and regressors in a cell: made, fitted and asked alike, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import Context, Points
from aiakit.errors import PluginError
from aiakit.experiment import apart
from aiakit.experiment.runtime import Runtime, context_of
from aiakit.plugins import registry
from aiakit.storage.documents import printable
from aiakit.storage.store import Store

LONGEST = 80  # letters of what a plugin says of its setting
Measuring = Literal["linker", "decoder", "regressor"]


@dataclass(frozen=True)
class Measurer:
    """A linker, decoder or regressor of a cell. ctx : that it is fitted in."""

    entry: registry.Entry
    plugin: Any
    ctx: Context

    @classmethod
    def of(cls, kind: Measuring, store: Store, inputs: Mapping[str, Any], runtime: Runtime) -> Self:
        """The one that the inputs name under its kind. Raises InputError or PluginError as the registry does."""
        spec = inputs[kind]
        entry = registry.entry(kind, spec["name"])
        stranger = "" if entry.built_in else spec["fingerprint"]
        ctx = context_of(store, inputs, runtime, stranger=stranger)
        return cls(entry, apart.make(kind, spec["name"], spec["params"], store.folder), ctx)

    def fit(self, train: Any, val: Any) -> None:
        """Fit it. Raises PluginError where it fails."""
        with registry.guard(self.entry):
            self.plugin.fit(train, val, self.ctx)

    @property
    def setting(self) -> str:
        """What it says of its setting, in one line."""
        return printable(" ".join(str(self.plugin.setting).split()))[:LONGEST]

    @property
    def label(self) -> str:
        """How results call it: one of others by its name, and what it chose; a built-in one by what it chose."""
        name, setting = self.entry.name, self.setting
        if self.entry.built_in:
            return setting or name
        return f"{name} ({setting})" if setting else name

    def learns_from(self, rows: int) -> int:
        """How many of so many images a regressor learns from."""
        with registry.guard(self.entry):
            return int(self.plugin.learns_from(rows))

    def ask(
        self, method: str, points: Points, row: tuple[int | None, ...], secret: np.random.Generator | None = None
    ) -> NDArray[np.float64]:
        """What a method makes of points (N, D): (N, *row), where None stands for any number.

        secret : draws the order in which somebody else's plugin is given them, so that their places tell nothing.
        Raises PluginError for what is of another shape, or not finite.
        """
        hidden = secret is not None and not self.entry.built_in
        order = secret.permutation(len(points)) if secret is not None and hidden else np.arange(len(points))
        with registry.guard(self.entry):
            made = np.asarray(getattr(self.plugin, method)(points[order] if hidden else points), np.float64)
        wanted = (len(points), *row)
        if len(made.shape) != len(wanted) or any(w not in (None, m) for w, m in zip(wanted, made.shape, strict=True)):
            shape = f"({', '.join('d' if each is None else str(each) for each in wanted)}{'' if row else ','})"
            raise PluginError(f"{self.entry}: {method}() must return an array {shape}, not {made.shape}")
        if not np.isfinite(made).all():
            raise PluginError(f"{self.entry}: {method}() returned non-finite values")
        found = np.empty_like(made)
        found[order] = made
        return found
