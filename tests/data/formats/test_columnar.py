"""Tables in Parquet and JSON lines, and folders with metadata in them."""

import json

import numpy as np
import pytest
from PIL import Image

from overread.data.options import DataOptions
from overread.data.read import read
from overread.errors import InputError

NAMES = [f"{index}.png" for index in range(4)]


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    for name in NAMES:
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def parquet(pictures):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")

    def write(metadata=None, **columns):
        table = pyarrow.table(columns)
        path = pictures / "data.parquet"
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)
        return path

    return write


def classes(found):
    return [found.classes[code] for code in found.given]


def test_parquet_with_classes_of_hugging_face(parquet):
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "file_name": {"dtype": "string"}}
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    found = read(
        parquet(told, file_name=NAMES, label=[0, 1, 0, 1], patient_id=["01", "01", "2", None])
    ).manifest
    assert classes(found) == ["no", "yes", "no", "yes"]
    assert list(found.group) == ["01", "01", "2", "3.png"]
    assert classes(read(parquet(image=NAMES, label=[0, 1, 0, 1])).manifest) == ["0", "1", "0", "1"]


def test_parquet_that_cannot_be_read(parquet, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="has no rows of text, numbers or images"):
        read(parquet(image=[{"what": b"x", "path": "a"}]))
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(tmp_path / "no.parquet")
    monkeypatch.setattr("overread.data.formats.extras.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"overread\[parquet\]"):
        read(tmp_path / "no.parquet")


def test_a_folder_with_metadata(pictures):
    lines = [
        json.dumps({"file_name": name, "label": "ab"[at % 2], "text": [1, 2]})
        for at, name in enumerate(NAMES)
    ]
    (pictures / "metadata.jsonl").write_text("\n".join(lines))
    assert classes(read(pictures).manifest) == ["a", "b", "a", "b"]
    rows = [f"{name},{'cd'[at % 2]}" for at, name in enumerate(NAMES)]
    (pictures / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    assert classes(read(pictures, DataOptions()).manifest) == ["c", "d", "c", "d"]


@pytest.mark.parametrize("text", ["{", "[1]", "", '{"a": 1}\n{'])
def test_json_lines_that_cannot_be_read(pictures, text):
    (pictures / "a.jsonl").write_text(text)
    with pytest.raises(InputError, match=r"a\.jsonl"):
        read(pictures / "a.jsonl")
