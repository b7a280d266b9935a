"""From what ``aiakit calibrate`` is asked for to its document."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiakit.calibration.score import Trial, nulls_of, row_of
from aiakit.calibration.trials import KINDS, NULL, Calibration, all_leaks, calibration_code, check_size, draw
from aiakit.errors import InputError, PluginError, unknown
from aiakit.experiment.computing import choose_device, choose_precision
from aiakit.experiment.config import PluginSpec, library_versions, plugin_spec
from aiakit.experiment.engine import Observer, run_cells
from aiakit.experiment.local import Local
from aiakit.experiment.runtime import Runtime
from aiakit.experiment.selection import attack_names, reading, split_names
from aiakit.plugins import registry
from aiakit.plugins.options import parse_settings, require_in_use
from aiakit.storage.cache import cache_folder
from aiakit.storage.store import Store

SCHEMA = 1


def make_calibration(
    attacks: Sequence[str],
    leaks: Sequence[str],
    n: int,
    seeds: int,
    nulls: int,
    settings: Sequence[str] = (),
    device: str = "cpu",
    precision: str = "fp32",
) -> tuple[Calibration, dict[str, str]]:
    """The calibration, and the attacks that cannot be loaded → why.

    attacks : names and presets, of which those that show a claim or need photographs or no training are left out.
    leaks : names, "embedding", "image" or "all".

    Raises
    ------
    InputError : an unknown name or option, too few samples, or attacks that read none of the leaks.
    PluginError : no attack can be loaded.
    """
    check_size(n)
    broken: dict[str, str] = {}
    asked = attack_names(attacks, broken)
    informed = [name for name in asked if registry.load("attack", name).knowledge == "informed"]
    unfit = sorted(name for name in split_names(attacks) if name in asked and name not in informed)
    if unfit:
        raise InputError(f"{unfit[0]} learns nothing from a release alone, so it cannot be calibrated: leave it out")
    chosen = _leaks(leaks)
    wanted = {all_leaks()[name].view for name in [*chosen, *([NULL] if nulls else [])]}
    views, combining = reading(informed)
    views = {name: view for name, view in views.items() if view in wanted}
    if not views:
        raise InputError(
            f"none of these attacks reads a leak of {' or '.join(sorted(wanted))}s (see aiakit list attacks)"
        )
    if nulls and "embedding" not in views.values():
        raise InputError("--nulls counts false alarms on embeddings, and none of these attacks reads them")
    options = parse_settings(settings)
    usable = [name for name in informed if name in views or name in combining]
    require_in_use(options, usable)
    chosen_device = choose_device(device)
    calibration = Calibration(
        attacks=tuple(PluginSpec(**plugin_spec("attack", name, options.get(name, {}))) for name in usable),
        leaks=chosen,
        n=n,
        seeds=tuple(range(seeds)),
        nulls=nulls,
        device=chosen_device,
        precision=choose_precision(precision, chosen_device),
        code=calibration_code(),
        libraries=library_versions(),
    )
    return calibration, broken


def _leaks(values: Sequence[str]) -> tuple[str, ...]:
    known = all_leaks()
    groups = {
        "all": list(known),
        "embedding": [name for name, leak in known.items() if leak.view == "embedding"],
        "image": [name for name, leak in known.items() if leak.view == "image"],
    }
    found: list[str] = []
    for name in split_names(values):
        if name not in known and name not in groups:
            raise unknown("leak", name, [*groups, *known])
        found += groups.get(name, [name])
    if not found:
        raise InputError("no leak is named: give --leaks all, or --leaks NAME[,NAME…]")
    return tuple(dict.fromkeys(found))


def calibrate(calibration: Calibration, folder: Path, observer: Observer, jobs: int = 1) -> dict[str, Any]:
    """Compute what ``folder`` does not hold yet; the document of ``aiakit calibrate --json``.

    {"schema", "rows": as ``row_of``, "nulls": as ``nulls_of`` or None, "n", "seeds", "notes", "failures": cell → why,
    "complete"}. A leak that no attack reads is left out with a note. Raises InputError where the folder cannot be used,
    PluginError where no attack has scores.
    """
    store = Store(folder)
    plan = {trial: calibration.cells(*trial) for trial in calibration.trials()}
    cells = [cell for trial in plan.values() for cell in trial.values()]
    outcome = run_cells(store, cells, Runtime(cache_folder()), observer, Local(jobs), KINDS)
    trials = {trial: _trial(store, calibration, *trial) for trial in plan}
    rows, notes = [], list(outcome.notes)
    for name in calibration.leaks:
        done = [trials[name, seed] for seed in calibration.seeds]
        if all(trial.accuracies for trial in done):
            rows.append(row_of(all_leaks()[name], done))
        else:
            notes.append(f"{name} is left out: no attack of these has scores on it")
    if not rows:
        raise PluginError("no attack has scores: " + "; ".join(outcome.failures.values()))
    nulls = [trials[NULL, seed] for seed in range(calibration.nulls) if trials[NULL, seed].accuracies]
    labels = {cell.digest: cell.label for cell in cells}
    return {
        "schema": SCHEMA,
        "rows": rows,
        "nulls": nulls_of(nulls) if nulls else None,
        "n": calibration.n,
        "seeds": len(calibration.seeds),
        "notes": notes,
        "failures": {labels[digest]: reason for digest, reason in outcome.failures.items()},
        "complete": not outcome.failures,
    }


def _trial(store: Store, calibration: Calibration, leak: str, seed: int) -> Trial:
    """What the finished cells of one draw hold."""
    parts = draw(all_leaks()[leak], calibration.n, seed)
    found = {name: store.find(cell.digest) for name, cell in calibration.cells(leak, seed).items()}
    done = {name: cell for name, cell in found.items() if cell is not None}
    scores = {name: cell.tensors("scores") for name, cell in done.items()}
    return Trial(
        {name: table["val"] for name, table in scores.items()},
        {name: table["test"] for name, table in scores.items()},
        {part: parts[part].labels for part in ("val", "test")},
        parts["test"].identity,
        {name: cell.seconds for name, cell in done.items()},
    )
