"""Here what is stored is really written to the disk."""

from __future__ import annotations

import os

import pytest

from tests.conftest import FSYNC


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", FSYNC)
