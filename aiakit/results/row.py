"""One release: what it claims, what each attack reads from it, and what it is good for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiakit.experiment.config import Level, Risk
from aiakit.measures.acquisition import Acquisition
from aiakit.measures.bootstrap import FEWEST_ERRORS, number, numbers
from aiakit.measures.comparison import Difference, illusion_gap, max_t_bound, paired_difference
from aiakit.measures.identification import IdentificationStatistics
from aiakit.measures.intervals import Estimate
from aiakit.measures.inversion import InversionStatistics
from aiakit.measures.regression import RegressionStatistics
from aiakit.measures.several_images import Certified
from aiakit.measures.statistics import AttackStatistics
from aiakit.measures.unlinkability import LinkageStatistics
from aiakit.measures.verification import VerificationStatistics
from aiakit.results.growth import Growth


@dataclass(frozen=True)
class OfficialFolds:
    """A data set's own protocol on the pairs of test people: mean accuracy over folds and its standard error.

    pairs, people : how many were used, of whom genuine_pairs, genuine_people are of one person. errors : pairs that are
    decided wrongly, the mean over repeats.
    """

    accuracy: float
    standard_error: float
    pairs: int
    people: int
    genuine_pairs: int
    genuine_people: int
    errors: float


@dataclass(frozen=True)
class OfTemplates:
    """Verification with several images of the enrolled person.

    several, single : kind of impostors → its statistics with templates, and with one image on the same pairs; without a
    kind where nobody on attacker-val or test has one image more.
    """

    several: Mapping[str, VerificationStatistics]
    single: Mapping[str, VerificationStatistics]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        single = {kind: found.as_json() for kind, found in self.single.items()}
        return {**{kind: found.as_json() for kind, found in self.several.items()}, "single": single}


@dataclass(frozen=True)
class Matched:
    """What a fixed encoder, which nobody trained here, tells apart on the pictures of a release.

    acquisition : in how many no face is found; None of an encoder that looks for none. utility, official, templates :
    as of a ``Row``.
    """

    encoder: str
    acquisition: Acquisition | None
    utility: dict[str, VerificationStatistics]
    official: OfficialFolds | None
    templates: Mapping[int, OfTemplates]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "encoder": self.encoder,
            "failure_to_acquire": None if self.acquisition is None else self.acquisition.as_json(),
            **utility_as_json(self.utility, self.official, self.templates),
        }


def utility_as_json(
    utility: Mapping[str, VerificationStatistics],
    official: OfficialFolds | None,
    templates: Mapping[int, OfTemplates],
) -> dict[str, Any]:
    """What a verifier, or a matcher, tells apart, as plain JSON values; a key is there where it was measured."""
    found: dict[str, Any] = {kind: statistics.as_json() for kind, statistics in utility.items()}
    if official is not None:
        found["official"] = vars(official)
    if templates:
        found["templates"] = [{"images": images, **of.as_json()} for images, of in sorted(templates.items())]
    return found


@dataclass(frozen=True)
class Part:
    """Some people of test. balanced_accuracy : of the classes that occur, so that of a class it is its recall."""

    people: int
    images: int
    balanced_accuracy: float | None
    ci95: list[float | None]


@dataclass(frozen=True)
class Slices:
    """attack : the strongest. classes : class → its part. groups : column → value → its part."""

    attack: str
    classes: Mapping[str, Part] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Part]] = field(default_factory=dict)


@dataclass(frozen=True)
class Errors:
    """One kind of error in one class. rate : with its interval over people. pairs, people : that it was looked for in.

    errors : how many there are, the mean over seeds.
    """

    rate: Estimate
    pairs: int
    people: int
    errors: float

    @property
    def few(self) -> bool:
        """Whether it rests on too few errors (Rule of 30, ISO/IEC 19795-1)."""
        return self.errors < FEWEST_ERRORS

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "rate": number(self.rate.point),
            "ci95": numbers((self.rate.low, self.rate.high)),
            "pairs": self.pairs,
            "people": self.people,
            "errors": round(self.errors, 1),
            "few_errors": self.few,
        }


@dataclass(frozen=True)
class ErrorsOfClass:
    """false_non_match : genuine pairs of this class that are rejected. false_match : pairs of two people of this class
    that are accepted. None where there are no such pairs.
    """

    false_non_match: Errors | None
    false_match: Errors | None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {name: None if found is None else found.as_json() for name, found in vars(self).items()}


ByClass = dict[str, dict[int, ErrorsOfClass]]  # operating point → code of the class → its errors


@dataclass(frozen=True)
class Trained:
    """What a linker found that was trained on attacker-train. linkers : those that attacker-val chose, over the seeds.

    val : "trained" and, where releases are of one shape, "cosine" → what it tells of attacker-val: how often an image
    of a person is more alike than one of somebody else. Empty where attacker-val tells nothing.
    """

    found: IdentificationStatistics | LinkageStatistics
    linkers: tuple[str, ...]
    val: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.found.as_json(), "linker": list(self.linkers), "val": self.val}


@dataclass(frozen=True)
class Inverted:
    """What a decoder, trained on attacker-train, makes of a release.

    decoder : the kind that attacker-val chose. type_1, type_2 : whether its reconstructions find their person in an
    undefended gallery, enrolled with the very image, or with another; or why that was not measured. found : how alike
    they are. attribute : what an attack on undefended embeddings reads from them, and its name; or why there is none.
    What is None is not known: an entry of a leaderboard has no more than it shows.
    """

    decoder: str
    type_1: IdentificationStatistics | str
    found: InversionStatistics | None = None
    type_2: IdentificationStatistics | str | None = None
    attribute: tuple[str, AttackStatistics] | str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        said: dict[str, Any] = {} if self.found is None else self.found.as_json()
        said |= {"decoder": self.decoder, "type_1": _or_why(self.type_1)}
        if self.type_2 is not None:
            said["type_2"] = _or_why(self.type_2)
        if self.attribute is not None:
            read = self.attribute
            said["attribute"] = _or_why(read) if isinstance(read, str) else {"attack": read[0], **read[1].as_json()}
        return said


@dataclass(frozen=True)
class Regressed:
    """What regressors estimate of a numeric attribute from a release: name → its figures.

    settings : name → those that attacker-val chose, over the seeds and folds. learned_from : how many images each
    learned from, at most.
    """

    regressors: dict[str, RegressionStatistics]
    settings: dict[str, tuple[str, ...]]
    learned_from: dict[str, int]

    @cached_property
    def strongest(self) -> str:
        """The regressor with the best R² on attacker-val: chosen there, reported on test."""
        return max(self.regressors, key=lambda name: self.regressors[name].on_val)

    @property
    def headline(self) -> RegressionStatistics:
        """The figures of the strongest."""
        return self.regressors[self.strongest]

    @cached_property
    def simultaneous_upper(self) -> float:
        """A 95 % bound on the R² that the best of these truly reaches, whichever that is."""
        each = list(self.regressors.values())
        points, highs, draws = zip(*((s.point["r2"], s.ci95("r2")[1], s.draws["r2"]) for s in each), strict=True)
        return min(max_t_bound(points, highs, draws).upper, 1.0)

    def as_json(self, undefended: Regressed | None) -> dict[str, Any]:
        """Plain JSON values; beside the undefended release what is lost of R² and MAE, on the same people."""
        found: dict[str, Any] = {
            "strongest": {"regressor": self.strongest, **self.headline.as_json()},
            "simultaneous_upper": number(self.simultaneous_upper),
            "regressors": {
                name: {**s.as_json(), "settings": list(self.settings[name]), "learned_from": self.learned_from[name]}
                for name, s in self.regressors.items()
            },
        }
        if undefended is not None:
            found["to_undefended"] = {metric: paired_difference(self.headline, undefended.headline, metric).as_json()
                                      for metric in ("r2", "mae")}  # fmt: skip
        return found


def _or_why(found: IdentificationStatistics | str) -> dict[str, Any]:
    return {"not_measured": found} if isinstance(found, str) else found.as_json()


# The last is why it was not measured.
Measured = IdentificationStatistics | LinkageStatistics | Trained | Inverted | str
Risks = dict[Risk, dict[str, Measured]]  # risk → which two releases are compared → what was found


@dataclass
class Row:
    """One release: what it claims, what each attack reads from it, and what it is good for.

    claimed : as the defense left it. claimed_tuned : its sign and threshold chosen on attacker-val, as an attack's are.
    attacks : those that were trained on this release, with all people and true labels, by an attacker of ``level``:
    the level whose strongest attack is the strongest of all on attacker-val.
    knowledge : level → attack → statistics, of the other levels.
    budgets : attack → number of attacker-train people → statistics.
    pooled : number of images of one person whose evidence is added up → statistics of the strongest attack.
    nulls : the balanced accuracy of the selected attack in each run with permuted labels.
    skipped : attack → why it could not be applied. approximations : attack → what it did of a large sample.
    variance : attack → variances of its balanced accuracy (between defense seeds, between attack seeds).
    accuracy_bound : what no attack on it can exceed, where its defense proves that. certificate : what none exceeds on
    one image of a fresh person, with its confidence, and what on several, where the release takes few values: the worst
    of its seeds.
    errors_by_class : of verification, of a run or an audit. templates : number of images → verification with templates
    of so many. matched : what a fixed matcher says of its pictures, where one was asked for and it has pictures.
    risks : risk → which two releases are compared → what was found, or why it was not measured; of those asked for.
    numeric : numeric attribute → what regressors estimate of it; of those asked for.
    growth : attack → its learning curve, of the strongest and the runner-up.
    slices : the strongest attack on parts of test, where the run asks for them (an audit does).
    seconds : computing time of all of its cells. fit_seconds, release_seconds : of its defense, over all seeds.
    peak_mib : the most memory that making the release took. missing : labels of its cells that are not there.
    notes : what its maker found, one line each.
    """

    release: str
    level: Level = "informed"
    claimed: AttackStatistics | None = None
    claimed_tuned: AttackStatistics | None = None
    attacks: dict[str, AttackStatistics] = field(default_factory=dict)
    knowledge: dict[str, dict[str, AttackStatistics]] = field(default_factory=dict)
    budgets: dict[str, dict[int, AttackStatistics]] = field(default_factory=dict)
    pooled: dict[int, AttackStatistics] = field(default_factory=dict)
    nulls: list[float] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    approximations: dict[str, str] = field(default_factory=dict)
    variance: dict[str, tuple[float, float]] = field(default_factory=dict)
    accuracy_bound: float | None = None
    certificate: Certified | None = None
    utility: dict[str, VerificationStatistics] = field(default_factory=dict)
    official: OfficialFolds | None = None
    errors_by_class: ByClass = field(default_factory=dict)
    templates: dict[int, OfTemplates] = field(default_factory=dict)
    matched: Matched | None = None
    slices: Slices | None = None
    risks: Risks = field(default_factory=dict)
    numeric: dict[str, Regressed] = field(default_factory=dict)
    growth: dict[str, Growth] = field(default_factory=dict)
    seconds: float = 0.0
    fit_seconds: float = 0.0
    release_seconds: float = 0.0
    peak_mib: float | None = None
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def strongest(self) -> str | None:
        """The attack with the best balanced accuracy on attacker-val: chosen there, reported on test."""
        return max(self.attacks, key=lambda name: self.attacks[name].on_val) if self.attacks else None

    @property
    def headline(self) -> AttackStatistics | None:
        """What the strongest attack reads."""
        return None if self.strongest is None else self.attacks[self.strongest]

    @cached_property
    def gap(self) -> Difference | None:
        """The illusion gap: the strongest attack's balanced accuracy − max(chance, the tuned claim)."""
        if self.claimed_tuned is None or self.headline is None:
            return None
        return illusion_gap(self.headline, self.claimed_tuned, self.headline.chance("balanced_accuracy"))

    @cached_property
    def simultaneous_upper(self) -> float | None:
        """A 95 % bound on what the best of the attacks of its level truly reaches, whichever that is."""
        return upper_of(list(self.attacks.values())) if self.attacks else None

    @cached_property
    def null_p_value(self) -> float | None:
        """The share of runs with permuted labels in which the selected attack reached what the strongest reached."""
        if not self.nulls or self.headline is None:
            return None
        reached = self.headline.point["balanced_accuracy"]
        return (1 + sum(value >= reached for value in self.nulls)) / (1 + len(self.nulls))


