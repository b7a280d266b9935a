"""``protect`` reads and releases batch by batch, and leaves nothing behind where a photograph is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiakit.api.trained import load_defense
from aiakit.errors import InputError
from aiakit.experiment.run import Run
from aiakit.faces import protect as protecting
from aiakit.faces.inputs import read_inputs
from aiakit.storage import tensorfile


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    return paths


def test_what_is_released_does_not_depend_on_the_batches(
    tiny_run: Path, photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run.open(tiny_run)
    monkeypatch.setattr(protecting, "BATCH", 3)
    told: list[tuple[str, int, int]] = []
    given = read_inputs(run, photographs)
    chain = protecting.choose_chain(run, "aia")
    protecting.protect(run, chain, given, tmp_path / "out", report=lambda *words: told.append(words))
    assert [done for _, done, _ in told] == [0, 3, 6]
    held = tensorfile.load(tmp_path / "out" / "embedding.safetensors")["embedding"]
    pixels = np.stack([np.asarray(Image.open(path)) for path in photographs])
    expected = load_defense(tiny_run, "aia")(pixels)
    np.testing.assert_allclose(held, np.asarray(expected.embedding), atol=1e-5)
    pictures = sorted((tmp_path / "out").glob("*.png"))
    assert [path.name for path in pictures] == [f"{number}-{number}.png" for number in range(7)]
    index = (tmp_path / "out" / "index.csv").read_text().splitlines()
    assert index[1] == f"0,{photographs[0]},0-0.png"
    assert len(index) == 8


def test_a_damaged_photograph_in_the_middle_leaves_nothing(
    tiny_run: Path, photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = Run.open(tiny_run), tmp_path / "many"
    folder.mkdir()
    for path in photographs:
        path.rename(folder / path.name)
    monkeypatch.setattr(protecting, "BATCH", 2)
    given = read_inputs(run, [folder])
    (folder / "5.png").write_text("no picture")
    told: list[int] = []
    chain = protecting.choose_chain(run, "aia")
    with pytest.raises(InputError, match=r"5\.png"):
        protecting.protect(run, chain, given, tmp_path / "out", report=lambda _, done, __: told.append(done))
    assert told == [0, 2, 4], "two batches were released before it was read"
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
