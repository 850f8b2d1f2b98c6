"""The labels of a run as they stand: what every form of export is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from overread.data.kept import Kept, read_kept
from overread.errors import InputError
from overread.store import CLOSED, Entry, LabelStore
from overread.store.standing import GIVEN, Standing

KEEP, IGNORE = "keep", "ignore"
DOUBTS = (KEEP, IGNORE)
ID, FULL = "id", "full"
PATIENTS = (ID, FULL)


class Head(NamedTuple):
    """Where the trail ended when the labels were read."""

    number: int
    hash: str


@dataclass(frozen=True)
class Labels:
    """The samples of a run, and where each of their labels (or masks) stands."""

    run: Path
    out: Path  # where the export will lie; relative paths start from it
    kept: Kept
    store: LabelStore | None = None  # None: nobody has said anything, and all is as given
    head: Head | None = None
    standings: Mapping[tuple[str, str | None], Standing] = field(default_factory=dict)
    entries: Mapping[int, Entry] = field(default_factory=dict)  # by number, those that decide
    doubt: str = KEEP  # of masks: what becomes of pixels that are doubted
    patient: str = ID  # of DICOM: what is written of the patient

    def standing(self, row: int, structure: str | None = None) -> Standing:
        """Where the label of a row stands, or one of its masks."""
        found = self.standings.get((str(self.kept.ids[row]), structure), GIVEN)
        return found._replace(verified=True) if found is GIVEN and self.kept.verified[row] else found

    def label(self, row: int) -> str:
        """The current label."""
        found = self.standing(row)
        return str(found.value) if found.is_voted else str(self.kept.given[row])

    def deciding(self, found: Standing) -> list[Entry]:
        """The entries by which something stands as it does."""
        return [self.entries[number] for number in found.by]

    def out_of_use(self, row: int) -> bool:
        """Whether a sample has no label to learn from: it is closed, or was never given one."""
        if self.kept.structures:
            return all(self.standing(row, name).status in CLOSED for name in self.kept.structures)
        return self.standing(row).status in CLOSED or not self.label(row)


def labels_of(run: Path, out: Path, store: LabelStore | None) -> Labels:
    """Reads the run's manifest, and of the store what stands at one moment."""
    kept = read_kept(run / "manifest.csv")
    if store is None:
        return Labels(run, out, kept)
    _check_same(run, kept, store)
    head = Head(*store.head())
    standings = store.standings(until=head.number)
    wanted = {number for one in standings.values() for number in one.by}
    entries = {entry.number: entry for entry in store.opinions() if entry.number in wanted} if wanted else {}
    return Labels(run, out, kept, store, head, standings, entries)


def _check_same(run: Path, kept: Kept, store: LabelStore) -> None:
    """Refuses a store of other samples, or with other given labels."""
    known = store.samples()
    given = dict(zip(known.ids, known.given, strict=True))
    strange = [name for name in kept.ids if name not in given]
    other = [
        name for name, label in zip(kept.ids, kept.given, strict=True) if given.get(name, label) != label
    ]
    problems = []
    if strange:
        problems.append(
            f"{len(strange):,} of its {len(kept):,} samples are not in it, such as {strange[0]!r}"
        )
    if other and not kept.structures:
        problems.append(f"{len(other):,} have another given label there, such as {other[0]!r}")
    if known.structures != kept.structures:
        problems.append(
            f"its structures are {list(kept.structures)}, and the store's {list(known.structures)}"
        )
    if problems:
        raise InputError(
            f"The label store {store.url} is not that of {run}: {'; '.join(problems)}. Name the run's own: --db URL"
        )
