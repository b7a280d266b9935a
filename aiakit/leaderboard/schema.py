"""The records of a leaderboard: what the JSON file of an entry holds."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from aiakit.contracts import Precision
from aiakit.experiment.command import LONGEST
from aiakit.experiment.config import Level, PairsSpec, PluginSpec, Record, Risk, SplitSpec
from aiakit.measures.halving import RUNGS
from aiakit.measures.units import Unit
from aiakit.storage.documents import printable

SCHEMA = 5  # of entries
WITH_RISKS = 6  # of entries that say something of risks, which earlier versions cannot read
REPORTED_SCHEMA = 1  # of published figures


def _plain(text: str) -> str:
    """Text without characters that steer a terminal or reverse the order of what is read."""
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("it has control characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._+-]{0,119}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Date = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
Link = Annotated[str, Field(pattern=r"^https?://[^\s\"'<>]+$", max_length=500), AfterValidator(_plain)]
Word = Annotated[str, Field(max_length=LONGEST), AfterValidator(printable)]


class FileRef(Record):
    """A file beside the entry, by its plain name, with the sha256 of its bytes."""

    file: FileName
    sha256: Digest


class ProtocolInfo(Record):
    """What entries of one board must agree in: the data, the split, and the truth that scores are judged by.

    data : fingerprint of the data set. truth : digest of labels, identities and pairs of attacker-val and test.
    unit : what counts once in figures.
    """

    dataset: Text
    data: str
    attribute: Text
    classes: Annotated[tuple[Text, ...], Field(min_length=2)]
    people: Count
    images: Count
    split: SplitSpec
    pairs: PairsSpec | None
    bootstrap_draws: Annotated[int, Field(ge=100, le=100_000)]
    unit: Unit = "person"
    bayes_ceiling: float | None
    truth: Digest


class AttackInfo(PluginSpec):
    """An attack on this release.

    name, package : bounded text. repeats : pairs (seed of the defense, seed of the attack), in the order of the stored
    scores. external : scores that somebody added; aiakit did not train it. submitter : who added it, as they said.
    left_after : in how many of the first folds it was tried before it was left out, since it is certainly not the
    strongest; None where it was tried in all.
    """

    kind: Literal["attack"] = "attack"
    name: Text
    package: Annotated[str, AfterValidator(_plain)] = ""
    repeats: Annotated[tuple[tuple[int, int], ...], Field(min_length=1)]
    external: bool = False
    submitter: Annotated[str, Field(max_length=200), AfterValidator(_plain)] = ""
    left_after: Annotated[int, Field(ge=1, le=RUNGS)] | None = None


class BesideInfo(AttackInfo):
    """An attack that stands beside the headline and never counts for it.

    level : what its attackers know: the strongest of another level than the headline's. people : from how many they
    learned, of a point of the headline's learning curve; None: from all.
    """

    level: Level
    people: Annotated[int, Field(ge=1)] | None = None


OF_TWO, OF_VIEW = r"(released|undefended|seeds)", r"(embedding|image)"  # releases that are compared, and by which view
Compared = Annotated[str, Field(pattern=rf"^({OF_TWO}( {OF_VIEW}( trained)?)?|{OF_VIEW})?$")]
Told = Annotated[str, Field(max_length=500), AfterValidator(_plain)]


class RiskInfo(Record):
    """How a risk was measured in one way, or why it was not.

    way : which two releases are compared, by which view, and "trained" where linkers did it that learned from
    attacker-train; of inversion the view that is reconstructed. seeds : of the releases that are searched, or of the
    two that are linked. by : the linkers, or the decoder, that attacker-val chose. val : what attacker-val says of the
    linkers ("trained") and of a cosine, by which the stronger is chosen. not_measured : why; "" where it was.
    """

    way: Compared = ""
    seeds: tuple[int, ...] = ()
    by: tuple[Text, ...] = ()
    val: dict[Text, float] = Field(default_factory=dict)
    not_measured: Told = ""

    @property
    def trained(self) -> bool:
        """Whether linkers compare."""
        return self.way.endswith(" trained")

    @property
    def dealt(self) -> bool:
        """Whether it is of the dealt test, also where people are cross-fitted."""
        return self.trained or self.way in ("embedding", "image")


class Computing(Record):
    """What computed the scores, and how long it took."""

    aiakit: Text
    framework: str
    libraries: dict[str, str]
    device: str
    precision: Precision
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]
    attack_seeds: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0)]


class WithdrawnAttack(Record):
    """An external attack that its author, or the keeper of the board, took back."""

    name: Text
    date: Date
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]


class Flag(Record):
    """What who keeps a board says against an entry, which stays: it is weak, or somebody refuted it."""

    date: Date
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]


class Provenance(Record):
    """Where an entry comes from.

    submitter, version, link : who handed it in, which version of the defense it is, and where to read about it, as
    they said it ("" where nobody did). date : of the submission (YYYY-MM-DD; "" before it). command : the arguments of
    ``aiakit`` that made the run, with folders of the machine left out; None where they are not known.
    """

    submitter: Annotated[str, Field(max_length=200), AfterValidator(_plain)] = ""
    date: Date | Literal[""] = ""
    link: Link | Literal[""] = ""
    version: Annotated[str, Field(max_length=100), AfterValidator(_plain)] = ""
    command: tuple[Word, ...] | None = None


class Entry(Record):
    """One release on one protocol, measured. ``figures`` are what ``verify`` computes again from the scores.

    level : what the attackers know: of the levels that were tried, the one that reads most. people_known : from how
    many people they learn. beside : what attackers of other levels read, and of this level with fewer people.
    accuracy_bound : what no attack on it can exceed, where its defense proves that. risks : each that was asked for
    and how it was measured; none: nobody asked, and nothing is written of it, as in entries of before.
    people : who is on each sample, and pairs of them. truth : the labels of test, and what would tell them. Both are
    apart from the scores, and None where they are among them. flag : what speaks against it. seal : a digest of all the
    rest, by which a damaged file is known (who forges one seals it again, and is found by the scores); None in memory.
    """

    schema_version: Literal[5, 6] = 5
    kind: Literal["measured"] = "measured"
    name: Name
    release: Text
    provenance: Provenance = Provenance()
    stages: Annotated[tuple[PluginSpec, ...], Field(min_length=1)]
    protocol: ProtocolInfo
    computing: Computing
    attacks: tuple[AttackInfo, ...]
    level: Level = "informed"
    people_known: Count | None = None
    beside: tuple[BesideInfo, ...] = ()
    accuracy_bound: float | None = None
    risks: dict[Risk, Annotated[tuple[RiskInfo, ...], Field(min_length=1)]] = Field(default_factory=dict)
    scores: FileRef
    people: FileRef | None = None
    truth: FileRef | None = None
    submitted_release: FileRef | None = None
    withdrawn: tuple[WithdrawnAttack, ...] = ()
    flag: Flag | None = None
    figures: dict[str, Any]
    seal: Digest | None = None

    @model_validator(mode="after")
    def _says_what_it_is(self) -> Entry:
        if self.schema_version != schema_of(self.risks):
            raise ValueError(f"an entry is of schema {WITH_RISKS} where it says something of risks, else of {SCHEMA}")
        return self

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = handler(self)
        if not self.risks:
            said.pop("risks", None)
        return said

    def sealed(self) -> Entry:
        """The entry with the seal of what it says."""
        said = self.model_dump(mode="json", exclude={"seal"})
        return self.model_copy(update={"seal": hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()})

    @property
    def levels(self) -> frozenset[Level]:
        """The levels that were tried."""
        return frozenset((self.level, *(attack.level for attack in self.beside)))

    @property
    def files(self) -> tuple[FileRef, ...]:
        """The files beside it."""
        return tuple(ref for ref in (self.scores, self.people, self.truth, self.submitted_release) if ref is not None)

    @property
    def audits(self) -> bool:
        """Whether the release existed already, so that its data set is the file that was audited."""
        return self.stages[0].kind == "file"


def schema_of(risks: Mapping[Risk, Any]) -> Literal[5, 6]:
    """The schema version of an entry that says this of risks."""
    return 6 if risks else 5


class Withdrawn(Record):
    """What stands in the place of an entry that was withdrawn: its name, so that copies of it are known, no scores."""

    schema_version: Literal[5] = 5
    kind: Literal["withdrawn"] = "withdrawn"
    name: Name
    release: Text
    dataset: Text
    attribute: Text
    date: Date
    reason: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_plain)]


class ReportedRow(Record):
    """A figure that somebody published. leakage : accuracy of inference. utility : accuracy of verification."""

    release: Text
    leakage: Annotated[float, Field(ge=0, le=1)] | None = None
    utility: Annotated[float, Field(ge=0, le=1)] | None = None
    note: Annotated[str, Field(max_length=500), AfterValidator(_plain)] = ""


class Reported(Record):
    """Published figures on one data set and attribute; they stand beside measured ones and never rank."""

    schema_version: Literal[1] = 1
    kind: Literal["reported"] = "reported"
    source: Text
    dataset: Text
    attribute: Text
    rows: Annotated[tuple[ReportedRow, ...], Field(min_length=1)]


def json_schema() -> dict[str, Any]:
    """The JSON schema of an entry (``entry``), of what is left of a withdrawn one, and of published figures."""
    kinds: dict[str, type[Record]] = {"entry": Entry, "withdrawn": Withdrawn, "reported": Reported}
    return {"schema": WITH_RISKS, **{name: kind.model_json_schema() for name, kind in kinds.items()}}
