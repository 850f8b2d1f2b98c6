"""Settings: the text of `--set key=value` becomes typed fields of a dataclass."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from overread.errors import InputError, did_you_mean

Convert = Callable[[str], Any]
YES, NO, NONE = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "")


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """The texts `key=value` as a dict; the same key twice is refused.

    >>> parse_pairs(["scored=0.5", "matrix=a=b.csv"])
    {'scored': '0.5', 'matrix': 'a=b.csv'}
    """
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not key:
            raise InputError(f"--set expects key=value, got {pair!r}.")
        if key in settings:
            raise InputError(f"--set {key} is given twice: {settings[key]!r} and {value!r}.")
        settings[key] = value.strip()
    return settings


def apply_settings(target: Any, settings: Mapping[str, object]) -> Any:
    """`target` with its fields set from text by their type hints.

    `target` is a dataclass (the result is a new instance) or an instance of one (the result is a copy).
    Text can reach fields that are bool, int, float, str, Path, Literal, `X | None`, or tuples (`5,13`).
    Raises `InputError` with all problems at once: unknown names, unreadable values, values that are missing.

    >>> from overread.noise.symmetric import Symmetric
    >>> apply_settings(Symmetric, {"rate": "0.2"})
    Symmetric(rate=0.2)
    """
    kind: type[Any] = target if isinstance(target, type) else type(target)
    if not is_dataclass(target):
        raise InputError(f"{kind.__name__} is not a dataclass, so --set cannot reach it.")
    convert = settable(kind)
    problems = [f"unknown field {key!r}. {_offer(key, convert)}" for key in settings if key not in convert]
    values: dict[str, Any] = {}
    for key in settings.keys() & convert.keys():
        try:
            values[key] = convert[key](_text(settings[key]))
        except ValueError as error:
            problems.append(f"{key}={settings[key]}: {error}")
    if isinstance(target, type):
        problems += [f"{name!r} needs a value" for name in _required(kind) if name not in settings]
    if problems:
        raise InputError(f"{kind.__name__}: " + "; ".join(sorted(problems)))
    return kind(**values) if isinstance(target, type) else replace(target, **values)


def settable(kind: type[Any]) -> dict[str, Convert]:
    """The fields of a dataclass that text can reach, each with its converter."""
    hints = typing.get_type_hints(kind)
    found = {field.name: converter(hints[field.name]) for field in fields(kind) if field.init}
    return {name: convert for name, convert in found.items() if convert is not None}


def converter(hint: Any) -> Convert | None:
    """What reads text as `hint`; None where text cannot (functions, arrays)."""
    simple: dict[Any, Convert] = {bool: _bool, int: _int, float: _float, str: str, Path: Path}
    if hint in simple:
        return simple[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return _one_of(inner)
    if origin in (typing.Union, types.UnionType):
        return _either([part for part in inner if part is not types.NoneType], len(inner))
    if origin is tuple and inner:
        return _many(inner)
    return None


def _either(parts: list[Any], size: int) -> Convert | None:
    known = [convert for convert in map(converter, parts) if convert is not None]
    if not known:
        return None
    optional, convert = len(parts) < size, known[0]
    return lambda text: None if optional and text.lower() in NONE else convert(text)


def _many(inner: tuple[Any, ...]) -> Convert | None:
    one = converter(inner[0])
    length = None if inner[-1] is Ellipsis else len(inner)

    def convert(text: str) -> tuple[Any, ...]:
        assert one is not None
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if length is not None and len(parts) != length:
            raise ValueError(f"expected {length} values with commas between, got {len(parts)}")
        return tuple(one(part) for part in parts)

    return convert if one is not None else None


def _one_of(choices: tuple[Any, ...]) -> Convert:
    by_text = {str(choice): choice for choice in choices}

    def convert(text: str) -> Any:
        if text not in by_text:
            raise ValueError(f"expected one of {', '.join(by_text)}")
        return by_text[text]

    return convert


def _bool(text: str) -> bool:
    if text.lower() not in YES + NO:
        raise ValueError("expected true or false")
    return text.lower() in YES


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("expected a whole number") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("expected a number") from None


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _required(kind: type[Any]) -> list[str]:
    return [f.name for f in fields(kind) if f.init and f.default is MISSING and f.default_factory is MISSING]


def _offer(key: str, convert: Mapping[str, Convert]) -> str:
    return did_you_mean(key, convert) if convert else "It has no fields to set."
