"""The time left: from the costs of plugins and what the machine has shown, not from the mean of what is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from aiakit.experiment.cellspec import CellSpec
from aiakit.experiment.remaining import Remaining, Sizes, seconds_of
from aiakit.plugins import costs, registry
from aiakit.plugins.costs import Cost
from aiakit.storage.store import Store

SIZES = Sizes(images=10_000, attacker=10_000, people=1_000)
COSTS = {
    ("attack", "quick"): Cost(rows=10_000, seconds=0.5, fixed=0.1),
    ("attack", "slow"): Cost(rows=10_000, seconds=60.0, fixed=1.0),
    ("defense", "trained"): Cost(rows=10_000, seconds=30.0, fixed=1.0, pieces=(("start", 20.0),)),
}
MACHINE = 3.0  # how much slower the machine is than the one where plugins were measured


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiakit.experiment.remaining.cost_of", lambda kind, name: COSTS.get((kind, name)))


def attack(name: str, release: str, people: int | None = None, number: int = 0) -> CellSpec:
    spec = {"kind": "attack", "name": name, "params": {}}
    inputs: dict[str, Any] = {"kind": "attack", "attack": spec, "people": people, "release": release, "number": number}
    return CellSpec(inputs, f"{name} on {release}, {number}", (), ("attack", name), release=release)


def release(name: str, seed: int = 0) -> CellSpec:
    defense = {"kind": "defense", "name": "trained", "params": {"called": name}}
    inputs = {"kind": "release", "defense": defense, "seed": seed}
    return CellSpec(inputs, f"{name}, seed {seed}", (), ("defense", "trained"), release=name)


class Clock:
    """A machine whose time passes as it is told. lanes : how many cells it computes at once."""

    def __init__(self, folder: Path, cells: Sequence[CellSpec], lanes: float = 1, **given: Any) -> None:
        self.time = 0.0
        self.store = Store(folder)
        self.store.open()
        self.remaining = Remaining(
            self.store, cells, cells, lambda cell: lanes > 1 and cell.kind == "attack", lanes, SIZES,
            lambda: self.time, **given
        )  # fmt: skip

    def compute(self, cell: CellSpec, seconds: float) -> None:
        self.remaining.start(cell)
        self.time += seconds
        self.finish(cell, seconds)

    def finish(self, cell: CellSpec, seconds: float) -> None:
        with self.store.draft(cell.digest, cell.inputs) as draft:
            draft.seconds = seconds
        self.remaining.end(cell, False)

    def left(self) -> float:
        left = self.remaining.left()
        assert left is not None
        return left


def test_quick_cells_before_slow_ones_do_not_make_the_rest_look_quick(tmp_path: Path) -> None:
    names = [*["quick"] * 9, "slow"]
    cells = [attack(name, of, number=n) for of in ("aia", "grl") for n, name in enumerate(names)]
    clock = Clock(tmp_path, cells)
    truth = [MACHINE * COSTS["attack", str(cell.inputs["attack"]["name"])].seconds for cell in cells]
    for done, cell in enumerate(cells[:9]):
        clock.compute(cell, truth[done])
        rest = sum(truth[done + 1 :])
        by_the_mean = clock.time / (done + 1) * (len(cells) - done - 1)
        assert clock.left() == pytest.approx(rest, rel=0.01)
        assert rest > 5 * by_the_mean


def test_a_plugin_that_is_slower_here_than_others_is_expected_so_again(tmp_path: Path) -> None:
    cells = [attack(name, of) for of in ("aia", "grl") for name in ("quick", "slow")]
    clock = Clock(tmp_path, cells)
    clock.compute(cells[0], 0.5)  # as measured
    clock.compute(cells[1], 600.0)  # ten times slower
    assert clock.left() == pytest.approx(600.5)


def test_a_cell_at_work_counts_down_and_never_below_its_last_part(tmp_path: Path) -> None:
    cells = [attack("slow", "aia")]
    clock = Clock(tmp_path, cells)
    clock.remaining.start(cells[0])
    clock.time = 20.0
    assert clock.left() == pytest.approx(40.0)
    clock.time = 200.0
    assert clock.left() == pytest.approx(3.0)


def test_workers_share_the_attacks_and_the_longest_is_waited_for(tmp_path: Path) -> None:
    cells = [release("aia"), *(attack("slow", "aia", number=number) for number in range(4))]
    assert Clock(tmp_path / "two", cells, lanes=2).left() == pytest.approx(50.0 + 120.0)
    assert Clock(tmp_path / "many", cells, lanes=64).left() == pytest.approx(50.0 + 60.0)


def test_how_many_workers_there_are_shows_where_nobody_knows(tmp_path: Path) -> None:
    cells = [attack("slow", "aia", number=number) for number in range(9)]
    clock = Clock(tmp_path, cells, lanes=float("inf"))
    for cell in cells:
        clock.remaining.start(cell)
    clock.time = 60.0
    for cell in cells[:3]:  # three at once
        clock.finish(cell, 60.0)
    assert clock.left() == pytest.approx(120.0)


def test_whoever_is_first_makes_the_shared_piece(tmp_path: Path) -> None:
    cells = [release("a"), release("b"), release("a", seed=1)]
    clock = Clock(tmp_path, cells)
    assert clock.left() == pytest.approx(3 * 30.0 + 2 * 20.0)  # one a seed
    clock.compute(cells[0], MACHINE * 50.0)
    assert clock.left() == pytest.approx(MACHINE * (2 * 30.0 + 20.0))


def test_a_few_people_cost_less_than_all(tmp_path: Path) -> None:
    assert seconds_of(attack("slow", "aia", people=100), SIZES) == pytest.approx(1.0 + 59.0 * 0.1)
    assert seconds_of(attack("slow", "aia", people=5_000), SIZES) == pytest.approx(60.0)


def test_what_an_earlier_start_finished_is_learned_from(tmp_path: Path) -> None:
    cells = [attack("slow", of) for of in ("aia", "grl")]
    clock = Clock(tmp_path, cells)
    clock.compute(cells[0], 120.0)
    again = Remaining(clock.store, cells, cells[1:], sizes=SIZES)
    assert (again.total, again.finished) == (2, 1)
    assert again.left() == pytest.approx(120.0)


def test_a_failure_ends_a_cell_and_says_nothing_of_others(tmp_path: Path) -> None:
    cells = [attack("slow", of) for of in ("aia", "grl")]
    clock = Clock(tmp_path, cells)
    clock.remaining.start(cells[0])
    clock.time = 0.1
    clock.remaining.end(cells[0], failed=True)
    assert clock.left() == pytest.approx(60.0)


def test_nothing_is_said_before_the_splits_are_known(tmp_path: Path) -> None:
    protocol = CellSpec({"kind": "protocol", "dataset": {"image_size": 64}, "split": {"folds": 1}}, "splits and pairs")
    store = Store(tmp_path)
    store.open()
    cells = [protocol, attack("slow", "aia")]
    remaining = Remaining(store, cells, cells)
    assert remaining.left() is None
    splits = {name: {"people": 10, "images": 5_000} for name in ("attacker-train", "attacker-val", "test")}
    with store.draft(protocol.digest, protocol.inputs) as draft:
        draft.result = {"splits": splits}
    remaining.end(protocol, False)
    assert remaining.left() == pytest.approx(60.0)


def test_costs_of_every_built_in_attack_and_defense_are_kept() -> None:
    for kind in ("attack", "defense"):
        for name in registry.names(kind):
            cls = registry.load(kind, name)
            if getattr(cls, "knowledge", "") == "in-loop" or registry.unavailable(kind, name):
                continue
            if not registry.entry(kind, name).built_in:  # of another test
                continue
            cost = costs.cost_of(kind, name)
            assert cost is not None, f"{kind} {name}: python -m benchmarks.speed.plugin_costs --only {name} --save"
            assert 0 <= cost.fixed <= cost.seconds
    assert "seconds" in costs.conditions()


def test_how_long_data_were_read_says_nothing_of_attacks(tmp_path: Path) -> None:
    protocol = CellSpec({"kind": "protocol", "dataset": {"image_size": 64}, "split": {"folds": 1}}, "splits and pairs")
    clock = Clock(tmp_path, [protocol, attack("slow", "aia")])
    clock.compute(protocol, 300.0)
    assert clock.remaining.left() == pytest.approx(60.0)
