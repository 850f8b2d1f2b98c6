"""`--to cvat`: the queue as images with annotations in "CVAT for images 1.1": tags of labels, masks as run lengths.

What comes back, an export of the same format, is read by `overread import --from cvat`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as xml

from overread.exporting.asked import Question, Shown, questions
from overread.exporting.labels import Labels
from overread.exporting.pixels import Pictures
from overread.exporting.table import counts
from overread.exporting.words import NOTHING, name_of_read, outcome_tags
from overread.files import write_json
from overread.rle import cvat

TAG, MASK = "tag", "mask"


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes annotations.xml, labels.json (for a task's constructor of labels) and images/."""
    pictures, asked = Pictures(labels), questions(labels)
    shown = Shown(labels) if labels.kept.structures else None
    kinds = kinds_of(labels)
    root = xml.Element("annotations")
    xml.SubElement(root, "version").text = "1.1"
    task = xml.SubElement(xml.SubElement(root, "meta"), "task")
    for name, text in (("name", labels.run.name), ("size", str(len(asked))), ("mode", "annotation")):
        xml.SubElement(task, name).text = text
    named = xml.SubElement(task, "labels")
    for name, kind in kinds.items():
        one = xml.SubElement(named, "label")
        for key, text in (("name", name), ("type", kind), ("attributes", "")):
            xml.SubElement(one, key).text = text
    for number, question in enumerate(asked):
        _image(root, number, question, labels, pictures, shown)
        pictures.write(question.row, folder)
    xml.indent(root)
    xml.ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)
    write_json(folder / "labels.json", [{"name": n, "type": k, "attributes": []} for n, k in kinds.items()])
    return {**counts(labels), "tasks": len(asked)}


def kinds_of(labels: Labels) -> dict[str, str]:
    """The labels that a task needs, and whether each is a tag or a mask."""
    structures = labels.kept.structures
    classes = sorted({*map(str, labels.kept.given)} - {""}) if not structures else []
    tags = [*classes, *(NOTHING + name for name in structures)]
    taken = [*tags, *structures]
    return {
        **dict.fromkeys(structures, MASK),
        **dict.fromkeys([*tags, *outcome_tags(taken), name_of_read(taken)], TAG),
    }


def _image(
    root: xml.Element, number: int, one: Question, labels: Labels, pictures: Pictures, shown: Shown | None
) -> None:
    """An image with what stands now: its label, or the masks that are asked about."""
    size = pictures.size(one.row)
    about = {
        "id": str(number),
        "name": pictures.files[one.row],
        "width": str(size[1]),
        "height": str(size[0]),
    }
    image = xml.SubElement(root, "image", about)
    if shown is None:
        if label := labels.label(one.row):
            xml.SubElement(image, TAG, label=label, source="manual")
        return
    for kind, attributes in _masks(shown, one, size):
        xml.SubElement(image, kind, attributes)


def _masks(shown: Shown, one: Question, size: tuple[int, int]) -> Iterator[tuple[str, dict[str, str]]]:
    masks = shown.now(one.row, size)
    for name in one.structures:
        if masks[name].any():
            more = {"label": name, "source": "semi-auto", "occluded": "0", "z_order": "0"}
            yield MASK, {**more, **cvat.encode(masks[name])}
        else:
            yield TAG, {"label": NOTHING + name, "source": "manual"}
