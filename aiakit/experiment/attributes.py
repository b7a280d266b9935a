"""The attributes whose leakage is measured besides the protected one."""

from __future__ import annotations

from collections.abc import Sequence

from aiakit.contracts import FaceSet
from aiakit.datasets.splits import Split, relabelled, resolve_attribute
from aiakit.errors import InputError
from aiakit.experiment.config import AttributeSpec
from aiakit.plugins import registry


def further_attributes(
    faces: FaceSet, split: Split, asked: Sequence[str], attacks: Sequence[str]
) -> tuple[AttributeSpec, ...]:
    """The attributes asked for besides the one that the split is made for; "all" is every one that can be measured.

    Raises InputError for an unknown attribute, and for a named one that cannot be measured on these splits.
    """
    names = list(dict.fromkeys(asked if "all" not in asked else [*asked, *faces.attributes]))
    found = []
    for name in names:
        if name in ("all", split.attribute):
            continue
        resolve_attribute(faces, name)
        try:
            relabelled(faces, split.rows, name, split.folds)
        except InputError as error:
            if name in asked:
                raise
            found.append(AttributeSpec(name=name, left_out=str(error)))
            continue
        classes = faces.attributes[name].classes
        unable = [a for a in attacks if registry.load("attack", a).unavailable(classes)]
        found.append(AttributeSpec(name=name, without=tuple(unable)))
    return tuple(found)
