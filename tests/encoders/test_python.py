"""Functions as encoders: what they give, how they are found again, and that changed code is another encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL import __version__ as pillow

import aiakit as package
from aiakit.api.keywords import encoder_named
from aiakit.contracts import Context, Faces
from aiakit.errors import InputError, PluginError
from aiakit.experiment.config import plugin_spec
from aiakit.plugins import functions, registry
from aiakit.storage import tensorfile
from tests.conftest import TINY, Answer
from tests.encoders import functions as made

Aiakit = Callable[..., Answer]
COLOURS = """
import numpy as np

def colours(images):
    return images.reshape(len(images), -1, 3).mean(axis=1)
"""
RUN = ("run", "--defense", "original", "--attacks", "lda", "--no-utility", *TINY)


def written(folder: Path, body: str = COLOURS, name: str = "enc.py") -> str:
    (folder / name).write_text(body)
    return f"{folder / name}:colours"


def fitted(function: str, faces: Faces, **options: str) -> Any:
    made = registry.make("encoder", "python", {"function": function, **options})
    return made.fit(faces, faces, Context())


def encode(function: str, faces: Faces, **options: str) -> Any:
    return fitted(function, faces, **options).encode(faces.images, tuple(f"{row}.png" for row in range(len(faces))))


@pytest.mark.parametrize("batch", ["1", "7", "64"])
def test_embeddings_are_what_the_function_returns(batch: str, faces: Faces, tmp_path: Path) -> None:
    found = encode(written(tmp_path), faces, batch=batch)
    assert found.dtype == np.float32
    expected = np.asarray(faces.images).reshape(len(faces), -1, 3).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_function_of_a_module_or_of_an_object_in_it_is_found(faces: Faces, tmp_path: Path) -> None:
    body = COLOURS + "\nclass Model:\n    def embed(self, images):\n        return colours(images)\n\nmodel = Model()\n"
    path = written(tmp_path, body).replace(":colours", ":model.embed")
    np.testing.assert_array_equal(encode(path, faces), encode("tests.encoders.functions:colours", faces))


def test_torch_and_more_axes_are_taken_as_rows(faces: Faces, tmp_path: Path) -> None:
    body = "import torch\ndef colours(images):\n    return torch.from_numpy(images)[:, :2, :2].float()\n"
    assert encode(written(tmp_path, body), faces).shape == (len(faces), 12)


def test_a_function_may_write_into_what_it_is_given(faces: Faces, tmp_path: Path) -> None:
    before = np.array(faces.images)
    encode(written(tmp_path, COLOURS + "    # \n" + "def other(images): ...\n"), faces)
    body = COLOURS.replace("    return", "    images[:] = images[:, ::-1]\n    return")
    encode(written(tmp_path, body, "other.py"), faces)
    np.testing.assert_array_equal(faces.images, before)


REFUSED: dict[str, tuple[str, str]] = {  # the body of the file, and what is said of it
    "one row for all": ("def colours(images): return images[:1, 0] / 1", r"float64 \(1, 32, 3\) for 24"),
    "one number a picture": ("def colours(images): return images.mean(axis=(1, 2, 3))", r"\(24,\) .*: return \(N, D\)"),
    "nothing": ("def colours(images): pass", r"gives object \(\) for 24 pictures"),
    "texts": ("def colours(images): return [['a']] * len(images)", r"gives <U1 \(24, 1\) for 24 pictures"),
    "NaN": ("def colours(images): return images.mean(axis=1).reshape(len(images), -1) / [float('nan')]",
            r"NaN or infinity for 24 of 24 pictures, 0\.png for one"),
    "the same for all": ("def colours(images): return images[:, 0, 0] * 0", r"each of 24 pictures the same embedding"),
    "a class": ("class colours: pass", r"enc\.py:colours is no function, but type: name a function by its name"),
    "another name": ("def colour(images): return images", r"unknown function 'colours' of .*did you mean colour\?"),
    "an import that fails": ("import no_such_package\ndef colours(images): pass",
                             r"the file .*enc\.py \(enc\.py:1\) cannot be loaded: ModuleNotFoundError"),
    "no Python": ("def colours(images) return", r"the file .*enc\.py \(line 1\) cannot be loaded: SyntaxError"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_gives_no_embeddings_is_one_line_that_names_it(case: str, faces: Faces, tmp_path: Path) -> None:
    body, message = REFUSED[case]
    with pytest.raises(InputError, match=message) as caught:
        encode(written(tmp_path, body), faces)
    assert "enc.py" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("statement", ["raise ValueError('no eyes')", "import sys; sys.exit('no eyes')"])
def test_a_bug_names_the_function_and_the_line(statement: str, faces: Faces, tmp_path: Path) -> None:
    function = written(tmp_path, f"def colours(images):\n    {statement}\n")
    with pytest.raises(PluginError, match=r"the function .*enc\.py:colours \(enc\.py:2\): \w+: no eyes"):
        encode(function, faces)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("colours", "must be a function by its name: module:function, or FILE.py:function"),
        ("enc.py", "must be a function by its name"),
        ("enc.py:", "must be a function by its name"),
        ("no/such.py:colours", r"the file .*no/such\.py does not exist"),
        ("no_such_module:colours", "there is no module no_such_module: install it, or give its file"),
        ("no.such.module:colours", "there is no module no.such.module"),
    ],
)
def test_a_name_of_nothing_is_one_line(function: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plugin_spec("encoder", "python", {"function": function})


def digest(function: str, **options: str) -> str:
    return str(plugin_spec("encoder", "python", {"function": function, **options})["files"]["function"])


def test_the_cell_goes_by_the_code_and_the_files_that_it_reads(tmp_path: Path) -> None:
    function = written(tmp_path)
    before = digest(function)
    written(tmp_path, COLOURS.replace("def", "# a comment\ndef"))
    assert digest(function) == before
    written(tmp_path, COLOURS.replace("mean", "max"))
    assert digest(function) != before
    written(tmp_path)
    assert digest(function) == before
    weights = tmp_path / "w.bin"
    weights.write_bytes(b"1")
    with_weights = digest(function, reads=str(weights))
    assert with_weights != before
    weights.write_bytes(b"2")
    assert digest(function, reads=str(weights)) not in (before, with_weights)


def test_the_cell_goes_by_the_versions_of_what_the_code_imports(tmp_path: Path) -> None:
    function = written(tmp_path, "import os\n" + COLOURS + "\ndef later():\n    from PIL.Image import open\n")
    files = plugin_spec("encoder", "python", {"function": function})["files"]
    assert files == {"numpy": np.__version__, "PIL": pillow, "function": files["function"]}


def test_the_cell_goes_by_what_the_module_imports_from_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "faces_pkg").mkdir()
    (tmp_path / "faces_pkg" / "__init__.py").write_text("")
    written(tmp_path / "faces_pkg", "from faces_pkg.inner import colours\n", "outer.py")
    written(tmp_path / "faces_pkg", COLOURS, "inner.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = digest("faces_pkg.outer:colours")
    written(tmp_path / "faces_pkg", COLOURS.replace("mean", "max"), "inner.py")
    assert digest("faces_pkg.outer:colours") != before


def test_a_run_is_told_that_the_code_changed(aiakit: Aiakit, tmp_path: Path) -> None:
    function = written(tmp_path)
    run = (*RUN, "--encoder", f"python:{function}", "--out", tmp_path, "--name", "run", "--json")
    answer = aiakit(*run)
    assert answer.code == 0, answer.err
    assert any(f"{function} gave 3 dimensions of norms from" in note for note in answer.document["notes"])
    assert aiakit(*run).document["rows"] == answer.document["rows"]
    written(tmp_path, COLOURS.replace("mean", "max"))
    answer = aiakit(*run)
    assert answer.code == 2
    assert f"different: the content of {function}, the function of python" in answer.message


def test_what_only_a_record_names_is_not_called(
    aiakit: Aiakit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = written(tmp_path, COLOURS + f"\nopen({str(tmp_path / 'called')!r}, 'w')\n")
    answer = aiakit(*RUN, "--encoder", f"python:{function}", "--out", tmp_path, "--name", "run")
    assert answer.code == 0, answer.err
    monkeypatch.setattr(functions, "_TRUSTED", set())  # as in another process
    functions._of_file.cache_clear()
    (tmp_path / "called").unlink()
    Image.new("RGB", (16, 16), (9, 8, 7)).save(tmp_path / "face.png")
    protect = ("protect", tmp_path / "run", tmp_path / "face.png", "-o", tmp_path / "out")
    answer = aiakit(*protect)
    assert answer.code == 2
    assert (
        f"what a run names is not called unless you name it, too: if you trust it, give --plugin {function}"
        in answer.err
    )
    assert not (tmp_path / "called").exists()
    answer = aiakit(*protect, "--plugin", function)
    assert answer.code == 0, answer.err
    released = tensorfile.load(tmp_path / "out" / "embedding.safetensors")["embedding"]
    np.testing.assert_array_equal(released, [[9, 8, 7]])


def test_a_function_that_looks_at_the_company_has_no_release(aiakit: Aiakit, tmp_path: Path) -> None:
    body = COLOURS.replace("images.reshape", "(images - images.mean(axis=0)).reshape")
    answer = aiakit(*RUN, "--encoder", f"python:{written(tmp_path, body)}", "--out", tmp_path, "--name", "run")
    assert answer.code == 1
    assert "a release must depend on its sample alone" in answer.err


def test_a_bug_in_a_run_names_the_function(aiakit: Aiakit, tmp_path: Path) -> None:
    function = written(tmp_path, "def colours(images):\n    return images.no_such\n")
    answer = aiakit(*RUN, "--encoder", f"python:{function}", "--out", tmp_path, "--name", "run")
    assert answer.code == 1
    assert f"the function {function} (enc.py:2): AttributeError" in answer.err
    assert "bug of aiakit" not in answer.err


def test_a_restored_encoder_is_told_of_other_code(faces: Faces, tmp_path: Path) -> None:
    function = written(tmp_path)
    state = fitted(function, faces).state_dict()
    registry.make("encoder", "python", {"function": function}).load_state_dict(state)
    written(tmp_path, COLOURS.replace("mean", "max"))
    with pytest.raises(InputError, match="has another content than when this was made"):
        registry.make("encoder", "python", {"function": function}).load_state_dict(state)


def test_python_takes_a_function_that_can_be_found_again() -> None:
    assert encoder_named(made.colours) == "python:tests.encoders.functions:colours"
    assert encoder_named("dlib") == "dlib"

    def local(images: Any) -> Any:
        return images

    nowhere = made.colours.__get__(object())
    for function in (lambda images: images, local, made.renamed, nowhere, made.Callable()):
        with pytest.raises(InputError, match=r"cannot be found again by name.*'python:FILE\.py:function'"):
            encoder_named(function)


def test_a_run_in_python_takes_the_function(tmp_path: Path) -> None:
    document = package.run(
        "original",
        attacks="lda",
        encoder=made.colours,
        data={"people": 80, "images_per_person": 3},
        image_size=16,
        utility=False,
        out=tmp_path,
        name="run",
    ).to_dict()
    assert any("tests.encoders.functions:colours gave 3 dimensions" in note for note in document["notes"])


def test_a_page_tells_no_folder_of_the_file() -> None:
    from aiakit.experiment.command import without_folders

    told = without_folders(("--encoder", "python:/home/me/enc.py:embed", "--encoder=python:~/enc.py:embed"))
    assert told == ("--encoder", "python:…/enc.py:embed", "--encoder=python:…/enc.py:embed")


@pytest.mark.skipif(bool(registry.unavailable("encoder", "dlib")), reason="needs the extra judges")
def test_dlib_is_the_same_through_both_doors(faces: Faces, tmp_path: Path) -> None:
    body = """
import dlib
import face_recognition_models as weights
import numpy as np

points = dlib.shape_predictor(weights.pose_predictor_five_point_model_location())
network = dlib.face_recognition_model_v1(weights.face_recognition_model_location())

def colours(images):
    side, off = images.shape[1], round(0.1 * images.shape[1])
    face = dlib.rectangle(off, off, side - 1 - off, side - 1 - off)
    chips = [dlib.get_face_chip(each, points(each, face), size=150) for each in images]
    return np.array(network.compute_face_descriptor(chips))
"""
    some = Faces(faces.images[:3], faces.labels[:3], faces.identity[:3], faces.classes)
    direct = registry.make("encoder", "dlib", {}).fit(some, some, Context()).encode(some.images, ("0", "1", "2"))
    np.testing.assert_array_equal(encode(written(tmp_path, body), some), direct)
