"""The embedded data set: drawn faces of people who do not exist, which carry their own bound on every attack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy.special import ndtr

from aiakit.contracts import Dataset, FaceSet, LoadSettings, batches
from aiakit.datasets.drawing import draw
from aiakit.datasets.fingerprint import array_digest, fingerprinted
from aiakit.datasets.parallel import in_order
from aiakit.datasets.people import cast
from aiakit.storage.cache import Batch, cached_pixels

VERSION = 1  # raise it with any change to what is drawn, or an old cache would be taken for the new pictures
PEOPLE_AT_ONCE = 4


class Synthetic(Dataset):
    """Drawn faces; needs no files. ``people`` explains who they are and why the bound holds."""

    needs_root: ClassVar[bool] = False
    real_people: ClassVar[bool] = False
    summary: ClassVar[str] = "procedural faces of nobody, with a known bound on every attack on gender"

    def __init__(
        self,
        people: Annotated[int, Field(ge=1, le=1_000_000)] = 1200,
        images_per_person: Annotated[int, Field(ge=1, le=1000)] = 8,
        seed: Annotated[int, Field(ge=0)] = 0,
        delta: Annotated[float, Field(ge=0, le=10)] = 3.2,
    ) -> None:
        """delta : distance between the genders' mean parameters in standard deviations; the bound is Φ(delta/2)."""
        self.people = people
        self.images_per_person = images_per_person
        self.seed = seed
        self.delta = delta

    def load(self, settings: LoadSettings) -> FaceSet:
        """The faces. More ``people`` begin with the same people. Raises InputError where the cache cannot be kept."""
        key = array_digest("synthetic", VERSION, self.get_params(), settings.image_size)
        pixels = cached_pixels(settings.cache, key, settings.image_size, self._draw(settings))
        each, owners = self.images_per_person, range(self.people)
        people = cast(owners, each, self.seed, self.delta)
        faces = FaceSet(
            name="synthetic",
            images=pixels.images,
            identity=np.repeat(np.arange(self.people), each),
            people=tuple(f"person-{owner:05d}" for owner in owners),
            files=tuple(f"person-{owner:05d}/{image:03d}" for owner in owners for image in range(each)),
            attributes=people.attributes(),
            default_attribute="gender",
            bayes_ceiling={"gender": float(ndtr(self.delta / 2))},
            numbers=people.numbers(),
        )
        return fingerprinted(faces, pixels.digest)

    def _draw(self, settings: LoadSettings) -> Iterator[Batch]:
        each, size = self.images_per_person, settings.image_size

        def work(people: slice) -> Batch:
            drawn = cast(range(people.start, people.stop), each, self.seed, self.delta)
            return Batch(draw(drawn.look(), size, drawn.noise(size)), {})

        parts = list(batches(self.people, PEOPLE_AT_ONCE))
        settings.report("drawing faces", 0, self.people * each)
        for part, batch in zip(parts, in_order(work, parts, settings.jobs), strict=True):
            yield batch
            settings.report("drawing faces", part.stop * each, self.people * each)
