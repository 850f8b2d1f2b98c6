"""The simulated expert: the only place in cleaning that sees the truth. Every answer it gives is charged.

It hands the same `Opinion`s to the store as people do, so that an experiment and a clinic run the same code. What it
answers depends on (seed, sample, reader) alone: never on what else was asked, when, or in which order.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from typing import final

import numpy as np

from overread.cleaning.mistakes import Mistakes, chance, drawn
from overread.data.manifest import Ints, Manifest
from overread.data.mask_pictures import Bools
from overread.data.masks import read_masks
from overread.errors import InputError
from overread.noise.labels import check_share
from overread.store import Opinion


@final
class Oracle:
    """Simulated readers of class labels.

    With one reader his answer is the label (P4). With several, readers answer one after the other until a label leads
    all others, the label as it stands counting as one vote: as Bernhardt et al. 2022 simulate it. So a second reader
    is only asked where the first one disagrees with the label, and all ends with the first label named twice. Every
    answer is charged. The answer that decides is an authority's, for the store's own majority does not count the
    label as it stands. Where `readers` answers decide nothing, none is, and the label stays disputed.

    The truth is closed over and no attribute leads to it.
    """

    def __init__(
        self, manifest: Manifest, mistakes: Mistakes | None = None, readers: int = 1, seed: int = 0
    ) -> None:
        check_readers(readers)
        self.classes = manifest.classes
        self.readers = readers
        self.charged: dict[int | None, int] = {}  # round -> answers
        self._ids = [str(name) for name in manifest.ids]
        self._answer = _labels_of(manifest, mistakes or Mistakes(), seed)

    @property
    def spent(self) -> int:
        """Answers charged so far, over all rounds."""
        return sum(self.charged.values())

    def ask(self, rows: Ints, standing: Ints, round: int | None = None) -> list[Opinion]:
        """All readers' answers on `rows`, one Opinion each, in the order of `rows`; so many are charged.

        Args:
            rows: [n] row numbers of the manifest.
            standing: [N] int, the label of every sample as it stands now; -1 where it has none.
            round: of `overread clean`.
        """
        answers = [one for row in rows for one in self._of(int(row), int(standing[row]), round)]
        self.charged[round] = self.charged.get(round, 0) + len(answers)
        return answers

    def _of(self, row: int, standing: int, round: int | None) -> list[Opinion]:
        votes = Counter([standing] if standing >= 0 else [])
        opinions = []
        for reader in range(1, self.readers + 1):
            answer = self._answer(row, reader)
            votes[answer] += 1
            decided = self.readers > 1 and leads(votes)
            opinions.append(
                Opinion(
                    sample=self._ids[row],
                    reader=name_of(reader),
                    outcome="keep" if answer == standing else "label",
                    label=self.classes[answer],
                    reason=f"{votes[answer]} of {votes.total()} votes" if decided else "",
                    authority=decided,
                    round=round,
                    key=_key(round, reader, self._ids[row]),
                )
            )
            if decided:
                break
        return opinions


@final
class MaskOracle:
    """A simulated reader of masks: the true mask of each structure, or "keep" where that is the given one already.

    With chance `error` he misses what is wrong with a structure and keeps the given mask. Each structure is an
    answer, and each answer is charged. The truth is closed over and no attribute leads to it.
    """

    def __init__(self, manifest: Manifest, error: float = 0.0, seed: int = 0) -> None:
        check_share("The expert's error", error)
        self.structures = manifest.classes
        self.charged: dict[int | None, int] = {}  # round -> answers
        self._ids = [str(name) for name in manifest.ids]
        self._better = _masks_of(manifest, error, seed)

    @property
    def spent(self) -> int:
        """Answers charged so far, over all rounds."""
        return sum(self.charged.values())

    def ask(self, rows: Ints, round: int | None = None) -> list[Opinion]:
        """An Opinion for each structure of each of `rows` [n], row numbers of the manifest; so many are charged."""
        answers = [one for row in rows for one in self._of(int(row), round)]
        self.charged[round] = self.charged.get(round, 0) + len(answers)
        return answers

    def _of(self, row: int, round: int | None) -> list[Opinion]:
        better = self._better(row)
        return [
            Opinion(
                sample=self._ids[row],
                reader=name_of(1),
                outcome="keep" if mask is None else "label",
                structure=structure,
                mask=None if mask is None else png(mask),
                round=round,
                key=_key(round, 1, self._ids[row], structure),
            )
            for structure, mask in zip(self.structures, better, strict=True)
        ]


def leads(votes: Counter[int]) -> bool:
    """Whether one label has more votes than every other.

    >>> leads(Counter({3: 1})), leads(Counter({3: 1, 5: 1})), leads(Counter({3: 2, 5: 1}))
    (True, False, True)
    """
    first, second = [*sorted(votes.values(), reverse=True), 0, 0][:2]
    return first > second


def name_of(reader: int) -> str:
    """`oracle`, `oracle-2`, `oracle-3`, ..."""
    return "oracle" if reader == 1 else f"oracle-{reader}"


def check_readers(readers: int) -> None:
    """Refuses fewer than one reader."""
    if readers < 1:
        raise InputError(f"At least one reader must answer, got {readers}.")


def png(mask: Bools) -> bytes:
    """A mask [H, W] as the bytes of a PNG file of 0 and 255."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(file, "PNG")
    return file.getvalue()


def _labels_of(manifest: Manifest, mistakes: Mistakes, seed: int) -> Callable[[int, int], int]:
    """What a reader answers on a row: (row, reader 1, 2, ...) -> class."""
    truth = manifest.truth
    if truth is None:
        raise InputError(
            "The simulated expert needs the true labels, and these data have none. Give them a column true_label "
            "(`overread corrupt` writes one), or ask people by --expert queue."
        )
    if unknown := int(((truth < 0) | (truth >= len(manifest.classes))).sum()):
        raise InputError(
            f"The simulated expert needs the true label of every sample; {unknown} have none. "
            "Fill them in, or ask people by --expert queue."
        )
    labels, ids = truth.tolist(), [str(name) for name in manifest.ids]
    table = mistakes.matrix(manifest.classes).tolist()  # [C][C]
    return lambda row, reader: drawn(labels[row], table[labels[row]], chance(seed, ids[row], reader))


def _masks_of(manifest: Manifest, error: float, seed: int) -> Callable[[int], list[Bools | None]]:
    """What the reader draws on a row: [K] the true mask, None where he keeps the given one."""
    given, true = manifest.masks, manifest.true_masks
    if given is None or true is None:
        raise InputError(
            "The simulated expert needs the true masks, and these data have none. Give them columns "
            "true_mask_STRUCTURE (`overread corrupt` writes them), or ask people by --expert queue."
        )
    root, names = manifest.root, [str(name) for name in manifest.ids]

    def better(row: int) -> list[Bools | None]:
        pairs = zip(manifest.classes, read_masks(given, root, row), read_masks(true, root, row), strict=True)
        return [
            None if chance(seed, names[row], 1, structure) < error or np.array_equal(old, new) else new
            for structure, old, new in pairs
        ]

    return better


def _key(round: int | None, reader: int, *what: str) -> str:
    """By which the store knows an answer that it has already, after a run was interrupted."""
    return json.dumps([name_of(reader), round, *what])
