"""Checks of linkers, decoders and regressors on made-up points."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import (
    Context,
    Decoder,
    DecoderData,
    Linker,
    LinkerData,
    Points,
    Regressor,
    RegressorData,
    RiskAttack,
)
from aiakit.measures.pairing import ProbePairs
from aiakit.measures.similarity import cosine
from aiakit.plugins.checks.cheats import want_nothing_found
from aiakit.plugins.checks.common import PluginClass, Skipped, disturb_global_randomness, same_bytes, want
from aiakit.plugins.checks.watch import Watch, watching

Known = LinkerData | DecoderData | RegressorData
PEOPLE = {"train": 150, "val": 50, "test": 100}
IMAGES = 2  # of each
WIDTHS = 10, 8  # of released points, and of those that they are compared with or decoded to
NOISE = 0.3
TELLS_APART, ALIKE, EXPLAINS = 0.75, 0.5, 0.3  # of the easy case, where .99, .95 and .85 are possible
NEAR = 1e-3  # of the size of what is made


@dataclass(frozen=True)
class Case:
    """What one of the three is given. train, val : to learn. test : of others, in full."""

    train: Known
    val: Known
    test: Known

    @classmethod
    def of(cls, kind: type[RiskAttack], constant: bool = False) -> Case:
        """The easy case: points are a linear map of a person's, with noise. constant : all points are one."""
        rng = np.random.default_rng(3)
        ways = [rng.normal(size=(WIDTHS[0], width)) for width in WIDTHS]
        parts = (_known(kind, people, ways, rng, constant) for people in PEOPLE.values())
        return cls(*parts)

    def points(self) -> dict[str, Points]:
        """Method → what it is asked of test."""
        return points_of(self.test)


def _known(
    kind: type[RiskAttack], people: int, ways: list[NDArray[Any]], rng: np.random.Generator, constant: bool
) -> Known:
    who = rng.permutation(np.repeat(np.arange(people), IMAGES))
    faces = rng.normal(size=(people, WIDTHS[0]))[who] + NOISE * rng.normal(size=(len(who), WIDTHS[0]))
    released, other = (faces @ way for way in ways)
    if constant:
        released = np.ones_like(released)
    if issubclass(kind, Linker):
        return LinkerData(released, np.ones_like(other) if constant else other, who)
    if issubclass(kind, Decoder):
        return DecoderData(released, other)
    score = faces[:, 0] + NOISE * rng.normal(size=len(who))
    return RegressorData(released, score / np.sqrt(1 + 2 * NOISE**2), np.ones(len(who)))


def points_of(known: Known) -> dict[str, Points]:
    """Method → the points that it is asked of."""
    if isinstance(known, LinkerData):
        return {"of_source": known.source, "of_target": known.target}
    return {"predict": known.released if isinstance(known, DecoderData) else known.points}


class RiskSubject(PluginClass):
    """A linker, decoder or regressor under check, and one fit of it that several checks look at."""

    @cached_property
    def watch(self) -> Watch:
        """What ``fitted`` and ``outcome`` were seen to look for in the process."""
        return Watch.of(self.cls)

    @cached_property
    def case(self) -> Case:
        """The easy one."""
        return self.new_case()

    @cached_property
    def fitted(self) -> Any:
        """Fitted on ``case`` with seed 0, under ``watch``."""
        made = self.make()
        with watching(self.watch):
            self.returned = made.fit(self.case.train, self.case.val, Context())
        return made

    @cached_property
    def outcome(self) -> dict[str, NDArray[Any]]:
        """What each method of ``fitted`` makes of test, under ``watch``."""
        fitted = self.fitted
        with watching(self.watch):
            return self.asked(fitted, self.case)

    def new_case(self, constant: bool = False) -> Case:
        """The same at every call."""
        return Case.of(self.cls, constant)  # type: ignore[arg-type]

    def asked(self, fitted: Any, case: Case, rows: Any = slice(None)) -> dict[str, NDArray[Any]]:
        """What each method makes of rows of test: valid arrays, or Failed."""
        made = {method: getattr(fitted, method)(points[rows]) for method, points in case.points().items()}
        for method, array in made.items():
            want(isinstance(array, np.ndarray), f"{method} must return a NumPy array, not {type(array).__name__}")
            count = len(case.points()[method][rows])
            wanted = self._shape(array, case, count)
            want(array.shape == wanted, f"{method} must return an array {wanted}, not {array.shape}")
            want(array.dtype.kind == "f" and bool(np.isfinite(array).all()), f"{method} must return finite floats")
        widths = {array.shape[1:] for array in made.values()}
        want(len(widths) == 1, "of_source and of_target must return as many columns")
        return made

    def _shape(self, array: NDArray[Any], case: Case, count: int) -> tuple[int, ...]:
        if isinstance(case.test, DecoderData):
            return (count, case.test.undefended.shape[1])
        return (count,) if isinstance(case.test, RegressorData) else (count, *array.shape[1:2])


def check_class_attributes(subject: RiskSubject) -> None:
    """``risks`` names what such a plugin can measure; ``setting`` is one line after ``fit``."""
    known = next(base.risks for base in (Linker, Decoder, Regressor) if issubclass(subject.cls, base))
    said: Any = subject.cls.risks  # type: ignore[attr-defined]
    right = isinstance(said, tuple) and said and all(risk in known for risk in said)
    want(bool(right), f"risks must be a tuple of {', '.join(known)}, not {said!r}")
    setting = subject.fitted.setting
    want(isinstance(setting, str) and "\n" not in setting, f"setting must be one line of text, not {setting!r}")


