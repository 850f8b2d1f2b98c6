"""Files that are damaged or hostile: each ends in one message that names it; nothing is run, nothing is written.

One list, `CASES`: how an input is made, and what the command line says of it.
"""

import gzip
import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import nibabel
import numpy as np
import pytest
from PIL import Image

from overread.cli.main import main
from overread.data.load import load
from overread.data.options import DataOptions

PNG = b"\x89PNG\r\n\x1a\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
TEXT = "text, and nothing but text: " * 20


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


def png_with_text(size=64 << 20):
    """A good picture whose text unpacks to 64 MiB."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    whole = file.getvalue()
    packed = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))
    return whole[:33] + packed + whole[33:]


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


def lengths(second):
    def change(header):
        header["sform_code"], header["qform_code"] = 0, 1
        header["pixdim"] = [1, 1, second, 1, 1, 1, 1, 1]

    return change


def bomb(size=64 << 20):
    """Zeros, packed: 1,000 times smaller."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(size >> 20)) + packer.flush()


def saved(image, kind, **more):
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def tiff_of_pages():
    pages = [Image.new("L", (8, 8), grey) for grey in (0, 9)]
    return saved(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def bmp_of(width, height):
    data = bytearray(saved(Image.new("L", (8, 8)), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def without(good, words):
    """The bytes of a DICOM file less all from a tag on."""
    return good[: good.index(words)]


class Kit(SimpleNamespace):
    """root, and what writes files: `nifti`, `dicom`, `nnunet` of conftest.py."""

    def classes(self):
        """Two classes of two pictures."""
        rng = np.random.default_rng(0)
        for name in ("ill", "well"):
            (self.root / "set" / name).mkdir(parents=True)
            for index in range(2):
                picture = Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8))
                picture.save(self.root / "set" / name / f"{index}.png")
        return self.root / "set"

    def dicom_bytes(self, values=None, **tags):
        values = np.ones((8, 8), np.uint16) if values is None else values
        return self.dicom(self.root / "made.dcm", values, **tags).read_bytes()


def one(name, make):
    """A bad file among the pictures of the folder `set`; `make` gives its bytes, or makes it at its path."""

    def build(kit):
        folder = kit.classes()
        made = make(kit) if callable(make) else make
        if isinstance(made, bytes):
            (folder / "ill" / name).write_bytes(made)
        else:
            made(folder / "ill" / name)
        return folder

    return build, f"ill/{name}"


def link(target):
    return lambda kit: lambda path: os.symlink(target, path)


def pipe(kit):
    return os.mkfifo


def swap(before, after):
    return lambda kit: kit.dicom_bytes().replace(before, after)


def dicom(**tags):
    """A DICOM file whose tags do not go with its pixels."""

    def make(kit):
        import pydicom

        kit.dicom_bytes()
        found = pydicom.dcmread(kit.root / "made.dcm")
        for name, value in tags.items():
            if value is None:
                delattr(found, name)
            else:
                setattr(found, name, value)
        found.save_as(kit.root / "made.dcm")
        return (kit.root / "made.dcm").read_bytes()

    return make


FILES = {  # one bad file in a folder of classes: its name, its bytes, what is said
    "png cut": ("bad.png", PNG + b"\0\0\0\rIHDR", "damaged|truncated"),
    "png of huge sides": ("bad.png", png_of(60_000, 60_000), "beyond the limit"),
    "png of one huge side": ("bad.png", png_of(2**31 - 1, 1), "beyond the limit|damaged|truncated"),
    "png whose text unpacks": ("bad.png", lambda kit: png_with_text(), "damaged"),
    "png named jpg, cut": ("bad.jpg", saved(Image.new("L", (64, 64)), "JPEG")[:200], "truncated|damaged"),
    "bmp of huge sides": ("bad.bmp", bmp_of(60_000, 60_000), "beyond the limit"),
    "nothing": ("bad.png", b"", "empty (0 bytes)"),
    "zero bytes alone": ("bad.png", bytes(4096), "not an image of a kind"),
    "svg as png": ("bad.png", SVG, "an SVG drawing"),
    "svg with a byte-order mark": ("bad.png", b"\xef\xbb\xbf" + SVG, "an SVG drawing"),
    "svg as svgz": ("bad.png", gzip.compress(SVG), "a gzip archive"),
    "html as jpg": ("bad.jpg", HTML, "a web page"),
    "html as nifti": ("bad.nii.gz", gzip.compress(HTML.ljust(400)), "a web page"),
    "html as dicom": ("bad.dcm", HTML.ljust(400), "a web page"),
    "text as dicom": ("bad.dcm", b"hello", "truncated"),
    "empty dicom": ("bad.dcm", b"", "empty"),
    "zip as tif": ("bad.tif", b"PK\x03\x04" + bytes(99), "a zip archive"),
    "pdf as png": ("bad.png", b"%PDF-1.7\n" + bytes(99), "a PDF"),
    "tiff of several pages": ("bad.tif", tiff_of_pages(), "holds 2 pages"),
    "tiff cut": ("bad.tif", saved(Image.new("I;16", (64, 64)), "TIFF")[:4000], "truncated|damaged"),
    "pickle as array": ("bad.png", lambda kit: npy(None, kit.mark), "pickled objects, which are refused"),
    "pickle as picture": ("bad.png", lambda kit: pickle.dumps(Payload(kit.mark)), "not an image"),
    "array of huge sides": (
        "bad.png",
        npy(np.ones((4, 4)))[:-8].replace(b"(4, 4)", b"(9**9)"),
        "not an array|damaged",
    ),
    "array cut": ("bad.png", npy(np.ones((4, 4)))[:-8], "truncated"),
    "array that is not finite": ("bad.png", npy(np.full((4, 4), np.nan)), "no finite value"),
    "no gzip": ("bad.nii.gz", b"no gzip at all", "damaged"),
    "gzip cut": ("bad.nii.gz", gzip.compress(nifti())[:60], "truncated|damaged"),
    "gzip bomb": ("bad.nii.gz", lambda kit: bomb(), "NIfTI"),
    "nifti cut": ("bad.nii", nifti(cut=380), "truncated"),
    "nifti header cut": ("bad.nii", nifti(cut=200), "truncated"),
    "nifti of huge sides": (
        "bad.nii.gz",
        gzip.compress(nifti(put("dim", [3, 30000, 30000, 30000, 1, 1, 1, 1]))),
        "2 GiB",
    ),
    "nifti of a negative side": ("bad.nii", nifti(put("dim", [3, -4, 4, 3, 1, 1, 1, 1])), "nothing in it"),
    "nifti of no side": ("bad.nii", nifti(put("dim", [3, 0, 4, 3, 1, 1, 1, 1])), "nothing in it"),
    "nifti of 200 dimensions": ("bad.nii", nifti(put("dim", [200] + [4] * 7)), "there is nothing in it"),
    "nifti far behind": ("bad.nii", nifti(put("vox_offset", 1e12)), "it is damaged"),
    "nifti nowhere": ("bad.nii", nifti(put("srow_x", [np.nan] * 4)), "affine"),
    "nifti that is flat": ("bad.nii", nifti(put("srow_y", [1, 0, 0, 0])), "affine"),
    "nifti of negative lengths": ("bad.nii", nifti(lengths(-1)), "the lengths [1.0, -1.0, 1.0] (pixdim)"),
    "nifti of no length": ("bad.nii", nifti(lengths(0)), "the lengths [1.0, 0.0, 1.0] (pixdim)"),
    "nifti of a length that is none": (
        "bad.nii",
        nifti(lengths(np.nan)),
        "the lengths [1.0, nan, 1.0] (pixdim)",
    ),
    "nifti half": ("bad.nii", nifti(put("magic", b"ni1")), "one half of a pair"),
    "nifti of an unknown kind": ("bad.nii", nifti(put("datatype", 999)), "damaged"),
    "nifti complex": ("bad.nii", nifti(values=np.ones((4, 4, 3), np.complex64)), "complex64"),
    "nifti of 4 dimensions": ("bad.nii", nifti(values=np.ones((4, 4, 3, 2), np.int16)), "4 dimensions"),
    "nifti that is not finite": (
        "bad.nii",
        nifti(values=np.full((4, 4, 3), np.nan, np.float32)),
        "no finite value",
    ),
    "dicom cut": ("bad.dcm", lambda kit: kit.dicom_bytes()[:-40], "truncated"),
    "dicom header cut": ("bad.dcm", lambda kit: kit.dicom_bytes()[:200], "no picture|damaged"),
    "dicom without pixels": (
        "bad.dcm",
        lambda kit: without(kit.dicom_bytes(), b"\xe0\x7f\x10\x00"),
        "no picture",
    ),
    "dicom of a huge side": (
        "bad.dcm",
        swap(b"\x28\x00\x10\x00US\x02\x00\x08\x00", b"\x28\x00\x10\x00US\x02\x00\xff\xff"),
        "truncated|damaged",
    ),
    "dicom of an unknown syntax": (
        "bad.dcm",
        swap(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"),
        "damaged|truncated",
    ),
    "dicom of no row": ("bad.dcm", dicom(Rows=0), "8 x 0 pixels"),
    "dicom of 13 bits": ("bad.dcm", dicom(BitsAllocated=13), "damaged|not read"),
    "dicom of twice the bits": (
        "bad.dcm",
        dicom(BitsAllocated=32, BitsStored=32, HighBit=31),
        "truncated|damaged",
    ),
    "dicom of 0 bits": ("bad.dcm", dicom(BitsAllocated=0, BitsStored=0), "damaged|not read"),
    "dicom of two billion frames": ("bad.dcm", dicom(NumberOfFrames=2_000_000_000), "frames"),
    "dicom of no colour known": (
        "bad.dcm",
        dicom(PhotometricInterpretation=None),
        "PhotometricInterpretation",
    ),
    "dicom of a palette that is missing": (
        "bad.dcm",
        dicom(PhotometricInterpretation="PALETTE COLOR"),
        "damaged|palette|Palette",
    ),
    "dicom in colour of one number": ("bad.dcm", dicom(PhotometricInterpretation="RGB"), "damaged"),
    "link to a text": ("bad.png", link("/etc/passwd"), "not an image, but text"),
    "link to nothing": ("bad.png", link("nowhere.png"), "does not exist"),
    "link to itself": ("bad.png", link("bad.png"), "Too many levels|does not exist"),
    "link to a device": ("bad.png", link("/dev/zero"), "not a regular file"),
    "pipe": ("bad.png", pipe, "not a regular file"),
}


# ---- whole data sets


def archive(**arrays):
    def build(kit):
        np.savez(
            kit.root / "a.npz",
            **{name: make(kit) if callable(make) else make for name, make in arrays.items()},
        )
        return kit.root / "a.npz"

    return build, "a.npz"


def raw(name, make):
    """A file by itself as DATA."""

    def build(kit):
        path = kit.root / name
        path.write_bytes(make(kit) if callable(make) else make)
        return path

    return build, name


def zip_that_says_more(kit):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("train_images.npy", npy(np.zeros((4, 8, 8), np.uint8)))
    data = file.getvalue()
    at = data.rindex(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", 2**32 - 2) + data[at + 28 :]


def zip_that_leads_out(kit):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("../../train_images.npy", npy(np.zeros((4, 8, 8), np.uint8)))
        packed.writestr("/tmp/train_labels.npy", npy(np.zeros(4)))
    return file.getvalue()


def table(text):
    """A table of the pictures of `set` and of one more line."""

    def build(kit):
        folder = kit.classes()
        rows = [f"{folder}/{name}/{index}.png,{name}" for name in ("ill", "well") for index in range(2)]
        lines = "\n".join(["image,label", *rows, ""])
        data = text(lines) if callable(text) else lines + text
        (kit.root / "t.csv").write_bytes(data.encode() if isinstance(data, str) else data)
        return kit.root / "t.csv"

    return build, "t.csv"


PICTURE = {"id": 1, "file_name": "set/ill/0.png", "height": 8, "width": 8}


def coco(images=(PICTURE,), annotations=()):
    def build(kit):
        kit.classes()
        plan = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "a"}]}
        (kit.root / "coco.json").write_text(json.dumps(plan))
        return kit.root / "coco.json"

    return build, "coco.json"


