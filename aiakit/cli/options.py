"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from aiakit.api.keywords import fields_of
from aiakit.datasets.parallel import threads_in_all

if TYPE_CHECKING:
    from aiakit.experiment.engine import Engine

Command = TypeVar("Command", bound=Callable[..., Any])
Asked = TypeVar("Asked")


def together(*decorators: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Several click options as one decorator, in the order in which they are listed."""

    def decorate(command: Any) -> Any:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


# What every command asks of a data set that it names itself, or that a suite names.
source_options = together(
    click.option("--data-root", metavar="DIR", help="The folder of the data set."),
    click.option("--people", type=click.IntRange(min=1), help="How many people (synthetic)."),
    click.option("--images-per-person", type=click.IntRange(min=1), help="Images of each (synthetic, vggface2)."),
    click.option("--identity", metavar="COL", help="The column of people (table).  [default: person]"),
    click.option("--labels", metavar="CSV", help="A table of labels beside the file (table)."),
    click.option("--join-on", metavar="COL", help="The column that the file and its labels share (table)."),
    click.option("--embedding-key", metavar="K", help="The array, or prefix of columns, of the embeddings (table)."),
    click.option("--strict", is_flag=True, help="Make corrupt, missing or contradictory data an error."),
)

data_options = together(
    click.option("--dataset", default="synthetic", show_default=True, metavar="NAME", help="The data set."),
    source_options,
    click.option("--image-size", type=int, default=64, show_default=True, help="Side of the images in pixels."),
    click.option(
        "--attribute",
        metavar="A[,B]",
        help="The private attribute, or several that are protected together (a,b): the first of classes, numbers (an "
        "age) among the others where the defense can erase them.  [default: gender]",
    ),
)

# Where networks compute.
device_options = together(
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="Threads that train a release, which its rounding depends on.  [default: OMP_NUM_THREADS, or every core]",
    ),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "tf32", "bf16"]),
        default="auto",
        show_default=True,
        help="Arithmetic.",
    ),
)

compute_options = together(
    click.option(
        "--jobs", type=click.IntRange(min=1), help="Worker processes, one thread each.  [default: one a thread]"
    ),
    device_options,
)

folds_option = click.option(
    "--folds",
    type=click.IntRange(min=1, max=1000),
    metavar="K",
    help="Cross-fit attacks: everybody but the defender's people is tested once.  [default: 1; audit: 5]",
)

matcher_option = click.option(
    "--matcher",
    metavar="NAME",
    help="Also compare released pictures by a fixed public encoder: dlib, onnx:FILE, timm:MODEL=WEIGHTS.",
)

# How releases are probed, whoever made them.
probing_options = together(
    click.option(
        "--attacks",
        multiple=True,
        default=("all",),
        show_default=True,
        metavar="NAME",
        help="Attacks (a,b), a preset (fast, strong), or all: every attack but the costly ones.",
    ),
    click.option("--set", "settings", multiple=True, metavar="PLUGIN.OPTION=VALUE", help="Set an option of a plugin."),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first seed, and the split's."
    ),
    click.option(
        "--attack-seeds",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Seeds of attacks on each release.",
    ),
    click.option(
        "--knowledge",
        multiple=True,
        default=("informed",),
        show_default=True,
        metavar="LEVEL",
        help="What attackers know: ignorant, lazy, informed, adaptive, insider, query, insider+query (a,b).",
    ),
    folds_option,
    click.option(
        "--forecast/--no-forecast",
        default=None,
        help="Say how the leak grows with the people that the attacker knows.  [default: where these are enough]",
    ),
    click.option(
        "--halving", is_flag=True, help="Leave attacks out of later folds that are certainly not the strongest."
    ),
    click.option("--budgets", multiple=True, metavar="N,N", help="Also train attacks on so many people (a curve)."),
    click.option(
        "--pooled", multiple=True, metavar="M,M", help="Also attack, and enrol, so many images of one person together."
    ),
    click.option(
        "--permutations", type=click.IntRange(min=0), default=0, help="Also run with permuted labels, N times."
    ),
    click.option(
        "--pairs",
        type=click.IntRange(min=5, max=10_000_000),
        default=25_000,
        show_default=True,
        help="Pairs of verification, a fifth of them of one person.",
    ),
    click.option(
        "--unit",
        type=click.Choice(["person", "image"]),
        default="person",
        show_default=True,
        help="What counts once in figures of attacks.",
    ),
    matcher_option,
    click.option(
        "--risks",
        multiple=True,
        metavar="A,B|all",
        help="Also measure identity (who is it?), linkage (are two releases of one person?) and inversion (of what?).",
    ),
    click.option(
        "--numeric",
        multiple=True,
        metavar="A,B|all",
        help="Also estimate these numbers from the releases (an age, a score; words in an order, as "
        "'band=child<adult<senior'): R² and error beside a constant's.",
    ),
    click.option("--no-utility", is_flag=True, help="Do not measure verification."),
    compute_options,
)

engine_options = together(
    click.option(
        "--engine",
        type=click.Choice(["local", "dask"]),
        default="local",
        show_default=True,
        help="Where cells are computed: by processes here, or by the workers of a Dask cluster (a thread each).",
    ),
    click.option("--scheduler", metavar="tcp://HOST:PORT", help="The scheduler of the Dask cluster."),
    click.option(
        "--cell-timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long one cell may take (a defense, an attack on a release). One that hangs fails, the others go on.",
    ),
)


def _inside(ctx: click.Context, parameter: click.Parameter, name: str | None) -> str | None:
    """A name that names a folder inside of ``--out``. Raises click's BadParameter for a path, or for no name."""
    if name is not None and (name in ("", ".", "..") or any(c in name for c in ("/", "\\", "\0"))):
        raise click.BadParameter(f"{name!r} is no name of a folder: give a name, and its place by --out")
    return name


dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what there is to compute, how long it takes and its size on the disk."
)

