"""Reads what Label Studio exports as JSON: the annotations of tasks that `overread export --to labelstudio` made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from overread.errors import InputError
from overread.exporting.labelstudio import LABEL, NOTHING, OUTCOME, REASON, STRUCTURE
from overread.importing.answers import Answer, Faults, Known, decoded
from overread.rle import brush

Json = dict[str, Any]
AGAIN = "export the annotations again."


def read(path: Path, known: Known) -> tuple[list[Answer], Faults]:
    """The answers of all annotations; of one annotator's on one task the last counts."""
    faults, rows = Faults(), known.row_by_id()
    last: dict[tuple[str, str], tuple[str, Json, int]] = {}
    for number, task in enumerate(tasks_of(path), 1):
        name = str(task.get("data", {}).get("overread_id", ""))
        where = f"task {task.get('id', number)}"
        if name not in rows:
            faults.add(
                "of no image of this run", f"is {known.run} the run that was exported?", f"{where}: {name!r}"
            )
            continue
        for one in sorted(task["annotations"], key=lambda one: str(one.get("updated_at", ""))):
            reader = reader_of(one.get("completed_by"), known)
            if not reader:
                who = one.get("completed_by")
                cure = "say who the annotators are: --reader 3=ann --reader 7=bob, or --reader NAME for all"
                faults.add("the annotator has but a number", cure, f"{where}: {who!r}")
            else:
                last[name, reader] = where, one, rows[name]
    answers = [
        answer
        for (name, reader), (where, one, row) in last.items()
        for answer in answers_of(Answer(where, name, reader, ""), one, known.size(row), faults)
    ]
    return answers, faults


def tasks_of(path: Path) -> list[Json]:
    """The tasks of the file. Raises `InputError`."""
    try:
        tasks = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from None
    good = isinstance(tasks, list) and all(
        isinstance(task, dict)
        and isinstance(task.get("data"), dict)
        and isinstance(task.get("annotations"), list)
        and all(isinstance(one, dict) for one in task["annotations"])
        for task in tasks
    )
    if not good:
        raise InputError(
            f"{path} is no export of Label Studio with annotations: choose JSON there, not JSON-MIN."
        )
    return list(tasks)


def reader_of(who: Any, known: Known) -> str:
    """The name of an annotator: as --reader says, else his mail address; "" where there is but a number."""
    number = who.get("id") if isinstance(who, dict) else who
    mail = str(who.get("email") or "") if isinstance(who, dict) else ""
    return known.readers.get(str(number)) or known.readers.get(mail) or known.everybody or mail


def answers_of(base: Answer, one: Json, size: tuple[int, int], faults: Faults) -> Iterator[Answer]:
    """What an annotation says."""
    from dataclasses import replace

    results = [part for part in one.get("result") or [] if isinstance(part, dict)]
    chosen = {name: _values(results, name, "choices") for name in (LABEL, NOTHING, OUTCOME)}
    seconds = one.get("lead_time")
    base = replace(
        base,
        reason="; ".join(_values(results, REASON, "text")),
        seconds=float(seconds) if isinstance(seconds, int | float) and 0 <= seconds < 1e9 else None,
        evidence={
            "shown": "Label Studio",
            "annotation": str(one.get("id", "")),
            "at": str(one.get("updated_at", "")),
        },
    )
    masks = masks_of(results, base.where, size, faults)
    if one.get("was_cancelled"):
        yield replace(base, outcome="skip")
        return
    if len(chosen[LABEL]) + len(chosen[OUTCOME]) > 1 or (chosen[OUTCOME] and (masks or chosen[NOTHING])):
        faults.add("it says several things at once", "leave one of them.", base.where)
        return
    if both := sorted(set(masks) & set(chosen[NOTHING])):
        faults.add(
            "a structure is drawn and said not to be there",
            "leave one of them.",
            f"{base.where}: {both[0]!r}",
        )
        return
    yield from (replace(base, outcome=outcome) for outcome in chosen[OUTCOME])
    yield from (replace(base, outcome="label", label=label) for label in chosen[LABEL])
    masks |= {name: np.zeros(size, bool) for name in chosen[NOTHING]}
    yield from (replace(base, outcome="label", structure=name, mask=mask) for name, mask in masks.items())


def masks_of(results: list[Json], where: str, size: tuple[int, int], faults: Faults) -> dict[str, Any]:
    """The regions of each structure as one mask."""
    masks: dict[str, Any] = {}
    for part in results:
        if part.get("from_name") != STRUCTURE:
            continue
        value = part.get("value") or {}
        if part.get("type") != "brushlabels" or value.get("format") != "rle" or part.get("image_rotation"):
            what = "a region is turned, or no mask of the brush"
            faults.add(what, "turn the image back, and draw with the brush.", where)
            continue
        rle = value.get("rle")
        mask = decoded(lambda rle=rle: brush.decode(rle, size), where, faults)  # type: ignore[misc]
        for name in value.get("brushlabels") or []:
            if mask is not None:
                masks[str(name)] = masks.get(str(name), False) | mask
    return masks


def _values(results: list[Json], control: str, key: str) -> list[str]:
    """What was chosen, or written, in one control."""
    found = [(part.get("value") or {}).get(key) for part in results if part.get("from_name") == control]
    return [str(text) for some in found for text in ([some] if isinstance(some, str) else some or [])]
