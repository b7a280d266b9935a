"""Small copies of the data sets that suites are of, in their real layouts, with drawn faces in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from aiakit.contracts import FaceSet, LoadSettings
from aiakit.datasets.synthetic import Synthetic
from aiakit.storage.cache import cache_folder
from tests.datasets.layouts import celeba_images, celeba_texts, vggface1_person, vggface2

PEOPLE, EACH = 50, 2


@pytest.fixture(scope="session")
def drawn() -> FaceSet:
    return Synthetic(people=PEOPLE, images_per_person=EACH).load(LoadSettings(image_size=32, cache=cache_folder()))


def portraits(faces: FaceSet) -> Callable[..., Path]:
    """A maker of pictures that gives the faces one after another."""
    images = iter(faces.images)

    def make(path: Path, size: tuple[int, int]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(next(images)).resize(size).save(path)
        return path

    return make


@pytest.fixture(scope="session")
def celeba(drawn: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CelebA as published: three fifths of the people are train, a fifth each val and test."""
    root = tmp_path_factory.mktemp("celeba")
    files = [f"{number:06d}.jpg" for number in range(1, len(drawn) + 1)]
    celeba_images(root / "img_align_celeba", portraits(drawn), files)
    gender = [1 if male else -1 for male in drawn.attributes["gender"].values]
    people = drawn.identity.tolist()
    celeba_texts(root, files, {"Male": gender}, people, [(0, 0, 0, 1, 2)[person // 2 % 5] for person in people])
    return root


@pytest.fixture(scope="session")
def vggface1(drawn: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG Face: a text file a person, and the pictures that could be downloaded."""
    root = tmp_path_factory.mktemp("vggface1")
    make = portraits(drawn)
    lines = ["name,gender"]
    for number, name in enumerate(drawn.people):
        vggface1_person(root, name, ["0.00 0.00 99.00 99.00"] * EACH, make)
        lines.append(f"{name},{'fm'[drawn.attributes['gender'].values[number * EACH]]}")
    (root / "gender.csv").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="session")
def vggface2_faces(drawn: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGGFace2: a fifth of the people, of both genders, are of its test set."""
    root = tmp_path_factory.mktemp("vggface2")
    genders = drawn.attributes["gender"].values[::EACH].tolist()
    people = {f"n{n:06d}": ("test" if n // 2 % 5 == 4 else "train", "fm"[of]) for n, of in enumerate(genders)}
    vggface2(root, people, EACH, portraits(drawn))
    return root
