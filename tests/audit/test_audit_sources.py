"""Every kind of file gives the same audit; pictures, pairs and the real embeddings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from aiakit.datasets.source import read_source
from aiakit.errors import InputError
from tests.conftest import Answer

ATTACKS = ("--attacks", "logreg", "--folds", "1")


def measured(answer: Any) -> dict:
    assert answer.code == 0, answer.err
    row = answer.document["rows"][0]
    return {"attacks": row["attacks"], "utility": row["utility"]}


def test_array_and_text_files_give_the_same_result(
    aiakit: Callable[..., Answer], cast: Any, npz: Path, write_table: Callable[..., Path], tmp_path: Path
) -> None:
    columns = ("--attribute", "gender", "--out", tmp_path, "--json", *ATTACKS)
    expected = measured(aiakit("audit", npz, *columns, "--identity", "person"))
    np.save(tmp_path / "a.npy", cast.embedding)
    save_file({"x": cast.embedding, "index": np.arange(cast.rows)}, tmp_path / "a.safetensors")
    header = ",".join([*(f"e_{number}" for number in range(10)), "who", "gender"])
    rows = zip(cast.embedding.tolist(), cast.person, cast.gender, strict=True)
    lines = [",".join([*map(repr, vector), who, gender]) for vector, who, gender in rows]
    (tmp_path / "a.csv").write_text("\n".join([header, *lines]))
    for name in ("a.npy", "a.safetensors", "a.csv"):
        given = () if name == "a.csv" else ("--labels", write_table())
        assert measured(aiakit("audit", tmp_path / name, *given, *columns, "--identity", "who")) == expected, name


def test_parquet_gives_the_same_rows(cast: Any, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"v": cast.embedding.tolist(), "who": cast.person}), tmp_path / "list.parquet")
    wide = {f"e{number}": cast.embedding[:, number] for number in reversed(range(10))}
    parquet.write_table(pa.table({**wide, "who": cast.person}), tmp_path / "wide.parquet")
    for name in ("list.parquet", "wide.parquet"):
        source = read_source(tmp_path / name)
        np.testing.assert_allclose(source.values, cast.embedding)
        assert source.columns == {"who": cast.person.tolist()}
    (tmp_path / "half.parquet").write_bytes((tmp_path / "wide.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match="is damaged or no parquet file"):
        read_source(tmp_path / "half.parquet")


def test_numbered_columns_are_taken_in_the_order_of_their_numbers(cast: Any, tmp_path: Path) -> None:
    wide = {f"e{number}": cast.embedding[:, number] for number in reversed(range(10))}
    rows = zip(*wide.values(), cast.person, cast.gender, strict=True)
    (tmp_path / "a.csv").write_text(
        "\n".join([",".join([*wide, "who", "year2020"]), *(",".join(map(str, row)) for row in rows)])
    )
    np.testing.assert_allclose(read_source(tmp_path / "a.csv").values, cast.embedding)
    np.testing.assert_allclose(read_source(tmp_path / "a.csv", "e").values, cast.embedding)
    with pytest.raises(InputError, match="unknown prefix"):
        read_source(tmp_path / "a.csv", "q")


def draw(folder: Path, cast: Any) -> None:
    """Pictures whose red tells the gender, in folders of people."""
    rng = np.random.default_rng(0)
    for row in range(cast.rows):
        pixels = rng.integers(0, 60, (16, 16, 3), dtype=np.uint8)
        pixels[..., 0] += 180 * (cast.gender[row] == "male")
        path = folder / cast.file[row]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


COLOUR = """
import numpy as np
from aiakit.contracts import Attack

class AuditRed(Attack):
    view = "image"
    def fit(self, train, val, ctx):
        reds = train.release.pixels[:, 0].mean(axis=(1, 2))
        self.middle = [reds[train.labels == k].mean() for k in range(2)]
        return self
    def predict_proba(self, release):
        reds = release.pixels[:, 0].mean(axis=(1, 2))
        closeness = -np.abs(reds[:, None] - np.array(self.middle)) / 10
        proba = np.exp(closeness)
        return proba / proba.sum(1, keepdims=True)
