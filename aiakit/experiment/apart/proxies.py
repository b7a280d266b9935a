"""Stand-ins for plugins: what a cell calls, answered by the plugin in its own process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aiakit.contracts import (
    Attack,
    Context,
    Decoder,
    Defense,
    EmbeddingDefense,
    Encoder,
    LabelledRelease,
    Linker,
    Points,
    Regressor,
    Release,
    State,
)
from aiakit.errors import AiakitError, Diverged, InputError, PluginError
from aiakit.experiment.apart import packing
from aiakit.experiment.apart.template import Template
from aiakit.experiment.apart.wire import Arrays, Channel, Gone, Message
from aiakit.plugins import registry
from aiakit.plugins.loading import out_of_memory

TEMPLATE = Template()
# What classes say of themselves.
SAID = ("view", "combines", "knowledge", "produces", "stochastic", "needs_pairs", "erases_numbers", "whole")


def make(kind: registry.Kind, name: str, params: Mapping[str, Any], shut: Path | None = None) -> Any:
    """A plugin: itself where all its code comes with aiakit, else its stand-in, with a process of its own.

    shut : the folder of the run, which the plugin's process does not open. Raises as ``registry.make`` does.
    """
    entry = registry.entry(kind, name)
    if not entry.of_others:
        return registry.make(kind, name, params)
    cls = registry.load(kind, name)
    stand_in = next(each for base, each in STAND_INS.items() if issubclass(cls, base))
    made = stand_in(entry, cls)
    made.call("make", _surroundings(entry, params, made.channel.folder, shut))
    return made


def _surroundings(entry: registry.Entry, params: Mapping[str, Any], folder: Path, shut: Path | None) -> Message:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "params": dict(params),
        "files": [str(path) for path in registry.registered_files()],
        "folder": str(folder),
        "shut": [] if shut is None else [str(shut.resolve())],
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
    }


def _end(connection: socket.socket, folder: Path, number: int) -> None:
    connection.close()
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


class Apart:
    """A plugin in a process of its own, which ends with this object.

    peak_mib : the most memory that the process held so far. ctx : whom it reports to, and what remembers pieces for
    it, once it was fitted.
    """

    def __init__(self, entry: registry.Entry, cls: type) -> None:
        self.entry = entry
        self.peak_mib = 0.0
        self.ctx = Context()
        folder = Path(tempfile.mkdtemp(prefix="aiakit-plugin-"))
        connection, number = TEMPLATE.process()
        self.channel = Channel(connection, folder, "p")
        self.end = weakref.finalize(self, _end, connection, folder, number)
        for name in SAID:
            if hasattr(cls, name):
                setattr(self, name, getattr(cls, name))

    def call(
        self, ask: str, message: Message | None = None, arrays: Arrays | None = None
    ) -> tuple[Message, dict[str, NDArray[Any]]]:
        """What the plugin answers.

        Raises what the plugin raised, as ``registry.guard`` says it, and PluginError where its process has ended or
        answers nonsense. The process does not survive an error.
        """
        try:
            self.channel.send({"ask": ask, **(message or {})}, arrays)
            while True:
                answer, found = self.channel.receive()
                if "report" in answer:
                    label, done, total = answer["report"]
                    self.ctx.report(str(label), int(done), int(total))
                elif "remember" in answer:
                    self._remember(answer["remember"])
                else:
                    break
            self.peak_mib = max(self.peak_mib, float(answer["peak_mib"]))
            if "error" in answer:
                raise self._error(answer, found)
        except BaseException as error:
            self.end()
            if isinstance(error, Gone):
                raise PluginError(f"{self.entry}: its process ended (killed, or out of memory)") from None
            if isinstance(error, LookupError | TypeError | ValueError):
                raise PluginError(f"{self.entry}: its process answers what is no answer ({error})") from None
            raise
        return answer, found

    def _error(self, answer: Message, state: Mapping[str, Any]) -> BaseException:
        text = str(answer["text"])
        kinds: dict[str, type[AiakitError]] = {"plugin": PluginError, "input": InputError}
        if answer["error"] == "diverged":
            return Diverged(text, dict(state))
        if answer["error"] == "memory":
            return out_of_memory(str(self.entry), text)
        if answer["error"] == "disk":
            return OSError(int(answer["errno"]), text)
        error = kinds[answer["error"]](text)
        if isinstance(error, InputError):
            error.who = str(self.entry)
        return error

    def _remember(self, piece: Any) -> None:
        """Give the plugin a piece that the store has, or have it computed there, and kept for this plugin alone."""
        name, inputs, module = piece
        asked: list[bool] = []

        def compute() -> State:
            asked.append(True)
            self.channel.send({"known": False})
            message, arrays = self.channel.receive()
            if not message.get("computed"):
                raise ValueError("a piece that was not computed")
            return arrays

        if module not in sys.modules:
            raise ValueError(f"a piece by {module!r}, which is not there")
        compute.__module__ = str(module)
        found = self.ctx.memo(str(name), dict(inputs), compute)
        if not asked:
            self.channel.send({"known": True}, found)


class AttackApart(Apart, Attack):
    """As the attack."""

    def __init__(self, entry: registry.Entry, cls: type[Attack]) -> None:
        super().__init__(entry, cls)
        self.says_logs = cls.predict_log_proba is not Attack.predict_log_proba

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        _fit(self, train, val, ctx)
        return self

    def predict_proba(self, release: Release) -> NDArray[Any]:
        return _one(self, self.call("predict", arrays=packing.of_release(release))[1], "proba")

    def predict_log_proba(self, release: Release) -> NDArray[Any] | None:
        return self.call("predict_log", arrays=packing.of_release(release))[1].get("logs") if self.says_logs else None

    def approximation(self, rows: int) -> str | None:
        said = self.call("approximation", {"rows": rows})[0]["said"]
        return None if said is None else str(said)


class _MakerApart(Apart):
    """What stand-ins of defenses and encoders share."""

    def fit(self, train: Any, val: Any, ctx: Context) -> Self:
        _fit(self, train, val, ctx)
        return self

    def state_dict(self) -> State:
        return self.call("state")[1]

    def load_state_dict(self, state: State) -> Self:
        self.call("restore", arrays=state)
        return self


class _DefenseApart(_MakerApart):
    """What stand-ins of both kinds of defenses share."""

    def release(self, source: NDArray[Any], rng: np.random.Generator) -> Release:
        found = self.call("release", {"rng": packing.of_rng(rng)}, {"source": source})[1]
        try:
            return packing.to_release(found)
        except ValueError as error:
            raise PluginError(f"{self.entry}: {error}") from None

    def claim(self, release: Release) -> NDArray[Any] | None:
        return self.call("claim", arrays=packing.of_release(release))[1].get("claim")

    def accuracy_bound(self, draws: int = 1) -> float | None:
        bound = self.call("bound", {"draws": draws})[0]["bound"]
        return None if bound is None else float(bound)


class DefenseApart(_DefenseApart, Defense):
    """As the defense of faces."""


class EmbeddingDefenseApart(_DefenseApart, EmbeddingDefense):
    """As the defense of embeddings."""

    def invert(self, embedding: NDArray[Any]) -> NDArray[Any] | None:
        return self.call("invert", arrays={"embedding": embedding})[1].get("inverted")


class EncoderApart(_MakerApart, Encoder):
    """As the encoder."""

    def encode(self, images: Any, files: tuple[str, ...]) -> NDArray[Any]:
        answer, found = self.call("encode", {"files": files}, {"source": images})
        notes = answer.get("notes")
        self.notes = tuple(map(str, notes)) if isinstance(notes, list) else ()
        return _one(self, found, "embedding")


class _MeasuringApart(Apart):
    """What stand-ins of linkers, decoders and regressors share."""

    setting: str = ""

    def fit(self, train: Any, val: Any, ctx: Context) -> Self:
        self.ctx = ctx
        message = {"known": type(train).__name__, "context": packing.of_context(ctx)}
        answer, _ = self.call("measure", message, packing.of_paired(train, "train.") | packing.of_paired(val, "val."))
        self.setting = str(answer.get("setting", ""))
        return self

    def predict(self, points: Points) -> NDArray[Any]:
        return self._points("predict", points)

    def _points(self, method: str, points: Points) -> NDArray[Any]:
        return _one(self, self.call("points", {"method": method}, {"points": points})[1], "points")


class LinkerApart(_MeasuringApart, Linker):
    """As the linker."""

    def of_source(self, points: Points) -> NDArray[Any]:
        return self._points("of_source", points)

    def of_target(self, points: Points) -> NDArray[Any]:
        return self._points("of_target", points)


class DecoderApart(_MeasuringApart, Decoder):
    """As the decoder."""


class RegressorApart(_MeasuringApart, Regressor):
    """As the regressor."""

    def learns_from(self, rows: int) -> int:
        found = self.call("learns_from", {"rows": rows})[0].get("rows")
        return found if isinstance(found, int) else rows


def _fit(plugin: Apart, train: packing.Known, val: packing.Known, ctx: Context) -> None:
    """Send labelled people and have the plugin fitted on them."""
    plugin.ctx = ctx
    message = {"known": type(train).__name__, "classes": train.classes, "context": packing.of_context(ctx)}
    plugin.call("fit", message, packing.of_known(train, "train.") | packing.of_known(val, "val."))


def _one(plugin: Apart, arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    if name not in arrays:
        raise PluginError(f"{plugin.entry}: its process answers what is no answer (no {name})")
    return arrays[name]


STAND_INS: dict[type, type[Apart]] = {
    Attack: AttackApart,
    Defense: DefenseApart,
    EmbeddingDefense: EmbeddingDefenseApart,
    Encoder: EncoderApart,
    Linker: LinkerApart,
    Decoder: DecoderApart,
    Regressor: RegressorApart,
}
