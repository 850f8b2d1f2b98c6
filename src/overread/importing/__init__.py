"""`overread import`: answers that were given elsewhere, brought back as opinions with their readers.

A form is a file here with a function `read(path, known)`, and a line in FORMATS.
"""

from __future__ import annotations

from overread.registry import Entry

FORMATS = {
    "labelstudio": Entry(
        "overread.importing.labelstudio:read", "an export of Label Studio as JSON", "docs/export.md"
    ),
    "cvat": Entry(
        "overread.importing.cvat:read", "an export of CVAT as CVAT for images 1.1", "docs/export.md"
    ),
    "csv": Entry(
        "overread.importing.table:read",
        "a table of id, answer, reader, reason, as queue.csv is",
        "docs/export.md",
    ),
}
