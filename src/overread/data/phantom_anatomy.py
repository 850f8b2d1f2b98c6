"""Shapes of a chest radiograph on a grid: what a phantom is made of. Thickness maps, deterministic."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import map_coordinates

Map = np.ndarray[Any, np.dtype[Any]]  # [S, S] floats


class Grid(NamedTuple):
    """Anatomical coordinates of every pixel: the chest spans about -1..1, y points to the feet.

    The patient's right is at negative x, as on a light box.
    """

    x: Map
    y: Map
    soft: float  # width of an edge: the larger of a pixel and the focal blur


class Lungs(NamedTuple):
    """What the lung fields are bounded by; right = the patient's right (negative x)."""

    width: float  # half width of the chest cage inside
    apex: float  # y of the lung tips
    dome_right: float  # y of the diaphragm's dome
    dome_left: float


class Heart(NamedTuple):
    """The cardiac silhouette, half widths to each side of the midline."""

    right: float
    left: float
    top: float
    bottom: float


def step(distance: Map, soft: float) -> Map:
    """A smooth 0..1 edge: 0.5 where `distance` is 0, 1 inside (positive)."""
    return np.asarray(0.5 + 0.5 * np.tanh(distance / soft), dtype=np.float32)


def tube(distance: Map, radius: float) -> Map:
    """Thickness of a hollow bone seen from the side: a round profile with a denser rim."""
    r = np.minimum((distance / radius) ** 2, 1.0)
    return np.asarray(np.sqrt(1.0 - r) * (0.62 + 0.55 * r), dtype=np.float32)


def _profile(t: Map, sharp: float) -> Map:
    return np.asarray((1.0 - (1.0 - np.clip(t, 0.0, 1.0)) ** sharp) ** (1.0 / 2.0), dtype=np.float32)


def lung(grid: Grid, shape: Lungs, side: int) -> tuple[Map, Map]:
    """(field, depth) of one lung: its 0..1 silhouette, and how deep the air is."""
    x, y = grid.x * side, grid.y
    dome = shape.dome_left if side > 0 else shape.dome_right
    t = (y - shape.apex) / (0.38 - shape.apex)
    crown = 0.44 * shape.width
    lateral = crown + (shape.width - crown) * _profile(t, 2.6) - 0.05 * np.clip(y - 0.2, 0, 1) ** 2 - x
    medial = x - (crown - (crown - 0.125) * _profile(t * 1.7, 2.2)) - 0.05 * np.clip(y, 0, 1)
    across = np.clip((x - 0.40 * shape.width) / (0.75 * shape.width), -1, 1)
    floor = dome + 0.42 * across**2 + 0.14 * np.clip(across, 0, 1) ** 3 - y
    soft = grid.soft
    field = step(lateral, soft) * step(medial, soft) * step(floor, soft) * step(y - shape.apex, soft)
    inside = np.minimum(np.minimum(lateral, medial + 0.08), floor + 0.12)
    depth = field * (1 - np.exp(-np.maximum(inside, 0) / 0.11))
    return field, depth


def heart(grid: Grid, shape: Heart) -> tuple[Map, Map]:
    """(silhouette, thickness): the right atrium, and the left ventricle with its tip low and to the left."""
    middle, half = (shape.top + shape.bottom) / 2, (shape.bottom - shape.top) / 2
    y = (grid.y - middle) / half
    lean = grid.x - 0.16 * shape.left * y
    across = np.maximum(np.maximum(lean / shape.left, -grid.x / shape.right), 0.0)
    value = (1 - across**2.15 - np.abs((y - 0.1) / 1.04) ** 2.35).astype(np.float32)
    silhouette = step(value * min(shape.left, shape.right) * 0.6, grid.soft)
    return silhouette, silhouette * np.sqrt(np.clip(value, 0.0, 1.0))


def mediastinum(grid: Grid, shift: float) -> Map:
    """Great vessels and the aortic knob, above the heart."""
    waist = 0.118 + 0.03 * np.clip(grid.y + 0.2, -1, 1) + 0.10 * np.clip(-grid.y - 0.62, 0, 1)
    column = step(waist - np.abs(grid.x - shift), grid.soft * 1.6)
    knob = step(0.082 - np.hypot(grid.x - shift - 0.095, (grid.y + 0.36) * 0.8), grid.soft)
    trunk = step(0.085 - np.hypot(grid.x - shift - 0.105, (grid.y + 0.17) * 0.7), grid.soft * 1.5)
    return np.maximum(np.maximum(column, knob), trunk)


