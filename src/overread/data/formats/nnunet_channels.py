"""Which channels of a raw nnU-Net data set are shown: one in grey, or up to three as the colours of one picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overread.data.address import address
from overread.data.formats.channels import COLOURS
from overread.data.problems import quoted
from overread.errors import InputError, did_you_mean

ALL = "all"


def channels_of(plan: dict[str, Any], wanted: str | None, path: Path) -> tuple[list[str], list[str]]:
    """The four digits of the channels to show, and a note where there are several; `wanted` is --channel."""
    names = plan.get("channel_names") or plan.get("modality") or {"0": "0"}
    found = {str(key): str(name) for key, name in names.items()} if isinstance(names, dict) else {"0": "0"}
    if not found or not all(number.isdecimal() for number in found):
        raise InputError(f'{path}: expected "channel_names": {{"0": "CT"}}, numbers before names.')
    chosen = _chosen(found, wanted, path)
    if [name.upper() for name in found.values()] == ["R", "G", "B"]:  # all three in one file
        return ["0000"], []
    if len(chosen) > 1:
        pairs = zip(COLOURS, chosen, strict=False)
        told = ", ".join(f"{found[number]!r} is {colour}" for colour, number in pairs)
        return _digits(chosen), [f"{len(chosen)} of {len(found)} channels are shown as one picture: {told}."]
    number = chosen[0]
    note = f"Channel {number} ({found[number]!r}) of {len(found)} is shown; another by --channel NAME, up to three"
    several = len(found) > 1 and wanted is None
    return _digits(chosen), [f"{note} as one picture by --channel A,B,C."] if several else []


def several(image: str, shown: list[str]) -> str:
    """The address of an image that is made of some channels; of one its path."""
    return address(image, channels="+".join(shown)) if len(shown) > 1 else image


def _chosen(found: dict[str, str], wanted: str | None, path: Path) -> list[str]:
    """The numbers of the channels that are `wanted`, by name or number."""
    by_name = {name: number for number, name in found.items()}
    if wanted is None:
        chosen = ["0"]
    elif wanted in by_name or wanted in found:
        chosen = [wanted]
    else:
        chosen = list(found) if wanted == ALL else [name.strip() for name in wanted.split(",")]
    numbers = [by_name.get(name, name) for name in chosen]
    if unknown := [name for name in numbers if name not in found]:
        raise InputError(
            f"--channel {wanted or 0}: {path} has no {quoted(unknown)}. {did_you_mean(unknown[0], by_name)}"
        )
    if len(set(numbers)) < len(numbers):
        raise InputError(f"--channel {wanted}: a channel stands in it twice.")
    if len(numbers) > len(COLOURS):
        names = [found[number] for number in numbers]
        raise InputError(
            f"--channel {wanted}: these are {len(names)} channels ({quoted(names)}), and a picture has three "
            f"colours. Name up to three, such as --channel {','.join(names[:3])}"
        )
    return numbers


def _digits(numbers: list[str]) -> list[str]:
    return [number.zfill(4) for number in numbers]
