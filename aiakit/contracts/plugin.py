"""What plugins of every kind share."""

from __future__ import annotations

import inspect
from abc import ABC
from typing import Any, ClassVar, Literal

# What a release may give away: an attribute of classes, who somebody is, whether two images show one person, what was
# there before it was defended, an attribute that is a number.
RiskName = Literal["attribute", "identity", "linkage", "inversion", "numeric"]


class Plugin(ABC):
    """What attacks, defenses and encoders share: parameters that can be read back, ``summary`` (one line for lists).

    Annotate the parameters of ``__init__`` (``Annotated[float, Field(ge=0)]`` with pydantic's ``Field`` adds bounds):
    the command line converts and validates options against the annotations before anything runs.
    """

    summary: ClassVar[str] = ""

    def get_params(self) -> dict[str, Any]:
        """The parameters of ``__init__`` and their present values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    @classmethod
    def unavailable(cls, classes: tuple[str, ...] = ()) -> str | None:
        """Why it cannot be used here, e.g. a package is missing, or for an attribute of these classes; else None."""
        return None
