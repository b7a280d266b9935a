"""What plugins that use timm's networks share: known names, checkpoint files, standardised pixels."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aiakit.errors import InputError


def known_model(name: str) -> str:
    """The name, if timm knows it. Raises ValueError with the nearest names otherwise."""
    import timm  # only here: it takes seconds to load, and every command that reads a run loads the plugins

    architecture = name.split(".")[0]
    if not timm.is_model(architecture):
        near = difflib.get_close_matches(architecture, timm.list_models(), 3)
        raise ValueError(f"a model of timm (nearest: {', '.join(near) or 'none'})")
    return name


def existing_file(path: str) -> str:
    """The path, if it is empty or a file. Raises ValueError otherwise."""
    if path and not Path(path).is_file():
        raise ValueError("the path of a checkpoint that exists")
    return path


class Standardise(nn.Module):
    """Pixels from [0, 1] to about zero mean and unit variance, by ImageNet's figures unless others are given."""

    def __init__(
        self, mean: tuple[float, ...] = (0.485, 0.456, 0.406), scale: tuple[float, ...] = (0.229, 0.224, 0.225)
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1))
        self.register_buffer("scale", torch.tensor(scale).reshape(1, 3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        mean, scale = self.get_buffer("mean"), self.get_buffer("scale")
        return (images - mean) / scale


def load_features(network: nn.Module, path: str) -> None:
    """Load a checkpoint (.safetensors, or .pth without pickled objects) into a network without its classifier.

    The checkpoint may have a classifier of any size, which is left out; all else must fit exactly.

    Raises
    ------
    InputError : the file cannot be read, or it belongs to another architecture.
    """
    import timm

    try:
        tensors = timm.models.load_state_dict(path, weights_only=True)
        if not all(isinstance(value, Tensor) for value in tensors.values()):
            raise ValueError("it holds other things than tensors")
    except Exception as error:  # the readers of damaged files raise whatever they are led into
        raise InputError(f"{path} cannot be read as a checkpoint: {' '.join(str(error).split())[:200]}") from error
    config: Any = network.pretrained_cfg
    classifier = config.get("classifier") or ()  # the name of a layer, or of several
    prefixes = tuple(f"{name}." for name in ((classifier,) if isinstance(classifier, str) else classifier))
    expected = network.state_dict()
    found = {name: value for name, value in tensors.items() if name in expected or not name.startswith(prefixes)}
    wrong = sorted(expected.keys() ^ found.keys())
    wrong += [name for name in expected.keys() & found.keys() if expected[name].shape != found[name].shape]
    if wrong:
        names = f"{', '.join(wrong[:3])}{' …' if len(wrong) > 3 else ''}"
        raise InputError(f"{path} is no checkpoint of this model: {len(wrong)} parameters differ ({names})")
    network.load_state_dict(found)