"""


def test_a_folder_of_protected_pictures(
    aiakit: Callable[..., Answer], cast: Any, write_table: Callable[..., Path], tmp_path: Path
) -> None:
    draw(tmp_path / "faces", cast)
    (tmp_path / "red.py").write_text(COLOUR)
    arguments = (
        "audit", tmp_path / "faces", "--labels", write_table(), "--join-on", "file", "--attribute", "gender",
        "--image-size", "16", "--precision", "fp32", "--plugin", tmp_path / "red.py", "--out", tmp_path / "runs",
        "--json",
    )  # fmt: skip
    answer = aiakit(*arguments, "--attacks", "audit-red")
    assert answer.code == 0, answer.err
    assert answer.document["audit"]["score"] == "siamese"
    assert answer.document["people"] == 60  # the folders' names, since no --identity is given
    assert answer.document["rows"][0]["strongest"]["balanced_accuracy"] == 1
    assert answer.document["rows"][0]["utility"].keys() == {"random", "same_attribute"}
    refused = aiakit(*arguments, "--attacks", "logreg")
    assert refused.code == 2
    assert "none of the attacks asked for (logreg) can be run on this image release" in refused.message
    refused = aiakit(*arguments, "--attacks", "audit-red", "--score", "cosine")
    assert "these are pictures: use --score siamese" in refused.message


def test_official_pairs_of_both_formats_agree(
    aiakit: Callable[..., Answer], cast: Any, npz: Path, tmp_path: Path
) -> None:
    folds, lfw, rows = 3, ["3\t10"], []
    names = [f"{row // 3:02d}" for row in range(cast.rows)]
    files = np.array([f"p{name}/p{name}_{row % 3 + 1:04d}.jpg" for row, name in enumerate(names)])
    for fold in range(folds):
        people = np.arange(fold * 20, fold * 20 + 20)
        for person in people[:10]:
            lfw.append(f"p{person:02d}\t1\t2")
            rows.append((person * 3, person * 3 + 1, 1, fold))
        for person in people[10:]:
            lfw.append(f"p{person:02d}\t1\tp{(person + 1) % 60:02d}\t3")
            rows.append((person * 3, (person + 1) % 60 * 3 + 2, 0, fold))
    (tmp_path / "pairs.txt").write_text("\n".join(lfw) + "\n")
    (tmp_path / "rows.csv").write_text("\n".join(["left,right,same,fold", *(",".join(map(str, row)) for row in rows)]))
    keyed = [f"{files[left]},{files[right]},{same},{fold}" for left, right, same, fold in rows]
    (tmp_path / "keys.csv").write_text("\n".join(["left,right,same,fold", *keyed]))
    (tmp_path / "labels.csv").write_text(
        "\n".join(["f,who,gender", *(f"{f},{w},{g}" for f, w, g in zip(files, cast.person, cast.gender, strict=True))])
    )
    np.savez(npz, e=cast.embedding, f=files)
    found = []
    for pairs in ("pairs.txt", "rows.csv", "keys.csv"):
        answer = aiakit(
            "audit", npz, "--labels", tmp_path / "labels.csv", "--join-on", "f", "--attribute", "gender",
            "--identity", "who", "--official-pairs", tmp_path / pairs, *ATTACKS, "--out", tmp_path, "--json",
        )  # fmt: skip
        assert answer.code == 0, answer.err
        found.append(answer.document["rows"][0]["utility"]["official"])
    np.savez(npz, e=cast.embedding, f=files, who=cast.person, gender=cast.gender)  # the same in one file, and no table
    answer = aiakit(
        "audit", npz, "--join-on", "f", "--attribute", "gender", "--identity", "who", "--official-pairs",
        tmp_path / "keys.csv", *ATTACKS, "--out", tmp_path, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    found.append(answer.document["rows"][0]["utility"]["official"])
    assert found[0] == found[1] == found[2] == found[3]
    assert found[0]["pairs"] == 60
    assert found[0]["accuracy"] > 0.9


PAIRS = {
    "row beyond": ("left,right,same\n0,999,1\n0,5,0\n", ":2 names '999', which is neither a row number nor a key"),
    "neither": ("left,right,same\n0,1,maybe\n", ":2: same must be 1 or 0, not 'maybe'"),
    "columns": ("a,b,same\n0,1,1\n", "has no column left for verification pairs"),
    "one kind": ("left,right,same\n" + "0,1,1\n" * 12, "both kinds of pairs"),
    "one fold": ("left,right,same,fold\n0,1,1,0\n0,5,0,0\n", "two folds at least"),
    "no column": ("left,right,same\na,b,1\nb,c,0\n", ":2 names 'a': say which column of the data does with --join-on"),
    "no keys": ("2\t1\nA\t1\t2\n", "say which column of the data does with --join-on"),
}


@pytest.mark.parametrize("case", PAIRS)
def test_pairs_that_cannot_be_used(aiakit: Callable[..., Answer], npz: Path, tmp_path: Path, case: str) -> None:
    content, message = PAIRS[case]
    (tmp_path / "pairs.csv").write_text(content)
    answer = aiakit(
        "audit",
        npz,
        "--attribute",
        "gender",
        "--identity",
        "person",
        "--official-pairs",
        tmp_path / "pairs.csv",
        *ATTACKS,
    )
    assert answer.code == 2
    assert message in answer.message


def test_recogniser_embeddings_of_real_faces(aiakit: Callable[..., Answer], tmp_path: Path) -> None:
    root = os.environ.get("AIAKIT_DATA")
    if not root:
        pytest.skip("AIAKIT_DATA is not set")
    embeddings, lfw = Path(root) / "lfw_dlib128.npz", Path(root) / "lfw"
    with np.load(embeddings, allow_pickle=False) as arrays:
        files = arrays["f"].tolist()
    lists = {each: set((lfw / f"{each}_names.txt").read_text().split()) for each in ("female", "male")}
    rows = ["file,person,gender"]
    for file in files:
        person, _, name = file.partition("/")
        listed = [each for each, names in lists.items() if name in names]
        rows.append(f"{file},{person},{listed[0] if len(listed) == 1 else ''}")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    answer = aiakit(
        "audit", embeddings, "--labels", tmp_path / "labels.csv", "--join-on", "f=file", "--attribute", "gender",
        "--identity", "person", "--official-pairs", lfw / "pairs.txt", *ATTACKS, "--out", tmp_path, "--json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    row = answer.document["rows"][0]
    assert row["strongest"]["balanced_accuracy"] >= 0.96
    assert row["utility"]["random"]["auc"] >= 0.99
    assert row["utility"]["same_attribute"]["auc"] >= 0.99
    assert row["utility"]["official"]["pairs"] == 6000
    assert row["utility"]["official"]["accuracy"] >= 0.97