def clavicle(grid: Grid, side: int, lift: float, tilt: float) -> tuple[Map, Map]:
    """(silhouette, thickness) of one clavicle: a thin S from the breastbone to the shoulder."""
    x = grid.x * side
    t = (x - 0.07) / 0.72
    line = lift - 0.02 - tilt * t + 0.035 * np.sin(t * 2 * np.pi)
    radius = 0.042 + 0.016 * (2 * t - 1) ** 2
    ends = step(x - 0.08, grid.soft) * step(0.80 - x, grid.soft)
    distance = (grid.y - line) / np.sqrt(1 + (tilt / 0.72) ** 2) / radius
    silhouette = ends * step((1 - np.abs(distance)) * 0.045, grid.soft)
    return silhouette, ends * tube(distance, 1.0)


def ribs(grid: Grid, width: float, apex: float, pitch: float) -> Map:
    """Nine pairs: each runs outwards behind, turns at the chest wall, and comes back lower in front."""
    x, total = np.abs(grid.x), np.zeros_like(grid.x)
    for index in range(9):
        start = apex + 0.05 + index * pitch
        reach = width * (0.62 + 0.38 * float(_profile(np.asarray((index + 1.1) / 6), 2.0))) + 0.015
        turn = start + 0.10 + 0.030 * index
        t = np.clip((x - 0.05) / (reach - 0.05), 0, 1)
        inside = step(reach - x, grid.soft)
        behind = start - 0.035 * np.sin(np.pi * t) + (turn - start) * t**2.6
        steep = np.sqrt(1 + ((turn - start) * 2.6 * t**1.6 / reach) ** 2)
        total += inside * tube((grid.y - behind) / steep, 0.034) * step(x - 0.06, 0.03)
        if index < 7:
            fall = 0.20 + 0.022 * index
            front = turn + fall * (1 - t**2.4)
            steep = np.sqrt(1 + (fall * 2.4 * t**1.4 / reach) ** 2)
            total += 0.55 * inside * tube((grid.y - front) / steep, 0.042) * step(x - 0.30, 0.05)
    return total


def spine(grid: Grid) -> Map:
    """A column of vertebral bodies."""
    body = step(0.092 - np.abs(grid.x), 0.02)
    return np.asarray(body * (0.85 + 0.22 * np.cos(grid.y * 2 * np.pi / 0.165)), np.float32)


def vessels(grid: Grid, side: int, noise: Map) -> Map:
    """Lung markings: noise in polar coordinates around the hilum gives streaks that fan out and thin."""
    dx, dy = grid.x * side - 0.17, grid.y + 0.02
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    rows = (angle + np.pi) / (2 * np.pi) * (noise.shape[0] - 1)
    columns = np.clip(np.log1p(6 * r) / 2.1, 0, 1) * (noise.shape[1] - 1)
    streak = map_coordinates(noise, [rows, columns], order=1, mode="nearest")
    fan = np.maximum(streak, 0) * np.exp(-r / 0.45) * (1 - np.exp(-((r / 0.10) ** 2)))
    return np.asarray(fan + 0.75 * np.exp(-((dx / 0.10) ** 2 + (dy / 0.16) ** 2)), np.float32)


def arms(grid: Grid, girth: float) -> Map:
    """Upper arm and shoulder blade: a bone in the outer corner, and a dense edge that points to the lung."""
    x = np.abs(grid.x)
    head = np.sqrt(np.maximum(1 - np.hypot((x - girth - 0.03) / 0.12, (grid.y + 0.50) / 0.13) ** 2, 0))
    blade = step(0.10 - np.abs(x - 0.78 + 0.10 * grid.y) * 0.8, 0.03) * step(
        0.28 - np.abs(grid.y + 0.38), 0.08
    )
    return np.asarray(head + 0.45 * blade, np.float32)


def belly(grid: Grid, shape: Lungs) -> Map:
    """0..1 below the diaphragm."""
    mix = step(grid.x, 0.10)
    dome = shape.dome_right + (shape.dome_left - shape.dome_right) * mix
    return step(grid.y - dome - 0.03, 0.05)


def outline(grid: Grid, girth: float) -> Map:
    """How much soft tissue the beam crosses: neck, shoulders, trunk; 0 in the air beside."""
    shoulder = -0.90 + 0.36 * np.clip((np.abs(grid.x) - 0.2) / 0.8, 0, 1) ** 1.8
    neck = step(0.27 + 0.25 * np.clip(grid.y + 0.92, 0, 1) - np.abs(grid.x), 0.02)
    trunk = step(grid.y - shoulder, 0.03) * step(
        girth + 0.05 * np.clip(np.abs(grid.y - 0.05), 0, 1) - np.abs(grid.x), 0.02
    )
    round_off = np.sqrt(np.maximum(1 - (grid.x / (girth + 0.25)) ** 2, 0))
    return np.asarray(np.maximum(neck * 0.9, trunk) * (0.55 + 0.45 * round_off), np.float32)
