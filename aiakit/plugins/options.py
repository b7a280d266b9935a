"""Options of plugins: read ``--set aia.beta=2``, convert and validate against the plugin's annotations.

A plugin's options are the parameters of its ``__init__``. Their annotations are all that is declared:
``Annotated[float, Field(ge=0)]``, ``Literal``, ``bool``, ``int``, ``str``, ``X | None`` (written ``none``) and
``tuple[int, ...]`` (written ``256,128``); pydantic converts and checks.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from weakref import WeakKeyDictionary

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from aiakit.errors import InputError, PluginError, nearest, unknown

SIGNS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "multiple of",
}
REQUIRED = inspect.Parameter.empty  # the default of a parameter that has none


@dataclass(frozen=True)
class Option:
    """One parameter of a plugin: its name, annotation, and default (REQUIRED where it has none)."""

    name: str
    annotation: Any
    default: Any

    def check(self, value: Any) -> Any:
        """The value converted to the annotated type. Raises pydantic's ValidationError."""
        if isinstance(value, bool) and (self.takes("number") or self.takes("integer")) and not self.takes("boolean"):
            value = str(value).lower()  # pydantic would read a truth value as the number 1
        if isinstance(value, str):
            value = _from_text(self.annotation, value.strip())
        if (
            isinstance(value, int | float)
            and self.takes("array")
            and not (self.takes("number") or self.takes("integer"))
        ):
            value = (value,)  # as --set reads it: a list of one
        return self._adapter.validate_python(value)

    def takes(self, kind: str) -> bool:
        """Whether values of a JSON type ("number", "integer", "boolean", "array", …) are among those it takes."""
        return kind in {part.get("type") for part in (self._schema, *self._schema.get("anyOf", []))}

    def describe(self) -> dict[str, Any]:
        """A JSON schema fragment: type, bounds or choices, and the default where there is one."""
        if self.default is REQUIRED:
            return dict(self._schema)
        return {**self._schema, "default": self._adapter.dump_python(self.default, mode="json")}

    def in_words(self) -> str:
        """``number >= 0, default 1.0``, for lists."""
        schema = self.describe()
        if "default" not in schema:
            return f"{_schema_in_words(schema)}, required"
        default = schema["default"]
        if default is None:
            default = "none"
        elif isinstance(default, list):
            default = ",".join(map(str, default))
        return f"{_schema_in_words(schema)}, default {str(default) or 'empty'}"

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        """A pydantic validator that refuses NaN and infinity wherever a float occurs."""
        return TypeAdapter(self.annotation, config=ConfigDict(allow_inf_nan=False))

    @cached_property
    def _schema(self) -> dict[str, Any]:
        return self._adapter.json_schema()


Options = Mapping[str, Mapping[str, Any]]  # plugin → option → value, a text or a value of the option's type


def parse_settings(settings: Iterable[str]) -> dict[str, dict[str, str]]:
    """``["aia.beta=2"]`` → ``{"aia": {"beta": "2"}}``: how the command line's ``--set`` is read.

    Raises InputError for a malformed setting, or the same option set twice.
    """
    parsed: dict[str, dict[str, str]] = {}
    for setting in settings:
        target, equals, value = setting.partition("=")
        plugin, dot, option = (part.strip() for part in target.rpartition("."))
        if not (equals and dot and plugin and option):
            raise InputError(f"cannot read the setting {setting!r}: write --set PLUGIN.OPTION=VALUE, e.g. aia.beta=2")
        if option in parsed.setdefault(plugin, {}):
            raise InputError(f"--set gives {plugin}.{option} twice: {parsed[plugin][option]} and {value}")
        parsed[plugin][option] = value
    return parsed


def require_in_use(
    options: Options, plugins: Collection[str], owners: Callable[[str], Sequence[str]] | None = None
) -> None:
    """Raise InputError for options of a plugin that is not part of what runs: they would silently do nothing.

    owners : the plugins of the run that have an option of a name, so that the message says which option is meant.
    """
    for plugin, given in options.items():
        if plugin in plugins:
            continue
        option, value = next(iter(given.items()), ("", ""))
        setting = f" in --set {plugin}.{option}={value}" if option else ""
        found = owners(option) if owners and option else []
        if found and not nearest(plugin, plugins):
            others = f" (or of {', '.join(found[1:])})" if len(found) > 1 else ""
            raise InputError(
                f"no plugin {plugin!r} is part of this run{setting}: {option} is an option of {found[0]}{others}, "
                f"write --set {found[0]}.{option}={value}"
            )
        raise unknown("plugin", plugin, sorted(plugins), f"{setting}: no such plugin is part of this run")


