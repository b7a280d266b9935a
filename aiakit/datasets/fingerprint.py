"""Digests that change whenever what they cover changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import numpy as np

from aiakit.contracts import FaceSet


def array_digest(*parts: Any) -> str:
    """SHA-256 over arrays and JSON values, each with its kind and length so that neighbours cannot run together."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            head, body = f"{part.dtype.str}{part.shape}", np.ascontiguousarray(part).tobytes()
        else:
            head, body = "json", json.dumps(part, sort_keys=True).encode()  # pure ASCII, whatever a file is called
        total.update(f"{head}:{len(body)}:".encode())
        total.update(body)
    return total.hexdigest()


def fingerprinted(faces: FaceSet, pixels: str) -> FaceSet:
    """The same faces with a fingerprint over all they hold; ``pixels`` is the digest of the images.

    Neither the folder nor the times of the files enter it: a copy of the data elsewhere has the same fingerprint.
    """
    pairs = faces.pairs
    parts: list[Any] = [
        faces.name, list(faces.images.shape), pixels, faces.identity, faces.people, faces.files,
        faces.default_attribute, faces.partition, faces.bayes_ceiling, faces.notes,
    ]  # fmt: skip
    for name, attribute in sorted(faces.attributes.items()):
        parts += [name, attribute.classes, attribute.values]
    if not faces.identified:
        parts.append("not identified")
    if pairs is not None:
        parts += [pairs.left, pairs.right, pairs.same, pairs.fold]
    return replace(faces, fingerprint=array_digest(*parts))
