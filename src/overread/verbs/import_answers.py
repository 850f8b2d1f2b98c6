"""`overread import`: answers from Label Studio, CVAT or a table, appended to the label store of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.kept import Kept, read_kept
from overread.data.problems import refuse
from overread.data.sheet import read_sheet
from overread.errors import InputError
from overread.exporting.again import read_again
from overread.exporting.asked import given_masks, round_of_run
from overread.exporting.labels import labels_of
from overread.exporting.mask_files import stretched
from overread.exporting.pixels import Pictures
from overread.importing import FORMATS
from overread.importing.answers import Answer, Array, Known, check
from overread.registry import load as load_entry
from overread.reviewing.images import png_of
from overread.run import read_info
from overread.store import Entry, LabelStore, Opinion
from overread.store.standing import GIVEN
from overread.verbs.stores import OWN, url_of_run

Thing = tuple[str, str, str | None]  # sample, reader, structure


@dataclass(frozen=True)
class ImportResult:
    """What came of a file: how many answers it holds, how many of them are new, and where the trail ends now."""

    run: Path
    answers: int
    new: int
    readers: dict[str, int]
    head: str

    @property
    def summary(self) -> dict[str, Any]:
        return {**vars(self), "run": str(self.run)}


def import_answers(
    run: str | Path, file: str | Path, form: str, readers: Sequence[str] = (), db: str | None = None
) -> ImportResult:
    """Brings the answers in `file` back as opinions with their readers. The same file again changes nothing.

    `form` is "labelstudio", "cvat", "csv" or path/file.py:FUNCTION; `readers` are "ID=NAME", or one "NAME" for all.
    Raises one `InputError` with all that is wrong; then nothing is stored.
    """
    run, file = Path(run), Path(file)
    read = load_entry("format", form, FORMATS)
    url, kept = url_of_run(run, db), read_kept(run / "manifest.csv")
    known = known_of(run, kept, readers)
    answers, faults = read(file, known)
    good = check(answers, known, faults)
    if faults.found:
        refuse(f"{file}; nothing was taken from it", faults.problems())
    with closing(LabelStore.open(url or run / OWN, create=db is None)) as store:
        given = None if kept.structures else [label or None for label in kept.given]
        store.register(list(kept.ids), given, list(kept.groups), kept.structures)
        opinions = Bringing(run, kept, store, form).opinions(good)
        new = store.append(opinions) if opinions else []
        names = [one.reader for one in new]
        return ImportResult(
            run, len(good), len(new), {n: names.count(n) for n in sorted(set(names))}, store.head()[1]
        )


def known_of(run: Path, kept: Kept, readers: Sequence[str]) -> Known:
    """What a file may speak of."""
    named = dict(one.split("=", 1) for one in readers if "=" in one)
    alone = [one for one in readers if "=" not in one]
    if len(alone) > 1 or "" in {*named.values(), *alone}:
        raise InputError("--reader is ID=NAME, as often as wanted, or NAME once for all answers.")
    summary = run / "summary.json"
    classes = {str(label) for label in kept.given if label}
    if not kept.structures and summary.is_file():
        import json

        classes |= set(map(str, json.loads(summary.read_text("utf-8")).get("classes") or []))
    if (
        readings := run / "readings.csv"
    ).is_file():  # of several annotators: names that never had a majority too
        classes |= set(map(str, read_sheet(readings).columns["answer"])) - {""}
    pictures = Pictures(labels_of(run, run, None))
    everybody = alone[0] if alone else ""
    ids = [str(name) for name in kept.ids]
    return Known(
        run,
        ids,
        sorted(classes) if not kept.structures else [],
        kept.structures,
        pictures.size,
        named,
        everybody,
    )


@dataclass
class Bringing:
    """Answers become opinions, where they are not what a reader said last."""

    run: Path
    kept: Kept
    store: LabelStore
    form: str

    def opinions(self, answers: Sequence[Answer]) -> list[Opinion]:
        """Those that are new. A mask that is the given one, pixel by pixel, while that stands, is kept."""
        last, rounds, standings = self._last(), self._rounds(), self.store.standings()
        given = Given(self.run, self.kept)
        found: dict[Thing, Opinion] = {}
        for one in answers:
            thing = (one.id, one.reader, one.structure)
            before = last.get(thing)
            stands = standings.get((one.id, one.structure), GIVEN)
            is_kept = one.mask is not None and stands.value is None and given.same(one)
            outcome = "keep" if is_kept else one.outcome
            png = None if one.mask is None or is_kept else png_of_mask(one.mask)
            if before is not None and _same(before, outcome, one, png, given):
                continue
            after = 0 if before is None else before.number
            found[thing] = Opinion(
                sample=one.id,
                reader=one.reader,
                outcome=outcome,
                label=given.label(one) if outcome == "keep" and not self.kept.structures else one.label,
                structure=one.structure,
                mask=png,
                reason=one.reason,
                seconds=one.seconds,
                evidence=one.evidence,
                round=rounds.get((one.id, one.structure), rounds.get((one.id, None))),
                key=f"{self.form}:{one.reader}:{one.id}:{one.structure or ''}:{after}",
            )
        return list(found.values())

    def _last(self) -> dict[Thing, Entry]:
        """What each reader said last, and did not take back."""
        entries = list(self.store.opinions())
        undone = {entry.undoes for entry in entries}
        return {
            (entry.sample, entry.reader, entry.structure): entry
            for entry in entries
            if entry.outcome != "undo" and entry.number not in undone
        }

    def _rounds(self) -> Mapping[tuple[str, str | None], int]:
        """The round of each label or mask that is asked about; all of an audit belong to its one round."""
        number = round_of_run(self.run, self.store)
        if number is None:
            return {}
        if read_info(self.run).get("verb") == "audit":
            return {(str(name), None): number for name in self.kept.ids}
        return {(item.sample, item.structure): number for item in self.store.queue(number)}


class Given:
    """The given labels and masks of a run; these are read where one is compared."""

    def __init__(self, run: Path, kept: Kept) -> None:
        self.run, self.kept = run, kept
        self.rows = {str(name): row for row, name in enumerate(kept.ids)}
        self._manifest: Any = None

    def label(self, one: Answer) -> str | None:
        """The given label; None where there is none to keep."""
        return str(self.kept.given[self.rows[one.id]]) or None

    def same(self, one: Answer) -> bool:
        """Whether a drawn mask is the given one, pixel by pixel."""
        return bool(np.array_equal(one.mask, self.mask(one)))  # type: ignore[arg-type]

    def mask(self, one: Answer) -> Array:
        """[H, W] the given mask, at the size of the one that was drawn."""
        assert one.mask is not None
        assert one.structure is not None
        if self._manifest is None:
            self._manifest = read_again(self.run, self.kept)
        plane = given_masks(self._manifest, self.rows[one.id])[self.kept.structures.index(one.structure)]
        return stretched(plane, one.mask.shape)


def png_of_mask(mask: Array) -> bytes:
    """A mask as the review page stores it, so that the same mask is the same in both."""
    return png_of(Image.fromarray(mask.astype(np.uint8) * np.uint8(255)))


def _same(before: Entry, outcome: str, one: Answer, png: bytes | None, given: Given) -> bool:
    """Whether a reader has said just this already: kept masks are compared as pixels."""
    if before.reason != one.reason:
        return False
    if before.outcome == "keep" and one.mask is not None and before.mask is None:
        return given.same(one)
    if before.outcome != outcome:
        return False
    if outcome == "keep":
        return True
    return before.label == one.label and before.mask == (
        None if png is None else hashlib.sha256(png).hexdigest()
    )
