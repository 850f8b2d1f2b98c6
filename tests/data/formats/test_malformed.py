"""Files that are damaged or hostile: each ends in one message that names it; nothing is run, nothing is left."""

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib

import nibabel
import numpy as np
import pytest
from PIL import Image

from overread.data.load import load
from overread.data.options import DataOptions
from overread.errors import InputError

PNG = b"\x89PNG\r\n\x1a\n"


class Payload:
    """A pickle that writes a file when it is run."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return (open, (self.mark, "w"))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width, height):
    return PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"x")


def npy(array, mark=None):
    file = io.BytesIO()
    np.save(file, np.array([Payload(mark)], dtype=object) if mark else array, allow_pickle=True)
    return file.getvalue()


def nifti(change=lambda header: None, values=None, cut=None):
    image = nibabel.Nifti1Image(np.ones((4, 4, 3), np.int16) if values is None else values, np.eye(4))
    data = bytearray(image.to_bytes())
    header = nibabel.Nifti1Header(bytes(data[:348]), check=False)
    change(header)
    data[:348] = header.binaryblock
    return bytes(data[:cut])


def put(name, value):
    def change(header):
        header[name] = value

    return change


def bomb(size=200 << 20):
    """Zeros, packed: 1,000 times smaller."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def tiff_of_pages():
    file = io.BytesIO()
    pages = [Image.new("L", (8, 8), grey) for grey in (0, 9)]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    return file.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
IN_FOLDER = {  # name, content, what is said
    "png cut": ("bad.png", PNG + b"\0\0\0\rIHDR", "damaged|truncated"),
    "png bomb": ("bad.png", png_of(60_000, 60_000), "beyond the limit"),
    "png side": ("bad.png", png_of(2**31 - 1, 1), "beyond the limit|damaged|truncated"),
    "svg as png": ("bad.png", SVG, "an SVG drawing"),
    "svg as svgz": ("bad.png", gzip.compress(SVG), "a gzip archive"),
    "html as jpg": ("bad.jpg", HTML, "a web page"),
    "html as nifti": ("bad.nii.gz", gzip.compress(HTML.ljust(400)), "a web page"),
    "html as dicom": ("bad.dcm", HTML.ljust(400), "a web page"),
    "text as dicom": ("bad.dcm", b"hello", "truncated"),
    "empty dicom": ("bad.dcm", b"", "empty"),
    "zip as tif": ("bad.tif", b"PK\x03\x04" + bytes(99), "a zip archive"),
    "pages": ("bad.tif", tiff_of_pages(), "holds 2 pages"),
    "no gzip": ("bad.nii.gz", b"no gzip at all", "damaged"),
    "gzip cut": ("bad.nii.gz", gzip.compress(nifti())[:60], "truncated|damaged"),
    "gzip bomb": ("bad.nii.gz", bomb(), "NIfTI"),
    "nifti cut": ("bad.nii", nifti(cut=380), "truncated"),
    "nifti header cut": ("bad.nii", nifti(cut=200), "truncated"),
    "nifti bomb": (
        "bad.nii.gz",
        gzip.compress(nifti(put("dim", [3, 30000, 30000, 30000, 1, 1, 1, 1]))),
        "2 GiB",
    ),
    "nifti negative": ("bad.nii", nifti(put("dim", [3, -4, 4, 3, 1, 1, 1, 1])), "nothing in it"),
    "nifti offset": ("bad.nii", nifti(put("vox_offset", 1e12)), "it is damaged"),
    "nifti nowhere": ("bad.nii", nifti(put("srow_x", [np.nan] * 4)), "affine"),
    "nifti half": ("bad.nii", nifti(put("magic", b"ni1")), "one half of a pair"),
    "nifti complex": ("bad.nii", nifti(values=np.ones((4, 4, 3), np.complex64)), "complex64"),
    "nifti of 4 dimensions": ("bad.nii", nifti(values=np.ones((4, 4, 3, 2), np.int16)), "4 dimensions"),
    "array bomb": (
        "bad.png",
        npy(np.ones((4, 4)))[:-8].replace(b"(4, 4)", b"(9**9)"),
        "not an array|damaged",
    ),
    "array cut": ("bad.png", npy(np.ones((4, 4)))[:-8], "truncated"),
}


@pytest.fixture
def classes(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("ill", "well"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for index in range(2):
            picture = Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8))
            picture.save(tmp_path / "set" / name / f"{index}.png")
    return tmp_path / "set"


def said(path, **options):
    with pytest.raises(InputError) as caught:
        load(path, DataOptions(**options), 8, quiet=True)
    return str(caught.value)


