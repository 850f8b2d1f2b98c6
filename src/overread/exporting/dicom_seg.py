"""`--to dicom-seg`: the current masks as DICOM Segmentation objects, and a table that reads them as DATA again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.address import address
from overread.data.formats.extras import need
from overread.data.manifest import Manifest
from overread.data.relative import relative_paths
from overread.data.silence import silenced
from overread.errors import InputError
from overread.exporting.again import read_again
from overread.exporting.dicom_object import About, Segment, frames_of, new_uid, segmentation
from overread.exporting.dicom_planes import Key, Plane, planes_of, same_patients, stacks_of
from overread.exporting.labels import Labels
from overread.exporting.mask_files import current_mask, stretched, truth_columns
from overread.exporting.table import counts, masks_table, shared_columns, write_two

Array = np.ndarray[Any, np.dtype[Any]]
FOLDER = "segmentations"
FORESEEN = (
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
)  # of highdicom, where a header contradicts itself


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes segmentations/, labels.csv (DATA; what is out of use in left-out.csv), and masks.csv."""
    kept = labels.kept
    if not kept.structures:
        raise InputError(f"{labels.run} has labels of whole images, and no masks. Export them by --to csv")
    away = [labels.out_of_use(row) for row in range(len(kept))]
    rows = [row for row, out in enumerate(away) if not out]
    if not rows:
        raise InputError(f"No image of {labels.run} has a mask to write: all are out of use.")
    need("dicom", "highdicom", "--to dicom-seg", "written by highdicom")
    manifest = read_again(labels.run, kept)
    stacks = stacks_of(planes_of(labels, rows))
    same_patients(labels, [str(name) for name in manifest.group])
    work = Work(labels, manifest, folder)
    for stack in stacks:
        work.write(stack)
    exclusive = manifest.masks is not None and manifest.masks.exclusive
    write_tables(labels, work.cells, away, folder)
    return {
        **counts(labels),
        "left_out": sum(away),
        "segmentations": len(stacks),
        "series": len(work.series),
        "alone_planes": sum(stack[0].place is None for stack in stacks),
        "stretched": work.stretched,
        "patient": labels.patient,
        **({"read_with": ["--structures", "exclusive"]} if exclusive else {}),
    }


@dataclass
class Work:
    """What is written one stack after the other."""

    labels: Labels
    manifest: Manifest
    folder: Path
    cells: dict[int, list[str]] = field(default_factory=dict)  # of each row the frames of its structures
    series: dict[Key, str] = field(default_factory=dict)  # that of images -> the UID of what is written
    numbers: Counter[str] = field(default_factory=Counter)  # objects in each
    stretched: int = 0  # masks of another size than their image

    def write(self, stack: Sequence[Plane]) -> None:
        """Writes the object of a stack."""
        own = self.series.setdefault(stack[0].series, new_uid())
        self.numbers[own] += 1
        head = self.labels.head
        told = f", after entry {head.number} ({head.hash[:12]})" if head else ""
        segments = [self.segment(name, stack) for name in self.labels.kept.structures]
        masks = self.masks(stack)
        try:
            with silenced():
                found = segmentation(stack, masks, segments, About(own, self.numbers[own], told))
        except FORESEEN as error:
            name = self.labels.kept.images[stack[0].row]
            raise InputError(
                f"{name}: highdicom makes no segmentation of this image and of those beside it "
                f"({type(error).__name__}): its header contradicts itself. Mend it, or export --to masks."
            ) from None
        path = f"{FOLDER}/{sum(self.numbers.values()):04d}.dcm"
        (self.folder / FOLDER).mkdir(exist_ok=True)
        found.save_as(self.folder / path)
        for row, frames in frames_of(found, stack).items():
            self.cells[row] = [address(path, frame=frame) for frame in frames]

    def masks(self, stack: Sequence[Plane]) -> Array:
        """uint8 [F, H, W, K], 0 or 1: the current masks of a stack, at the size of its images."""
        size = (int(stack[0].header.Rows), int(stack[0].header.Columns))
        masks = np.empty((len(stack), *size, len(self.labels.kept.structures)), np.uint8)
        for plane, room in zip(stack, masks, strict=True):
            for k, mask in enumerate(current_mask(self.labels, self.manifest, plane.row)):
                self.stretched += mask.shape != size
                room[..., k] = mask if mask.shape == size else stretched(mask, size)
        return masks

    def segment(self, name: str, stack: Sequence[Plane]) -> Segment:
        """A structure, and whether a network helped with any mask of it."""
        return Segment(name, any(helped(self.labels, plane.row, name) for plane in stack))


def helped(labels: Labels, row: int, structure: str) -> bool:
    """Whether the mask that stands was drawn, and a reader who decided had a network's suggestion before him."""
    found = labels.standing(row, structure)
    if not (found.is_voted and found.value):
        return False
    told = [entry.evidence for entry in labels.deciding(found)]
    return any(
        "suggested" in (one.get("used"), *one.get("masks", ())) or one.get("shown") == "Label Studio"
        for one in told
    )


def write_tables(labels: Labels, cells: dict[int, list[str]], away: Sequence[bool], folder: Path) -> None:
    """labels.csv, whose masks are frames of the objects, and masks.csv: where each mask comes from."""
    kept = labels.kept
    nothing = [""] * len(kept.structures)
    files = [cells.get(row, nothing) for row in range(len(kept))]
    columns = {
        "image": relative_paths((Path(str(name)) for name in kept.images), labels.out),
        **{f"mask_{name}": [some[k] for some in files] for k, name in enumerate(kept.structures)},
        **truth_columns(labels),
        **shared_columns(labels),
        "id": kept.ids,
    }
    write_two(pd.DataFrame(columns), away, folder)
    masks_table(labels, files).to_csv(folder / "masks.csv", index=False)
