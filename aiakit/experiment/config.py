"""What a run was asked for, with every default spelled out: the part of ``run.json`` that determines its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from aiakit.contracts import (
    Attack,
    BaseDefense,
    Dataset,
    EmbeddingDefense,
    Encoder,
    Knowledge,
    Precision,
    RiskAttack,
    RiskName,
    View,
)
from aiakit.errors import InputError, PluginError
from aiakit.measures.units import Unit
from aiakit.plugins import registry
from aiakit.plugins.fingerprint import source_digest
from aiakit.storage.documents import first_problem, printable
from aiakit.storage.store import file_digest

SCHEMA = 3
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


# Of a plugin's record, what its code decides: it may change while a run is worked on.
SAID = ("package", "fingerprint", "sha256", "summary", "view", "combines", "knowledge", "produces", "claims",
        "invertible", "stochastic", "erases_numbers", "real_people", "risks")  # fmt: skip
EARLIER = ", as an earlier version wrote it"


class PluginSpec(Record):
    """A plugin with all of its parameters, or what stands in its place: a release that exists already.

    fingerprint : a digest of the sources that its behaviour depends on.
    files : parameter → digest of the file that it names (weights, embeddings), and what else an encoder depends on.

    What the plugin said of itself is kept beside it, so that planning and showing a run need no plugin:

    package : the distribution that it came with, or the name of its file; sha256 : the digest of that file.
    summary : its one line. view, knowledge : what an attack reads, and its level ("" of others). combines : whether it
    reads the scores of the other attacks instead.
    produces, claims, invertible, stochastic, erases_numbers : the views of a defense's or encoder's release, whether
    there may be the in-loop attacker's claim beside them, whether its parameters tell what it was given, whether two
    releases of one sample differ, and whether it also hides numbers.
    """

    kind: Maker = "defense"
    name: str
    params: dict[str, Any] = Field(default_factory=dict)
    package: str = ""
    fingerprint: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    sha256: str = ""
    summary: Annotated[str, AfterValidator(printable)] = ""
    view: View | Literal[""] = ""
    combines: bool = False
    knowledge: Knowledge | Literal[""] = ""
    produces: tuple[View, ...] = ()
    claims: bool = False
    invertible: bool = False
    stochastic: bool = False
    erases_numbers: bool = False

    @model_serializer(mode="wrap")
    def _as_before(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what only some can: records and seals that were written before it was known stay as they are."""
        said: dict[str, Any] = written(self)
        return {key: value for key, value in said.items() if key != "erases_numbers" or value}

    def inputs(self) -> dict[str, Any]:
        """What a cell that it computes depends on: of what its code decides its digest only."""
        return self.model_dump(mode="json", exclude=set(SAID) - {"fingerprint"})

    @property
    def shows_claim(self) -> bool:
        """Whether it is the defense's own attacker."""
        return self.knowledge == "in-loop"

    def registered(self) -> registry.Entry:
        """The registered plugin. Raises InputError where it is not there, naming the file that has to be given."""
        if self.name in registry.names(self.plugin_kind):
            return registry.entry(self.plugin_kind, self.name)
        where = f"give its file, {self.package}, with --plugin" if self.sha256 else f"install {self.package or 'it'}"
        raise InputError(f"the {self.kind} {self.name!r} is needed here, and is not registered: {where}")

    @property
    def plugin_kind(self) -> registry.Kind:
        """The kind of the plugin. Raises InputError for what is none, since it came from a file."""
        if self.kind == "file":
            raise InputError(f"{self.name} came from a file, and no plugin here can make it or load it")
        return self.kind


class DatasetSpec(PluginSpec):
    """A data set, or what is audited in its place.

    data : the digest of what was loaded. real_people : whether its faces are of people who exist.
    """

    image_size: Annotated[int, Field(ge=16, le=512)] = 64
    strict: bool = False
    data: str = ""
    real_people: bool = True

    @property
    def loader(self) -> type[Dataset]:
        """The class that loads it. Raises InputError for what came from a file, PluginError as the registry does."""
        found: type[Dataset] = self.registered().load()
        return found


class RiskAttackSpec(PluginSpec):
    """A linker, decoder or regressor. risks : those that it measures."""

    risks: Annotated[tuple[RiskName, ...], Field(min_length=1)]


