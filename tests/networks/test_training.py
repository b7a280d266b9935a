"""The one training loop, its guards, and what it is fed with."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from aiakit.contracts import Context, Faces, State
from aiakit.datasets.rows import RowView
from aiakit.errors import Diverged
from aiakit.networks.autoencoder import AutoencoderSettings, latent_health, pretrained_autoencoder
from aiakit.networks.blocks import Autoencoder
from aiakit.networks.training import (
    PairSampler,
    Pixels,
    autocast,
    descend,
    fit_loop,
    forward_in_batches,
    seeded,
    steps_per_epoch,
)


def line(rate: float = 0.1) -> tuple[nn.Linear, torch.optim.Optimizer]:
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def test_loop_visits_every_row_once_an_epoch() -> None:
    seen: list[int] = []
    model, optimizer = line()

    def step(rows: Tensor) -> Tensor:
        seen.extend(rows.tolist())
        return descend(optimizer, model(torch.ones(len(rows), 1)).square().mean())

    steps: list[tuple[int, int]] = []
    ctx = Context(report=lambda _, done, total: steps.append((done, total)))
    fit_loop(step, module=model, count=10, batch_size=4, epochs=2, ctx=ctx, label="test")
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:], "each epoch has its own order"
    assert steps[0] == (0, 6)
    assert steps[-1] == (6, 6)


@pytest.mark.parametrize(("count", "size", "steps"), [(10, 4, 3), (9, 4, 2), (8, 4, 2), (1, 4, 1), (3, 8, 1)])
def test_steps_per_epoch(count: int, size: int, steps: int) -> None:
    """A last batch of one row is left out: batch norm cannot use it."""
    assert steps_per_epoch(count, size) == steps


def test_best_epoch_is_put_back_and_patience_ends_training() -> None:
    model, optimizer = line()
    scores = iter([0.1, 0.9, 0.5, 0.4, 0.3])
    weights: list[float] = []

    def step(rows: Tensor) -> Tensor:
        return descend(optimizer, (model(torch.ones(len(rows), 1)) - 3).square().mean())

    def validate() -> float:
        weights.append(float(model.weight))
        return next(scores)

    best = fit_loop(
        step, module=model, count=4, batch_size=4, epochs=5, ctx=Context(), label="t", validate=validate, patience=2
    )
    assert best == 0.9
    assert len(weights) == 4, "two epochs without a better score end it"
    assert float(model.weight) == weights[1]


def test_divergence_carries_the_last_good_state() -> None:
    model, optimizer = line(rate=1e30)

    def step(rows: Tensor) -> Tensor:
        return descend(optimizer, (model(torch.ones(len(rows), 1)) - 3).square().mean())

    with pytest.raises(Diverged, match="not finite") as caught:
        fit_loop(step, module=model, count=64, batch_size=2, epochs=2, ctx=Context(), label="test")
    assert np.isfinite(np.asarray(caught.value.state["weight"])).all()
    assert torch.isfinite(model.weight).all()


def test_out_of_memory_halves_the_batch() -> None:
    sizes: list[int] = []
    said: list[str] = []
    model, optimizer = line()

    def step(rows: Tensor) -> Tensor:
        if len(rows) > 4:
            raise torch.OutOfMemoryError("no room")
        sizes.append(len(rows))
        return descend(optimizer, model(torch.ones(len(rows), 1)).square().mean())

    ctx = Context(report=lambda label, _done, _total: said.append(label))
    fit_loop(step, module=model, count=16, batch_size=16, epochs=1, ctx=ctx, label="test")
    assert sizes == [4, 4, 4, 4]
    assert any("out of memory" in label for label in said)


def test_out_of_memory_halves_the_batch_of_a_forward_pass_too() -> None:
    said: list[str] = []

    def double(batch: Tensor) -> Tensor:
        if len(batch) > 3:
            raise torch.OutOfMemoryError("no room")
        return batch * 2

    rows = torch.arange(22.0)[:, None]
    ctx = Context(report=lambda label, _done, _total: said.append(label))
    assert np.array_equal(forward_in_batches(double, rows, ctx, 16), rows.numpy() * 2)
    assert "forward pass: out of memory, 8 rows a batch" in said
    with pytest.raises(torch.OutOfMemoryError):
        forward_in_batches(lambda batch: double(batch.repeat(9, 1)), rows, ctx)


def test_seeding_leaves_the_callers_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    draws = []
    for _ in range(2):
        with seeded(Context(seed=1), "a"):
            draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert torch.equal(torch.rand(3), expected)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=40), st.integers(0, 2**31))
def test_partners(people: list[int], seed: int) -> None:
    """The label is true, and a picture is never its own genuine partner unless it is drawn as an impostor of itself."""
    identity = np.array(people)
    rows = torch.arange(len(identity)).repeat(20)
    partners, different = PairSampler(identity, seed).partners(rows)
    assert np.array_equal(different.numpy(), identity[partners.numpy()] != identity[rows.numpy()])
    several = np.bincount(identity)[identity[rows.numpy()]] > 1
    if several.any():
        genuine = ~different.numpy()[several]
        assert genuine.mean() > 0.2, "half of the partners are wanted to be of the same person"


def test_pixels_do_not_copy_the_map() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), dtype=np.uint8)
    view = RowView(images, np.array([7, 1, 3]))
    pixels = Pixels(view, Context())  # type: ignore[arg-type]
    batch = pixels.batch(torch.tensor([2, 0]))
    assert batch.shape == (2, 3, 16, 16)
    assert batch.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(batch, torch.from_numpy(images[[3, 7]]).permute(0, 3, 1, 2).float() / 255)
    first = Pixels(images.transpose(0, 3, 1, 2), Context()).batch(slice(0, 2))
    assert torch.allclose(first, torch.from_numpy(images[:2]).permute(0, 3, 1, 2).float() / 255)


def faces(count: int = 24) -> Faces:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    return Faces(images, np.arange(count) % 2, np.arange(count) // 2, ("a", "b"))


def test_collapsed_latent_is_named() -> None:
    model = pretrained_autoencoder(AutoencoderSettings(4, 4, 1), faces(), Context())
    pixels = Pixels(faces().images, Context())
    assert latent_health(model, pixels, Context()) is None
    nn.init.zeros_(model.encoder.project.weight)
    assert "collapsed" in str(latent_health(model, pixels, Context()))
    nn.init.constant_(model.encoder.project.bias, float("nan"))
    assert "not finite" in str(latent_health(model, pixels, Context()))


def test_pretraining_is_remembered() -> None:
    asked: list[str] = []
    stored: dict[str, State] = {}

    def memo(name: str, inputs: object, compute: object) -> State:
        asked.append(name)
        key = f"{name} {inputs}"
        if key not in stored:
            stored[key] = compute()  # type: ignore[operator]
        return stored[key]

    ctx = Context(memo=memo)
    models = [pretrained_autoencoder(AutoencoderSettings(4, 4, 1), faces(), ctx) for _ in range(2)]
    assert asked == ["autoencoder", "autoencoder"]
    assert len(stored) == 1
    for left, right in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(left, right)


def trained(ctx: Context) -> dict[str, Tensor]:
    """The parameters after one epoch of an autoencoder's training."""
    with seeded(ctx, "test"):
        model = Autoencoder(16, 4, 4)
        pixels, optimizer = Pixels(faces().images, ctx), torch.optim.Adam(model.parameters())

        def step(rows: Tensor) -> Tensor:
            images = pixels.batch(rows)
            with autocast(ctx):
                _, logits = model(images)
            return descend(optimizer, (logits.float() - images).square().mean())

        everything = nn.ModuleList([model, nn.ModuleDict({"unused": nn.Linear(1, 1)})])
        fit_loop(step, module=everything, count=24, batch_size=8, epochs=1, ctx=ctx, label="test")
    return dict(model.state_dict())


