"""A noise from its name and numbers, and the name and numbers of a noise."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from overread.errors import InputError
from overread.noise import NOISES
from overread.noise.labels import Noise
from overread.registry import load
from overread.settings import apply_settings, settable


def make(name: str, rate: float | None = None, settings: Mapping[str, object] | None = None) -> Noise:
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
    noise: Noise = apply_settings(kind, chosen)
    return noise


def name_of(noise: Noise) -> str:
    """The name in the registry, or `path/file.py:Class` of the user's own."""
    kind = type(noise)
    target = f"{kind.__module__}:{kind.__qualname__}"
    for name, entry in NOISES.items():
        if entry.target == target:
            return name
    return f"{inspect.getsourcefile(kind) or kind.__module__}:{kind.__qualname__}"


def parameters_of(noise: Noise) -> dict[str, Any]:
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
        raise InputError(f"Noise {name!r} needs --rate, the share of labels to make wrong (0.2 is 20 %).")
