"""A fresh convolutional network on the released pictures."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.networks.timm_models import Standardise, existing_file, known_model
from aiakit.plugins.bases import NetworkOnPictures


class CNN(NetworkOnPictures):
    """A timm model trained on the released pictures of attacker-train, with horizontal flips; the best epoch on val.

    Parameters
    ----------
    model : any timm architecture. weights : path of a checkpoint of that architecture to start from ("" = random).
    epochs, batch_size, rate, weight_decay : of AdamW with a 1cycle schedule.
    shift : pixels by which a training picture is moved at most, either way, along each axis.
    """

    presets = ("strong",)
    summary = "a fresh timm CNN on the released pictures"

    def __init__(
        self,
        model: Annotated[str, AfterValidator(known_model)] = "resnet10t",
        weights: Annotated[str, AfterValidator(existing_file)] = "",
        epochs: Annotated[int, Field(ge=1)] = 6,
        batch_size: Annotated[int, Field(ge=2)] = 64,
        rate: Annotated[float, Field(gt=0)] = 2e-3,
        weight_decay: Annotated[float, Field(ge=0)] = 0.05,
        shift: Annotated[int, Field(ge=0)] = 0,
    ) -> None:
        self.model = model
        self.weights = weights
        self.epochs = epochs
        self.batch_size = batch_size
        self.rate = rate
        self.weight_decay = weight_decay
        self.shift = shift

    def network(self, shape: tuple[int, ...], classes: int) -> nn.Module:
        import timm  # only here: it takes seconds to load, and this module is also loaded to read results

        options: dict[str, Any] = {"num_classes": classes}
        if self.weights:
            options |= {"pretrained": True, "pretrained_cfg_overlay": {"file": self.weights}}
        return nn.Sequential(Standardise(), timm.create_model(self.model, **options))

    def rows_a_batch(self, rows: int) -> int:
        return self.batch_size

    def augment(self, batch: Tensor, draws: torch.Generator) -> Tensor:
        """Every other picture mirrored, and all moved by up to ``shift`` pixels, their edges repeated."""
        flip = (torch.rand(len(batch), generator=draws) < 0.5).to(batch.device)
        mirrored = torch.where(flip[:, None, None, None], batch.flip(3), batch)
        return mirrored if not self.shift else shifted(mirrored, self.shift, draws)


def shifted(batch: Tensor, most: int, draws: torch.Generator) -> Tensor:
    """(B, C, H, W), each picture moved by up to ``most`` pixels along each axis, its edges repeated."""
    count, _, height, width = batch.shape
    padded = F.pad(batch, (most, most, most, most), mode="replicate")
    start = torch.randint(2 * most + 1, (2, count, 1), generator=draws)
    rows, columns = start[0] + torch.arange(height), start[1] + torch.arange(width)
    each = torch.arange(count)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[each, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)
