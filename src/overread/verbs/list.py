"""`overread list`: what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from overread.errors import look_up
from overread.registry import Entry

KINDS: dict[str, str] = {  # kind -> module:attribute of its registry
    "methods": "overread.methods:METHODS",
    "detectors": "overread.detect:ALL_DETECTORS",
    "samplers": "overread.cleaning.samplers:SAMPLERS",
    "noises": "overread.noise:NOISES",
    "networks": "overread.engine:ALL_NETWORKS",
}


def list(kind: str | None = None) -> dict[str, Mapping[str, Entry]]:
    """The registry of `kind`, or all of them, by kind. Loads nothing that they name."""
    if kind is not None:
        look_up("kind", kind, KINDS)
    return {name: _registry(place) for name, place in KINDS.items() if kind in (None, name)}


def _registry(place: str) -> Mapping[str, Entry]:
    module, _, attribute = place.partition(":")
    registry: Mapping[str, Entry] = getattr(import_module(module), attribute)
    return registry
