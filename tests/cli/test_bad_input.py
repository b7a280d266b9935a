"""Bad input ends in one clear line and exit code 2, with nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHORT, SHORT_AIA, TINY, Answer

Aiakit = Callable[..., Answer]
RUN = ("run", "--defense", "aia", "--attacks", "logreg", *TINY, *SHORT, *SHORT_AIA)


def folder(root: Path, people: dict[str, tuple[str, int]]) -> Path:
    """A data set in folders: person → (attribute value, number of images)."""
    rng = np.random.default_rng(0)
    lines = ["person,gender"]
    for person, (value, images) in people.items():
        (root / person).mkdir(parents=True)
        lines.append(f"{person},{value}")
        for number in range(images):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / person / f"{number}.png")
    (root / "attributes.csv").write_text("\n".join(lines) + "\n")
    return root


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.out == ""
    assert answer.message.startswith("aiakit: error: ")
    assert "\n" not in answer.message
    assert "bug" not in answer.message
    for word in words:
        assert word in answer.message, answer.message


OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "no defense": (("run",), ("--defense",)),
    "unknown defense": (("run", "--defense", "aja"), ("aja", "aia")),
    "unknown stage of a chain": (("run", "--defense", "aia+orginal"), ("orginal", "original")),
    "empty defense": (("run", "--defense", ","), ("defense",)),
    "unknown attack": ((*RUN, "--attacks", "logrec"), ("logrec", "logreg")),
    "empty attack": (("run", "--defense", "aia", "--attacks", " , "), ("attack",)),
    "unknown data set": ((*RUN, "--dataset", "celebb"), ("celebb", "celeba")),
    "unknown command": (("rum",), ("rum", "run")),
    "unknown flag": ((*RUN, "--sedes", "3"), ("--seeds",)),
    "unknown attribute": ((*RUN, "--attribute", "smilling"), ("smilling", "smiling")),
    "unknown option": ((*RUN, "--set", "aia.betta=1"), ("aia.betta", "aia.beta")),
    "option without a value": ((*RUN, "--set", "aia.beta"), ("aia.beta", "=")),
    "option of a plugin not in the run": ((*RUN, "--set", "cnn.epochs=1"), ("cnn",)),
    "option given twice": ((*RUN, "--set", "aia.alpha=1", "--set", "aia.alpha=2"), ("twice",)),
    "negative alpha": ((*RUN, "--set", "aia.alpha=-1"), ("aia.alpha", "greater than or equal to 0")),
    "beta no number": ((*RUN, "--set", "aia.beta=much"), ("aia.beta", "number")),
    "beta not finite": ((*RUN, "--set", "aia.beta=inf"), ("aia.beta", "finite")),
    "epochs zero": ((*RUN, "--set", "random.latent=1", "--defense", "random"), ("random.latent",)),
    "unknown CNN": (("run", "--defense", "aia", "--attacks", "cnn", "--set", "cnn.model=resnet9000"), ("resnet9000",)),
    "no CNN weights": (
        ("run", "--defense", "aia", "--attacks", "cnn", "--set", "cnn.weights=/nowhere.pt"),
        ("/nowhere.pt",),
    ),
    "zero seeds": ((*RUN, "--seeds", "0"), ("--seeds",)),
    "seeds no number": ((*RUN, "--seeds", "three"), ("three",)),
    "zero jobs": ((*RUN, "--jobs", "0"), ("--jobs",)),
    "unknown device": ((*RUN, "--device", "tpu"), ("tpu",)),
    "device not there": ((*RUN, "--device", "cuda:7"), ("cuda:7",)),
    "unknown precision": ((*RUN, "--precision", "fp7"), ("fp7",)),
    "odd image size": ((*RUN, "--image-size", "50"), ("16", "50")),
    "too few people": ((*RUN, "--people", "6"), ("too few people",)),
    "one image a person": ((*RUN, "--images-per-person", "1"), ("verification", "two images")),
    "plugin file missing": ((*RUN, "--plugin", "/nowhere/attack.py"), ("/nowhere/attack.py",)),
    "data folder missing": (("run", "--defense", "aia", "--dataset", "lfw", "--data-root", "/nowhere"), ("/nowhere",)),
    "data folder not given": (("run", "--defense", "aia", "--dataset", "lfw"), ("--data-root",)),
    "show nothing": (("show", "/nowhere"), ("/nowhere", "run.json")),
    "protect without a run": (("protect", "/nowhere", "a.png", "-o", "out"), ("/nowhere",)),
}


@pytest.mark.parametrize("case", OPTIONS)
def test_options(case: str, aiakit: Aiakit, tmp_path: Path) -> None:
    arguments, words = OPTIONS[case]
    out = tmp_path / "runs"
    extra = ("--out", out) if arguments[0] == "run" else ()
    refused(aiakit(*arguments, *extra), *words)
    assert not out.exists()


PEOPLE = {f"{sex}{number}": (sex, 2) for sex in ("f", "m") for number in range(10)}
DATA: dict[str, tuple[dict[str, tuple[str, int]], tuple[str, ...]]] = {
    "one class": (dict.fromkeys(PEOPLE, ("f", 2)), ("one class",)),
    "too few of a class": ({**{f"f{n}": ("f", 2) for n in range(12)}, "m": ("m", 2)}, ("too few people", "gender = m")),
    "nobody with two images": ({name: (sex, 1) for name, (sex, _) in PEOPLE.items()}, ("two images",)),
}


@pytest.mark.parametrize("case", DATA)
def test_data(case: str, aiakit: Aiakit, tmp_path: Path) -> None:
    people, words = DATA[case]
    root = folder(tmp_path / "data", people)
    arguments = ("--dataset", "folder", "--data-root", root, "--image-size", "16", "--attribute", "gender")
    refused(aiakit("run", "--defense", "aia", *arguments, "--out", tmp_path / "runs"), *words)
    assert not (tmp_path / "runs").exists()


def test_people_with_one_image_serve_attacks_without_utility(aiakit: Aiakit, tmp_path: Path) -> None:
    root = folder(tmp_path / "data", {name: (sex, 1) for name, (sex, _) in PEOPLE.items()})
    arguments = ("--dataset", "folder", "--data-root", root, "--image-size", "16", "--attribute", "gender")
    options = ("--attacks", "logreg", "--no-utility", *SHORT, "--out", tmp_path / "runs", "--json")
    answer = aiakit("run", "--defense", "original", *arguments, *options)
    assert answer.code == 0
    assert answer.document["images"] == 20


def test_unreadable_image_is_named_and_counts_when_strict(aiakit: Aiakit, tmp_path: Path) -> None:
    root = folder(tmp_path / "data", PEOPLE)
    (root / "f0" / "0.png").write_bytes(b"no picture")
    arguments = ("--dataset", "folder", "--data-root", root, "--image-size", "16", "--attribute", "gender", "--strict")
    refused(aiakit("run", "--defense", "aia", *arguments, "--out", tmp_path / "runs"), "0.png")


def test_folder_of_another_configuration(tiny_run: Path, aiakit: Aiakit) -> None:
    before = (tiny_run / "run.json").read_bytes()
    refused(aiakit(*RUN, "--out", tiny_run.parent, "--name", tiny_run.name), "another configuration", "defenses")
    assert (tiny_run / "run.json").read_bytes() == before


def test_folder_that_is_no_run(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("do not lose")
    refused(aiakit(*RUN, "--out", tmp_path, "--name", "mine"), "no run folder")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "do not lose"


def test_out_is_a_file(aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    refused(aiakit(*RUN, "--out", tmp_path / "runs"), "cannot be written")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_out_is_read_only(aiakit: Aiakit, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    refused(aiakit(*RUN, "--out", tmp_path / "runs"), "cannot be written")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", ("run.json",)),
        (b"[]", ("schema",)),
        (b'{"schema": 99}', ("99", "update")),
        (b'{"schema": 1, "config": {"attribute": 3}}', ("damaged",)),
        (b"\xff\xfe", ("run.json",)),
        (b'{"schema": 3}', ("config",)),
    ],
)
def test_damaged_run_record(content: bytes, words: tuple[str, ...], aiakit: Aiakit, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(content)
    refused(aiakit("show", tmp_path), *words)


def test_protect_refuses(tiny_run: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    picture = tmp_path / "face.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(picture)
    (tmp_path / "text.png").write_text("no picture")
    out = tmp_path / "out"
    refused(aiakit("protect", tiny_run, picture, "-o", out), "--defense", "aia", "random")
    refused(aiakit("protect", tiny_run, picture, "-o", out, "--defense", "aja"), "aja")
    refused(aiakit("protect", tiny_run, picture, "-o", out, "--defense", "aia", "--seed", "7"), "seed 7")
    refused(aiakit("protect", tiny_run, tmp_path / "no.png", "-o", out, "--defense", "aia"), "no.png")
    refused(aiakit("protect", tiny_run, tmp_path / "text.png", "-o", out, "--defense", "aia"), "text.png")
    assert not out.exists()
    refused(aiakit("protect", tiny_run, picture, "-o", tmp_path, "--defense", "aia"), "exists")


def test_state_of_another_shape_is_refused(tiny_run: Path, aiakit: Aiakit, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_run, copy)
    for cell in (copy / "cells").iterdir():
        record = json.loads((cell / "result.json").read_text())
        if record["inputs"]["kind"] == "release":
            (cell / "state.safetensors").write_bytes(b"damaged")
    picture = tmp_path / "face.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(picture)
    refused(aiakit("protect", copy, picture, "-o", tmp_path / "out", "--defense", "aia"), "no finished cell")
