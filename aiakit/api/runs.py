"""``aiakit.run`` and ``aiakit.load``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from aiakit.api.keywords import encoder_named, fields_of, listed, numbers, with_known_keywords
from aiakit.api.progress import shown
from aiakit.api.result import Result
from aiakit.datasets.parallel import threads_in_all
from aiakit.experiment.engine import Observer
from aiakit.experiment.local import Local
from aiakit.experiment.request import Request, prepare
from aiakit.experiment.run import Run, default_name
from aiakit.experiment.runtime import Runtime
from aiakit.plugins import registry
from aiakit.plugins.options import Options
from aiakit.results.computing import compute


@with_known_keywords
def run(
    defense: str | Sequence[str],
    *,
    attacks: str | Sequence[str] = "all",
    encoder: str | Callable[..., Any] = "autoencoder",
    dataset: str = "synthetic",
    data: Mapping[str, Any] | None = None,
    image_size: int = 64,
    strict: bool = False,
    attribute: str | Sequence[str] | None = None,
    attributes: str | Sequence[str] = (),
    options: Options | None = None,
    seeds: int = 1,
    seed: int = 0,
    attack_seeds: int = 1,
    knowledge: str | Sequence[str] = "informed",
    budgets: Sequence[int] = (),
    pooled: Sequence[int] = (),
    permutations: int = 0,
    folds: int | None = None,
    forecast: bool | None = None,
    halving: bool = False,
    draws: int = 3,
    pairs: int = 25_000,
    utility: bool = True,
    matcher: str | None = None,
    risks: str | Sequence[str] = (),
    numeric: str | Sequence[str] = (),
    reference: bool = True,
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    plugins: Sequence[str | Path] = (),
    out: str | Path = "runs",
    name: str | None = None,
    jobs: int = 1,
    threads: int | None = None,
    observer: Observer | None = None,
) -> Result:
    """Train defenses, probe each release with every attack, and measure what it is still good for.

    Parameters
    ----------
    defense, attacks, attribute, attributes, knowledge, risks, numeric : one text (with commas) or several, as the
        options of ``aiakit run``.
    encoder : as ``--encoder``, or a function of a module: uint8 (N, H, W, 3) images → (N, D).
    data : options of the data set, such as ``{"root": "templates.parquet", "identity": "person"}``.
    options : plugin → option → value, such as ``{"aia": {"beta": 2}}``.
    budgets, pooled : numbers of people, of images of one person.
    plugins : Python files that define plugins. out, name : the run folder, ``out``/``name``; the same call finds it
        again, and an interrupted one goes on.
    jobs : worker processes, which need ``if __name__ == "__main__"`` in a script. threads : in all.
    observer : is told of progress; None shows a bar in a notebook. All others : as of ``aiakit run``.

    Raises
    ------
    InputError : anything given that cannot be used. PluginError : no defense or no attack could be loaded.

    >>> result = aiakit.run("leace", attacks="fast")  # doctest: +SKIP
    >>> result.to_pandas()  # doctest: +SKIP
    """
    asked = fields_of(Request, locals()) | {
        "defenses": listed(defense),
        "attacks": listed(attacks),
        "attribute": None if attribute is None else ",".join(listed(attribute)),
        "attributes": listed(attributes),
        "encoder": encoder_named(encoder),
        "knowledge": listed(knowledge),
        "data_options": dict(data or {}),
        "options": options or {},
        "budgets": numbers(budgets),
        "pooled": numbers(pooled),
        "risks": listed(risks),
        "numeric": listed(numeric),
    }
    for path in plugins:
        registry.register_file(path)
    request = Request(**asked)
    prepared = prepare(request)
    opened = Run.create(Path(out) / (name or default_name(prepared.config)), prepared.config)
    runtime = Runtime(request.cache, threads_in_all(threads))
    compute(opened, runtime, shown(observer), Local(jobs), prepared.broken)
    return Result(opened)


def load(folder: str | Path) -> Result:
    """The result in a folder of a run or an audit. Raises InputError where it holds none, or a damaged one."""
    return Result.load(folder)
