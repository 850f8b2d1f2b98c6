"""What a run keeps of its data: the samples, as manifest.csv has them, and how DATA were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread.data.manifest import Flags, Strings
from overread.data.options import DataOptions
from overread.data.samples import strings
from overread.errors import InputError

NEEDED = ("id", "image", "group", "split")
MASK, TRUE_MASK = "mask_", "true_mask_"


@dataclass(frozen=True)
class Kept:
    """N samples in the order of the run's manifest."""

    ids: Strings  # [N]
    images: Strings  # [N] absolute paths
    given: Strings  # [N] the given labels; "" where there is none, and of masks
    groups: Strings  # [N]
    splits: Strings  # [N] "" where unknown
    verified: Flags  # [N] as DATA said
    masks: Mapping[str, Strings]  # of each structure [N] paths, " + " between several; empty of labels
    truth: Mapping[str, Strings]  # of an experiment: columns of DATA, "true_label" or "true_mask_STRUCTURE"

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def structures(self) -> tuple[str, ...]:
        """Of masks, their structures."""
        return tuple(self.masks)


def read_kept(path: Path) -> Kept:
    """Reads what `Manifest.save` wrote. Raises `InputError` where it cannot be read, or is something else."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}. Is the run finished?") from None
    masks = _named(table, MASK)
    if missing := sorted({*NEEDED, *(() if masks else ("given",))} - set(table)):
        raise InputError(f"{path} is not a run's manifest: column {', '.join(missing)} is missing.")
    nothing = [""] * len(table)
    columns = {name: strings(table.get(name, nothing)) for name in (*NEEDED, "given")}
    return Kept(
        ids=columns["id"],
        images=columns["image"],
        given=columns["given"],
        groups=columns["group"],
        splits=columns["split"],
        verified=np.array([cell == "1" for cell in table.get("verified", nothing)], dtype=bool),
        masks={name.removeprefix(MASK): column for name, column in masks.items()},
        truth={
            **({"true_label": strings(table["true"])} if "true" in table else {}),
            **_named(table, TRUE_MASK),
        },
    )


def _named(table: pd.DataFrame, prefix: str) -> dict[str, Strings]:
    return {str(name): strings(table[name]) for name in table if str(name).startswith(prefix)}


def options_as_json(options: DataOptions) -> dict[str, Any]:
    """The fields that are not as they come, as run.json keeps them; `options_of` turns them back."""
    plain = {name: _plain(value) for name, value in vars(options).items()}
    standard = vars(DataOptions())
    return {name: value for name, value in plain.items() if value != _plain(standard[name])}


def options_of(values: Mapping[str, Any]) -> DataOptions:
    """What `options_as_json` wrote."""
    known = {name: value for name, value in values.items() if name in vars(DataOptions())}
    options = DataOptions(**known)
    merge = options.merge
    return replace(
        options, merge=None if merge is None else {new: tuple(olds) for new, olds in merge.items()}
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.expanduser().absolute())
    if isinstance(value, Mapping):
        return {name: list(one) if isinstance(one, tuple) else one for name, one in value.items()}
    return value
