"""Numbers in masks that no structure has, where a data set says which there are: nobody knows what they show."""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import numpy as np

from overread.data.address import file_of, without
from overread.data.files import Fault
from overread.data.mask_facts import Facts, facts_of_files
from overread.data.mask_pictures import read_mask
from overread.data.samples import Samples

SHOWN = 5


def unnamed_numbers(
    samples: Samples, faults: list[Fault], cache_dir: Path | None, quiet: bool
) -> list[Fault]:
    """A fault for each row of whose mask some number is not among `samples.named`; of a volume all are told."""
    if samples.named is None or samples.masks is None:
        return []
    wrong = {fault.row for fault in faults}
    names = {
        row: without(str(name), "value")
        for row, name in enumerate(samples.masks.files[:, 0])
        if name and row not in wrong
    }
    facts, _ = facts_of_files(set(names.values()), samples.root, cache_dir, quiet)
    found = {row: _others(samples, name, facts[name]) for row, name in names.items() if name in facts}
    of_file: dict[str, set[int]] = defaultdict(set)
    for row, numbers in found.items():
        of_file[file_of(names[row])] |= numbers
    whys = {file: _why(numbers, samples.named) for file, numbers in of_file.items()}
    return [Fault(row, whys[file_of(names[row])], names[row]) for row, numbers in found.items() if numbers]


def _others(samples: Samples, name: str, facts: Facts) -> set[int]:
    """The numbers in a mask that are not named."""
    numbers = set(facts.values)
    if facts.distinct > len(facts.values):  # the facts hold but the first of many
        numbers = set(map(int, np.unique(read_mask(os.path.join(samples.root, name), name).values)))
    return numbers - (samples.named or frozenset())


def _why(numbers: set[int], named: frozenset[int]) -> str:
    rest = ", ..." if len(numbers) > SHOWN else ""
    one = f"holds {', '.join(map(str, sorted(numbers)[:SHOWN]))}{rest}"
    known = ", ".join(map(str, sorted(named)[: 4 * SHOWN])) + (", ..." if len(named) > 4 * SHOWN else "")
    return f"{one}, which dataset.json does not name (it has {known}): name it there, or write 0 where nothing is"