class SplitSpec(Record):
    """How people are dealt to the splits: shares of people, and the seed.

    folds : for cross-fitting, to which those who are not the defender's are dealt; 1 where there is none.
    """

    seed: Annotated[int, Field(ge=0)] = 0
    folds: Annotated[int, Field(ge=1, le=1000)] = 1
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
Risk = Literal["identity", "linkage", "inversion"]  # what else a release may give away, besides attributes
RISKS: tuple[Risk, ...] = get_args(Risk)


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


class NumericSpec(Record):
    """A numeric attribute whose value is estimated from releases. data : the digest of what is known of it.

    left_out : why it is not measured ("" where it is). order : of an attribute of words that are counted up, the words.
    """

    name: str
    data: str = ""
    left_out: str = ""
    order: tuple[str, ...] = ()


Level = Literal["ignorant", "lazy", "informed", "adaptive", "query", "insider", "insider+query"]
LADDER: tuple[Level, ...] = get_args(Level)
LESSER: tuple[Level, ...] = ("ignorant", "lazy")  # who has not learned from the release itself


class RunConfig(Record):
    """A run.

    seeds : the defenses' seeds; for each, attacks run with ``attack_seeds`` seeds of their own.
    reference : the chain whose release is the undefended one.
    knowledge : the levels at which attacks are trained; "informed" is always among them.
    budgets : numbers of attacker-train people for the label-budget curve. pooled : numbers of images of one person
    whose evidence is added up. permutations : runs of the whole suite with labels permuted between people.
    forecast : whether the strongest attacks are also trained with fewer people, to see how the leak grows.
    halving : whether attacks are left out of later folds once they are certainly not the strongest.
    compiled : whether networks are compiled for training. unit : what counts once in figures, a person or an image.
    threads : that a release is trained with, all else takes one; None where none is trained.
    protected : the attributes that are protected together, the first being ``attribute`` and the others among
    ``further``; none where there is one alone. protected_numbers : those of ``numeric`` that defenses also hide.
    draws : how often a stochastic release is drawn. further : what else of the people is inferred from the releases.
    score : how verification compares two samples. matcher : the fixed encoder that also compares released pictures.
    risks : what else is measured of the releases, besides attributes. numeric : attributes that are numbers, whose
    value is estimated. risk_attacks : the linkers, decoders and regressors that measure these; None of a run by an
    earlier version, which knew no others than its own. risk_notes, notes : what was left out of these, and of the rest,
    a line each. named : the attacks that were asked for by name, and through no preset: each with why it is not run, ""
    where it is.
    """

    dataset: DatasetSpec
    attribute: str
    protected: tuple[str, ...] = ()
    protected_numbers: tuple[str, ...] = ()
    split: SplitSpec = SplitSpec()
    pairs: PairsSpec | None = PairsSpec()
    score: Score = "siamese"
    matcher: PluginSpec | None = None
    defenses: Annotated[tuple[Annotated[Chain, Field(min_length=1)], ...], Field(min_length=1)]
    attacks: tuple[PluginSpec, ...]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] = (0,)
    attack_seeds: Repeats = 1
    device: str = "cpu"
    precision: Precision = "fp32"
    compiled: bool = False
    threads: Annotated[int, Field(ge=1, le=4096)] | None = None
    reference: str = REFERENCE
    knowledge: tuple[Level, ...] = ("informed",)
    budgets: tuple[Repeats, ...] = ()
    pooled: tuple[Repeats, ...] = ()
    permutations: Annotated[int, Field(ge=0)] = 0
    forecast: bool = False
    halving: bool = False
    draws: Repeats = 3
    further: tuple[AttributeSpec, ...] = ()
    risks: tuple[Risk, ...] = ()
    numeric: tuple[NumericSpec, ...] = ()
    risk_attacks: tuple[RiskAttackSpec, ...] | None = None
    risk_notes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    named: dict[str, str] = Field(default_factory=dict)
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
        """What was asked for, as JSON: all but the code of the plugins, which may change while a run is worked on, and
        the risks and numeric attributes and what measures them, which change no cell of anything else and may be asked
        of a run that is finished.
        """
        code = dict.fromkeys(SAID, True)
        each = {"__all__": {"__all__": code}}
        parts: dict[str, Any] = {
            "dataset": code,
            "defenses": each,
            "attacks": {"__all__": code},
            "matcher": code,
            "risks": True,
            "numeric": True,
            "risk_attacks": True,
            "risk_notes": True,
            "named": True,  # what is run of them is said under attacks
        }
        return self.model_dump(mode="json", exclude=parts)

    @property
    def plugins(self) -> list[PluginSpec]:
        """The plugins of its cells."""
        matcher = [] if self.matcher is None else [self.matcher]
        stages = (stage for chain in self.defenses for stage in chain)
        return [*self.attacks, *stages, *matcher, *(self.risk_attacks or ())]

    def measuring(self, kind: registry.Kind) -> list[RiskAttackSpec]:
        """Its linkers, decoders or regressors."""
        return [spec for spec in self.risk_attacks or () if spec.kind == kind]

    @property
    def templates(self) -> tuple[int, ...]:
        """Numbers of images of one person that are enrolled together: those whose evidence is added up."""
        return tuple(images for images in self.pooled if images > 1)

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
    def _planned(self) -> Self:
        for attack in self.attacks:
            if not attack.view or not attack.knowledge:
                raise ValueError(f"the attack {attack.name} does not say what it reads and knows{EARLIER}")
        for chain in self.defenses:
            if not self.audits and not chain[-1].produces:
                raise ValueError(f"the release {label_of(chain)} does not say which views it has{EARLIER}")
        return self

    @model_validator(mode="after")
    def _protected_together(self) -> Self:
        measured = [self.attribute, *(spec.name for spec in self.further if not spec.left_out)]
        if self.protected and (self.protected[0] != self.attribute or not set(self.protected) <= set(measured)):
            raise ValueError(f"of the protected attributes {', '.join(self.protected)} not all are measured")
        numbers = {spec.name for spec in self.numeric if not spec.left_out}
        if not set(self.protected_numbers) <= numbers:
            raise ValueError(f"of the protected numbers {', '.join(self.protected_numbers)} not all are measured")
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        repeats = self.attack_seeds * (1 + len(self.knowledge) + len(self.budgets)) + self.permutations
        repeats *= self.split.folds
        inferred = 1 + len(self.further) + len(self.numeric)
        cells = len(self.defenses) * len(self.seeds) * (1 + len(self.attacks) * repeats) * inferred
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
        "files": files_of(params) | _depends_on(entry, params),
        "package": entry.package if entry.file is None else entry.file.name,
        "fingerprint": registry.fingerprint(kind, name),
        "sha256": "" if entry.file is None else file_digest(entry.file),
        **_said_by(entry),
    }


