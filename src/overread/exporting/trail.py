"""`--to audit`: the whole trail in files that anybody can check, with the script of docs/export.md."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from overread.errors import InputError
from overread.exporting.labels import Head, Labels
from overread.files import write_json
from overread.store import LabelStore
from overread.store.chain import canonical
from overread.store.samples import lines_of


def write(labels: Labels, folder: Path) -> dict[str, Any]:
    """Writes trail.jsonl, samples.jsonl, head.json and masks/HASH.png."""
    store, head = labels.store, labels.head
    if store is None or head is None:
        raise InputError(
            f"{labels.run} has no label store yet, so there is no trail: all labels are as they were given. "
            "If it is elsewhere, name it: --db URL"
        )
    samples = store.samples()
    with (folder / "samples.jsonl").open("wb") as file:
        file.writelines(lines_of(samples))
    found = _write_trail(store, head, folder)
    start = found.pop("start") or head.hash
    facts = {"number": head.number, "hash": head.hash, "start": start, "samples": len(samples.ids), **found}
    write_json(folder / "head.json", facts)
    return facts


def _write_trail(store: LabelStore, head: Head, folder: Path) -> dict[str, Any]:
    """The entries up to the head, a line of canonical JSON each, and the masks that they name."""
    outcomes, readers, start = Counter[str](), Counter[str](), ""
    masks: set[str] = set()
    with (folder / "trail.jsonl").open("wb") as file:
        for entry in store.opinions():
            if entry.number > head.number:
                break
            start = start or entry.before
            outcomes[entry.outcome] += 1
            readers[entry.reader] += 1
            if entry.mask is not None:
                masks.add(entry.mask)
            file.write(canonical(vars(entry)) + b"\n")
    for name in sorted(masks):
        (folder / "masks").mkdir(exist_ok=True)
        (folder / "masks" / f"{name}.png").write_bytes(store.mask(name))
    return {
        "start": start,
        "outcomes": dict(sorted(outcomes.items())),
        "readers": dict(sorted(readers.items())),
        "masks": len(masks),
    }