def upper_of(statistics: Sequence[AttackStatistics]) -> float:
    """A 95 % bound on what the best of some attacks truly reaches, whichever that is."""
    metric = "balanced_accuracy"
    values, highs, draws = zip(
        *((s.point[metric], s.ci95(metric)[1], s.draws[metric]) for s in statistics), strict=True
    )
    return max_t_bound(values, highs, draws).upper


@dataclass(frozen=True)
class Across:
    """What attackers read of a release, whatever they know.

    level, attack, figure : of each level the attack that attacker-val chooses, and of these the one that reads most on
    test. upper : a simultaneous 95 % bound on what the best of all attacks of all levels truly reaches.
    """

    level: str
    attack: str
    figure: float
    upper: float


def across_levels(row: Row) -> Across | None:
    """The most that any level reads; None where there is one level alone, or no result."""
    of = {level: attacks for level, attacks in {row.level: row.attacks, **row.knowledge}.items() if attacks}
    if len(of) < 2:
        return None
    chosen = {level: max(attacks, key=lambda name: attacks[name].on_val) for level, attacks in of.items()}
    figures = {level: of[level][name].point["balanced_accuracy"] for level, name in chosen.items()}
    most = max(figures, key=lambda level: figures[level])
    upper = upper_of([found for attacks in of.values() for found in attacks.values()])
    return Across(most, chosen[most], figures[most], upper)


def strongest_at(row: Row, level: Level) -> AttackStatistics | None:
    """What the strongest attackers of a level read, chosen on attacker-val; None where it was not tried."""
    if level == row.level:
        return row.headline
    return max(row.knowledge.get(level, {}).values(), key=lambda found: found.on_val, default=None)


def certified(row: Row) -> float | None:
    """What no attack on a release exceeds, the lower of what its defense proves and what its values certify."""
    bounds = [row.accuracy_bound, None if row.certificate is None else row.certificate.bound]
    return min((bound for bound in bounds if bound is not None), default=None)
