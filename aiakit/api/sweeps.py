"""``aiakit.sweep``."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiakit.api.keywords import encoder_named, fields_of, listed, with_known_keywords
from aiakit.api.progress import shown
from aiakit.api.shapes import as_frame, html_table
from aiakit.datasets.parallel import threads_in_all
from aiakit.experiment.engine import Observer
from aiakit.experiment.local import Local
from aiakit.experiment.request import Request
from aiakit.experiment.runtime import Runtime
from aiakit.plugins.options import Options
from aiakit.report.sweep import lead_of, write_sweep_page
from aiakit.sweeps.axes import axes_of
from aiakit.sweeps.run import prepare_sweep


@dataclass(frozen=True)
class SweepResult:
    """The points of a sweep. document : what ``aiakit sweep --json`` prints. folder : where all is stored."""

    document: dict[str, Any]
    folder: Path

    def to_dict(self) -> dict[str, Any]:
        """What ``aiakit sweep --json`` prints."""
        return self.document

    def table(self) -> list[dict[str, Any]]:
        """One flat record a point: its options, claimed, measured with its 95 % interval, utility, pareto."""
        return [
            {
                **point["params"],
                "claimed": point["claimed"] and point["claimed"]["balanced_accuracy"],
                "measured": point["strongest"] and point["strongest"]["balanced_accuracy"],
                "low": point["strongest"] and point["strongest"]["ci95"][0],
                "high": point["strongest"] and point["strongest"]["ci95"][1],
                "utility": point["utility"].get("same_attribute", {}).get("accuracy"),
                "pareto": point["pareto"],
            }
            for point in self.document["points"]
        ]

    def to_pandas(self) -> Any:
        """``table()`` as a DataFrame. Raises InputError where pandas is not installed."""
        return as_frame(self.table())

    def report(self, path: str | Path | None = None, figures: bool = False) -> Path:
        """Write the offline page into a folder (by default the sweep's) and return the file."""
        page, *_ = write_sweep_page(self.document, self.folder if path is None else Path(path), figures)
        return page

    def __repr__(self) -> str:
        points = len(self.document["points"])
        return f"SweepResult({points} points of {self.document['defense']}; {str(self.folder)!r})"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(' '.join(lead_of(self.document)))}</p>{html_table(self.table())}"


@with_known_keywords
def sweep(
    defense: str,
    values: Mapping[str, Sequence[Any]],
    *,
    attacks: str | Sequence[str] = "all",
    encoder: str | Callable[..., Any] = "autoencoder",
    dataset: str = "synthetic",
    data: Mapping[str, Any] | None = None,
    image_size: int = 64,
    strict: bool = False,
    attribute: str | None = None,
    options: Options | None = None,
    seeds: int = 1,
    seed: int = 0,
    attack_seeds: int = 1,
    knowledge: str | Sequence[str] = "informed",
    folds: int | None = None,
    halving: bool = False,
    draws: int = 3,
    pairs: int = 25_000,
    utility: bool = True,
    matcher: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    out: str | Path = "runs",
    name: str | None = None,
    jobs: int = 1,
    threads: int | None = None,
    observer: Observer | None = None,
) -> SweepResult:
    """Run one defense over a grid of its options.

    defense : a defense or a chain (``aia+leace``). values : option → values, such as ``{"beta": [0, 1, 10]}``; of a
    chain ``{"aia.beta": [0, 1]}``. All others : as of ``aiakit.run``.

    Raises
    ------
    InputError : anything given that cannot be used. PluginError : no attack could be loaded.

    >>> aiakit.sweep("aia", {"beta": [0, 1, 10]}, attacks="fast").to_pandas()  # doctest: +SKIP
    """
    asked = fields_of(Request, locals()) | {
        "defenses": (defense,),
        "attacks": listed(attacks),
        "knowledge": listed(knowledge),
    }
    asked |= {"encoder": encoder_named(encoder)}
    request = Request(**asked | {"data_options": dict(data or {}), "options": options or {}})
    axes = axes_of({option: tuple(each) for option, each in values.items()}, defense)
    prepared = prepare_sweep(request, axes, yes=True)
    folder = Path(out) / (name or prepared.default_name())
    runtime = Runtime(request.cache, threads_in_all(threads))
    document, _ = prepared.execute(folder, runtime, shown(observer), Local(jobs))
    return SweepResult(document, folder)
