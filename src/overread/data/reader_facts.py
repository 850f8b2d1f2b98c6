"""What several annotators said, as a run keeps it, and how well they agree."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.manifest import Manifest
from overread.data.problems import counted, quoted
from overread.data.readings import OneImage, answers_of_images
from overread.data.samples import Samples
from overread.readers.agreement import ac1, fleiss, krippendorff, raw
from overread.readers.answers import Answers
from overread.readers.consensus import Majority, majority
from overread.readers.resampling import Agreement

MEASURES = (krippendorff, fleiss, ac1, raw)
LISTED = 20  # readers in summary.json


@dataclass(frozen=True)
class Readings:
    """Every reading of the samples of a run."""

    images: dict[str, OneImage]  # by id of the sample
    facts: dict[str, Any] = field(default_factory=dict)  # the part `read.readers` of summary.json
    notes: tuple[str, ...] = ()  # what the user should know of them

    def save(self, path: Path) -> None:
        """Writes `id,reader,label,answer`, a row a reading. `answer`, for `overread import`, is a reader's last
        word; empty of those before."""
        rows = [row for name, one in self.images.items() for row in _rows(name, one)]
        pd.DataFrame(rows, columns=["id", "reader", "label", "answer"]).to_csv(path, index=False)


def kept_readings(samples: Samples, manifest: Manifest) -> Readings | None:
    """The readings of samples, none where nobody is named; slices of a volume were read once, as a whole."""
    if samples.readings is None or not len(samples):
        return None
    whole: dict[str, OneImage] = {}
    groups: dict[str, str] = {}
    for one, group in zip(samples.readings, manifest.group, strict=True):
        whole.setdefault(one.name, one)
        groups.setdefault(one.name, str(group))
    answers = answers_of_images(whole, groups)
    found = majority(answers)
    by_id = {str(name): one for name, one in zip(samples.ids, samples.readings, strict=True)}
    return Readings(by_id, _facts(answers, found, whole), tuple(_notes(answers, found, whole, manifest)))


def _rows(name: str, one: OneImage) -> list[tuple[str, str, str, str]]:
    """The rows of a sample in readings.csv."""
    later: set[str] = set()
    rows = []
    for reader, label in reversed(one.said):
        rows.append((name, reader, label, label if label and reader not in later else ""))
        later |= {reader} if label else set()
    return rows[::-1]


def _facts(answers: Answers, found: Majority, whole: dict[str, OneImage]) -> dict[str, Any]:
    disputed = [answers.items[row] for row in np.flatnonzero(found.disputed)]
    return {
        "readers": len(answers.readers),
        "readings": sum(len(one.said) for one in whole.values()),
        "images": len(answers.items),
        "read_once": int((answers.often == 1).sum()),
        "without_majority": len(disputed),
        "tied": int(found.tied.sum()),
        "disputed": disputed,
        "agreement": {measure.__name__: asdict(measure(answers)) for measure in MEASURES},
        "by_reader": _by_reader(answers, found),
    }


def _by_reader(answers: Answers, found: Majority) -> dict[str, dict[str, Any]]:
    """Of each reader, those with most images first: how many, and the share of them with the majority of several."""
    shared = ((answers.often > 1) & (found.label >= 0))[:, None] & (answers.codes >= 0)
    same = (shared & (answers.codes == found.label[:, None])).sum(0)
    read, heard = (answers.codes >= 0).sum(0), shared.sum(0)
    order = np.argsort(-read, kind="stable")[:LISTED]
    return {
        answers.readers[at]: {
            "images": int(read[at]),
            "with_majority": round(float(same[at] / heard[at]), 4) if heard[at] else None,
        }
        for at in order
    }


def _notes(answers: Answers, found: Majority, whole: dict[str, OneImage], manifest: Manifest) -> list[str]:
    """What the user should know of the readings."""
    disputed, tied = int(found.disputed.sum()), int(found.tied.sum())
    readings = sum(len(one.said) for one in whole.values())
    readers, labels = counted(len(answers.readers), "reader"), counted(readings, "label")
    notes = [f"{readers} gave {labels} to {counted(len(whole), 'image')}. {_in_words(krippendorff(answers))}"]
    if disputed:
        what = counted(disputed, "image has", "images have")
        notes.append(
            f"{what} no majority ({tied:,} tied): the class that most readers gave is taken; where classes lead "
            "together, that of the readers who are with the majority more often, then the commoner one. They are "
            "listed in summary.json (read.readers)."
        )
    if once := int((answers.often == 1).sum()):
        notes.append(
            f"{counted(once, 'image was', 'images were')} read by one reader: that word is the label."
        )
    read = (answers.codes >= 0).sum(0)
    if few := [name for name, count in zip(answers.readers, read, strict=True) if count == 1]:
        notes.append(
            f"{counted(len(few), 'reader')} read one image only, so little is known of how well they read: "
            f"{quoted(few, most=5)}."
        )
    never = sorted(set(answers.classes) - {"", *manifest.classes})
    if never:
        notes.append(f"Readers name classes that are the consensus of no image: {quoted(never)}.")
    if silent := sum(not said.label for one in whole.values() for said in one.said):
        notes.append(f"{counted(silent, 'reading names', 'readings name')} no class, and counts as not read.")
    return [*notes, *_repeats(whole)]


def _in_words(alpha: Agreement) -> str:
    """Krippendorff's alpha as a sentence, or why there is none."""
    if alpha.value is None:
        return f"Krippendorff's alpha is undefined. {alpha.words}"
    ends = "" if alpha.low is None or alpha.high is None else f" ({alpha.low:.2f} to {alpha.high:.2f})"
    return f"Krippendorff's alpha is {alpha.value:.2f}{ends}. {alpha.words}".rstrip()


def _repeats(whole: dict[str, OneImage]) -> list[str]:
    """A note on images that a reader read more than once."""
    again = changed = 0
    for one in whole.values():
        words = Counter(said.reader for said in one.said if said.label)
        labels = Counter(reader for reader, _ in {said for said in one.said if said.label})
        again += sum(count > 1 for count in words.values())
        changed += sum(count > 1 for count in labels.values())
    if not again:
        return []
    what = f"{counted(again, 'image was', 'images were')} read more than once by the same reader"
    return [f"{what}, who said something else in {changed:,}: the last word counts."]
