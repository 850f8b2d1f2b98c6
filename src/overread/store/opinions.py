"""What somebody said of a sample: as it is handed in, and as it stands in the trail."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from overread.errors import InputError, did_you_mean

OUTCOMES = ("label", "keep", "unsure", "unreadable", "out-of-scope", "skip", "undo")
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Opinion:
    """What a reader says of a sample, or of one structure of it."""

    sample: str  # id of the manifest
    reader: str  # who; the simulated expert is "oracle", "oracle-2", ...
    outcome: str  # one of OUTCOMES
    label: str | None = None  # the class; of "keep" the label that was kept (None: the one that stands now)
    structure: str | None = None  # masks: which structure; None: all of them
    mask: bytes | None = None  # masks: the whole mask as PNG, 0 and 255
    reason: str = ""
    seconds: float | None = None
    authority: bool = False  # an adjudicator's word: it ends the matter
    evidence: Mapping[str, Any] = field(default_factory=dict)  # JSON: what was shown
    round: int | None = None  # of `overread clean`
    key: str | None = None  # a second opinion with the same key changes nothing
    undoes: int | None = None  # "undo": the number of the entry that is withdrawn


@dataclass(frozen=True)
class Entry:
    """An opinion in the trail. Its mask is the hash of the PNG, which `LabelStore.mask` gives."""

    number: int  # 1, 2, ... without holes
    at: str  # when, UTC, ISO 8601
    sample: str
    reader: str
    outcome: str
    label: str | None
    structure: str | None
    mask: str | None
    reason: str
    seconds: float | None
    authority: bool
    evidence: Mapping[str, Any]
    round: int | None
    key: str | None
    undoes: int | None
    before: str  # hash of the entry before; of the samples for entry 1
    hash: str  # of all the above (chain.py)


NAMES = tuple(one.name for one in fields(Entry))  # columns of the table too


def entry_of(row: Mapping[str, Any]) -> Entry:
    """An entry from a row of the table."""
    return Entry(**{**row, "authority": bool(row["authority"]), "evidence": json.loads(row["evidence"])})


def check(opinions: Sequence[Opinion]) -> None:
    """Refuses opinions that say nothing or contradict themselves; all faults in one message."""
    found = [(place, fault) for place, one in enumerate(opinions) for fault in _faults(one)]
    if not found:
        return
    shown = [f"- {_named(opinions[place])}: {fault}" for place, fault in found[:5]]
    more = [f"- and {len(found) - 5:,} more"] if len(found) > 5 else []
    raise InputError("\n".join(["Nothing was stored; these opinions are wrong:", *shown, *more]))


def _named(one: Opinion) -> str:
    return f"{one.outcome!r} of {one.reader!r} on sample {one.sample!r}"


def _faults(one: Opinion) -> list[str]:
    if one.outcome not in OUTCOMES:
        return [f"unknown outcome {one.outcome!r}. {did_you_mean(str(one.outcome), OUTCOMES)}"]
    named = one.label is not None or one.mask is not None
    wrong = {
        "the reader has no name": not one.reader.strip(),
        "it has both a label and a mask": one.label is not None and one.mask is not None,
        "it names neither a label nor a mask": one.outcome == "label" and not named,
        "its label is empty": one.label == "",
        f"{one.outcome!r} takes neither a label nor a mask": one.outcome not in ("label", "keep") and named,
        "a mask needs its structure": one.mask is not None and not one.structure,
        "a mask that is kept is not handed in again": one.outcome == "keep" and one.mask is not None,
        "undoes= names the entry to withdraw, and belongs to 'undo' alone": (one.outcome == "undo")
        != (one.undoes is not None),
        "seconds must be a number of 0 or more": one.seconds is not None
        and not (math.isfinite(one.seconds) and one.seconds >= 0),
    }
    texts = {name: getattr(one, name) for name in ("sample", "reader", "label", "structure", "reason", "key")}
    return [
        *(fault for fault, is_so in wrong.items() if is_so),
        *(f"its {name} holds signs that no database takes" for name, text in texts.items() if _odd(text)),
        *_faults_of_evidence(one.evidence),
        *(_faults_of_png(one.mask) if one.mask is not None else []),
    ]


def _odd(text: str | None) -> bool:
    """Whether a text holds what cannot be stored: NUL, our separator, half of a pair of surrogates."""
    return text is not None and any(sign in "\0\x1f" or "\ud800" <= sign <= "\udfff" for sign in text)


def _faults_of_evidence(evidence: Mapping[str, Any]) -> list[str]:
    try:
        text = json.dumps(dict(evidence), allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        return [f"its evidence is not JSON ({error}); hand in plain numbers, text, lists and dicts"]
    return ["its evidence holds signs that no database takes"] if _odd(text) or "\\u0000" in text else []


def _faults_of_png(mask: bytes) -> list[str]:
    from PIL import Image

    try:
        if not mask.startswith(PNG):
            raise ValueError
        with Image.open(io.BytesIO(mask)) as picture:
            extremes = picture.convert("L").getextrema() if picture.mode in ("1", "L") else None
            levels = picture.convert("L").histogram()
    except Exception:
        return ["its mask is no PNG that can be read"]
    if extremes is None or any(levels[1:255]):
        return ["its mask is not a PNG in grey of 0 and 255 alone"]
    return []
