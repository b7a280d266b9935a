"""Templates as vector stores and training code keep them: each file gives the rows that went into it."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from aiakit.errors import InputError
from aiakit.storage import arrays
from aiakit.storage.embeddings import read_embeddings, read_table
from tests.conftest import Answer

AUDIT = ("--attribute", "gender", "--attacks", "logreg", "--folds", "1", "--no-forecast", "--no-utility", "--json")


def flat(x: np.ndarray, kind: bytes = b"IxFI", metric: int = 0) -> bytes:
    """A flat index of FAISS (faiss/impl/index_write.cpp)."""
    header = struct.pack("<iqqq?i", x.shape[1], len(x), 1 << 20, 1 << 20, True, metric)
    return kind + header + (b"\0" * 4 if metric > 1 else b"") + struct.pack("<Q", x.size) + x.astype("<f4").tobytes()


def with_ids(x: np.ndarray, ids: np.ndarray) -> bytes:
    header = struct.pack("<iqqq?i", x.shape[1], len(x), 1 << 20, 1 << 20, True, 0)
    return b"IxMp" + header + flat(x) + struct.pack("<Q", len(ids)) + ids.astype("<i8").tobytes()


@pytest.mark.parametrize(("kind", "metric"), [(b"IxFI", 0), (b"IxF2", 1), (b"IxFl", 2)])
def test_a_flat_index(cast: Any, tmp_path: Path, kind: bytes, metric: int) -> None:
    path = tmp_path / "templates.faiss"
    path.write_bytes(flat(cast.embedding, kind, metric))
    np.testing.assert_array_equal(read_embeddings(path).values, cast.embedding)


def test_a_flat_index_with_ids_joins_a_table(
    aiakit: Callable[..., Answer], cast: Any, npz: Path, tmp_path: Path
) -> None:
    ids = 7 * np.arange(cast.rows)
    (tmp_path / "ids.faiss").write_bytes(with_ids(cast.embedding, ids))
    np.savez(tmp_path / "people.npz", key=ids[::-1], person=cast.person[::-1], gender=cast.gender[::-1])
    given = ("--labels", tmp_path / "people.npz", "--join-on", "id=key", "--out", tmp_path / "runs")
    found = aiakit("audit", tmp_path / "ids.faiss", *given, *AUDIT)
    expected = aiakit("audit", npz, "--out", tmp_path / "runs", *AUDIT)
    assert found.code == expected.code == 0, found.err
    assert found.document["rows"][0]["attacks"] == expected.document["rows"][0]["attacks"]


def test_the_library_of_faiss_writes_what_is_read(cast: Any, tmp_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    index = faiss.IndexIDMap(faiss.IndexFlatIP(cast.embedding.shape[1]))
    index.add_with_ids(cast.embedding, np.arange(cast.rows))
    faiss.write_index(index, str(tmp_path / "a.faiss"))
    found = read_embeddings(tmp_path / "a.faiss")
    np.testing.assert_array_equal(found.values, cast.embedding)
    assert found.columns["id"][:2] == ["0", "1"]


def test_tensors_by_weights_only(cast: Any, tmp_path: Path) -> None:
    import torch

    torch.save({"x": torch.tensor(cast.embedding).half(), "person": cast.person.tolist()}, tmp_path / "a.pt")
    found = read_embeddings(tmp_path / "a.pt")
    assert found.values.dtype == np.float16
    np.testing.assert_allclose(found.values, cast.embedding, atol=0.01)
    assert found.columns == {"person": cast.person.tolist()}
    torch.save(torch.tensor(cast.embedding).bfloat16(), tmp_path / "b.pth")
    np.testing.assert_allclose(read_embeddings(tmp_path / "b.pth").values, cast.embedding, rtol=0.01)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(InputError, match=r"would have to be unpickled and are refused"):
        read_embeddings(tmp_path / "model.pt")


def test_hdf5_by_name_and_never_another_file(cast: Any, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = cast.embedding
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["faces/x"] = cast.embedding.astype(np.float16)
        file["faces/person"] = cast.person.astype(object)
        file["other"] = cast.embedding
        file["link"] = h5py.ExternalLink("secret.h5", "/x")
        file["circle"] = h5py.SoftLink("/")
    found = read_embeddings(Path(f"{tmp_path}/a.h5:faces/x"))
    np.testing.assert_allclose(found.values, cast.embedding, atol=0.01)
    assert found.columns == {"faces/person": cast.person.tolist()}
    with pytest.raises(InputError, match=r"it holds faces/x \(180, 10\), other \(180, 10\)$"):
        read_embeddings(tmp_path / "a.h5")
    (tmp_path / "half.h5").write_bytes((tmp_path / "a.h5").read_bytes()[:200])
    with pytest.raises(InputError, match=r"is damaged or no \.h5 file"):
        read_embeddings(tmp_path / "half.h5")


def test_hdf5_with_one_damaged_data_set(cast: Any, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = cast.embedding
        where = h5py.h5o.get_info(file["x"].id).addr
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[where] = 255  # the version of its header
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.h5 is damaged or no \.h5 file \(.*bad object header"):
        read_embeddings(tmp_path / "a.h5")


def test_a_matrix_and_its_ids_in_another_file(cast: Any, tmp_path: Path, aiakit: Callable[..., Answer]) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    np.save(tmp_path / "m.npy", cast.embedding.astype(np.float16))
    columns = {"person": cast.person, "gender": cast.gender, "v": cast.embedding.tolist()}
    parquet.write_table(pa.table(columns), tmp_path / "ids.parquet")
    answer = aiakit("audit", tmp_path / "m.npy", "--labels", tmp_path / "ids.parquet", "--out", tmp_path, *AUDIT)
    assert answer.code == 0, answer.err
    assert answer.document["rows"][0]["strongest"]["balanced_accuracy"] > 0.7
    np.savez(tmp_path / "uneven.npz", a=np.arange(3), b=np.arange(4))
    with pytest.raises(InputError, match=r"columns of one length.*a \(3\), b \(4\)"):
        read_table(tmp_path / "uneven.npz")


@pytest.mark.parametrize("cells", ["[{}]", "({})", "{{{}}}"])
def test_cells_of_a_vector_store(cast: Any, tmp_path: Path, cells: str) -> None:
    lines = [f'{p},"{cells.format(",".join(map(repr, v)))}"'
             for p, v in zip(cast.person, cast.embedding.tolist(), strict=True)]  # fmt: skip
    (tmp_path / "dump.csv").write_text("\n".join(["person,embedding", *lines]))
    np.testing.assert_allclose(read_embeddings(tmp_path / "dump.csv").values, cast.embedding)


@pytest.mark.parametrize("kind", ["npz", "faiss", "csv"])
def test_stdin_is_told_by_how_it_begins(
    aiakit: Callable[..., Answer], cast: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    content = io.BytesIO()
    labels: tuple[Any, ...] = ()
    if kind == "npz":
        np.savez(content, e=cast.embedding, person=cast.person, gender=cast.gender)
    elif kind == "faiss":
        content.write(flat(cast.embedding))
        np.savez(tmp_path / "labels.npz", person=cast.person, gender=cast.gender)
        labels = ("--labels", tmp_path / "labels.npz")
    else:
        rows = zip(cast.person, cast.gender, cast.embedding.tolist(), strict=True)
        lines = [f'{p},{g},"{v}"' for p, g, v in rows]
        content.write("\n".join(["person,gender,v", *lines]).encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content.getvalue())))
    answer = aiakit("audit", "-", *labels, "--out", tmp_path, *AUDIT)
    assert answer.code == 0, answer.err
    assert answer.document["dataset"] == "stdin"


DAMAGED = {
    "cut short": (lambda x: flat(x)[:-4], "is damaged or no .faiss file"),
    "another length": (lambda x: flat(x)[:37] + struct.pack("<Q", 7) + x.tobytes(), "are not 7 numbers"),
    "huge": (lambda _: b"IxFI" + struct.pack("<iqqq?i", 2**20, 2**40, 0, 0, True, 0)
             + struct.pack("<Q", 2**60), "declares"),
    "an inverted file": (lambda x: flat(x, b"IwFl"), r"no flat index \(it begins with 'IwFl'\)"),
    "empty": (lambda _: b"IxFI", "is damaged or no .faiss file"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "said"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_index(cast: Any, tmp_path: Path, make: Callable[[Any], bytes], said: str) -> None:
    path = tmp_path / "a.faiss"
    path.write_bytes(make(cast.embedding))
    with pytest.raises(InputError, match=said):
        read_embeddings(path)


def test_a_tensor_that_unpacks_to_very_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiakit.storage.torchfile.LARGEST_UNPACKED", 1 << 16)
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\0" * (arrays.LARGEST_RATIO * 1_000_000))
    with pytest.raises(InputError, match="unpacks to very much more than it holds"):
        read_embeddings(tmp_path / "bomb.pt")


def test_columns_are_named_with_what_they_could_be(aiakit: Callable[..., Answer], cast: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", e=cast.embedding, who=cast.person, sex=cast.gender, path=cast.file)
    answer = aiakit("audit", tmp_path / "a.npz", "--attribute", "sex")
    assert answer.code == 2
    for said in ("who could be --identity, 60 values", "sex could be --attribute, 2 values", "path names every row"):
        assert said in answer.err
