"""Groups of defenses: what one name stands for, and what is left out of it and said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aiakit.contracts import Defense, EmbeddingDefense
from aiakit.errors import InputError
from aiakit.experiment.config import label_of
from aiakit.experiment.request import Request, prepare
from aiakit.plugins import registry
from tests.conftest import Answer

Aiakit = Callable[..., Answer]
TINY = {"people": 80, "images_per_person": 3}
NEEDY = '''
from aiakit.plugins.bases import Learned
from aiakit.contracts import EmbeddingDefense, Release


class Needy(EmbeddingDefense):
    """Publishes what it is given."""

    summary = "needs a key"

    def __init__(self, key: str):
        self.key = key

    def fit(self, train, val, ctx):
        return self

    def release(self, embedding, rng):
        return Release(embedding=embedding)

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        return self


class Absent(Needy):
    """Publishes what it is given."""

    summary = "is not there"

    def __init__(self):
        pass

    @classmethod
    def unavailable(cls, classes=()):
        return "the library absent is not installed"
'''


def labels(*defenses: str, encoder: str = "autoencoder") -> list[str]:
    request = Request(
        defenses=defenses, attacks=["logreg"], encoder=encoder, data_options=TINY, image_size=16, utility=False
    )
    return [label_of(chain) for chain in prepare(request).config.defenses]


def test_a_group_is_every_defense_of_its_kind(no_plugin_files: None) -> None:
    classes = {name: registry.load("defense", name) for name in registry.names("defense")}
    of_embeddings = {name for name, cls in classes.items() if issubclass(cls, EmbeddingDefense)}
    pictures = {name for name, cls in classes.items() if issubclass(cls, Defense) and cls.produces == ("image",)}
    assert pictures == {"blur", "pixelate", "downsample", "k-same", "san"}
    assert set(labels("all-embedding")) == of_embeddings | {"original"}
    assert set(labels("all-embedding", encoder="python:tests.encoders.functions:colours")) == of_embeddings | {
        "original"
    }
    assert set(labels("all-picture")) == pictures | {"original"}
    assert set(labels("all-picture,all-embedding,aia,aia-t,random")) == set(labels("all")) == set(classes)


def test_a_group_may_stand_beside_names_and_chains() -> None:
    found = labels("identity-transport+inlp,all-picture,leace")
    assert found[0] == "original"
    assert found[1:3] == ["identity-transport+inlp", "leace"]
    assert len(found) == 8


def test_what_lacks_something_is_left_out_and_said(no_plugin_files: None, tmp_path: Path) -> None:
    path = tmp_path / "needy.py"
    path.write_text(NEEDY)
    registry.register_file(path)
    request = Request(defenses=["all-embedding"], attacks=["logreg"], data_options=TINY, image_size=16, utility=False)
    config = prepare(request).config
    assert not {"needy", "absent"} & {label_of(chain) for chain in config.defenses}
    assert config.notes == (
        "absent not run: the library absent is not installed",
        "needy not run: it needs --set needy.key",
    )


def test_no_group_of_pictures_behind_another_encoder() -> None:
    with pytest.raises(InputError, match="reads images and makes its own representation"):
        labels("all-picture", encoder="python:tests.encoders.functions:colours")


def test_unknown_groups_are_named_and_lists_say_which_there_are(aiakit: Aiakit, tmp_path: Path) -> None:
    answer = aiakit("run", "--defense", "all-embeddings", "--out", tmp_path)
    assert answer.code == 2
    assert "did you mean all-embedding" in answer.message
    assert "all-embedding" in aiakit("list", "defenses").out
    assert "all-picture" in aiakit("run", "--help").out