def test_compiled_networks_learn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Traced, but not turned into machine code, which takes a compiler and minutes."""
    compiled: list[str] = []

    def compile_eagerly(module: nn.Module) -> None:
        compiled.append(type(module).__name__)
        original(module, backend="eager")

    original = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", compile_eagerly)
    with_compiler, without = trained(Context(compiled=True)), trained(Context())
    assert compiled == ["Autoencoder", "Linear"], "containers are not called, what they hold is"
    assert with_compiler.keys() == without.keys()
    for name, value in without.items():
        assert torch.allclose(with_compiler[name], value, atol=1e-6), name


def test_bfloat16_keeps_parameters_in_float32() -> None:
    low, full = trained(Context(precision="bf16")), trained(Context())
    assert all(value.dtype == full[name].dtype for name, value in low.items())
    assert not all(torch.equal(value, full[name]) for name, value in low.items()), "the arithmetic is another"
    assert all(torch.isfinite(value.float()).all() for value in low.values())


def test_pixels_are_resident_on_an_accelerator() -> None:
    """As bytes. The device without memory stands for one: shapes and places are right, values there are none."""
    ctx = Context(device="meta")
    pixels = Pixels(faces().images, ctx)
    assert pixels.resident is not None
    assert (pixels.resident.dtype, pixels.resident.device.type) == (torch.uint8, "meta")
    batch = pixels.batch(torch.tensor([3, 1, 2]))
    assert batch.is_contiguous(memory_format=torch.channels_last)
    latent, logits = Autoencoder(16, 4, 4).to("meta")(batch)
    assert (latent.shape, logits.shape) == ((3, 4), (3, 3, 16, 16))
