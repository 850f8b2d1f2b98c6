"""`overread review --verify`: is the trail of a run whole?"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from overread.errors import InputError
from overread.store import LabelStore
from overread.verbs.stores import OWN, store_of_run

HASH = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Verified:
    """What was found; `lines` are what the command line prints, `exit_code` what it returns."""

    store: str  # path or URL, without a password
    number: int  # of the last entry
    hash: str  # of the last entry: the head
    samples: int
    faults: list[str]  # a sentence each; none where the trail is whole

    @property
    def exit_code(self) -> int:
        """0: whole; 1: it is not."""
        return 1 if self.faults else 0

    @property
    def lines(self) -> list[str]:
        """What to print."""
        what = f"{self.number:,} entries on {self.samples:,} samples in {self.store}"
        if self.faults:
            count = "1 fault" if len(self.faults) == 1 else f"{len(self.faults):,} faults"
            return [f"NOT WHOLE: {count} in {what}", *(f"- {fault}" for fault in self.faults)]
        return [
            f"Whole: {what}",
            f"Head: {self.hash}",
            "Keep this hash elsewhere: with --head it proves later that nothing was cut off since.",
        ]


def verify(run: str | Path, db: str | None = None, head: str | None = None) -> Verified:
    """Checks samples, entries and masks of the label store of `run`, or of that at `db`.

    `head` is a hash that an export or an earlier check told: the trail must still hold the entry with it.
    Raises `InputError` where there is no store, or `head` is no hash.
    """
    if head is not None and not HASH.fullmatch(head.strip()):
        raise InputError(
            f"--head {head!r} is no hash. Expected 64 signs of 0-9 and a-f, as export.json and --verify show them."
        )
    store = store_of_run(Path(run), db)
    if store is None:
        raise InputError(
            f"{run} has no label store yet ({OWN}), so there is no trail. If it is elsewhere, name it: --db URL"
        )
    with closing(store):
        samples, number, last = size_of(store)  # before the check: what is appended meanwhile is checked too
        return Verified(store.url, number, last, samples, store.verify(head))


def size_of(store: LabelStore) -> tuple[int, int, str]:
    """How many samples a store has, the number and the hash of its last entry; 0, 0 and "" where its head is gone."""
    try:
        return store.size, *store.head()
    except InputError:
        return 0, 0, ""


def verify_trail(run: str | Path, db: str | None = None, head: str | None = None) -> list[str]:
    """A sentence for each fault of the trail, none where it is whole; see `verify`."""
    return verify(run, db, head).faults
