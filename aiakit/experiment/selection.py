"""Which attacks are meant: names, presets, what can be used at all, and whose an option is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from aiakit.contracts import EmbeddingDefense, RiskAttack, RiskName, View
from aiakit.errors import InputError, PluginError
from aiakit.plugins import registry
from aiakit.plugins.options import Options, options_of, required

Stage = tuple[registry.Kind, str]  # a plugin


def split_names(values: Sequence[str]) -> list[str]:
    """``("a,b", "c")`` → ``["a", "b", "c"]``, without repetition."""
    return list(dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip()))


def defense_groups(names: Sequence[str]) -> dict[str, list[str]]:
    """Group → its defenses: "all", those of embeddings ("all-embedding"), those that publish nothing but pictures
    ("all-picture"). Chains are in none, nor is what has an option that must be given, or lacks something here.
    """
    groups: dict[str, list[str]] = {"all": [], "all-embedding": [], "all-picture": []}
    unloadable: dict[str, str] = {}
    for name in loadable("defense", names, unloadable):
        cls = registry.load("defense", name)
        if required(cls) or registry.unavailable("defense", name):
            continue
        groups["all"].append(name)
        if issubclass(cls, EmbeddingDefense):
            groups["all-embedding"].append(name)
        elif cls.produces == ("image",):
            groups["all-picture"].append(name)
    groups["all"] += [key.split(" ", 1)[1] for key in unloadable]  # loading them again names them as broken
    return groups


def defenses_not_run(asked: Sequence[str], names: Sequence[str]) -> list[str]:
    """A line on each defense that a group leaves out of ``names``. asked : names and groups, as they were written."""
    groups = defense_groups(names)
    said = []
    for name in names if set(asked) & set(groups) else ():
        if name in groups["all"] or name in asked:
            continue
        missing = ", ".join(f"{name}.{option}" for option in required(registry.load("defense", name)))
        reason = registry.unavailable("defense", name) or f"it needs --set {missing}"
        said.append(f"{name} not run: {reason}")
    return said


def loadable(kind: registry.Kind, names: Sequence[str], broken: dict[str, str]) -> list[str]:
    """The names whose plugin can be loaded; the others are noted, and the run goes on without them."""
    found = []
    for name in names:
        try:
            registry.load(kind, name)
        except PluginError as error:
            broken[f"{kind} {name}"] = str(error)
        else:
            found.append(name)
    return found


def attack_names(attacks: Sequence[str], broken: dict[str, str], knowledge: Sequence[str] = ("informed",)) -> list[str]:
    """The loadable attacks that names and presets stand for, those that show a defense's claim first.

    Presets hold the attacks of the levels of ``knowledge``; an attack that is named runs at its own level.

    The others are added to ``broken``. Raises InputError for an unknown name, PluginError where no attack is left.
    """
    asked = split_names(attacks)
    if not asked:
        raise InputError("no attack is named: give --attacks all, or --attacks NAME[,NAME…]")
    everything = registry.names("attack")
    presets = presets_of(everything, knowledge)
    names: list[str] = []
    for name in asked:
        names += presets.get(name, [name])
    for name in asked:
        reason = None if name in presets else registry.load("attack", name).unavailable()
        if reason:
            raise InputError(f"the attack {name} cannot be used: {reason}")
    claims = [name for name in loadable("attack", presets["all"], {}) if shows_claim(name)]
    usable = loadable("attack", list(dict.fromkeys([*claims, *names])), broken)
    if not any(name not in claims for name in usable) and not set(asked) <= set(claims):
        raise PluginError("no attack is left to run: " + "; ".join(broken.values()))
    return usable


def shows_claim(name: str) -> bool:
    """Whether an attack is the defense's own."""
    return registry.load("attack", name).knowledge == "in-loop"


def reading(names: Sequence[str]) -> tuple[dict[str, View], list[str]]:
    """Of attacks that read a release, each with the view that it takes; and those that combine the scores of others."""
    classes = {name: registry.load("attack", name) for name in names}
    views = {name: cls.view for name, cls in classes.items() if not cls.combines}
    return views, [name for name in names if name not in views]