def options_of(cls: type, plugin: str) -> dict[str, Option]:
    """The options of a plugin class, in the order of its signature.

    Raises PluginError where the signature cannot serve: ``*args``, ``**kwargs``, or an annotation that names nothing.
    """
    if cls not in _OPTIONS:
        _OPTIONS[cls] = _read_options(cls, plugin)
    return dict(_OPTIONS[cls])


_OPTIONS: WeakKeyDictionary[type, dict[str, Option]] = WeakKeyDictionary()  # asked of a class again and again


def _read_options(cls: type, plugin: str) -> dict[str, Option]:
    try:
        signature = inspect.signature(cls)
        hints = get_type_hints(cls.__init__, include_extras=True)  # type: ignore[misc]
    except (NameError, TypeError, ValueError, AttributeError) as error:
        raise PluginError(f"{plugin}: the annotations of __init__ cannot be read: {error}") from error
    options = {}
    for parameter in signature.parameters.values():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise PluginError(f"{plugin}: __init__ must name its parameters, {parameter} is not allowed")
        default = parameter.default
        inferred = Any if default is REQUIRED or default is None else type(default)
        option = Option(parameter.name, hints.get(parameter.name, inferred), default)
        try:
            option.describe()
        except PydanticUserError as error:  # a type that no text can be converted to
            first = str(error).splitlines()[0]
            raise PluginError(f"{plugin}.{option.name}: this annotation cannot be validated: {first}") from error
        options[option.name] = option
    return options


def required(cls: type) -> list[str]:
    """The names of the options that a user must give."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(cls).parameters.values()
    return [each.name for each in parameters if each.kind in named and each.default is REQUIRED]


def validate(cls: type, given: Mapping[str, Any], plugin: str) -> dict[str, Any]:
    """Every parameter of the class: the given ones converted and checked, the others at their defaults.

    Raises InputError for an unknown option, a bad value, or a missing one that has no default; PluginError where a
    default breaks the plugin's own bounds.
    """
    options = options_of(cls, plugin)
    for name in given:
        if name not in options:
            raise unknown("option", f"{plugin}.{name}", [f"{plugin}.{option}" for option in options])
    values = {}
    for name, option in options.items():
        if name not in given and option.default is REQUIRED:
            raise InputError(f"{plugin} needs a value for {name}: give --set {plugin}.{name}=…")
        value = given.get(name, option.default)
        try:
            values[name] = option.check(value)
        except ValidationError as error:
            problem = _in_words(error)
            if name not in given:
                raise PluginError(f"the default of {plugin}.{name} {problem}, but is {value!r}") from error
            raise InputError(f"{plugin}.{name} {problem}, got {value} (--set {plugin}.{name}=…)") from error
    return values


def _in_words(error: ValidationError) -> str:
    """``must be …``: what is wanted, the alternatives of a union joined by "or"."""
    wanted = []
    for detail in error.errors(include_url=False):
        message = detail["msg"].split(", unable to")[0]
        for prefix in ("Input should be ", "Value error, "):
            message = message.removeprefix(prefix)
        message = message.replace("a valid tuple", "a list")
        if message not in wanted:
            wanted.append(message)
    return "must be " + " or ".join(wanted)


def _schema_in_words(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_schema_in_words(part) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return " or ".join(map(str, schema.get("enum", [schema.get("const")])))
    words = "none" if schema.get("type") == "null" else str(schema.get("type", "any"))
    if words == "array" and "items" in schema:
        words = f"list of {_schema_in_words(schema['items'])}"
    bounds = [f"{sign} {schema[key]:g}" for key, sign in SIGNS.items() if key in schema]
    return " ".join([words, " and ".join(bounds)]).strip()


def _from_text(annotation: Any, text: str) -> Any:
    """Text as it stands on a command line → what pydantic should look at.

    Only what pydantic does not read from strings by itself is handled: none, tuples, and literals that are not text.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _from_text(arguments[0], text)
    if origin in (Union, types.UnionType):
        if type(None) in arguments and text.lower() == "none":
            return None
        others = [argument for argument in arguments if argument is not type(None)]
        return _from_text(others[0], text) if len(others) == 1 else text
    if origin is Literal:
        return next((choice for choice in arguments if str(choice) == text), text)
    if origin in (tuple, list):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
