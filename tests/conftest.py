"""What tests share: one small run of the main job, and the command line called as a user calls it."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import threadpoolctl
import vl_convert
from hypothesis import settings

from aiakit.cli.main import main
from aiakit.experiment.config import PairsSpec
from aiakit.experiment.libraries import LIBRARIES
from aiakit.experiment.run import Run
from aiakit.plugins import registry
from aiakit.results.evaluate import Evaluation, evaluate
from aiakit.results.remembered import StatisticsCache

# How long an example takes says more about the machine than about the code; speed is judged in benchmarks/.
settings.register_profile("aiakit", deadline=None)
settings.load_profile("aiakit")

# A shell starts what runs in the background with Ctrl-C ignored, and children inherit that: interrupts are tested.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Small enough for seconds, large enough that every split has both classes and people with two images, and for rates
# of 1 % of the impostors.
PAIRS = 2000
TINY = ("--people", "80", "--images-per-person", "3", "--pairs", f"{PAIRS}", "--image-size", "16",
        "--precision", "fp32", "--jobs", "1")  # fmt: skip
SHORT = ("--set", "original.epochs=1", "--set", "original.width=8", "--set", "original.latent=16")
SHORT_AIA = ("--set", "aia.epochs=1", "--set", "aia.width=8", "--set", "aia.latent=16")

Evaluated = tuple[Run, Evaluation]


@dataclass(frozen=True)
class Answer:
    """What a command printed and exited with."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)  # type: ignore[no-any-return]

    @property
    def message(self) -> str:
        """The one line in which a failure is reported."""
        lines = self.err.strip().splitlines()
        assert "Traceback" not in self.err
        assert lines, "nothing was said"
        return lines[-1]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Pixel caches of the tests stay out of the user's; processes that share the tests share them."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    os.environ.setdefault("AIAKIT_CACHE", str(shared / "cache"))


@pytest.fixture(scope="session", autouse=True)
def remembering(cache: None) -> Iterator[None]:
    """Statistics that a board computes anew, since it believes nobody's, are kept apart where they were computed once.

    They go by the content of scores, labels and draws, so that whatever was changed is computed.
    """
    make, folder = StatisticsCache.__init__, Path(os.environ["AIAKIT_CACHE"]) / "of-tests"

    def remember(self: StatisticsCache, given: Path | None = None) -> None:
        make(self, given or folder)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(StatisticsCache, "__init__", remember)
        yield


FSYNC = os.fsync


@pytest.fixture(scope="session", autouse=True)
def impatient() -> Iterator[None]:
    """Nobody waits for the disk, which a run does for every cell: tests of what is stored do, in their own room."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fsync", os.fstat)  # which finds files that are no longer open, too
        yield


@pytest.fixture(scope="session", autouse=True)
def few_pairs() -> Iterator[None]:
    """No more pairs of verification than PAIRS: the bootstrap of the default's takes a second a release."""

    def at_most(genuine: int, impostor: int) -> PairsSpec:
        return PairsSpec(genuine=min(genuine, PAIRS // 5), impostor=min(impostor, PAIRS - PAIRS // 5))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("aiakit.experiment.request.PairsSpec", at_most)
        yield


@pytest.fixture(scope="session", autouse=True)
def drawn_once() -> Iterator[None]:
    """A chart is drawn once in a process: hundreds of runs of tests end in a page, and many in the same figures."""
    draw = vl_convert.vegalite_to_svg
    drawn: dict[str, str] = {}

    def remembered(spec: dict[str, Any]) -> str:
        key = json.dumps(spec, sort_keys=True)
        if key not in drawn:
            drawn[key] = draw(spec)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(vl_convert, "vegalite_to_svg", remembered)
        yield


@pytest.fixture(scope="session", autouse=True)
def looked_through_once() -> Iterator[None]:
    """Libraries with threads are looked for where one was loaded meanwhile, and garbage not among modules."""
    gc.collect()
    gc.freeze()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threadpoolctl, "ThreadpoolController", LIBRARIES.controller)
        yield


@pytest.fixture
def no_plugin_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plugin is known from a file: each test has its own, whatever others called theirs."""
    monkeypatch.setattr(registry.REGISTRY, "_from_files", {})


@pytest.fixture
def aiakit(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Call the command line in this process."""

    def call(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Answer(code, out, err)

    return call


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run: original, aia and random; two embedding attacks, the CNN and the claim."""
    out = tmp_path_factory.mktemp("runs")
    arguments = ["run", "--defense", "original,aia,random", "--attacks", "logreg,gender-mlp,cnn", *TINY, *SHORT]
    arguments += [*SHORT_AIA, "--set", "cnn.epochs=1", "--set", "random.latent=16", "--out", str(out), "--name", "tiny"]
    assert main(arguments) == 0
    return out / "tiny"


@pytest.fixture(scope="session")
def evaluated(tiny_run: Path) -> Evaluated:
    """That run, evaluated once."""
    run = Run.open(tiny_run)
    return run, evaluate(run.store, run.config)


@pytest.fixture(scope="session")
def narrow_run(tiny_run: Path) -> Path:
    """The folder of a small run on the same people: original with another latent space, and one attack."""
    narrow = [option.replace("latent=16", "latent=4") for option in SHORT]
    arguments = ["run", "--defense", "original", "--attacks", "logreg", *TINY, *narrow]
    assert main([*arguments, "--out", str(tiny_run.parent), "--name", "narrow"]) == 0
    return tiny_run.parent / "narrow"


@pytest.fixture(scope="session")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two ordinary runs on the same people: each has the undefended release, and a defense of its own."""
    out = tmp_path_factory.mktemp("two")
    for defense in ("leace", "inlp"):
        arguments = ["run", "--defense", defense, "--attacks", "logreg,lda", *TINY, *SHORT]
        assert main([*arguments, "--out", str(out), "--name", defense]) == 0
    return out