def _said_by(entry: registry.Entry) -> dict[str, Any]:
    """What a plugin says of itself, as the fields of its record. Raises PluginError for what none can say."""
    cls: Any = entry.load()
    said: dict[str, Any] = {"summary": cls.summary}
    if issubclass(cls, Attack):
        said |= {"view": cls.view, "combines": cls.combines, "knowledge": cls.knowledge}
    elif issubclass(cls, Encoder):
        said |= {"produces": ("embedding",)}
    elif issubclass(cls, BaseDefense):
        claims = cls.claim is not BaseDefense.claim
        invertible = issubclass(cls, EmbeddingDefense) and cls.invert is not EmbeddingDefense.invert
        said |= {"produces": cls.produces, "claims": claims, "invertible": invertible, "stochastic": cls.stochastic}
        said |= {"erases_numbers": issubclass(cls, EmbeddingDefense) and cls.erases_numbers}
    elif issubclass(cls, Dataset):
        said |= {"real_people": cls.real_people}
    elif issubclass(cls, RiskAttack):
        said |= {"risks": cls.risks}
    record = DatasetSpec if entry.kind == "dataset" else RiskAttackSpec if "risks" in said else PluginSpec
    try:
        record.model_validate({"name": entry.name, **said})
    except ValidationError as error:
        problem = first_problem(error)
        raise PluginError(f"{entry} cannot be used: its class attribute {problem}") from None
    return said


def _depends_on(entry: registry.Entry, params: Mapping[str, Any]) -> dict[str, str]:
    """What an encoder says that it depends on. Raises InputError where its parameters cannot serve."""
    cls = entry.load()
    if not issubclass(cls, Encoder):
        return {}
    with registry.guard(entry):
        return {str(name): str(digest) for name, digest in cls.depends_on(params).items()}


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
