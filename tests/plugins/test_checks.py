"""The checks of plugins: sound plugins pass all, and every way of being wrong is found by the check that names it."""

from __future__ import annotations

import collections
import gc  # noqa: F401  used by the code of WAYS
import inspect
import logging
import re
import sys
import warnings
from typing import Any, ClassVar

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from aiakit.contracts import Attack, Context, Defense, EmbeddingDefense, LabelledRelease, Release
from aiakit.errors import InputError
from aiakit.plugins import mock
from aiakit.plugins.checks import checks_for, run_checks
from aiakit.plugins.checks.cheats import REPEATS


class Sound(Attack):
    """scikit-learn's logistic regression, as a stranger would wrap it."""

    summary = "logistic regression"

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Sound:
        if len(np.unique(train.labels)) < 2:
            raise ValueError("needs more than one class")
        self.model_ = LogisticRegression(C=self.strength).fit(train.release.embedding, train.labels)
        return self

    def predict_proba(self, release: Release) -> Any:
        return self.model_.predict_proba(release.embedding)


class Noisy(Defense):
    """Pictures with noise, and their mean colours."""

    summary = "noise"
    stochastic = True

    def __init__(self, sigma: float = 20.0) -> None:
        self.sigma = sigma

    def fit(self, train: Any, val: Any, ctx: Context) -> Noisy:
        self.mean_ = train.images[:].mean(axis=(0, 1, 2))
        return self

    def release(self, images: Any, rng: np.random.Generator) -> Release:
        noisy = np.clip(images + self.sigma * rng.standard_normal(images.shape), 0, 255) / 255
        return Release(embedding=noisy.mean(axis=(1, 2)) - self.mean_ / 255, image=noisy.transpose(0, 3, 1, 2))

    def state_dict(self) -> Any:
        return {"mean": self.mean_}

    def load_state_dict(self, state: Any) -> Noisy:
        if set(state) != {"mean"}:
            raise ValueError("the state must hold mean")
        self.mean_ = state["mean"]
        return self


class Shrunk(EmbeddingDefense):
    """Centred embeddings."""

    summary = "centred"

    def fit(self, train: Any, val: Any, ctx: Context) -> Shrunk:
        self.mean_ = train.embedding.mean(axis=0)
        return self

    def release(self, embedding: Any, rng: np.random.Generator) -> Release:
        return Release(embedding=embedding - self.mean_)

    state_dict, load_state_dict = Noisy.state_dict, Noisy.load_state_dict  # type: ignore[assignment]


@pytest.mark.parametrize(("kind", "cls"), [("attack", Sound), ("defense", Noisy), ("defense", Shrunk)])
def test_sound_plugins_pass(kind: Any, cls: type) -> None:
    results = run_checks(kind, cls)
    assert [result for result in results if result.status == "fail"] == []
    assert len(results) == len(checks_for(kind)) >= 16
    assert all(result.reason for result in results if result.status == "skip")