@pytest.mark.parametrize("case", IN_FOLDER)
def test_one_bad_file_among_good_ones(classes, case):
    name, content, why = IN_FOLDER[case]
    (classes / "ill" / name).write_bytes(content)
    text = said(classes)
    assert f"ill/{name}" in text
    assert any(words in text for words in why.split("|")), text
    assert text.count("Cure:") == 1
    assert len(load(classes, DataOptions(on_bad_image="skip"), 8, quiet=True)[1]) == 4


def test_pickles_are_never_run(classes, tmp_path):
    mark = tmp_path / "run"
    (classes / "ill" / "bad.png").write_bytes(npy(None, mark))
    assert "ill/bad.png: holds pickled objects, which are refused" in said(classes)
    np.savez(
        tmp_path / "a.npz", train_images=np.array([Payload(mark)], dtype=object), train_labels=np.zeros(1)
    )
    assert "pickled objects" in said(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Payload(mark)))
    assert "b.npz cannot be read" in said(tmp_path / "b.npz")
    assert not mark.exists()


def test_an_npz_that_unpacks_to_more_than_the_memory(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train_images.npy", npy(np.zeros((4, 8, 8), np.uint8)))
    data = (tmp_path / "a.npz").read_bytes()
    at = data.rindex(b"PK\x01\x02")
    huge = data[: at + 24] + struct.pack("<I", 2**32 - 2) + data[at + 28 :]
    (tmp_path / "b.npz").write_bytes(huge)
    assert "b.npz" in said(tmp_path / "b.npz")


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..\\..\\secret.png"])
def test_names_that_lead_out(classes, tmp_path, name):
    coco = {
        "images": [{"id": 1, "file_name": name}],
        "annotations": [],
        "categories": [{"id": 1, "name": "a"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    assert "1 file_name leads out of the folder" in said(tmp_path / "coco.json")
    (classes / "imagesTr").mkdir()
    plan = {"labels": {"a": 1}, "dataset": {"c": {"images": [name], "label": name}}}
    (classes / "dataset.json").write_text(json.dumps(plan))
    assert "lead out of the folder" in said(classes)


def test_a_table_names_what_its_user_may_read_and_only_images_are_shown(tmp_path, classes):
    """Paths out of the folder are allowed in a table of one's own; what is no image is refused."""
    rows = [f"{classes}/{name}/{index}.png,{name}" for name in ("ill", "well") for index in range(2)]
    (tmp_path / "t.csv").write_text(
        "\n".join(["image,label", *rows, "../../../../../../../../etc/passwd,ill"])
    )
    assert "etc/passwd: not an image, but text" in said(tmp_path / "t.csv")


def test_dicom_that_is_damaged(tmp_path, dicom, classes):
    pytest.importorskip("pydicom")
    good = dicom(tmp_path / "good.dcm", np.ones((8, 8), np.uint16)).read_bytes()
    cases = {
        "cut": good[:-40],
        "header cut": good[:200],
        "no pixels": good[: good.index(b"\xe0\x7f\x10\x00")],
        "huge": good.replace(b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x10\x00US\x02\x00\xff\xff"),
        "other syntax": good.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"),
    }
    for case, content in cases.items():
        (classes / "ill" / "bad.dcm").write_bytes(content)
        text = said(classes)
        assert "ill/bad.dcm: " in text, case
        assert text.count("Cure:") == 1


def test_deflated_dicom_that_inflates_to_much(tmp_path, dicom, classes, monkeypatch):
    monkeypatch.setattr("overread.data.formats.dicom_header.INFLATED", 1 << 20)
    values = np.zeros((1500, 1500), np.uint16)
    dicom(classes / "ill" / "bad.dcm", values, syntax="1.2.840.10008.1.2.1.99")
    assert (classes / "ill" / "bad.dcm").stat().st_size < 1 << 16
    assert "ill/bad.dcm: inflates to more than" in said(classes)


def test_what_nibabel_brings_is_read_or_refused():
    from pathlib import Path

    from overread.data.faults import BadImage
    from overread.data.formats import nifti as reader
    from overread.data.formats.planes import cut
    from overread.data.silence import silenced

    folder = Path(nibabel.__file__).parent / "tests" / "data"
    read, refused = 0, []
    for path in sorted(folder.glob("*.nii*")):
        try:
            with silenced():
                place = reader.geometry(str(path), path.name)
                shown = reader.values(str(path), path.name, {"axial": "0"})
        except BadImage as error:
            refused.append(str(error))
            continue
        image = nibabel.as_closest_canonical(nibabel.load(path))
        assert place.canonical == image.shape[:3]
        wanted = cut(np.asarray(image.dataobj, np.float32).reshape(place.canonical), "axial", 0)
        assert np.allclose(shown, wanted, rtol=1e-5, equal_nan=True)
        read += 1
    assert read >= 3
    assert all(": has 4 dimensions" in why or ": has " in why or "affine" in why for why in refused), refused