def check_fit_returns_self(subject: RiskSubject) -> None:
    """``fit`` returns the instance."""
    want(subject.fitted is subject.returned, "fit must return self")


def check_shapes(subject: RiskSubject) -> None:
    """A finite row for each image, also of a single one: as many columns of both releases of a linker, as many as
    undefended points have of a decoder, a number of a regressor.
    """
    one = subject.asked(subject.fitted, subject.case, slice(1))
    for method, array in subject.outcome.items():
        want(one[method].shape[1:] == array.shape[1:], f"{method} of one image has another shape")


def check_answers_repeat(subject: RiskSubject) -> None:
    """Two calls of one fit give the same bytes."""
    _want_same(subject.outcome, subject.asked(subject.fitted, subject.case), "two calls differ")


def check_same_seed_same_bytes(subject: RiskSubject) -> None:
    """Two fits with one seed agree to the last bit, whatever the global random generators do."""
    first = subject.outcome
    disturb_global_randomness(2)
    case = subject.new_case()
    again = subject.asked(subject.make().fit(case.train, case.val, Context()), case)
    _want_same(first, again, "two fits with one seed differ: draw only from ctx.rng or ctx.seed_for")


def _want_same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]], otherwise: str) -> None:
    for method, array in one.items():
        want(same_bytes(array, other[method]), f"{method}: {otherwise}")


def check_images_are_answered_alone(subject: RiskSubject) -> None:
    """What is made of an image depends neither on the others nor on its place: nothing is learned from the test."""
    order = np.argsort(subject.outcome[next(iter(subject.outcome))].reshape(len(subject.case.test), -1)[:, 0])[:40]
    for method, array in subject.asked(subject.fitted, subject.case, order).items():
        whole = subject.outcome[method]
        off = float(np.abs(array - whole[order]).max()) / (float(np.abs(whole).max()) + 1e-12)
        want(off < NEAR, f"{method}: an image's answer changes by {off:.2g} with the images beside it")


def check_input_is_not_modified(subject: RiskSubject) -> None:
    """What it learns from and is asked of stays as it was."""
    want(len(subject.outcome) > 0, "it makes nothing")  # it was fitted and asked by now
    untouched = subject.new_case()
    for part in ("train", "val", "test"):
        left, right = getattr(subject.case, part), getattr(untouched, part)
        for each in fields(left):
            same = same_bytes(np.asarray(getattr(left, each.name)), np.asarray(getattr(right, each.name)))
            want(same, f"the {each.name} of {part} were changed")


def check_constant_input(subject: RiskSubject) -> None:
    """Points that are the same for everybody give finite answers, equal for all."""
    if issubclass(subject.cls, Regressor):
        raise Skipped("a regressor is given no points that are all the same")
    case = subject.new_case(constant=True)
    for method, array in subject.asked(subject.make().fit(case.train, case.val, Context()), case).items():
        want(float(np.ptp(array, axis=0).max()) < NEAR, f"{method}: equal images are answered differently")


def check_one_release(subject: RiskSubject) -> None:
    """A linker of one release, of which different images are compared: it may know people, and must not fail."""
    train, val, test = subject.case.train, subject.case.val, subject.case.test
    if not (isinstance(train, LinkerData) and isinstance(val, LinkerData) and isinstance(test, LinkerData)):
        raise Skipped("it reads no two releases")
    case = Case(*(LinkerData(part.source, part.source, part.people, True) for part in (train, val, test)))
    subject.asked(subject.make().fit(case.train, case.val, Context()), case)


def check_learns_from(subject: RiskSubject) -> None:
    """A regressor says a number of images, no more than there are."""
    if not isinstance(subject.fitted, Regressor):
        raise Skipped("only regressors say so")
    for rows in (1, 10_000):
        said = subject.fitted.learns_from(rows)
        want(isinstance(said, int) and 1 <= said <= rows, f"learns_from({rows}) must be of 1 to {rows}, not {said!r}")


def check_learns_an_easy_case(subject: RiskSubject) -> None:
    """Releases that are linear maps of the same faces, with little noise, are linked, decoded or read."""
    test, made = subject.case.test, subject.outcome
    if isinstance(test, LinkerData):
        pairs = ProbePairs.of(test.people, test.same, np.random.default_rng(0))
        area = 0.0 if pairs is None else pairs.area(made["of_source"], made["of_target"])
        want(area >= TELLS_APART, f"it tells people apart with an AUC of {area:.2f} where .99 is possible")
    elif isinstance(test, DecoderData):
        alike = float(cosine(made["predict"], test.undefended).mean())
        want(alike >= ALIKE, f"reconstructions have a mean cosine of {alike:.2f} where .99 is possible")
    else:
        r2 = 1 - float(np.mean((test.values - made["predict"]) ** 2) / np.var(test.values))
        want(r2 >= EXPLAINS, f"it reads a number with an R² of {r2:.2f} where .85 is possible")


def check_plugin_searches_nothing(subject: RiskSubject) -> None:
    """It looks neither at the call stack nor at the objects of the process."""
    want(len(subject.outcome) > 0, "it makes nothing")  # it was fitted and asked, under watch
    want_nothing_found(subject.watch)


RISK_CHECKS = (
    check_class_attributes,
    check_fit_returns_self,
    check_shapes,
    check_answers_repeat,
    check_same_seed_same_bytes,
    check_images_are_answered_alone,
    check_input_is_not_modified,
    check_constant_input,
    check_one_release,
    check_learns_from,
    check_learns_an_easy_case,
    check_plugin_searches_nothing,
)
