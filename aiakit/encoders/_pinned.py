"""Encoders that are made of something outside of aiakit, which may change behind its back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from aiakit.contracts import Context, Encoder, State
from aiakit.errors import InputError


class Pinned(Encoder):
    """An encoder that learns nothing and is what one of its options names, by content.

    Cells go by the content, and its state is the content's digest: who restores it when that is another is told.

    pinned : the option that names it.
    """

    pinned: ClassVar[str]

    @abstractmethod
    def content(self) -> str:
        """SHA-256 of what the option names. Raises InputError where that cannot be used."""

    @classmethod
    def depends_on(cls, params: Mapping[str, Any]) -> dict[str, str]:
        return {cls.pinned: cls(**params).content()}

    def state_dict(self) -> State:
        return {"sha256": np.frombuffer(bytes.fromhex(self.content()), np.uint8)}

    def load_state_dict(self, state: State) -> Self:
        """Raises ValueError for what is no state of such an encoder, InputError where the content changed."""
        if "sha256" not in state:
            raise ValueError("the state has no sha256")
        if state["sha256"].tobytes().hex() != self.content():
            named = getattr(self, self.pinned)
            raise InputError(f"{named} has another content than when this was made: put the former back, or run again")
        self.ctx_ = Context()
        return self
