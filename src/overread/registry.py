"""Registries: explicit tables of names, readable without loading what they name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from overread.errors import InputError, did_you_mean, look_up


@dataclass(frozen=True)
class Entry:
    """One line of a registry: where a thing lives, what it is, and whose idea it was."""

    target: str  # "package.module:attribute"
    what: str  # one line
    source: str  # paper or place

    def load(self) -> Any:
        """The thing itself; this is the moment its module is imported."""
        module, _, attribute = self.target.partition(":")
        return getattr(importlib.import_module(module), attribute)


def load(kind: str, name: str, registry: Mapping[str, Entry]) -> Any:
    """The thing called `name`: one of `registry`, or the user's own as `path/file.py:Class`."""
    path, colon, attribute = name.rpartition(":")
    if colon and path.endswith(".py"):
        return load_own(kind, Path(path), attribute)
    if name not in registry and (name.endswith(".py") or ".py:" in name):
        raise InputError(f"{kind.capitalize()} {name!r} names no class. Write it as path/file.py:Class.")
    return look_up(kind, name, registry).load()


def load_own(kind: str, path: Path, attribute: str) -> Any:
    """`attribute` of the user's file at `path`; every failure is told in the user's words."""
    if not path.is_file():
        raise InputError(f"There is no file {str(path)!r} to take the {kind} {attribute!r} from.")
    module = _import_file(path)
    if not hasattr(module, attribute):
        defined = [name for name in vars(module) if not name.startswith("_")]
        raise InputError(f"{path} defines no {attribute!r}. {did_you_mean(attribute, defined)}")
    return getattr(module, attribute)


def _import_file(path: Path) -> ModuleType:
    digest = hashlib.blake2b(str(path.resolve()).encode(), digest_size=4).hexdigest()
    name = f"overread_user_{path.stem}_{digest}"  # one name a file: a second load gives the same classes
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file that can be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up while it is being executed
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(f"{path} does not import: {type(error).__name__}: {error}") from error
    return module