def drawn(segmentation, image_id=1, category_id=1):
    return ({"id": 7, "image_id": image_id, "category_id": category_id, "segmentation": segmentation},)


def nnunet(change, named="dataset.json", **plan):
    """A raw nnU-Net set in which something is changed."""

    def build(kit):
        root = kit.nnunet(**plan)
        change(root, kit)
        return root

    return build, named


def says(text):
    return lambda root, kit: (root / "dataset.json").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )


def plan_of(**more):
    return says(json.dumps({"labels": {"background": 0, "liver": 1, "tumour": 2}, **more}))


def label(values, **more):
    """The labels of case 1 are these."""
    return lambda root, kit: kit.nifti(root / "labelsTr" / "case_1.nii.gz", values, **more)


def turned():
    affine = np.diag([1.0, 2, 3, 1])
    affine[:3, :3] = affine[:3, [1, 0, 2]]
    return affine


def frames(kit):
    """An image of 4 frames and a mask of 3."""
    kit.dicom(kit.root / "scan.dcm", np.ones((4, 8, 8), np.uint16))
    kit.dicom(kit.root / "mask.dcm", np.ones((3, 8, 8), np.uint8))
    (kit.root / "t.csv").write_text("image,mask\nscan.dcm,mask.dcm\n")
    return kit.root / "t.csv"


