"""The plugins that come with aiakit pass the checks of plugins, in small."""

from __future__ import annotations

from typing import Any

import pytest

from aiakit.plugins import registry
from aiakit.plugins.checks import attack as checks
from aiakit.plugins.checks import run_checks
from aiakit.plugins.options import required
from tests.defenses.short import SHORT

# A check holds of a small forest or network as of a large one; those of the defaults are trained by the main job.
SMALL_CNN = {"model": "test_efficientnet_gn"}  # of timm's
SHORT_ATTACKS: dict[str, dict[str, Any]] = {
    "cnn": SMALL_CNN | {"epochs": "1"},
    "cnn-strong": SMALL_CNN | {"epochs": "1", "hidden_epochs": "1", "width": "4"},
    "decode-cnn": SMALL_CNN | {"epochs": "4", "width": "4", "cnn_epochs": "1"},
    "mlp": {"epochs": "8", "members": "2"},
    "mlp-wide": {"epochs": "6"},
    "random-forest": {"trees": "25"},
    "extra-trees": {"trees": "25"},
    "xgboost": {"trees": "60"},
}
SOME = {"train": 70, "val": 30, "test": 120}
FEWER = {  # people, where each picture takes long
    "off-the-shelf": {"train": 20, "val": 20, "test": 80},
    **dict.fromkeys(("cnn-strong", "inverse", "mlp-wide", "pixels", "spectrum"), SOME),
}
SHORT_DEFENSES = {**SHORT, **{name: {"epochs": 2, "width": 8} for name in ("original", "aia", "aia-t")}}


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names("attack"))
def test_built_in_attacks_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = registry.unavailable("attack", name)
    if reason is not None:
        pytest.skip(reason)
    if required(registry.load("attack", name)):
        pytest.skip("it needs a file of weights")
    monkeypatch.setattr(checks, "PEOPLE", FEWER.get(name, checks.PEOPLE))
    assert failed_by_name("attack", name, SHORT_ATTACKS) == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names("defense"))
def test_built_in_defenses_pass(name: str) -> None:
    assert failed_by_name("defense", name, SHORT_DEFENSES) == {}


def failed_by_name(kind: Any, name: str, options: dict[str, dict[str, Any]]) -> dict[str, str]:
    results = run_checks(kind, name, options.get(name))
    return {result.name: result.reason for result in results if result.status == "fail"}
