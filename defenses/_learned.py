"""State of the defenses that learn a handful of arrays."""

from __future__ import annotations

from typing import ClassVar, Self

from aiakit.contracts import State


class Learned:
    """Mixin: ``fit`` learns the arrays ``name_``, for each name in ``learned``, and they are all of the state."""

    learned: ClassVar[tuple[str, ...]] = ()

    def state_dict(self) -> State:
        return {name: getattr(self, f"{name}_") for name in self.learned}

    def load_state_dict(self, state: State) -> Self:
        for name in self.learned:
            if name not in state:
                raise ValueError(f"the state has no {name}")
            setattr(self, f"{name}_", state[name])
        return self
