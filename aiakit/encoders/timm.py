"""Any network of timm without its classifier."""

from __future__ import annotations

from typing import Annotated, Any, Self

import timm
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator
from timm.data.config import resolve_model_data_config
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own convention)

from aiakit.contracts import Context, Encoder, Faces, PixelArray, State
from aiakit.networks.blocks import load_state, state_of
from aiakit.networks.timm_models import Standardise, existing_file, known_model, load_features
from aiakit.networks.training import Pixels, forward_in_batches, seeded

BATCH = 64


class Timm(Encoder):
    """The pooled features of a timm model, at the input size and with the pixel statistics that its makers state.

    Parameters
    ----------
    model : any timm architecture. weights : path of a checkpoint of it, .safetensors or .pth; its classifier is left
        out. Nothing is downloaded: "" means random weights, which are a baseline and not a recogniser.
    """

    summary = "a timm model's features, from a checkpoint file of yours or random weights"
    shorthand = ("model", "weights")

    def __init__(
        self,
        model: Annotated[str, AfterValidator(known_model)] = "resnet18",
        weights: Annotated[str, AfterValidator(existing_file)] = "",
    ) -> None:
        self.model = model
        self.weights = weights

    def fit(self, train: Faces, val: Faces, ctx: Context) -> Self:
        """Load the weights, or draw random ones."""
        self.ctx_ = ctx
        with seeded(ctx, "timm"):
            self.network_ = self._network(ctx)
        if self.weights:
            load_features(self.network_, self.weights)
        return self

    def encode(self, images: PixelArray, files: tuple[str, ...]) -> NDArray[Any]:
        config = resolve_model_data_config(self.network_)  # type: ignore[no-untyped-call]
        standardise = Standardise(config["mean"], config["std"]).to(self.ctx_.device)
        size = config["input_size"][1:]

        def features(batch: Tensor) -> Tensor:
            resized = F.interpolate(batch, size, mode="bicubic", antialias=True).clamp(0, 1)
            return self.network_(standardise(resized))  # type: ignore[no-any-return]

        return forward_in_batches(features, Pixels(images, self.ctx_), self.ctx_, BATCH)

    def state_dict(self) -> State:
        return state_of(self.network_)

    def load_state_dict(self, state: State) -> Self:
        self.ctx_ = Context()
        self.network_ = self._network(self.ctx_)
        load_state(self.network_, state)
        return self

    def _network(self, ctx: Context) -> nn.Module:
        network: nn.Module = timm.create_model(self.model, pretrained=False, num_classes=0)
        return network.to(ctx.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload,no-any-return]
