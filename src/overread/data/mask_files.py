"""Where the masks of a data set lie, and which part of which file is which structure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from overread.data.address import address, split_address

if TYPE_CHECKING:
    from overread.data.manifest import Ints, Strings


class Part(NamedTuple):
    """What a file contributes to a structure."""

    column: int  # of `MaskFiles.files`
    value: int | None = None  # value of an indexed mask; None: whatever is not background


@dataclass(frozen=True)
class MaskFiles:
    """The mask files of N images, and the K structures that are drawn in them."""

    files: Strings  # [N, P] file of each mask column, relative to the manifest's root; "": nothing was drawn
    parts: tuple[tuple[Part, ...], ...]  # [K] structure k is the union of its parts
    exclusive: bool = False  # structures exclude each other (softmax), else each may overlap (sigmoid each)
    images: Strings | None = None  # [N] images, whose size a row without any mask file has

    def __len__(self) -> int:
        return len(self.files)

    @property
    def described(self) -> bytes:
        """Names, parts and exclusiveness, for a fingerprint."""
        parts = [[tuple(part) for part in parts] for parts in self.parts]
        names = "\x1f".join(map(str, self.files.ravel()))
        return f"{self.files.shape} {parts} {self.exclusive} {names}".encode("utf-8", "surrogatepass")

    def take(self, rows: Ints) -> MaskFiles:
        """The masks of `rows`, in their order."""
        return replace(
            self, files=self.files[rows], images=None if self.images is None else self.images[rows]
        )

    def of(self, row: int, structure: int) -> list[str]:
        """Where a structure of a row is drawn, as addresses: nothing where it is not, several after a merge."""
        values: dict[str, list[int | None]] = {}
        for column, value in self.parts[structure]:
            if name := str(self.files[row, column]):
                values.setdefault(name, []).append(value)
        return [name if None in found else with_values(name, found) for name, found in values.items()]


def with_values(name: str, values: Iterable[int | None]) -> str:
    """The address of what has one of `values` in a mask.

    >>> with_values("mask.png", [1, 2]), with_values("case.nii.gz#axial=3", [1])
    ('mask.png#value=1+2', 'case.nii.gz#axial=3&value=1')
    """
    file, rules = split_address(name)
    return address(file, **{**rules, "value": "+".join(str(value) for value in values)})