def not_run(attacks: Sequence[str], names: Sequence[str], views: Collection[str]) -> list[str]:
    """A line each: on what presets leave out of ``names`` of the attacks on these views; on those asked for by name
    that read what no release here has.
    """
    asked, presets = split_names(attacks), presets_of(registry.names("attack"), ())
    costly = presets["costly"] if "all" in asked else []
    missing = ",".join(name for name in costly if name not in names and registry.load("attack", name).view in views)
    said = [f"{missing} not run: costly; --attacks all,{missing} for the strongest suite"] if missing else []
    if "fast" in asked and "all" not in asked:
        left = [name for name in presets["all"] if name not in names and registry.load("attack", name).view in views]
        said.append(
            f"fast is for development and leaves out {len(left)} attacks: --attacks all for a figure to publish"
        )
    return said + [f"{name} not run: {reason}" for name, reason in unread(asked, names, views).items()]


def unread(asked: Sequence[str], names: Collection[str], views: Collection[str]) -> dict[str, str]:
    """Of ``names`` those that were asked for by name and read what no release here has → why they are not run."""
    wanted = {name: registry.load("attack", name).view for name in split_names(asked) if name in names}
    return {name: f"it reads the view {view}, which no release here has"
            for name, view in wanted.items() if view not in views}  # fmt: skip


def named(attacks: Sequence[str], not_run: Mapping[str, str]) -> dict[str, str]:
    """The attacks asked for by name, and through no preset: each with why it is not run, "" where it is."""
    known = registry.names("attack")
    return {name: not_run.get(name, "") for name in split_names(attacks) if name in known}


def presets_of(names: Sequence[str], knowledge: Sequence[str]) -> dict[str, list[str]]:
    """Preset → its attacks: "all" and "costly", and what attacks say of themselves; adaptive ones where asked for.

    An attack with an option that must be given, such as a file of weights, is in none: it has to be named.
    """
    presets: dict[str, list[str]] = {"all": [], "fast": [], "strong": [], "costly": []}
    unloadable: dict[str, str] = {}
    for name in loadable("attack", names, unloadable):
        cls = registry.load("attack", name)
        unasked = cls.knowledge == "adaptive" and "adaptive" not in knowledge
        if unasked or cls.unavailable() or required(cls):
            continue
        presets["costly" if cls.costly else "all"].append(name)
        for preset in cls.presets:
            presets.setdefault(preset, []).append(name)
    presets["all"] += [key.split(" ", 1)[1] for key in unloadable]  # loading them again names them as broken
    return presets


def applicable(asked: Sequence[str], names: Sequence[str], classes: tuple[str, ...]) -> list[str]:
    """The attacks that can be used on an attribute of these classes.

    asked : what the user wrote. Raises InputError for an attack named there that cannot be used.
    """
    found = []
    for name in names:
        reason = registry.load("attack", name).unavailable(classes)
        if reason and name in split_names(asked):
            raise InputError(f"the attack {name} cannot be used: {reason}")
        if not reason:
            found.append(name)
    return found


def risk_attacks(
    measured: Collection[RiskName], options: Options, broken: dict[str, str]
) -> tuple[list[Stage], list[str]]:
    """The linkers, decoders and regressors that measure some of these risks, aiakit's own first; and a line on each
    that is left out. Those that cannot be loaded are added to ``broken``.
    """
    found, said = [], []
    for kind, bases in registry.BASES.items():
        wanted = [base for base in bases if issubclass(base, RiskAttack) and set(base.risks) & set(measured)]
        names = sorted(registry.names(kind) if wanted else (), key=lambda name: not registry.entry(kind, name).built_in)
        for name in loadable(kind, names, broken):
            cls: Any = registry.load(kind, name)
            if not set(cls.risks) & set(measured):
                continue
            missing = [f"{name}.{option}" for option in required(cls) if option not in options.get(name, {})]
            try:
                reason = registry.unavailable(kind, name) or (missing and f"it needs --set {', '.join(missing)}")
            except PluginError as error:
                broken[f"{kind} {name}"] = str(error)
                continue
            if reason:
                said.append(f"{name} not run: {reason}")
            else:
                found.append((kind, name))
    return found, said


def meant_for(plugin: Stage, options: Options, in_use: Iterable[Stage]) -> dict[str, Any]:
    """The options that are given for a plugin; without those that only its namesakes of other kinds have."""
    kind, name = plugin
    others = [each for each in dict.fromkeys(in_use) if each[1] == name and each[0] != kind]
    own, *theirs = (options_of(registry.load(of, name), name) for of, _ in (plugin, *others))
    given = options.get(name, {})
    return {option: given[option] for option in given if option in own or not any(option in of for of in theirs)}
