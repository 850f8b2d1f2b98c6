"""`--to labelstudio`: the queue as tasks with suggestions, and the labeling interface that asks for answers.

What comes back, an export of Label Studio as JSON, is read by `overread import --from labelstudio`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as xml

import numpy as np

from overread.exporting.asked import Question, Shown, questions
from overread.exporting.labels import Labels
from overread.exporting.pixels import Pictures
from overread.exporting.table import counts
from overread.exporting.words import OUTCOMES
from overread.files import write_json
from overread.rle import brush

Array = np.ndarray[Any, np.dtype[Any]]
Json = dict[str, Any]
LABEL, STRUCTURE, NOTHING, OUTCOME, REASON = "label", "structure", "nothing", "outcome", "reason"
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#17becf")


def write(labels: Labels, folder: Path) -> Json:
    """Writes tasks.json, config.xml and images/."""
    pictures, asked = Pictures(labels), questions(labels)
    shown = Shown(labels) if labels.kept.structures else None
    tasks = []
    for one in asked:
        size = pictures.size(one.row)
        name = pictures.write(one.row, folder)
        url = f"/data/local-files/?d={quote(f'{labels.out.absolute().name}/{name}')}"
        data = {"image": url, "overread_id": str(labels.kept.ids[one.row])}
        tasks.append({"data": data, "predictions": predictions(labels, one, size, shown)})
    write_json(folder / "tasks.json", tasks)
    (folder / "config.xml").write_text(interface(labels), encoding="utf-8")
    return {**counts(labels), "tasks": len(tasks)}


def predictions(labels: Labels, one: Question, size: tuple[int, int], shown: Shown | None) -> list[Json]:
    """What stands now, and what Overread suggests in its place."""
    if shown is None:
        named = {"given": labels.label(one.row), "suggested": str(one.why.get("suggested") or "")}
        results = {version: [choice(LABEL, [name], size)] for version, name in named.items() if name}
    else:
        each = {"given": shown.now(one.row, size), "suggested": shown.suggested(one.row, size)}
        results = {version: drawn(masks, one.structures, size) for version, masks in each.items() if masks}
    return [{"model_version": version, "result": result} for version, result in results.items()]


def drawn(masks: Mapping[str, Array], structures: Iterable[str], size: tuple[int, int]) -> list[Json]:
    """The regions of some structures; those that are empty are said to be so."""
    asked = [name for name in structures if name in masks]
    found = [region(name, masks[name], size) for name in asked if masks[name].any()]
    empty = [name for name in asked if not masks[name].any()]
    return [*found, *([choice(NOTHING, empty, size)] if empty else [])]


def region(name: str, mask: Array, size: tuple[int, int]) -> Json:
    """A mask as Label Studio keeps it."""
    value = {"format": "rle", "rle": brush.encode(mask), "brushlabels": [name]}
    return {**_result("brushlabels", STRUCTURE, size), "id": f"given-{name}", "value": value}


def choice(control: str, names: list[str], size: tuple[int, int]) -> Json:
    """Something that is chosen."""
    return {**_result("choices", control, size), "value": {"choices": names}}


def _result(kind: str, control: str, size: tuple[int, int]) -> Json:
    where = {"original_height": size[0], "original_width": size[1], "image_rotation": 0}
    return {"type": kind, "from_name": control, "to_name": "image", **where}


def interface(labels: Labels) -> str:
    """The labeling interface, as XML."""
    view = xml.Element("View")
    xml.SubElement(view, "Image", name="image", value="$image", zoom="true", brightnessControl="true")
    structures = labels.kept.structures
    if structures:
        brushes = xml.SubElement(view, "BrushLabels", name=STRUCTURE, toName="image")
        for number, name in enumerate(structures):
            xml.SubElement(brushes, "Label", value=name, background=COLOURS[number % len(COLOURS)])
        _choices(view, NOTHING, "Not there at all:", structures, "multiple")
    else:
        _choices(view, LABEL, "Label:", sorted({*map(str, labels.kept.given)} - {""}), "single-radio")
    _choices(view, OUTCOME, "Or:", OUTCOMES, "single-radio")
    xml.SubElement(view, "TextArea", name=REASON, toName="image", placeholder="Why", maxSubmissions="1")
    xml.indent(view)
    return xml.tostring(view, encoding="unicode") + "\n"


def _choices(view: xml.Element, name: str, title: str, values: Iterable[str], kind: str) -> None:
    xml.SubElement(view, "Header", value=title)
    choices = xml.SubElement(view, "Choices", name=name, toName="image", choice=kind, showInline="true")
    for value in values:
        xml.SubElement(choices, "Choice", value=value)
