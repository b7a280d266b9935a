"""Plugins that end, print, and leave the process changed: only ever the plugin's failure, and nothing stays behind."""

from __future__ import annotations

import io
import os
import random
import sys
import warnings
from contextlib import redirect_stderr
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.errors import InputError, PluginError
from aiakit.plugins.registry import Registry, guard
from benchmarks.stress.fuzzing.oracle import Misread

PLUGIN = "plugin.py"
HEAD = """import os, random, signal, sys, threading, warnings
import numpy as np
from aiakit.contracts import Attack
"""
BODY = """

class Odd(Attack):
    view = "embedding"
    summary = "odd"

    def fit(self, train, val, ctx):
        {fit}
        return self

    def predict_proba(self, release):
        {predict}
        return np.full((len(release), 2), 0.5)
"""
ENDS = ("sys.exit(0)", "raise GeneratorExit", "os._exit(0)", "os.abort()", "raise SystemExit", "exit(0)", "quit()",
        "__import__('posix')._exit(0)", "os.execv('/bin/true', ['true'])", "raise BaseException", "raise StopIteration",
        "raise BrokenPipeError", "raise AssertionError('a' * 9999)", "raise UnicodeDecodeError('a', b'b', 0, 1, 'c')",
        "raise OSError(13, 'no')", "1 / 0", "raise type('Odd', (Exception,), {'__str__': lambda s: 1})()",
        "raise RecursionError", "raise KeyError('\\x1b[31m')", "import nowhere", "raise SyntaxError('x')")  # fmt: skip
PRINTS = (
    "print('loud')",
    "os.write(1, b'loud')",
    "sys.__stdout__.write('loud'); sys.__stdout__.flush()",
    "sys.stdout.close()",
    "os.close(1)",
    "sys.stdout = None",
    "os.dup2(2, 1)",
    "sys.stderr = None",
    "t = threading.Thread(target=print, args=('loud',)); t.start(); t.join()",
    "sys.stdout.write('\\udc80')",
)
LEAVES = ("os.chdir('/')", "os.environ['ODD'] = '1'", "os.environ.clear()", "random.seed(0)", "np.random.seed(0)",
          "warnings.simplefilter('error')", "np.seterr(all='raise')", "sys.setrecursionlimit(500)",
          "signal.signal(signal.SIGINT, signal.SIG_IGN)", "import torch; torch.set_default_dtype(torch.float64)",
          "import torch; torch.set_grad_enabled(False)", "import torch; torch.set_num_threads(3)",
          "import torch; torch.manual_seed(0)", "import sklearn; sklearn.set_config(assume_finite=True)",
          "os._exit = print", "sys.path.clear()", "sys.setswitchinterval(1)")  # fmt: skip


def build(folder: Path) -> None:
    (folder / PLUGIN).write_text(HEAD + BODY.format(fit="pass", predict="pass"))


def change(rng: Random, data: bytes) -> bytes:
    """A plugin that does one to three such things: when it is imported, trained or asked."""
    places: dict[str, list[str]] = {"import": [], "fit": [], "predict": []}
    for _ in range(rng.randint(1, 3)):
        places[rng.choice(list(places))].append(rng.choice(rng.choice((ENDS, PRINTS, LEAVES))))
    body = BODY.format(**{place: "\n        ".join(lines) or "pass" for place, lines in places.items()})
    return (HEAD + "\n".join(places["import"]) + body).encode()


def read(folder: Path) -> None:
    """Register, make, train and ask the plugin. Raises Misread where more than the plugin has failed."""
    before, kept, out = _state(), os.dup(1), folder / "stdout"
    streams = sys.stdout, sys.stderr
    with open(out, "w+b") as file:
        os.dup2(file.fileno(), 1)
        try:
            with redirect_stderr(io.StringIO()):
                _use(folder)
        finally:
            os.dup2(kept, 1)
            os.close(kept)
        written = file.seek(0, 2)
    out.unlink()
    if (sys.stdout, sys.stderr) != streams:
        sys.stdout, sys.stderr = streams
        raise Misread("the streams are others")
    if written:
        raise Misread(f"{written} bytes on stdout")
    changed = [name for name, value in _state().items() if value != before[name]]
    if changed:
        raise Misread(f"it changed {', '.join(changed)}")


def _use(folder: Path) -> None:
    registry, seen = Registry(), Release(embedding=np.zeros((2, 2), np.float32))
    learned = LabelledRelease(seen, np.arange(2), np.arange(2), ("a", "b"))
    try:
        (entry,) = registry.register_file(folder / PLUGIN)
        attack = registry.make("attack", entry.name)
        with guard(entry):
            attack.fit(learned, learned, Context())
        with guard(entry):
            attack.predict_proba(seen)
    except (InputError, PluginError) as error:
        if "\n" in str(error) or PLUGIN not in str(error):
            raise Misread(f"the message {error!s:.80}") from None
    except BaseException as error:
        if type(error).__name__ == "TooSlow":
            raise
        raise Misread(f"{type(error).__name__} passed") from None
    finally:
        for name in [each for each in sys.modules if each.startswith("aiakit_plugin_plugin")]:
            del sys.modules[name]


def _state() -> dict[str, Any]:
    return {
        "the folder": os.getcwd(),
        "the environment": dict(os.environ),
        "random": hash(random.getstate()),
        "numpy.random": str(np.random.get_state()),
        "warnings": [each for each in warnings.filters if each[0] == "error"],
        "numpy's errors": np.geterr(),
        "the recursion limit": sys.getrecursionlimit(),
        "torch's type": torch.get_default_dtype(),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's threads": torch.get_num_threads(),
        "torch.random": torch.get_rng_state().numpy().tobytes(),
        "os._exit": os._exit,
        "sys.path": list(sys.path),
        "the switch interval": sys.getswitchinterval(),
    }
