"""``--encoder NAME:OPTIONS``: which options of an encoder may follow its name."""

from __future__ import annotations

import pytest

from aiakit.errors import InputError
from aiakit.experiment.encoding import encoder_of


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("timm", {}),
        ("timm:", {}),
        ("timm:resnet18", {"model": "resnet18"}),
        ("timm:resnet18=", {"model": "resnet18"}),
        ("timm:resnet18=a=b:c.pth", {"model": "resnet18", "weights": "a=b:c.pth"}),
        ("precomputed:a=b:c.npz", {"file": "a=b:c.npz"}),
    ],
)
def test_options_follow_the_name_in_their_order(text: str, options: dict[str, str]) -> None:
    assert encoder_of(text) == (text.partition(":")[0], options)


def test_an_encoder_without_such_options_takes_none() -> None:
    with pytest.raises(InputError, match="--encoder autoencoder:8 cannot be read: autoencoder takes nothing after ':'"):
        encoder_of("autoencoder:8")
