"""Threads: what is asked for, else OMP_NUM_THREADS, else the cores that this process may run on."""

from __future__ import annotations

import os

import pytest

from aiakit.datasets.parallel import threads_in_all, usable_cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert usable_cores() == threads_in_all() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert usable_cores() == len(allowed)


@pytest.mark.parametrize(("variable", "asked", "threads"), [("3", None, 3), ("3", 5, 5), ("x", 2, 2)])
def test_threads_that_are_asked_for_come_first(
    monkeypatch: pytest.MonkeyPatch, variable: str, asked: int | None, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert threads_in_all(asked) == threads


@pytest.mark.parametrize("variable", ["", "0", "many", "-2"])
def test_a_variable_that_says_nothing_is_passed_over(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert threads_in_all() == usable_cores()
