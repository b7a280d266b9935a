"""The plugins that come with aiakit pass the checks of plugins, in small."""

from __future__ import annotations

from typing import Any

import pytest

from aiakit.plugins import registry
from aiakit.plugins.checks import run_checks
from aiakit.plugins.options import required


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names("attack"))
def test_built_in_attacks_pass(name: str) -> None:
    reason = registry.unavailable("attack", name)
    if reason is not None:
        pytest.skip(reason)
    if required(registry.load("attack", name)):
        pytest.skip("it needs a file of weights")
    small = {"model": "test_efficientnet_gn"}  # of timm's; the networks of the defaults are trained by the main job
    short = {
        "cnn": small | {"epochs": "1"},
        "cnn-strong": small | {"epochs": "1", "hidden_epochs": "1", "width": "4"},
        "decode-cnn": small | {"epochs": "9", "width": "4", "cnn_epochs": "3"},
    }
    assert failed_by_name("attack", name, short) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names("defense"))
def test_built_in_defenses_pass(name: str) -> None:
    trained = ("aia", "aia-t", "aia-ensemble", "grl", "maxent-arl", "vib", "san")
    assert failed_by_name("defense", name, {of: {"epochs": "2"} for of in trained}) == {}


def failed_by_name(kind: Any, name: str, options: dict[str, dict[str, str]]) -> dict[str, str]:
    results = run_checks(kind, name, options.get(name))
    return {result.name: result.reason for result in results if result.status == "fail"}