out_options = together(
    click.option("--out", default="runs", show_default=True, metavar="DIR", help="Where run folders are kept."),
    click.option(
        "--name",
        metavar="NAME",
        callback=_inside,
        help="Name of the run folder in --out.  [default: made from the configuration]",
    ),
)


# The option of a data set that a flag of its own sets.
DATA_FLAGS = {
    "data_root": "root",
    "people": "people",
    "images_per_person": "images_per_person",
    "identity": "identity",
    "labels": "labels",
    "join_on": "join_on",
    "embedding_key": "key",
}


def dataset_options(given: dict[str, Any]) -> dict[str, Any]:
    """The options of the data set that have a flag of their own."""
    return {option: given[flag] for flag, option in DATA_FLAGS.items() if given[flag] is not None}


def options_of_dataset(dataset: str, settings: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
    """The options of the data set, by flags of their own and by ``--set``, where its name may be left out.

    Raises InputError for an option of another plugin.
    """
    from aiakit.plugins.options import parse_settings, require_in_use

    named = [setting if "." in setting.partition("=")[0] else f"{dataset}.{setting}" for setting in settings]
    others = parse_settings(named)
    require_in_use(others, [dataset])
    return {**dataset_options(given), **others.get(dataset, {})}


def request_of(kind: Callable[..., Asked], given: dict[str, Any], **own: Any) -> Asked:
    """What a command was asked for: the fields of ``kind`` that are options of the command, and the command's own."""
    if "data_root" in given:
        own["data_options"] = dataset_options(given)
    return kind(**{**fields_of(kind, given), "remote": given["engine"] != "local", **own})


def jobs_or_cores(jobs: int | None, threads: int | None) -> int:
    """How many worker processes: as many as there are threads, where no number is asked for."""
    return jobs or threads_in_all(threads)


def engine_and_threads(given: dict[str, Any]) -> tuple[Engine, int]:
    """Where cells are computed, and how many threads read pictures there.

    Raises InputError where the options do not fit together, or the extra of an engine is not installed.
    """
    from aiakit.errors import InputError

    scheduler, jobs, threads = (given[name] for name in ("scheduler", "jobs", "threads"))
    if given["engine"] == "dask":
        from aiakit.experiment.dask import Dask

        if not scheduler:
            raise InputError(
                "--engine dask needs --scheduler tcp://HOST:PORT: the address that `dask scheduler` prints"
            )
        if jobs is not None:
            raise InputError("--jobs is for --engine local: a cluster has as many workers as were started")
        return Dask(scheduler), threads or 1
    from aiakit.experiment.local import Local

    if scheduler:
        raise InputError("--scheduler is for --engine dask: give that too, or leave it out")
    return Local(jobs_or_cores(jobs, threads)), threads_in_all(threads)
