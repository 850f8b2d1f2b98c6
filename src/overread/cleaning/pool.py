"""The pool: what a sampler may know when it chooses the samples that the experts are asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from overread.detect.suspicion import Suspicion
from overread.engine.evidence import Evidence
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Pool:
    """N samples as they stand before a round. Never the truth.

    Raises `InputError` with all that does not fit together.
    """

    evidence: Evidence  # `given` is the label as it stands now, `probs` [N, C] the current network's
    askable: Array  # [N] bool: may be asked about now, neither verified nor trusted
    trusted: Array  # [N] bool: what the first phase trusts, and everything verified
    suspicion: Suspicion | None = None  # of the labels as they stand now

    def __post_init__(self) -> None:
        if problems := [*self._masks(), *self._labels(), *self._arrays()]:
            raise InputError("This pool does not fit together: " + "; ".join(problems) + ".")

    def __len__(self) -> int:
        return len(self.evidence)

    def need(self, field: str, sampler: str) -> Array:
        """`evidence.field`, or a sentence that says which sampler misses it."""
        value: Array | None = getattr(self.evidence, field)
        if value is None:
            raise InputError(
                f"The sampler '{sampler}' needs {field}, which this run did not record. "
                "Choose another one by --sampler NAME, or --start with something that trains."
            )
        return value

    def _masks(self) -> list[str]:
        problems = []
        for name in ("askable", "trusted"):
            mask = getattr(self, name)
            if mask.dtype != bool or mask.shape != (len(self),):
                problems.append(f"{name} must be bool [{len(self)}], got {mask.dtype} {list(mask.shape)}")
        if not problems and (both := int((self.askable & self.trusted).sum())):
            problems.append(f"{both} samples are trusted and may be asked about at once")
        return problems

    def _labels(self) -> list[str]:
        size, given = len(self.evidence.classes), self.evidence.given
        problems = [] if size >= 2 else [f"there must be at least two classes, got {size}"]
        if outside := int(((given < 0) | (given >= size)).sum()):
            problems.append(f"{outside} labels lie outside 0 .. {size - 1}")
        return problems

    def _arrays(self) -> list[str]:
        count, size = len(self), len(self.evidence.classes)
        problems = []
        if (probs := self.evidence.probs) is not None and probs.shape != (count, size):
            problems.append(f"probs must be [{count}, {size}], got {list(probs.shape)}")
        if (features := self.evidence.features) is not None and (
            features.ndim != 2 or len(features) != count
        ):
            problems.append(f"features must be [{count}, D], got {list(features.shape)}")
        if self.suspicion is not None and self.suspicion.score.shape != (count,):
            problems.append(f"suspicion must be [{count}], got {list(self.suspicion.score.shape)}")
        return problems
