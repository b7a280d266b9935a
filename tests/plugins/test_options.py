"""Options of plugins as text and as values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from aiakit.errors import InputError, PluginError
from aiakit.plugins.options import REQUIRED, options_of, parse_settings, require_in_use, validate


class Tunable:
    def __init__(
        self,
        beta: Annotated[float, Field(ge=0)] = 1,
        mode: Literal["fast", "slow"] = "fast",
        folds: Literal[5, 10] = 5,
        epochs: Annotated[int, Field(ge=1, le=100)] = 10,
        layers: tuple[int, ...] = (256, 128),
        limit: int | None = None,
        workers: int | Literal["auto"] = "auto",
        verbose: bool = False,
        model: str = "small",
    ) -> None: ...


def test_defaults_are_validated_and_complete() -> None:
    assert validate(Tunable, {}, "t") == {
        "beta": 1.0,
        "mode": "fast",
        "folds": 5,
        "epochs": 10,
        "layers": (256, 128),
        "limit": None,
        "workers": "auto",
        "verbose": False,
        "model": "small",
    }


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("beta", "1e-3", 0.001),
        ("beta", " 2 ", 2.0),
        ("mode", "slow", "slow"),
        ("folds", "10", 10),
        ("layers", "512, 64", (512, 64)),
        ("layers", "", ()),
        ("layers", 512, (512,)),
        ("limit", "none", None),
        ("limit", "7", 7),
        ("workers", "3", 3),
        ("workers", "auto", "auto"),
        ("verbose", "true", True),
        ("verbose", "0", False),
        ("model", "a=b", "a=b"),
        ("model", "none", "none"),
    ],
)
def test_text_is_converted(option: str, text: str, value: Any) -> None:
    got = validate(Tunable, {option: text}, "t")[option]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": "-1"}, "t.beta must be greater than or equal to 0, got -1 (--set t.beta=…)"),
        ({"beta": "nan"}, "t.beta must be a finite number, got nan"),
        ({"beta": "inf"}, "t.beta must be a finite number, got inf"),
        ({"beta": float("nan")}, "t.beta must be a finite number, got nan"),
        ({"beta": "much"}, "t.beta must be a valid number, got much"),
        ({"epochs": "1.5"}, "t.epochs must be a valid integer, got 1.5"),
        ({"epochs": "101"}, "t.epochs must be less than or equal to 100, got 101"),
        ({"mode": "quick"}, "t.mode must be 'fast' or 'slow', got quick"),
        ({"folds": "7"}, "t.folds must be 5 or 10, got 7"),
        ({"layers": "a,b"}, "t.layers must be a valid integer"),
        ({"layers": {"a": 1}}, "t.layers must be a list"),
        ({"workers": "many"}, "t.workers must be a valid integer or 'auto', got many"),
        ({"verbose": "perhaps"}, "t.verbose must be a valid boolean"),
        ({"bta": "1"}, "unknown option 't.bta': did you mean t.beta"),
    ],
)
def test_bad_values_are_one_clear_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        validate(Tunable, options, "t")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False), st.integers(1, 100))
def test_what_python_prints_is_read_back(beta: float, epochs: int) -> None:
    values = validate(Tunable, {"beta": repr(beta), "epochs": str(epochs)}, "t")
    assert (values["beta"], values["epochs"]) == (beta, epochs)


def test_an_option_without_default_is_required() -> None:
    class Rooted:
        def __init__(self, root: Path) -> None: ...

    assert options_of(Rooted, "r")["root"].default is REQUIRED
    assert validate(Rooted, {"root": "here"}, "r") == {"root": Path("here")}
    with pytest.raises(InputError, match=r"r needs a value for root: give --set r\.root="):
        validate(Rooted, {}, "r")


def test_a_class_without_init_has_no_options() -> None:
    class Plain: ...

    assert validate(Plain, {}, "plain") == {}
    with pytest.raises(InputError, match=r"unknown option 'plain\.x': there are none"):
        validate(Plain, {"x": "1"}, "plain")


def test_signatures_that_cannot_serve_are_the_plugins_fault() -> None:
    class Variadic:
        def __init__(self, **settings: int) -> None: ...

    class BadDefault:
        def __init__(self, size: Annotated[int, Field(ge=1)] = 0) -> None: ...

    class Unreadable:
        def __init__(self, sink: NoSuchType = 0) -> None: ...  # noqa: F821

    with pytest.raises(PluginError, match="must name its parameters"):
        validate(Variadic, {}, "v")
    with pytest.raises(PluginError, match=r"default of b\.size must be greater than or equal to 1, but is 0"):
        validate(BadDefault, {}, "b")
    with pytest.raises(PluginError, match="annotations of __init__ cannot be read"):
        validate(Unreadable, {}, "u")


def test_options_in_words() -> None:
    words = {name: option.in_words() for name, option in options_of(Tunable, "t").items()}
    assert words["beta"] == "number >= 0, default 1.0"
    assert words["epochs"] == "integer >= 1 and <= 100, default 10"
    assert words["mode"] == "fast or slow, default fast"
    assert words["layers"] == "list of integer, default 256,128"
    assert words["limit"] == "integer or none, default none"


def test_settings_are_sorted_by_plugin() -> None:
    settings = ["aia.beta=2", "cnn.model=resnet18", "aia.alpha=0", "folder.root=/a=b.c"]
    assert parse_settings(settings) == {
        "aia": {"beta": "2", "alpha": "0"},
        "cnn": {"model": "resnet18"},
        "folder": {"root": "/a=b.c"},
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["beta=2"], "cannot read the setting 'beta=2'"),
        (["aia.beta"], "cannot read the setting"),
        (["aia.=2"], "cannot read the setting"),
        (["aia.beta=2", "aia.beta=3"], "--set gives aia.beta twice: 2 and 3"),
    ],
)
def test_bad_settings(settings: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_settings(settings)
    assert str(caught.value).startswith(message)


def test_options_of_a_plugin_that_does_not_run() -> None:
    with pytest.raises(InputError) as caught:
        require_in_use(parse_settings(["ai.beta=2"]), {"aia", "cnn"})
    assert str(caught.value).startswith(
        "unknown plugin 'ai' in --set ai.beta=2: no such plugin is part of this run: did you mean aia?"
    )


def test_an_option_of_a_plugin_that_does_not_run_names_those_that_have_it() -> None:
    with pytest.raises(InputError) as caught:
        require_in_use(parse_settings(["encoder.epochs=2"]), {"original", "cnn"}, lambda option: ["original", "cnn"])
    assert str(caught.value) == (
        "no plugin 'encoder' is part of this run in --set encoder.epochs=2: epochs is an option of original "
        "(or of cnn), write --set original.epochs=2"
    )


def test_a_truth_value_is_no_number() -> None:
    with pytest.raises(InputError, match="must be a valid number"):
        validate(Tunable, {"beta": True}, "t")