SETS = {  # how it is made and what names it, what is said
    "archive of pickles": (
        archive(
            train_images=lambda kit: np.array([Payload(kit.mark)], dtype=object), train_labels=np.zeros(1)
        ),
        "pickled objects",
    ),
    "pickle as archive": (raw("b.npz", lambda kit: pickle.dumps(Payload(kit.mark))), "cannot be read"),
    "archive that says it is huge": (raw("b.npz", zip_that_says_more), ""),
    "archive that leads out": (raw("b.npz", zip_that_leads_out), "train_images"),
    "archive cut": (raw("b.npz", lambda kit: zip_that_says_more(kit)[:100]), "cannot be read"),
    "archive of unequal lengths": (
        archive(train_images=np.zeros((3, 8, 8), np.uint8), train_labels=np.zeros((2, 1), np.uint8)),
        "train_images",
    ),
    "archive without a picture": (
        archive(train_images=np.zeros((0, 8, 8), np.uint8), train_labels=np.zeros((0, 1), np.uint8)),
        "train_images has the shape [0, 8, 8]",
    ),
    "table that names a text": (table("../../../../../../../../etc/passwd,ill\n"), "not an image, but text"),
    "table that names a device": (table("/dev/zero,ill\n"), "not a regular file"),
    "table with a zero byte": (table("a\0b.png,ill\n"), "binary data"),
    "table that is a picture": (raw("t.csv", lambda kit: png_of(8, 8)), "binary data"),
    "table in UTF-16 without a mark": (table(lambda text: text.encode("utf-16-le")), "binary data"),
    "table with a quote left open": (table('"bad.png,ill\n'), "cannot be read as a table"),
    "table with a cell of a megabyte": (table("x" * (1 << 20) + ",ill\n"), "cannot be read as a table"),
    "table with a column twice": (
        table(lambda text: text.replace("label", "image", 1)),
        "columns occur twice",
    ),
    "parquet that is none": (raw("t.parquet", b"PAR1" + bytes(60) + b"PAR1"), "cannot be read as Parquet"),
    "json lines without objects": (raw("t.jsonl", b"[1, 2]\n"), "no object"),
    "json lines as deep as a well": (raw("t.jsonl", b"[" * 100_000), "cannot be read as JSON lines"),
    "coco that leads out": (coco([{"id": 1, "file_name": "../../../etc/passwd"}]), "leads out of the folder"),
    "coco with a path of its own": (coco([{"id": 1, "file_name": "/etc/passwd"}]), "leads out of the folder"),
    "coco that leads out by \\": (coco([{"id": 1, "file_name": "..\\..\\a.png"}]), "leads out of the folder"),
    "coco with a zero byte": (coco([{"id": 1, "file_name": "a\0.png"}]), "leads out of the folder"),
    "coco of an unknown image": (coco(annotations=drawn([], image_id=9)), "9 is missing, or names nothing"),
    "coco of an unknown category": (
        coco(annotations=drawn([], category_id=9)),
        "9 is missing, or names nothing",
    ),
    "coco with an id twice": (coco([{"id": 1, "file_name": f"{k}.png"} for k in "ab"]), "ids occur twice"),
    "coco of other types": (coco({"a": 1}), "JSON of another kind"),
    "coco whose ids are lists": (coco([{"id": [], "file_name": "a.png"}]), "JSON of another kind"),
    "coco with damaged runs": (
        coco(annotations=drawn({"size": [8, 8], "counts": "\x7f\x7f\x7f"})),
        "the annotation 7 cannot be drawn",
    ),
    "coco with runs of a billion": (
        coco(annotations=drawn({"size": [8, 8], "counts": [10**9, 10**9]})),
        "the annotation 7 cannot be drawn",
    ),
    "coco with negative runs": (
        coco(annotations=drawn({"size": [8, 8], "counts": [70, -6]})),
        "the annotation 7 cannot be drawn",
    ),
    "coco with a polygon of one point": (
        coco(annotations=drawn([[1, 1]])),
        "the annotation 7 cannot be drawn",
    ),
    "coco with a polygon at no place": (
        coco(annotations=drawn([[float("nan")] * 6])),
        "the annotation 7 cannot be drawn",
    ),
    "coco with a polygon far away": (
        coco(annotations=drawn([[1e300] * 6])),
        "the annotation 7 cannot be drawn",
    ),
    "coco of huge sides": (
        coco(
            [{**PICTURE, "height": 10**9, "width": 10**9}],
            drawn({"size": [10**9, 10**9], "counts": [10**18]}),
        ),
        "1000000000 x 1000000000 pixels",
    ),
    "coco that is a bracket": (raw("coco.json", b"[" * 100_000), "cannot be read as JSON"),
    "coco cut": (raw("coco.json", b'{"images": [{"id": 1'), "cannot be read as JSON"),
    "nnU-Net that leads out": (
        nnunet(plan_of(dataset={"c": {"images": ["../../x.png"], "label": "/etc/passwd"}})),
        "lead out of the folder",
    ),
    "nnU-Net in Latin-1": (
        nnunet(says('{"labels": {"Löwe": 1}}'.encode("latin-1"))),
        "cannot be read as JSON",
    ),
    "nnU-Net with a list of labels": (nnunet(says('{"labels": ["liver"]}')), "names no structures"),
    "nnU-Net with a label twice": (
        nnunet(says('{"labels": {"liver": 1, "liver": 2}}')),
        "stands in it twice",
    ),
    "nnU-Net with a number twice": (nnunet(says('{"labels": {"liver": 1, "tumour": 1}}')), "number 1"),
    "nnU-Net with a half number": (nnunet(says('{"labels": {"liver": 1.5}}')), "the label 'liver' is 1.5"),
    "nnU-Net with an endless number": (
        nnunet(says('{"labels": {"liver": Infinity}}')),
        "the label 'liver' is inf",
    ),
    "nnU-Net with channels of no number": (nnunet(plan_of(channel_names={"CT": 0})), "channel_names"),
    "nnU-Net whose cases are text": (nnunet(plan_of(dataset={"c": "image"})), "the case 'c'"),
    "labels that name a number of nobody": (
        nnunet(label(np.full((8, 9, 4), 5, np.uint8)), "labelsTr/case_1.nii.gz"),
        "holds 5, which dataset.json does not name",
    ),
    "labels that lack a slice": (
        nnunet(label(np.ones((8, 9, 3), np.uint8)), "labelsTr/case_1.nii.gz"),
        "lies elsewhere than its image",
    ),
    "labels of another turn": (
        nnunet(label(np.ones((8, 9, 4), np.uint8), affine=turned()), "labelsTr/case_1.nii.gz"),
        "lies elsewhere than its image",
    ),
    "labels that are not finite": (
        nnunet(label(np.full((8, 9, 4), np.nan, np.float32)), "labelsTr/case_1.nii.gz"),
        "not finite",
    ),
    "labels below nothing": (
        nnunet(label(np.full((8, 9, 4), -1, np.int16)), "labelsTr/case_1.nii.gz"),
        "negative number -1",
    ),
    "labels between numbers": (
        nnunet(label(np.full((8, 9, 4), 0.5, np.float32)), "labelsTr/case_1.nii.gz"),
        "holds 0.5",
    ),
    "labels that are missing": (
        nnunet(
            lambda root, kit: (root / "labelsTr" / "case_1.nii.gz").unlink(), "imagesTr/case_1_0000.nii.gz"
        ),
        "no file in labelsTr",
    ),
    "a mask that lacks a frame": ((frames, "mask.dcm"), "has 3 frames, but its image 4"),
    "a folder that goes round": (
        (lambda kit: round_and_round(kit), "ill/"),
        "mixed depth",
    ),
}


