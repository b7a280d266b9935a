"""What a run was asked for, with every default spelled out: the part of ``run.json`` that determines its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from aiakit.contracts import Dataset, Precision
from aiakit.errors import InputError
from aiakit.measures.units import Unit
from aiakit.plugins import registry
from aiakit.plugins.fingerprint import source_digest
from aiakit.storage.store import file_digest

SCHEMA = 2
REFERENCE = "original"  # the undefended release
RELEASE = "release"  # the one that is audited
STORED = "stored"  # the encoder of a data set that holds embeddings
# What a run may ask for. The record of a run may come from a stranger, and whoever opens it plans its cells.
MOST_CELLS = 1_000_000
Repeats = Annotated[int, Field(ge=1, le=1_000_000)]
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "timm", "xgboost")


class Record(BaseModel):
    """Base of the records: immutable, and a key that nobody knows is an error rather than ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# Who makes a release or a data set: a plugin of a kind, or nobody here, since it exists already.
Maker = registry.Kind | Literal["file"]


class PluginSpec(Record):
    """A plugin with all of its parameters, or what stands in its place: a release that exists already.

    fingerprint : a digest of the sources that its behaviour depends on.
    files : parameter → digest of the file that it names (weights, embeddings).
    """

    kind: Maker = "defense"
    name: str
    params: dict[str, Any] = Field(default_factory=dict)
    package: str = ""
    fingerprint: str = ""
    files: dict[str, str] = Field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        """What a cell that it computes depends on: all but the version of the package, since its code is digested."""
        return self.model_dump(mode="json", exclude={"package"})

    @property
    def plugin_kind(self) -> registry.Kind:
        """The kind of the plugin. Raises InputError for what is none, since it came from a file."""
        if self.kind == "file":
            raise InputError(f"{self.name} came from a file, and no plugin here can make it or load it")
        return self.kind


class DatasetSpec(PluginSpec):
    """A data set, or what is audited in its place; ``data`` is the digest of what was loaded."""

    image_size: Annotated[int, Field(ge=16, le=512)] = 64
    strict: bool = False
    data: str = ""

    @property
    def loader(self) -> type[Dataset]:
        """The class that loads it. Raises InputError for what came from a file, PluginError as the registry does."""
        assert self.plugin_kind == "dataset"
        return registry.load("dataset", self.name)


class SplitSpec(Record):
    """How people are dealt to the splits: shares of people, and the seed."""

    seed: Annotated[int, Field(ge=0)] = 0
    defender: float = 0.50
    attacker_train: float = 0.25
    attacker_val: float = 0.08
    test: float = 0.17
    defender_val: float = 0.10


class PairsSpec(Record):
    """How many verification pairs are drawn on attacker-val and test, at most."""

    genuine: Annotated[int, Field(ge=1, le=10_000_000)] = 5_000
    impostor: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000


Chain = tuple[PluginSpec, ...]
Score = Literal["siamese", "cosine", "euclidean"]  # how the two samples of a verification pair are compared


def parse_chain(text: str) -> tuple[str, ...]:
    """``aia+leace`` → ``("aia", "leace")``. Raises InputError for an empty name."""
    stages = tuple(stage.strip() for stage in text.split("+"))
    if not all(stages):
        raise InputError(f"the defense {text!r} has an empty name: a chain is written as aia+leace")
    return stages


def chain_label(stages: Sequence[str]) -> str:
    """The opposite of ``parse_chain``, without the undefended release in front of a defense."""
    return "+".join(stages[1:] if len(stages) > 1 and stages[0] == REFERENCE else stages)


def label_of(chain: Chain) -> str:
    """How a chain of defenses is called: ``aia+leace``.

    What only makes the embedding (an encoder, or the undefended release before a defense) is not named.
    """
    return chain_label([stage.name for stage in chain if stage.kind != "encoder"] or [REFERENCE])


class AttributeSpec(Record):
    """A further attribute whose leakage is measured on releases that protect another one.

    without : attacks that cannot infer it. left_out : why it is not measured ("" where it is). data : of an audit, the
    digest of whose it is and of their splits; of a run that of the data set covers it.
    """

    name: str
    without: tuple[str, ...] = ()
    left_out: str = ""
    data: str = ""


Knowledge = Literal["ignorant", "lazy", "informed", "adaptive"]


