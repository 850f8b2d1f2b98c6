"""The forms that DATA can have, and what to say of those it cannot."""

from __future__ import annotations

from overread.data.formats.dicom_header import is_dicom

FORMS = (
    "a folder with one sub-folder per class, a folder with a labels.csv, cases.csv or metadata.csv, a CSV, TSV or "
    "Parquet, a raw nnU-Net folder, a COCO .json, or a MedMNIST .npz"
)
UNLABELLED = f"an image, a folder of images, {FORMS}"  # where labels are optional
OTHER_FORMS = {
    ".xlsx": "Excel workbooks are not read: save the sheet as CSV UTF-8",
    ".xls": "Excel workbooks are not read: save the sheet as CSV UTF-8",
    ".zip": "archives are not read: unpack it first",
    ".tar": "archives are not read: unpack it first",
    ".gz": "archives are not read: unpack it first",
}
IMAGE_ENDINGS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2"),
    *(".pgm", ".ppm", ".pnm", ".pbm"),
    *(".nii", ".nii.gz", ".dcm", ".dicom", ".dic", ".ima"),
)
IGNORED = {"dicomdir", "thumbs.db", "desktop.ini", "__macosx", "ehthumbs.db", "$recycle.bin"}
TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".jsonl", ".parquet")
TABLES = (
    "labels.csv",
    "cases.csv",
    "metadata.csv",
    "metadata.jsonl",
    "metadata.parquet",
)  # a folder with one is it


def is_image(path: str) -> bool:
    """By the ending; a file without one may be DICOM."""
    return path.lower().endswith(IMAGE_ENDINGS) or is_dicom(path)


def why_not(name: str) -> str:
    """Why a path of this name is no data set, or ""."""
    if name.startswith(("http:", "https:", "ftp:", "s3:", "gs:")):
        return "addresses are not read: download the data first"
    if name.lower().endswith(IMAGE_ENDINGS):
        return "one image is not a data set"
    return next((why for ending, why in OTHER_FORMS.items() if name.lower().endswith(ending)), "")
