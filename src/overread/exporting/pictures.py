"""The images of an export: paths to where they lie, or, of a .npz, files of their own."""

from __future__ import annotations

from pathlib import Path

from overread.data.pixel_writing import write_pixels
from overread.data.relative import relative_paths
from overread.exporting.again import read_again
from overread.exporting.labels import Labels
from overread.run import read_info


def image_cells(labels: Labels, folder: Path) -> list[str]:
    """[N] the column `image`, from where the export will lie; pixels of a .npz are written to `folder`."""
    source = str(read_info(labels.run).get("data", {}).get("path", ""))
    inside = source.endswith(".npz") or any(".npz/" in str(name) for name in labels.kept.images[:1])
    if inside:
        pixels = read_again(labels.run, labels.kept).pixels
        assert pixels is not None
        return write_pixels(pixels, folder)
    return relative_paths((Path(str(name)) for name in labels.kept.images), labels.out)
