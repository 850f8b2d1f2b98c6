"""How a part of a file is named: `case.nii.gz#axial=12`, `scan.dcm#frame=3`. Docs: docs/decisions/0019.

An address stands wherever the path of an image or a mask stands. A file whose own name merely contains `#` is
left alone: only the keys below, at the very end, make an address.
"""

from __future__ import annotations

import re

KEYS = (
    *("axial", "coronal", "sagittal"),  # a slice of a volume, counted along S, A, R from 0
    "frame",  # of a multi-frame DICOM, counted from 0
    "segment",  # of a DICOM segmentation, by its number: it becomes the frame that is of the image
    "array",  # of an .npz, by its name
    "column",  # of a Parquet file, counted from 0
    "row",  # of that, or of a Parquet file, counted from 0
    *("image", "category"),  # the annotations of an image in COCO, by their places in its lists, from 0
    "channels",  # of nnU-Net: the files NAME_0000, NAME_0002 of an image as red and green (0000+0002)
    "window",  # CENTRE:WIDTH, how numbers become grey
    "value",  # of a mask whose numbers are structures: the number, or several (1+2), of this one
)
RULE = rf"(?:{'|'.join(KEYS)})=[\w.:+-]+"
CHANNEL = re.compile(r"(?i)_(\d{4})(\.nii\.gz|\.nii|\.png|\.tiff?|\.bmp)$")
ADDRESS = re.compile(rf"(?s)(.+)#({RULE}(?:&{RULE})*)")


def split_address(name: str) -> tuple[str, dict[str, str]]:
    """The file, and which part of it; nothing for a plain path.

    >>> split_address("a#b/case.nii.gz#axial=12&window=40:400")
    ('a#b/case.nii.gz', {'axial': '12', 'window': '40:400'})
    >>> split_address("scan#2.png")
    ('scan#2.png', {})
    """
    found = ADDRESS.fullmatch(name) if "#" in name else None
    if found is None:
        return name, {}
    return found[1], dict(rule.split("=", 1) for rule in found[2].split("&"))


def file_of(name: str) -> str:
    """The file that an address, or a plain path, lies in."""
    return split_address(name)[0]


def files_of(name: str) -> list[str]:
    """All files that an address, or a plain path, is made of.

    >>> files_of("case_0000.nii.gz#axial=3&channels=0000+0002")
    ['case_0000.nii.gz', 'case_0002.nii.gz']
    """
    file, part = split_address(name)
    numbers = part["channels"].split("+") if "channels" in part else []
    return [CHANNEL.sub(rf"_{number}\2", file) for number in numbers] or [file]


def without(name: str, *keys: str) -> str:
    """An address less some rules.

    >>> without("case.nii.gz#axial=3&value=1", "value")
    'case.nii.gz#axial=3'
    """
    file, part = split_address(name)
    return address(file, **{key: rule for key, rule in part.items() if key not in keys})


def address(file: str, **part: object) -> str:
    """The address of a part of a file, its rules in the order of `KEYS`; those without a value are left out.

    >>> address("case.nii.gz", axial=12, window=None)
    'case.nii.gz#axial=12'
    """
    rules = [f"{key}={part[key]}" for key in KEYS if part.get(key) is not None]
    return f"{file}#{'&'.join(rules)}" if rules else file