def round_and_round(kit):
    """Twenty links of a class folder to the folder above: 20 ** 40 ways to walk."""
    folder = kit.classes()
    for number in range(20):
        os.symlink("..", folder / "ill" / f"up{number}")
    return folder


CASES = {
    **{name: (one(file, make), words) for name, (file, make, words) in FILES.items()},
    **SETS,
}


@pytest.fixture
def kit(tmp_path, nifti, dicom, nnunet):
    (tmp_path / "in").mkdir()
    return Kit(root=tmp_path / "in", mark=tmp_path / "mark", nifti=nifti, dicom=dicom, nnunet=nnunet)


def everything(folder):
    """All paths below a folder, with their times of change."""
    return {path: path.lstat().st_mtime_ns for path in sorted(Path(folder).rglob("*"))}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("case", CASES)
def test_one_message_names_it(case, kit, tmp_path, capsys, monkeypatch):
    (build, named), words = CASES[case]
    data = build(kit)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    before = everything(tmp_path)
    assert main(["audit", str(data), "-o", "run", "--quiet", "--device", "cpu"]) == 2
    err = capsys.readouterr().err
    assert named in err, err
    assert any(word in err for word in words.split("|")), err
    assert err.count("Error:") == 1, err
    assert err.count("Cure:") <= 1, err
    assert "Traceback" not in err
    assert len(err) < 3000, err
    assert everything(tmp_path) == before  # no run folder, nothing unpacked, no pickle was run
    assert not kit.mark.exists()


def test_there_are_more_than_thirty():
    assert len(CASES) > 100


@pytest.mark.parametrize("case", FILES)
def test_a_bad_file_can_be_left_out(case, kit):
    (build, named), _ = CASES[case]
    reading, images = load(build(kit), DataOptions(on_bad_image="skip"), 8, quiet=True)
    assert len(images) == 4
    assert named in [image.partition("#")[0] for image, _ in reading.left_out]
    assert not kit.mark.exists()


def test_deflated_dicom_that_inflates_to_much(kit, capsys, monkeypatch):
    monkeypatch.setattr("overread.data.formats.dicom_header.INFLATED", 1 << 20)
    values = np.zeros((1500, 1500), np.uint16)
    folder = kit.classes()
    kit.dicom(folder / "ill" / "bad.dcm", values, syntax="1.2.840.10008.1.2.1.99")
    assert (folder / "ill" / "bad.dcm").stat().st_size < 1 << 16
    assert main(["audit", str(folder), "-o", str(kit.root / "run")]) == 2
    assert "ill/bad.dcm: inflates to more than" in capsys.readouterr().err


def test_what_nibabel_brings_is_read_or_refused():
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
