"""`overread export`: the labels of a run as they stand, in a form that others read.

A form is a file here with a function `write(labels, folder)`, and a line in FORMATS.
"""

from __future__ import annotations

from overread.registry import Entry

FORMATS = {
    "csv": Entry(
        "overread.exporting.table:write",
        "a table of given and current labels, who said so, when and why; of labels, DATA again",
        "docs/export.md",
    ),
    "masks": Entry(
        "overread.exporting.mask_files:write",
        "the current masks as files in the layout they came in, with a table: DATA again",
        "docs/export.md",
    ),
    "nnunet": Entry(
        "overread.exporting.nnunet:write",
        "the current masks as a raw nnU-Net data set, volumes in their own geometry, with folds and weights",
        "docs/export.md",
    ),
    "dicom-seg": Entry(
        "overread.exporting.dicom_seg:write",
        "the current masks as DICOM Segmentation objects that refer to their images, for a PACS and its viewers",
        "docs/export.md",
    ),
    "coco": Entry(
        "overread.exporting.coco:write",
        "annotations.json in COCO: a mask of each structure as packed run lengths; of labels a category an image",
        "docs/export.md",
    ),
    "labelstudio": Entry(
        "overread.exporting.labelstudio:write",
        "the queue as tasks of Label Studio with suggestions; answers come back by overread import",
        "docs/export.md",
    ),
    "cvat": Entry(
        "overread.exporting.cvat:write",
        "the queue for CVAT, as CVAT for images 1.1; answers come back by overread import",
        "docs/export.md",
    ),
    "fiftyone": Entry(
        "overread.exporting.fiftyone:write",
        "a folder that FiftyOne reads, and a script that opens it there with all that is known",
        "docs/export.md",
    ),
    "audit": Entry(
        "overread.exporting.trail:write",
        "the whole trail as lines of JSON with its head hash, to be checked by anybody",
        "docs/export.md",
    ),
}