def wrong_attacks() -> dict[str, type[Attack]]:
    """By the name of the check that must find it."""

    class Bare(Sound):
        def __init__(self, strength=1.0):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204
            super().__init__(strength)

    class Builds(Sound):
        def __init__(self) -> None:
            self.model_ = LogisticRegression()

    class Doubles(Sound):
        def __init__(self, strength: float = 1.0) -> None:
            self.strength = 2 * strength

    class Mute(Sound):
        summary = ""

    class OddView(Sound):
        view = "thumbnail"  # type: ignore[assignment]

    class ReturnsNothing(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)

    class Logits(Sound):
        def predict_proba(self, release: Release) -> Any:
            return self.model_.decision_function(release.embedding)

    class TwoTongues(Sound):
        def predict_log_proba(self, release: Release) -> Any:
            return -self.model_.predict_log_proba(release.embedding)

    class Unseeded(Sound):
        def predict_proba(self, release: Release) -> Any:
            proba = super().predict_proba(release)
            return 0.9 * proba + 0.1 * np.random.dirichlet([1] * proba.shape[1], len(proba))

    class GlobalSeed(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            self.weight_ = np.random.rand()
            return super().fit(train, val, ctx)

        def predict_proba(self, release: Release) -> Any:
            proba = super().predict_proba(release)
            return (proba + self.weight_) / (1 + self.weight_ * proba.shape[1])

    class Transductive(Sound):
        def predict_proba(self, release: Release) -> Any:
            rows = release.embedding
            return self.model_.predict_proba(rows - rows.mean(axis=0))  # type: ignore[union-attr]

    class Scribbles(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)
            train.release.embedding[:] -= 1
            return self

    class TwoOnly(Sound):
        def predict_proba(self, release: Release) -> Any:
            return super().predict_proba(release)[:, :2]

    class Silent(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            if len(np.unique(train.labels)) < 2:
                raise ValueError("bad input")
            return super().fit(train, val, ctx)

    class NeedsBothInVal(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            if len(np.unique(val.labels)) < 2:
                raise IndexError("list index out of range")
            return super().fit(train, val, ctx)

    class Divides(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            self.scale_ = np.ptp(train.release.embedding, axis=0)
            return super().fit(train, val, ctx)

        def predict_proba(self, release: Release) -> Any:
            with np.errstate(invalid="ignore", divide="ignore"):
                scores = (release.embedding * 0 / self.scale_).sum(axis=1)  # type: ignore[operator]
            return super().predict_proba(release) + scores[:, None]

    class Guesses(Sound):
        def predict_proba(self, release: Release) -> Any:
            proba = super().predict_proba(release)
            sign = np.cos(1e4 * release.embedding[:, :1])  # type: ignore[index]
            return np.hstack([0.5 + 0.4 * sign, 0.5 - 0.4 * sign] + [0 * sign] * (proba.shape[1] - 2))

    class Peeks(Sound):
        """Stands for any leak of the answers: it remembers the order in which the classes come."""

        def predict_proba(self, release: Release) -> Any:
            late = np.arange(len(release)) >= len(release) / 2
            return np.stack([1 - late, late], axis=1).astype(float)

    class WalksFrames(Sound):
        """Looks for the answers in the local variables of whoever called it."""

        def predict_proba(self, release: Release) -> Any:
            proba = super().predict_proba(release)
            frame = sys._getframe()
            while (frame := frame.f_back) is not None:  # type: ignore[assignment]
                for value in frame.f_locals.values():
                    if isinstance(value, np.ndarray) and value.shape == (len(release),) and value.dtype == np.int64:
                        return np.eye(proba.shape[1])[value]
            return proba

    class LooksBeside(Sound):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            rows, labels = (
                array if array.base is None else array.base for array in (train.release.embedding, train.labels)
            )
            self.model_ = LogisticRegression(C=self.strength).fit(rows[: len(labels)], labels)
            return self

    return {
        "log probabilities": TwoTongues,
        "attack searches nothing": WalksFrames,
        "arrays are read within their bounds": LooksBeside,
        "options are annotated": Bare,
        "init only stores": Builds,
        "parameters round trip": Doubles,
        "summary": Mute,
        "class attributes": OddView,
        "fit returns self": ReturnsNothing,
        "probabilities": Logits,
        "prediction repeats": Unseeded,
        "same seed same bytes": GlobalSeed,
        "rows are scored alone": Transductive,
        "input is not modified": Scribbles,
        "three classes": TwoOnly,
        "single class in train": Silent,
        "single class in val": NeedsBothInVal,
        "constant input": Divides,
        "beats chance on a leak": Guesses,
        "chance on sorted noise": Peeks,
    }


@pytest.mark.parametrize("check", list(wrong_attacks()))
def test_each_check_finds_an_attack_that_is_wrong(check: str) -> None:
    (result,) = run_checks("attack", wrong_attacks()[check], only=[check])
    assert result.status == "fail"
    assert result.reason
    assert "\n" not in result.reason


WAYS = {
    "a frame of an exception": "try:\n    raise KeyError\nexcept KeyError as e:\n    e.__traceback__.tb_frame.f_back",
    "all objects": "gc.get_objects()",
    "referrers": "gc.get_referrers(release)",
    "inspect": "inspect.currentframe().f_back",
    "a generator": "(n for n in ()).gi_frame",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_other_peoples_objects_is_named_with_its_line(way: str) -> None:
    class Seeks(Sound):
        def predict_proba(self, release: Release) -> Any:
            exec(WAYS[way], globals(), {"release": release})
            return super().predict_proba(release)

    (result,) = run_checks("attack", Seeks, only=["attack searches nothing"])
    assert result.status == "fail"
    assert "walks the call stack" in result.reason or "searches the objects" in result.reason
    assert re.search(r":\d+ ", result.reason)


def test_libraries_may_look_at_frames_and_objects() -> None:
    class Logs(Sound):
        def predict_proba(self, release: Release) -> Any:
            logging.getLogger("plugin").info("predicting")
            collections.namedtuple("Pair", "a b")
            warnings.warn("predicting", stacklevel=2)
            return super().predict_proba(release)

    (result,) = run_checks("attack", Logs, only=["attack searches nothing"])
    assert result.status == "pass"


@pytest.mark.parametrize("sigma", [5.0, 60.0])
def test_a_noisy_defense_that_turns_some_peoples_release_round_is_found(sigma: float) -> None:
    class Flips(Noisy):
        """Tells everybody's colours, but of whom comes second in a pair the negative."""

        def release(self, images: Any, rng: Any) -> Release:
            sign = np.where((np.arange(len(images)) % 2 == 0) & (len(images) > REPEATS), -1.0, 1.0)[:, None]
            noise = self.sigma * rng.standard_normal((len(images), 3))
            return Release(embedding=sign * images.mean(axis=(1, 2)) + noise)

    (result,) = run_checks("defense", Flips, {"sigma": sigma}, only=["samples are released alone"])
    assert result.status == "fail"
    assert "standard errors" in result.reason


def test_an_attack_that_knows_the_answers_is_found() -> None:
    """The labels of the test people, dealt out anew, are found out through the identity of made-up people."""
    from aiakit.plugins.checks.attack import AttackSubject

    truth = AttackSubject(Sound, "sound", {}).new_world().relabelled()
    key = {row.tobytes(): label for row, label in zip(truth.test.embedding, truth.test_people.labels, strict=True)}  # type: ignore[arg-type]

    class Oracle(Sound):
        answers: ClassVar[Any] = key

        def predict_proba(self, release: Release) -> Any:
            return np.eye(2)[[self.answers[row.tobytes()] for row in release.embedding]]  # type: ignore[union-attr]

    (result,) = run_checks("attack", Oracle, only=["chance on permuted labels"])
    assert result.status == "fail"
    assert "1.00" in result.reason


def wrong_defenses() -> dict[str, type[Defense | EmbeddingDefense]]:
    class Boast(Noisy):
        produces = ("pixels",)  # type: ignore[assignment]

    class ReturnsNothing(Noisy):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)

    class Partial(Noisy):
        def release(self, images: Any, rng: Any) -> Release:
            return super().release(images, rng).only("image")

    class GlobalSeed(Noisy):
        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            super().fit(train, val, ctx)
            self.mean_ = self.mean_ + np.random.rand()
            return self

    class Liar(Noisy):
        stochastic = False

    class Batchy(Noisy):
        stochastic = False

        def release(self, images: Any, rng: Any) -> Release:
            return Release(embedding=(images - images.mean(axis=0)).mean(axis=(1, 2)))

    class Forgets(Noisy):
        def load_state_dict(self, state: Any) -> Any:
            self.mean_ = 0 * state["mean"]
            return self

    class Careless(Noisy):
        def load_state_dict(self, state: Any) -> Any:
            self.mean_ = state.get("mean", 0)
            return self

    class Scribbles(Noisy):
        def release(self, images: Any, rng: Any) -> Release:
            released = super().release(images, rng)
            images[:] = 0
            return released

    class TwoOnly(Noisy):
        def claim(self, release: Release) -> Any:
            return np.full((len(release), 2), 0.5)

    class BadClaim(Noisy):
        def claim(self, release: Release) -> Any:
            return np.full((len(release), 2), 0.7)

    class Fragile(Noisy):
        def release(self, images: Any, rng: Any) -> Release:
            with np.errstate(invalid="ignore"):
                return Release(embedding=(images / images.max(axis=(1, 2, 3), keepdims=True)).mean(axis=(1, 2)))

    class WalksFrames(Noisy):
        def release(self, images: Any, rng: Any) -> Release:
            caller = inspect.stack()[1]
            return super().release(images if caller.function else images[::-1], rng)

    class Turns(Noisy):
        stochastic = False
        seen = 0  # from its hundredth image on it publishes the negative

        def release(self, images: Any, rng: Any) -> Release:
            self.seen += len(images)
            colours = images.mean(axis=(1, 2)) - self.mean_
            return Release(embedding=-colours if self.seen > 100 else colours)

    class Favours(Noisy):
        stochastic = False
        known: Any = ()  # whom it was trained on: it is kind to them while it remembers

        def fit(self, train: Any, val: Any, ctx: Any) -> Any:
            self.known = {image.tobytes() for image in train.images}
            return super().fit(train, val, ctx)

        def release(self, images: Any, rng: Any) -> Release:
            kind = np.array([[image.tobytes() in self.known] for image in images])
            return Release(embedding=np.where(kind, 0, images.mean(axis=(1, 2)) - self.mean_))

    class Unlike(Shrunk):
        def invert(self, embedding: Any) -> Any:
            return 5 * embedding  # which is released otherwise

    return {
        "inverse": Unlike,
        "numbers are erased": type("Tells", (Shrunk,), {"erases_numbers": True}),
        "defense searches nothing": WalksFrames,
        "release is the same at every call": Turns,
        "training people are released alike": Favours,
        "class attributes": Boast,
        "fit returns self": ReturnsNothing,
        "release has the views": Partial,
        "same seed same bytes": GlobalSeed,
        "stochastic is true to the release": Liar,
        "samples are released alone": Batchy,
        "state restores it": Forgets,
        "state that does not fit is refused": Careless,
        "input is not modified": Scribbles,
        "three classes": TwoOnly,
        "claim": BadClaim,
        "extreme input": Fragile,
    }


@pytest.mark.parametrize("check", list(wrong_defenses()))
def test_each_check_finds_a_defense_that_is_wrong(check: str) -> None:
    (result,) = run_checks("defense", wrong_defenses()[check], only=[check])
    assert result.status == "fail"
    assert result.reason


def test_every_check_of_the_suite_is_shown_to_be_able_to_fail() -> None:
    def names(kind: Any) -> set[str]:
        return {check.__name__.removeprefix("check_").replace("_", " ") for check in checks_for(kind)}

    elsewhere = {"chance on permuted labels", "does not learn from val", "saturation"}  # the last one warns
    assert names("attack") == {*wrong_attacks(), *elsewhere}
    assert names("defense") - names("dataset") == set(wrong_defenses())


def test_an_unknown_option_of_a_checked_plugin_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"unknown option 'logreg\.nothing'"):
        run_checks("attack", "logreg", {"nothing": "1"})


@pytest.mark.parametrize("view", ["embedding", "image", "claim", "inverted"])
def test_made_up_people_carry_the_planted_leak_and_no_other(view: Any) -> None:
    rng = np.random.default_rng(0)
    who = mock.people(300, 2, rng)
    assert np.bincount(who.labels).tolist() == [300, 300]
    assert all(len(set(who.labels[who.identity == person])) == 1 for person in range(300))
    for leak, low, high in ((4.0, 0.93, 1.0), (0.0, 0.4, 0.6)):
        released = mock.release(view, who, rng, leak)
        values = released.pixels if view == "image" else getattr(released, view)
        rows = np.asarray(values, dtype=float).reshape(600, -1)
        score = (
            rows.mean(axis=1) if view in ("embedding", "inverted") else rows[:, 0] if view == "image" else rows[:, 1]
        )
        accuracy = np.mean((score > np.median(score)) == who.labels)
        assert low <= accuracy <= high
    assert (np.sort(who.relabelled(rng).labels) == np.sort(who.labels)).all()


class Bold(Sound):
    """Surer than probabilities can say."""

    def log_odds(self, release: Release) -> Any:
        return 1e3 * self.model_.decision_function(release.embedding).astype(np.float64)

    def predict_proba(self, release: Release) -> Any:
        sure = 1 / (1 + np.exp(-np.clip(self.log_odds(release), -700, 700)))
        return np.column_stack([1 - sure, sure])


class BoldInLogs(Bold):
    """Says so in log-odds."""

    def predict_log_proba(self, release: Release) -> Any:
        log_odds = self.log_odds(release)
        return np.column_stack([np.zeros(len(log_odds)), log_odds])


class WrongInLogs(Sound):
    """Says one thing in probabilities and another in logarithms."""

    def predict_log_proba(self, release: Release) -> Any:
        return np.log(self.predict_proba(release)[:, ::-1])


def outcome(cls: type[Attack], name: str) -> tuple[str, str]:
    (result,) = run_checks("attack", cls, only=[name])
    return result.status, result.reason


def test_ties_among_saturated_probabilities_are_warned_of() -> None:
    status, reason = outcome(Bold, "saturation")
    assert status == "warn"
    found = re.search(r"the AUC is (0\.\d+) and could be up to (0\.\d+)\. If .* predict_log_proba", reason)
    assert found is not None, reason
    assert 0.6 < float(found[1]) < float(found[2]) - 0.05
    assert outcome(Sound, "saturation") == ("pass", "")
    assert outcome(BoldInLogs, "saturation") == ("pass", "")


def test_logarithms_must_be_those_of_the_probabilities() -> None:
    assert outcome(BoldInLogs, "log probabilities")[0] == "pass"
    assert outcome(Sound, "log probabilities")[0] == "skip"
    status, reason = outcome(WrongInLogs, "log probabilities")
    assert (status, "off predict_proba" in reason) == ("fail", True)
