"""The networks on pictures: what each is there to see, and how the strong setting puts them together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from aiakit.attacks._steganalysis import Steganalysis, residual
from aiakit.attacks.cnn import shifted
from aiakit.attacks.cnn_strong import StrongCNN, member_weights
from aiakit.calibration.image_leaks import coloured_corner, key_pattern, pixel_lsb
from aiakit.contracts import Context, LabelledRelease, Release
from aiakit.experiment.selection import attack_names, not_run

STRONG = {"low bits": pixel_lsb(16, 0.2), "corner": coloured_corner(16, 4, 5.0)}
FAINT = key_pattern(16, 1.5)


def drawn(leak: Any, n: int, seed: int) -> LabelledRelease:
    release, labels = leak.draw(n, np.random.default_rng(seed))
    return LabelledRelease(release, labels, np.arange(n), ("0", "1"))


def accuracy(attack: Any, leak: Any) -> float:
    test = drawn(leak, 400, 2)
    attack.fit(drawn(leak, 600, 0), drawn(leak, 200, 1), Context(threads=1))
    return float(np.mean(attack.predict_proba(test.release).argmax(axis=1) == test.labels))


@pytest.mark.parametrize("leak", STRONG)
def test_tiles_see_low_bits_and_a_tinted_corner(leak: str) -> None:
    assert accuracy(Steganalysis(width=4, epochs=6), STRONG[leak]) >= 0.85


def test_the_high_pass_sees_a_pattern_that_is_always_at_the_same_place() -> None:
    assert accuracy(Steganalysis(width=0, epochs=6), FAINT) >= 0.85


def test_the_strong_setting_listens_to_the_member_that_sees_something_and_repeats_to_the_byte() -> None:
    parts = [drawn(FAINT, n, n) for n in (600, 200, 400)]
    made = [StrongCNN("test_resnet", epochs=1, hidden_epochs=6).fit(*parts[:2], Context()) for _ in range(2)]
    proba = [attack.predict_proba(parts[2].release) for attack in made]
    assert proba[0].tobytes() == proba[1].tobytes()
    np.testing.assert_allclose(proba[0].sum(axis=1), 1, atol=1e-6)
    assert np.mean(proba[0].argmax(axis=1) == parts[2].labels) >= 0.85
    assert list(made[0].members_)[int(np.argmax(made[0].weights_))] == "high-pass"


def test_a_member_that_knows_nothing_gets_next_to_no_weight() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    knows = rng.normal(size=(300, 3))
    knows[np.arange(300), labels] += 1.5
    noise = 5 * rng.normal(size=(300, 3))  # sure of itself, and wrong
    val = LabelledRelease(Release(np.zeros((300, 1))), labels, np.arange(300), ("a", "b", "c"))
    weights = member_weights(np.stack([noise, knows]), val)
    assert weights[0] <= 0.1
    assert weights[1] >= 0.5


def test_a_shift_moves_each_picture_by_whole_pixels_and_repeats_its_edge() -> None:
    pictures = torch.arange(4 * 3 * 8 * 8).reshape(4, 3, 8, 8).float()
    moved = shifted(pictures, 2, torch.Generator().manual_seed(0))
    assert moved.shape == pictures.shape
    padded = torch.nn.functional.pad(pictures, (2, 2, 2, 2), mode="replicate")
    found = [
        [(y, x) for y in range(5) for x in range(5) if torch.equal(padded[i, :, y : y + 8, x : x + 8], moved[i])]
        for i in range(4)
    ]
    assert all(len(each) == 1 for each in found)
    assert len({each[0] for each in found}) > 1


def test_nothing_is_left_of_a_flat_picture() -> None:
    flat = torch.full((2, 3, 9, 9), 0.3)
    assert residual(flat).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("asked", "there"), [("all", False), ("fast", False), ("strong", True), ("all,cnn-strong", True)]
)
def test_presets_say_what_they_leave_out(asked: str, there: bool) -> None:
    names = attack_names([asked], {})
    assert ("cnn-strong" in names) is there
    notes = not_run([asked], names, ["embedding", "image"])
    if asked == "fast":
        left = len(set(attack_names(["all"], {})) - set(names))
        assert notes == [
            f"fast is for development and leaves out {left} attacks: --attacks all for a figure to publish"
        ]
    elif asked == "all":
        assert notes == ["cnn-strong not run: costly; --attacks all,cnn-strong for the strongest suite"]
        assert not_run([asked], names, ["embedding"]) == []
    else:
        assert notes == []
