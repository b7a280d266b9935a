"""From what a user asks for to a configuration that can run: names resolved, options validated, data looked at."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aiakit.contracts import Dataset, EmbeddingDefense, FaceSet, LoadSettings, RiskName, no_progress
from aiakit.datasets.joint import dealt, protected_attributes
from aiakit.datasets.parallel import threads_in_all, usable_cores
from aiakit.datasets.splits import Fractions, Split, require_pairs
from aiakit.errors import InputError, PluginError, unknown
from aiakit.experiment.attributes import further_attributes
from aiakit.experiment.cellspec import produced_by
from aiakit.experiment.computing import choose_device, choose_precision, require_compiler
from aiakit.experiment.config import (
    LADDER,
    REFERENCE,
    RISKS,
    STORED,
    Chain,
    DatasetSpec,
    Level,
    PairsSpec,
    PluginSpec,
    Risk,
    RiskAttackSpec,
    RunConfig,
    SplitSpec,
    framework_fingerprint,
    library_versions,
    parse_chain,
    plugin_spec,
)
from aiakit.experiment.encoding import AUTOENCODER, encoder_of, matcher_of
from aiakit.experiment.numeric import numeric_attributes
from aiakit.experiment.protecting import able_to_erase, require_learnable
from aiakit.experiment.selection import (
    Stage,
    applicable,
    attack_names,
    defense_groups,
    defenses_not_run,
    loadable,
    meant_for,
    named,
    not_run,
    risk_attacks,
    split_names,
    unread,
)
from aiakit.measures.forecast import too_few_to_share
from aiakit.measures.units import Unit
from aiakit.plugins import registry
from aiakit.plugins.options import Options, require_in_use
from aiakit.storage.cache import cache_folder
from aiakit.storage.documents import first_problem


@dataclass(kw_only=True)
class Probing:
    """How releases are probed, whoever made them: what a run and an audit are asked for alike.

    options : of plugins that are used. seed : of the split and the pairs, and the first of the defenses. remote :
    whether other machines compute, so that their device is not looked for here. pairs : of verification, a fifth of
    them genuine. unit : what counts once in figures, a person or an image. folds : for cross-fitting over those who are
    not the defender's, 1 for a single split; None for the usual number. forecast : whether it is said how the leak
    grows with the people that the attacker knows; None where they are enough. halving : whether attacks are left out of
    later folds once they are certainly not the strongest. matcher : the fixed encoder, as ``--encoder`` is written,
    that also compares the released pictures; None for none. risks : what else is computed from the releases. numeric :
    attributes that are numbers, whose value is estimated from these.
    """

    attacks: Sequence[str] = ("all",)
    options: Options = field(default_factory=dict)
    seed: int = 0
    attack_seeds: int = 1
    knowledge: Sequence[str] = ("informed",)
    budgets: Sequence[str] = ()
    pooled: Sequence[str] = ()
    permutations: int = 0
    device: str = "auto"
    precision: str = "auto"
    remote: bool = False
    utility: bool = True
    pairs: int = 25_000
    unit: Unit = "person"
    folds: int | None = None
    forecast: bool | None = None
    halving: bool = False
    matcher: str | None = None
    risks: Sequence[str] = ()
    numeric: Sequence[str] = ()

    def settings(self, chains: Sequence[Chain]) -> dict[str, Any]:
        """The fields of a ``RunConfig`` that follow from these and the releases. Raises InputError for what cannot be
        used.
        """
        device = choose_device(self.device, self.remote)
        pairs = PairsSpec(genuine=self.pairs // 5, impostor=self.pairs - self.pairs // 5)
        return {
            "attack_seeds": self.attack_seeds,
            "budgets": positive_numbers("--budgets", self.budgets),
            "pooled": positive_numbers("--pooled", self.pooled),
            "permutations": self.permutations,
            "forecast": self.forecast is not False,
            "halving": self.halving,
            "pairs": pairs if self.utility else None,
            "matcher": None if self.matcher is None else self._matcher(self.matcher, chains),
            "unit": self.unit,
            "device": device,
            "precision": choose_precision(self.precision, device, self.remote),
            "framework": framework_fingerprint(),
            "libraries": library_versions(),
        }

    def _matcher(self, text: str, chains: Sequence[Chain]) -> PluginSpec:
        if not self.utility:
            raise InputError("--matcher measures verification, and --no-utility leaves it out: give one of the two")
        return matcher_of(text, self.options, chains)

    def require_people(self, taught: int) -> None:
        """Raise InputError for more people than are learned from, and for a forecast that so few do not carry."""
        too_many = [count for count in positive_numbers("--budgets", self.budgets) if count > taught]
        if too_many:
            raise InputError(f"--budgets {too_many[0]}: attackers learn from {taught} people here; ask for fewer")
        reason = too_few_to_share(taught) if self.forecast else ""
        if reason:
            raise InputError(f"--forecast cannot be done: {reason}; add people, or leave it out")

    def matching(self) -> list[Stage]:
        """The plugin of the matcher, whose options may be set."""
        return [] if self.matcher is None else [("encoder", self.matcher.partition(":")[0])]

    def measuring(self, broken: dict[str, str], numbers: bool = False) -> tuple[list[Stage], list[str]]:
        """The plugins that measure its risks and numbers; and a line on each that is left out.

        numbers : whether there are others than those of ``numeric``.
        """
        numeric: tuple[RiskName, ...] = ("numeric",) if numbers or split_names(self.numeric) else ()
        return risk_attacks((*named_risks(self.risks), *numeric), self.options, broken)

    def attack_specs(self, names: Sequence[str], in_use: Sequence[Stage]) -> tuple[PluginSpec, ...]:
        """The named attacks with their options. in_use : the plugins of the run."""
        return tuple(PluginSpec(**self._spec(("attack", name), in_use)) for name in names)

    def risk_attack_specs(self, plugins: Sequence[Stage], in_use: Sequence[Stage]) -> tuple[RiskAttackSpec, ...]:
        """The same of those that measure risks."""
        return tuple(RiskAttackSpec(**self._spec(plugin, in_use)) for plugin in plugins)

    def _spec(self, plugin: Stage, in_use: Sequence[Stage]) -> dict[str, Any]:
        return plugin_spec(*plugin, meant_for(plugin, self.options, in_use))


@dataclass(kw_only=True)
class Request(Probing):
    """What ``aiakit run`` was asked for; the fields are its options.

    threads : that a release is trained with; None for every one that there is, or for one where other machines compute.
    """

    defenses: Sequence[str]
    encoder: str = "autoencoder"
    dataset: str = "synthetic"
    data_options: dict[str, Any] = field(default_factory=dict)
    image_size: int = 64
    strict: bool = False
    attribute: str | None = None
    attributes: Sequence[str] = ()
    seeds: int = 1
    shares: Fractions = field(default_factory=Fractions)
    draws: int = 3
    compiled: bool = False
    threads: int | None = None
    reference: bool = True
    cache: Path = field(default_factory=cache_folder)
    report: Callable[[str, int, int], None] = no_progress


@dataclass(frozen=True)
class Prepared:
    """A configuration that can run, the data it was checked against, and plugins that could not be loaded."""

    config: RunConfig
    faces: FaceSet
    split: Split
    broken: dict[str, str]


def prepare(request: Request) -> Prepared:
    """Check everything that can be checked before work begins. Raises InputError (and PluginError, if none is left)."""
    broken: dict[str, str] = {}
    encoder, encoder_options = encoder_of(_encoder_for(request))
    chains = _chains(request, encoder, broken)
    has_reference = request.reference or REFERENCE in split_names(request.defenses)
    knowledge, risks = levels(request.knowledge, has_reference), named_risks(request.risks)
    attacks_asked = attack_names(request.attacks, broken, knowledge)
    dataset_name = request.dataset
    registry.entry("dataset", dataset_name)
    others: list[Stage] = [stage for chain in chains for stage in chain]
    others += [("attack", name) for name in attacks_asked] + [("dataset", dataset_name), *request.matching()]
    # whether a number is protected is known when the data are there, and what is wrong is said before if it can be
    measuring, left_out = request.measuring(broken, numbers="," in (request.attribute or ""))
    in_use = _all_in_use(request, [*others, *measuring])
    options = {**request.options}
    if encoder_options:
        options[encoder] = {**encoder_options, **options.get(encoder, {})}
    defenses = tuple(
        tuple(PluginSpec(**plugin_spec(*stage, meant_for(stage, options, in_use))) for stage in chain)
        for chain in chains
    )
    data_options = {**request.data_options, **options.get(dataset_name, {})}
    spec = plugin_spec("dataset", dataset_name, data_options)
    faces = _load(request, spec)
    request = _verifiable(request, faces)
    protected = protected_attributes(faces, request.attribute)
    measuring, left_out = request.measuring(broken, numbers=bool(protected.numbers))
    in_use = _all_in_use(request, [*others, *measuring])
    attribute, *together = protected.attributes
    defenses, unable = able_to_erase(defenses, request.defenses, protected.numbers)
    classes = faces.attributes[attribute].classes
    usable = applicable(request.attacks, attacks_asked, classes)
    split_spec = SplitSpec(seed=request.seed, folds=request.folds or 1, **asdict(request.shares))
    if split_spec.folds > 1 and faces.partition is not None:
        raise InputError(f"--folds {request.folds} would test people whom {faces.name} has for training: its official "
                         "test people stay the test, leave out --folds")  # fmt: skip
    split = dealt(faces, protected.attributes, request.seed, request.shares, split_spec.folds)
    request.require_people(split.taught(faces.identity))
    further = further_attributes(faces, split, [*together, *split_names(request.attributes)], usable)
    require_learnable(faces, split, protected.numbers)
    measured = [*protected.numbers, *request.numeric]
    numeric = numeric_attributes(faces.numbers, measured, faces.identity, split, faces.name, faces.attributes)
    _check_pairs(request, faces, split, defenses)
    settings = request.settings(defenses)
    if request.compiled:
        require_compiler(settings["device"], request.remote)
    views = {view for chain in defenses for view in produced_by(chain)}
    config = make_config(
        **settings,
        dataset=DatasetSpec(**spec, image_size=request.image_size, strict=request.strict, data=faces.fingerprint),
        attribute=attribute,
        protected=protected.attributes if together else (),
        protected_numbers=protected.numbers,
        split=split_spec,
        defenses=defenses,
        attacks=request.attack_specs(usable, in_use),
        seeds=tuple(range(request.seed, request.seed + request.seeds)),
        knowledge=knowledge,
        draws=request.draws,
        further=further,
        risks=risks,
        numeric=numeric,
        risk_attacks=request.risk_attack_specs(measuring, in_use),
        risk_notes=tuple(left_out),
        notes=(
            *defenses_not_run(split_names(request.defenses), registry.names("defense")),
            *unable,
            *not_run(request.attacks, attacks_asked, views),
        ),
        named=named(request.attacks, unread(request.attacks, attacks_asked, views)),
        compiled=request.compiled,
        threads=request.threads or (1 if request.remote else threads_in_all()),
    )
    return Prepared(config, faces, split, broken)


def _all_in_use(request: Request, plugins: list[Stage]) -> list[Stage]:
    """The plugins of a run. Raises InputError where an option is set of another."""
    require_in_use(request.options, {name for _, name in plugins}, lambda option: registry.owners(option, plugins))
    return plugins


def _encoder_for(request: Request) -> str:
    """What makes embeddings of what the data set holds; of embeddings, nothing."""
    cls = registry.load("dataset", request.dataset)
    if cls.holds is Dataset.holds:
        if request.encoder == STORED:
            raise InputError(f"--encoder {STORED} is for data sets of embeddings, and {request.dataset} holds images")
        return request.encoder
    options = {**request.data_options, **request.options.get(request.dataset, {})}
    dataset = registry.make("dataset", request.dataset, options)
    with registry.guard(registry.entry("dataset", request.dataset)):
        held = dataset.holds()
    if held == "image":
        return request.encoder
    if request.encoder not in (AUTOENCODER, STORED):
        raise InputError(f"--encoder {request.encoder} reads images, and this data set holds embeddings: leave it out")
    return STORED


def make_config(**fields: Any) -> RunConfig:
    """The configuration with these fields. Raises InputError for one that asks for too much."""
    try:
        return RunConfig(**fields)
    except ValidationError as error:
        raise InputError(f"this run cannot be planned: {first_problem(error)}") from None


def _chains(request: Request, encoder: str, broken: dict[str, str]) -> list[tuple[Stage, ...]]:
    names = split_names(request.defenses)
    if not names:
        raise InputError("no defense is named: give --defense NAME[,NAME…], or --defense all")
    groups = defense_groups(registry.names("defense")) if any(name.startswith("all") for name in names) else {}
    asked = [name for name in names if name not in groups]
    for name in asked:
        if name.startswith("all-") and name not in registry.names("defense"):
            raise unknown("group", name, list(groups), " of defenses")
    every = [name for group in names for name in groups.get(group, ())]
    if "all" not in names and "all-picture" in names:  # which another encoder leaves nothing of
        asked += groups["all-picture"]
    if request.reference and REFERENCE not in asked:
        asked = [REFERENCE, *asked]
    chains = []
    for name in dict.fromkeys([*asked, *every]):
        stages = parse_chain(name)
        if len(loadable("defense", stages, broken)) == len(stages):
            chain = _with_encoder(stages, encoder, explicit=name in asked)
            if chain is not None:
                chains.append(chain)
    undefended = {_with_encoder((REFERENCE,), encoder, explicit=True)}
    if REFERENCE not in names + every and not set(chains) - undefended:
        raise PluginError("no defense is left to run: " + "; ".join(broken.values()))
    return sorted(dict.fromkeys(chains), key=lambda chain: chain not in undefended)  # the reference first


def _with_encoder(stages: tuple[str, ...], encoder: str, explicit: bool) -> tuple[Stage, ...] | None:
    """The stages of a chain with what makes the embedding in front, where the first does not read images.

    None for a defense of images where another encoder is asked for (an InputError where the user named it).
    """
    for before, stage in itertools.pairwise(stages):
        if not _reads_embeddings(stage):
            raise InputError(f"{'+'.join(stages)} cannot be chained: {stage} reads images, not the embedding before it")
        if "embedding" not in registry.load("defense", before).produces:
            raise InputError(
                f"{'+'.join(stages)} cannot be chained: {before} releases no embedding for {stage} to read"
            )
    defenses: tuple[Stage, ...] = tuple(("defense", stage) for stage in stages)
    first: Stage = ("defense", REFERENCE) if encoder == AUTOENCODER else ("encoder", encoder)
    if stages[0] == REFERENCE:
        return (first, *defenses[1:])
    if _reads_embeddings(stages[0]):
        return (first, *defenses)
    if encoder == AUTOENCODER:
        return defenses
    if explicit:
        if encoder == STORED:
            raise InputError(f"{stages[0]} reads images, and this data set holds embeddings: name a defense of those")
        raise InputError(f"{stages[0]} reads images and makes its own representation: leave out --encoder {encoder}")
    return None


def _reads_embeddings(name: str) -> bool:
    return issubclass(registry.load("defense", name), EmbeddingDefense)


def levels(knowledge: Sequence[str], has_reference: bool) -> tuple[Level, ...]:
    """The levels asked for, in the ladder's order; "informed" is always there, since the others are read against it.

    Raises InputError for an unknown level, or one that needs the undefended release where there is none.
    """
    asked = named_levels(knowledge)
    for level in asked:
        if level not in LADDER:
            raise unknown("knowledge", level, LADDER)
    if set(asked) & {"ignorant", "adaptive"} and not has_reference:
        raise InputError("--knowledge ignorant and adaptive need the undefended release: leave out --no-reference")
    return tuple(level for level in LADDER if level in asked or level == "informed")


def named_levels(knowledge: Sequence[str]) -> list[str]:
    """``["query+insider,lazy"]`` → ``["insider+query", "lazy"]``."""
    return ["+".join(sorted(name.split("+"))) for name in split_names(knowledge)]


def named_risks(names: Sequence[str]) -> tuple[Risk, ...]:
    """``("linkage,identity",)`` or ``("all",)`` → both, in one order. Raises InputError for one that is not known."""
    asked = split_names(names)
    for name in asked:
        if name not in (*RISKS, "all"):
            raise unknown("risk", name, (*RISKS, "all"), " of --risks")
    return tuple(risk for risk in RISKS if {risk, "all"} & set(asked))


def positive_numbers(option: str, values: Sequence[str]) -> tuple[int, ...]:
    """``("10,20",)`` → ``(10, 20)``. Raises InputError for what is no positive whole number."""
    found = split_names(values)
    for value in found:
        if not value.isdecimal() or int(value) < 1:
            raise InputError(f"{option} takes positive whole numbers (10,20,50), not {value!r}")
    return tuple(sorted({int(value) for value in found}))


def _load(request: Request, spec: dict[str, Any]) -> FaceSet:
    dataset = registry.make("dataset", spec["name"], spec["params"])
    settings = LoadSettings(request.image_size, request.cache, usable_cores(), request.strict, request.report)
    with registry.guard(registry.entry("dataset", spec["name"])):
        faces: FaceSet = dataset.load(settings)
    return faces


def _verifiable(request: Request, faces: FaceSet) -> Request:
    """The request; without verification, and with images as the unit, where nobody says who is shown."""
    if faces.identified:
        return request
    if request.matcher is not None:
        raise InputError(f"--matcher measures verification, and {faces.name} does not say who is shown: leave it out")
    return replace(request, utility=False, unit="image")


def _check_pairs(request: Request, faces: FaceSet, split: Split, defenses: tuple[Chain, ...]) -> None:
    if request.utility:
        require_pairs(faces, split)
    for chain in defenses:
        for stage in chain:
            if getattr(registry.load(stage.plugin_kind, stage.name), "needs_pairs", False):
                require_pairs(faces, split, ("defender-train",))
