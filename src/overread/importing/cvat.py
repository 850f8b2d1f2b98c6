"""Reads "CVAT for images 1.1": tags and masks of the images that carry the tag `read`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree as xml

import numpy as np

from overread.errors import InputError
from overread.exporting.words import NOTHING, name_of_read, outcome_tags
from overread.importing.answers import Answer, Array, Faults, Known, decoded
from overread.rle import cvat

FILE = "annotations.xml"
LIMIT = 1 << 30  # bytes of an annotations.xml
EVIDENCE = {"shown": "CVAT"}


def read(path: Path, known: Known) -> tuple[list[Answer], Faults]:
    """The answers of all images that somebody has read."""
    root, faults = parsed(path), Faults()
    answers: list[Answer] = []
    files = known.row_by_file()
    reader = known.everybody or reader_of(root, known)
    taken = [*known.classes, *(NOTHING + name for name in known.structures), *known.structures]
    done = name_of_read(taken)
    images = root.findall("image")
    for image in images:
        name = PurePosixPath(image.get("name", "")).name
        if done not in {tag.get("label") for tag in image.findall("tag")}:
            continue
        if name not in files:
            faults.add("of no image of this run", f"is {known.run} the run that was exported?", repr(name))
            continue
        row = files[name]
        base = Answer(f"image {name}", str(known.ids[row]), reader, "", evidence=EVIDENCE)
        answers += answers_of(base, image, known, row, faults)
    if not answers and not faults.found:
        raise InputError(
            f"{path}: none of its {len(images):,} images carries the tag {done!r}, so nobody has read any."
        )
    return answers, faults


def parsed(path: Path) -> xml.Element:
    """The root of the file, or of the one in a ZIP. Raises `InputError`."""
    try:
        data = path.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if archive.getinfo(FILE).file_size > LIMIT:
                    raise InputError(f"{path}: its {FILE} is more than 1 GiB long.")
                data = archive.read(FILE)
        text = data.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise InputError(f"{path} defines entities of its own, which CVAT never does. It is not read.")
        root = xml.fromstring(text)
    except (OSError, KeyError, UnicodeDecodeError, zipfile.BadZipFile, RuntimeError, xml.ParseError) as error:
        raise InputError(f"{path} is no {FILE} of CVAT, nor a ZIP with one: {error}.") from None
    if root.tag != "annotations" or root.find("track") is not None:
        raise InputError(f'{path} is not "CVAT for images 1.1": export the annotations in that format.')
    return root


def reader_of(root: xml.Element, known: Known) -> str:
    """Who annotated: the assignee of the job or task, by the name that --reader gives him."""
    for place in ("meta/job/assignee", "meta/task/assignee"):
        found = root.find(place)
        name = "" if found is None else (found.findtext("username") or found.text or "").strip()
        if name:
            return known.readers.get(name, name)
    return ""


def answers_of(base: Answer, image: xml.Element, known: Known, row: int, faults: Faults) -> Iterator[Answer]:
    """What the annotations of an image say."""
    from dataclasses import replace

    tags = [str(tag.get("label")) for tag in image.findall("tag")]
    taken = [*known.classes, *(NOTHING + name for name in known.structures), *known.structures]
    outcomes = [tag for tag in tags if tag in outcome_tags(taken)]
    others = sorted({child.tag for child in image} - {"tag", "mask"})
    if others:
        faults.add(
            "drawn as something else than a mask",
            "draw with the brush of CVAT.",
            f"{base.where}: {others[0]}",
        )
        return
    masks: dict[str, Array] = {}
    size = known.size(row)
    for one in image.findall("mask"):
        attributes = dict(one.attrib)
        mask = decoded(lambda a=attributes: cvat.decode(a, size), base.where, faults)  # type: ignore[misc]
        if mask is not None:
            name = str(one.get("label"))
            masks[name] = masks.get(name, False) | mask
    absent = [tag.removeprefix(NOTHING) for tag in tags if tag.startswith(NOTHING) and known.structures]
    named = [tag for tag in tags if tag not in outcomes and tag != name_of_read(taken)]
    named = [tag for tag in named if not (known.structures and tag.startswith(NOTHING))]
    if outcomes:  # what stood there before was left as it was
        yield replace(base, outcome=outcomes[0])
        if len(outcomes) > 1:
            faults.add("it says several things at once", "leave one of them.", f"{base.where}: {outcomes}")
        return
    if len(named) > 1 or set(absent) & set(masks) or not (named or absent or masks):
        what = f"{base.where}: {', '.join(tags)}"
        faults.add("it says nothing, or several things at once", "leave one label, or mask, each.", what)
        return
    yield from (replace(base, outcome="label", label=tag) for tag in named)
    masks |= {name: np.zeros(size, bool) for name in absent}
    yield from (replace(base, outcome="label", structure=name, mask=mask) for name, mask in masks.items())
