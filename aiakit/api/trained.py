"""``aiakit.load_defense``: a trained defense as something that is called on arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from aiakit.contracts import FloatArray, Release
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.faces.inputs import prepare_array
from aiakit.faces.protect import choose_chain, released, trained_stages


class TrainedDefense:
    """A defense, or a chain, as a run has trained it.

    run : the run that trained it. name : which defense; None where there is one. seed : which of the run's seeds.
    """

    def __init__(self, run: Run, name: str | None = None, seed: int | None = None) -> None:
        self.run = run
        self.chain = choose_chain(run, name)
        self.stages = trained_stages(run, self.chain, seed)

    def __repr__(self) -> str:
        names = "+".join(stage.name for stage in self.chain)
        return f"TrainedDefense({names!r}, {str(self.run.folder)!r})"

    def __call__(self, values: Any, noise_seed: int | None = None) -> Release:
        """What is released of uint8 pictures (N, H, W, 3), or of embeddings (N, D) where the run protects those.

        Pictures of another size are cut to their central square and resized. noise_seed : makes a stochastic defense's
        noise repeatable, and guessable; None draws from the operating system's. Raises InputError for another kind of
        array.
        """
        given = prepare_array(self.run, values)
        parts = released(self.stages, given, tuple(map(str, range(len(given)))), noise_seed)
        if not parts:
            raise InputError("the array has no rows")
        joined = {
            view: np.concatenate([getattr(part, attribute) for part in parts])
            for view, attribute in (("embedding", "embedding"), ("image", "pixels"))
            if getattr(parts[0], attribute) is not None
        }
        return Release(**joined)

    def transform(self, values: Any, noise_seed: int | None = None) -> FloatArray:
        """The embedding (N, D) that is released. Raises InputError where the defense releases pictures only."""
        embedding = self(values, noise_seed).embedding
        if embedding is None:
            raise InputError("this defense releases pictures and no embedding: call it, and take .pixels")
        return embedding


def load_defense(run: str | Path, name: str | None = None, seed: int | None = None) -> TrainedDefense:
    """A trained defense of a run folder.

    name : which of the run's defenses; None where it has one besides the reference. seed : which of its seeds.
    Raises InputError where there is none, or where it is not trained yet.

    >>> defense = aiakit.load_defense("runs/mine", "leace")  # doctest: +SKIP
    >>> defense.transform(embeddings)  # doctest: +SKIP
    """
    return TrainedDefense(Run.open(Path(run)), name, seed)