class RunConfig(Record):
    """A run.

    seeds : the defenses' seeds; for each, attacks run with ``attack_seeds`` seeds of their own.
    reference : the chain whose release is the undefended one.
    knowledge : the levels at which attacks are trained; "informed" is always among them.
    budgets : numbers of attacker-train people for the label-budget curve. pooled : numbers of images of one person
    whose evidence is added up. permutations : runs of the whole suite with labels permuted between people.
    compiled : whether networks are compiled for training. unit : what counts once in figures, a person or an image.
    draws : how often a stochastic release is drawn. further : what else of the people is inferred from the releases.
    score : how verification compares two samples. notes : what was left out of it, a line each.
    """

    dataset: DatasetSpec
    attribute: str
    split: SplitSpec = SplitSpec()
    pairs: PairsSpec | None = PairsSpec()
    score: Score = "siamese"
    defenses: Annotated[tuple[Annotated[Chain, Field(min_length=1)], ...], Field(min_length=1)]
    attacks: tuple[PluginSpec, ...]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    attack_seeds: Repeats = 1
    device: str = "cpu"
    precision: Precision = "fp32"
    compiled: bool = False
    reference: str = REFERENCE
    knowledge: tuple[Knowledge, ...] = ("informed",)
    budgets: tuple[Repeats, ...] = ()
    pooled: tuple[Repeats, ...] = ()
    permutations: Annotated[int, Field(ge=0)] = 0
    draws: Repeats = 3
    further: tuple[AttributeSpec, ...] = ()
    notes: tuple[str, ...] = ()
    unit: Unit = "person"
    bootstrap_draws: Annotated[int, Field(ge=1, le=100_000)] = 2000
    framework: str = ""
    libraries: dict[str, str] = Field(default_factory=dict)

    @property
    def has_images(self) -> bool:
        """Whether there are photographs to load: not of an audit, nor of a data set of embeddings."""
        return not self.audits and not any(stage.name == STORED for chain in self.defenses for stage in chain[:1])

    def require_images(self) -> None:
        """Raise InputError where there are no photographs."""
        if not self.has_images:
            raise InputError(f"there are no photographs in {self.dataset.name}: its releases or embeddings were given")

    def asked(self) -> dict[str, Any]:
        """What was asked for, as JSON: all but the code of the plugins, which may change while a run is worked on."""
        code = {"package": True, "fingerprint": True}
        each = {"__all__": {"__all__": code}}
        return self.model_dump(mode="json", exclude={"dataset": code, "defenses": each, "attacks": {"__all__": code}})

    @property
    def audits(self) -> bool:
        """Whether the releases exist already, so that nothing is trained but the attacks."""
        return self.dataset.kind == "file"

    @model_validator(mode="after")
    def _given_releases(self) -> Self:
        for chain in self.defenses:
            if (chain[0].kind == "file") != self.audits or (self.audits and len(chain) > 1):
                raise ValueError(f"the release {label_of(chain)} is made by a file where no file can make it")
            if self.audits and not isinstance(chain[0].params.get("views"), list | tuple):
                raise ValueError(f"the release {label_of(chain)} does not say which views it has")
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        repeats = self.attack_seeds * (1 + len(self.knowledge) + len(self.budgets)) + self.permutations
        cells = len(self.defenses) * len(self.seeds) * (1 + len(self.attacks) * repeats) * (1 + len(self.further))
        if cells > MOST_CELLS:
            raise ValueError(f"it asks for {cells:,} cells, more than {MOST_CELLS:,}: ask for fewer seeds or attacks")
        return self


def plugin_spec(kind: registry.Kind, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a PluginSpec for a registered plugin. Raises InputError or PluginError as the registry does."""
    entry = registry.entry(kind, name)
    params = registry.parameters(kind, name, options)
    return {
        "kind": kind,
        "name": name,
        "params": params,
        "files": files_of(params),
        "package": entry.package if entry.file is None else entry.file.name,
        "fingerprint": registry.fingerprint(kind, name),
    }


def files_of(params: dict[str, Any]) -> dict[str, str]:
    """Parameter → digest of the file that it names."""
    return {key: file_digest(Path(value).expanduser()) for key, value in params.items() if _names_file(value)}


def _names_file(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and len(value) < 4096 and Path(value).expanduser().is_file()


def framework_fingerprint() -> str:
    """A digest of the sources that compute cells."""
    return source_digest(["aiakit.experiment.cells"])


def library_versions() -> dict[str, str]:
    """The versions of the libraries whose arithmetic results depend on."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
