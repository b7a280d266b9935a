"""What makes embeddings of pictures: the encoder that is asked for, or the matcher that compares released pictures."""

from __future__ import annotations

from collections.abc import Iterable

from aiakit.errors import InputError
from aiakit.experiment.cellspec import produced_by
from aiakit.experiment.config import STORED, Chain, PluginSpec, plugin_spec
from aiakit.plugins import registry
from aiakit.plugins.options import Options, options_of

AUTOENCODER = "autoencoder"  # the encoder that is trained as AIA's is: the release of `original`
FIXED = "dlib, onnx:FILE, timm:MODEL=WEIGHTS"  # encoders that nobody trains here
DETECT = "detect"  # the option of encoders that can look for a face first


def encoder_of(text: str, option: str = "--encoder") -> tuple[str, dict[str, str]]:
    """``--encoder`` → name and options: ``dlib``, ``timm:MODEL[=WEIGHTS]``, ``precomputed:FILE``.

    Raises InputError for an unknown encoder, one that cannot be used here, or an option that it does not take.
    """
    name, _, rest = text.partition(":")
    cls = registry.load("encoder", name)
    if name != AUTOENCODER:
        reason = cls.unavailable()
        if reason:
            raise InputError(f"the encoder {name} cannot be used: {reason}")
    if rest and not cls.shorthand:
        raise InputError(f"{option} {text} cannot be read: {name} takes nothing after ':'")
    values = rest.split("=", len(cls.shorthand) - 1) if rest else []
    return name, {key: value for key, value in zip(cls.shorthand, values, strict=False) if value}


def matcher_of(text: str, options: Options, chains: Iterable[Chain]) -> PluginSpec:
    """``--matcher`` → the encoder, which looks for a face where it can unless the options say otherwise.

    options : of plugins. chains : the releases. Raises InputError where it is none that is fixed and reads pictures,
    and where no release has any.
    """
    name, own = encoder_of(text, "--matcher")
    cls = registry.load("encoder", name)
    if name == AUTOENCODER:
        raise InputError(f"--matcher {name} is trained here on the defender's people: name a public encoder ({FIXED})")
    if name == STORED or cls.whole:
        raise InputError(f"--matcher {name} looks at no picture: name an encoder that does ({FIXED})")
    if not any("image" in produced_by(chain) for chain in chains):
        raise InputError(f"--matcher {text} compares released pictures, and no release here has any: leave it out, or "
                         "name a defense that releases pictures")  # fmt: skip
    looking = {DETECT: True} if DETECT in options_of(cls, name) else {}
    spec = PluginSpec(**plugin_spec("encoder", name, {**looking, **own, **options.get(name, {})}))
    if name == "timm" and not spec.params["weights"]:
        raise InputError(f"--matcher {text} has random weights, which recognise nobody: name a checkpoint, "
                         "timm:MODEL=WEIGHTS")  # fmt: skip
    return spec
