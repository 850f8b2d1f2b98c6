"""A noise from its name and numbers, and the name, numbers and task of a noise."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from overread.errors import InputError
from overread.noise import LABEL_NOISES, MASK_NOISES, NOISES
from overread.noise.labels import Noise
from overread.noise.masks import MaskNoise
from overread.registry import load
from overread.settings import apply_settings, settable


def make(
    name: str, rate: float | None = None, settings: Mapping[str, object] | None = None
) -> Noise | MaskNoise:
    """The noise called `name` (or `path/file.py:Class`) with `rate` and further fields.

    >>> make("symmetric", 0.2)
    Symmetric(rate=0.2)
    """
    kind = load("noise", name, NOISES)
    chosen = dict(settings or {})
    if rate is not None and "rate" in chosen:
        raise InputError(f"The rate is given twice: --rate {rate} and --set rate={chosen['rate']}.")
    if rate is not None and "rate" not in settable(kind):
        raise InputError(f"Noise {name!r} has no rate. Leave --rate away.")
    if rate is not None:
        chosen["rate"] = rate
    _ask_for_rate(name, kind, chosen)
    noise: Noise | MaskNoise = apply_settings(kind, chosen)
    return noise


def task_of(noise: object) -> str:
    """What a noise (or its class) makes wrong: masks where it says `task = "segmentation"`, else labels."""
    return str(getattr(noise, "task", "classification"))


def check_task(noise: Noise | MaskNoise, task: str) -> None:
    """Refuses a noise of labels on masks, and the reverse."""
    if task_of(noise) == task:
        return
    have, wants = ("masks", "labels") if task == "segmentation" else ("labels", "masks")
    fitting = MASK_NOISES if task == "segmentation" else LABEL_NOISES
    raise InputError(
        f"Noise {name_of(noise)!r} makes {wants} wrong, and these data have {have}. "
        f"Noises for {have}: {', '.join(fitting)}. Choose one by --noise NAME."
    )


def name_of(noise: Noise | MaskNoise) -> str:
    """The name in the registry, or `path/file.py:Class` of the user's own."""
    kind = type(noise)
    target = f"{kind.__module__}:{kind.__qualname__}"
    for name, entry in NOISES.items():
        if entry.target == target:
            return name
    return f"{inspect.getsourcefile(kind) or kind.__module__}:{kind.__qualname__}"


def parameters_of(noise: Noise | MaskNoise) -> dict[str, Any]:
    """The fields of a noise as JSON can hold them. A file is recorded with what it says."""
    values = {field.name: getattr(noise, field.name) for field in fields(noise)}  # type: ignore[arg-type]
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> Any:
    if isinstance(value, Path):
        return {"file": str(value), "text": value.read_text(encoding="utf-8-sig")}
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    return value


def _ask_for_rate(name: str, kind: type[Any], chosen: Mapping[str, object]) -> None:
    needed = [field for field in fields(kind) if field.name == "rate" and field.default is MISSING]
    if needed and "rate" not in chosen:
        what = "images" if task_of(kind) == "segmentation" else "labels"
        raise InputError(f"Noise {name!r} needs --rate, the share of {what} to make wrong (0.2 is 20 %).")
