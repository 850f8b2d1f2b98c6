"""Chest-radiograph phantoms: made-up patients with known truth, for the demo, tests and documentation.

`draw` and `draw_view` take every random decision; `render` is deterministic.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from overread.data import phantom_anatomy as anatomy
from overread.data.phantom_anatomy import Grid, Heart, Lungs, Map
from overread.files import write_text

CLASSES = ("cardiomegaly", "nodule", "normal")
SHARES = (0.30, 0.30, 0.40)
STRUCTURES = ("right_lung", "left_lung", "heart", "right_clavicle", "left_clavicle")


@dataclass(frozen=True)
class Patient:
    """Anatomy, in units of half a picture's width."""

    label: str
    lungs: Lungs
    ratio: float  # heart width over chest width: below 0.5 is normal
    girth: float  # half width of the body
    rib_pitch: float
    breasts: float  # 0 = none
    nodules: tuple[tuple[float, float, float, float], ...]  # x, y, radius, density
    seed: int  # of lung markings and soft tissue


@dataclass(frozen=True)
class View:
    """One exposure of a patient: pose, breath and beam."""

    angle: float  # degrees
    shift: tuple[float, float]
    scale: float
    turn: float  # rotation about the body's axis, moves the mediastinum
    breath: float  # 0 full inspiration; positive: higher diaphragm, wider heart
    level: float  # exposure
    contrast: float
    grain: float
    seed: int  # of the quantum noise


class Tissue(NamedTuple):
    """Thickness maps [S, S] of what a view shows besides the patient's fixed parts."""

    air: Map
    middle: Map  # mediastinum and heart, 0..1
    muscle: Map  # heart and abdomen
    collar: Map  # both clavicles


@dataclass(frozen=True)
class Phantom:
    """A radiograph and where its structures are; masks may overlap."""

    image: np.ndarray[Any, np.dtype[np.uint8]]  # [S, S]
    masks: dict[str, np.ndarray[Any, np.dtype[np.bool_]]]  # STRUCTURES, each [S, S]


def draw(rng: np.random.Generator, label: str | None = None) -> Patient:
    """A random patient, of a random class where `label` is None."""
    chosen = label if label is not None else CLASSES[rng.choice(len(CLASSES), p=SHARES)]
    width, dome = rng.uniform(0.70, 0.80), rng.normal(0.46, 0.035)
    lungs = Lungs(width, rng.normal(-0.76, 0.025), dome, dome + rng.uniform(0.02, 0.07))
    if chosen == "cardiomegaly":
        ratio = float(np.clip(rng.normal(0.605, 0.04), 0.535, 0.70))
    else:
        ratio = float(np.clip(rng.normal(0.435, 0.03), 0.36, 0.49))
    count = int(rng.choice([1, 2, 3], p=[0.5, 0.3, 0.2])) if chosen == "nodule" else 0
    return Patient(
        label=chosen,
        lungs=lungs,
        ratio=ratio,
        girth=width + rng.uniform(0.08, 0.20),
        rib_pitch=rng.uniform(0.135, 0.155),
        breasts=rng.uniform(0.25, 1.0) if rng.random() < 0.5 else 0.0,
        nodules=tuple(_draw_nodule(rng, lungs) for _ in range(count)),
        seed=int(rng.integers(2**31)),
    )


def _draw_nodule(rng: np.random.Generator, lungs: Lungs) -> tuple[float, float, float, float]:
    """A spot well inside a lung, clear of the hilum and of a normal heart."""
    side = rng.choice([-1.0, 1.0])
    y = rng.uniform(-0.50, 0.30)
    inner = 0.30 if side < 0 or y < 0 else 0.42
    x = rng.uniform(inner, lungs.width * (0.72 if y < -0.3 else 0.86))
    return float(side * x), float(y), float(rng.uniform(0.065, 0.11)), float(rng.uniform(0.30, 0.46))


def draw_view(rng: np.random.Generator) -> View:
    """A random exposure."""
    return View(
        angle=float(np.clip(rng.normal(0, 2.5), -7, 7)),
        shift=(float(rng.normal(0, 0.035)), float(rng.normal(0, 0.035))),
        scale=float(rng.uniform(1.04, 1.18)),
        turn=float(np.clip(rng.normal(0, 0.02), -0.05, 0.05)),
        breath=float(np.clip(rng.exponential(0.025), 0, 0.1)),
        level=float(rng.normal(0, 0.07)),
        contrast=float(rng.uniform(0.85, 1.15)),
        grain=float(rng.uniform(0.6, 1.4)),
        seed=int(rng.integers(2**31)),
    )


def render(patient: Patient, view: View, size: int = 128) -> Phantom:
    """The radiograph of `patient` in `view`, `size` pixels square, and its masks."""
    grid = _grid(view, size)
    lungs = patient.lungs._replace(
        dome_right=patient.lungs.dome_right - view.breath, dome_left=patient.lungs.dome_left - view.breath
    )
    pump, muscle = anatomy.heart(grid._replace(x=grid.x - view.turn), _heart(patient, view, lungs))
    middle = np.maximum(pump, anatomy.mediastinum(grid, view.turn))
    sides = {name: anatomy.lung(grid, lungs, side) for name, side in (("right", -1), ("left", 1))}
    bones = {
        name: anatomy.clavicle(grid, side, lungs.apex + 0.22, 0.15 + side * view.turn)
        for name, side in (("right", -1), ("left", 1))
    }
    below = anatomy.belly(grid, lungs)
    tissue = Tissue(
        air=(sides["right"][1] + sides["left"][1]) * (1 - middle),
        middle=middle,
        muscle=muscle + 0.8 * below * (1 - muscle),
        collar=bones["right"][1] + bones["left"][1],
    )
    masks = {f"{name}_lung": field * (1 - middle) > 0.5 for name, (field, _) in sides.items()}
    masks |= {"heart": pump > 0.5}
    masks |= {f"{name}_clavicle": field > 0.5 for name, (field, _) in bones.items()}
    return Phantom(_expose(_density(grid, patient, tissue), view), {name: masks[name] for name in STRUCTURES})


def _grid(view: View, size: int) -> Grid:
    """Pixel centres in anatomical coordinates: the pose, undone."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    x, y = np.meshgrid(line - np.float32(view.shift[0]), line - np.float32(view.shift[1]))
    cos, sin = np.cos(np.radians(view.angle)) / view.scale, np.sin(np.radians(view.angle)) / view.scale
    turned = (x * cos + y * sin).astype(np.float32), (y * cos - x * sin).astype(np.float32)
    return Grid(*turned, soft=max(1.2 / size, 0.012))


def _heart(patient: Patient, view: View, lungs: Lungs) -> Heart:
    """A heart of the patient's ratio; two thirds of it lie to the left, and it rests on the diaphragm."""
    width = 2 * lungs.width * patient.ratio * (1 + 0.6 * view.breath)
    bottom = lungs.dome_left + 0.14
    return Heart(right=0.33 * width, left=0.67 * width, top=bottom - 0.52 - 0.36 * width, bottom=bottom)


def _density(grid: Grid, patient: Patient, tissue: Tissue) -> Map:
    """What the beam has to cross: the sum of all tissues along it."""
    air, middle, muscle, collar = tissue
    rng = np.random.default_rng(patient.seed)
    body = anatomy.outline(grid, patient.girth)
    total = 0.94 * body - 0.62 * air + 0.05 * middle + 0.16 * muscle * body
    cage = anatomy.ribs(grid, patient.lungs.width, patient.lungs.apex, patient.rib_pitch)
    skeleton = (
        0.10 * cage * (1 - 0.35 * middle)
        + 0.17 * collar
        + 0.10 * anatomy.spine(grid)
        + 0.11 * anatomy.arms(grid, patient.girth)
    )
    total += skeleton * np.minimum(body * 2, 1)
    for side in (-1, 1):
        noise = gaussian_filter(rng.normal(size=(180, 24)), (1.3, 2.2), mode=("wrap", "nearest")) * 5
        half = air * (grid.x * side > 0)
        total += 0.16 * half * anatomy.vessels(grid, side, noise.astype(np.float32))
        breast = np.hypot((grid.x * side - 0.46) / 0.34, (grid.y - 0.30) / 0.30)
        total += 0.10 * patient.breasts * np.sqrt(np.maximum(1 - breast**2, 0))
    total -= 0.12 * anatomy.step(0.05 - np.abs(grid.x), 0.02) * anatomy.step(-0.34 - grid.y, 0.05)
    for x, y, radius, thick in patient.nodules:
        r = np.hypot(grid.x - x, grid.y - y) / radius
        total += thick * np.exp(-(r**4) * 0.7) * np.minimum(air * 1.6, 1)
    return np.asarray(total, np.float32)


def _expose(density: Map, view: View) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Film: a logistic tone curve, and noise that grows where little light comes through."""
    rng = np.random.default_rng(view.seed)
    grain = gaussian_filter(rng.normal(size=density.shape), 0.55) * view.grain
    noisy = density + 0.022 * grain * np.exp(0.45 * density)
    tone = 1 / (1 + np.exp(-3.9 * view.contrast * (noisy - 0.68 - view.level)))
    return np.asarray(np.clip(tone * 262 - 8, 0, 255), np.uint8)


def write_phantoms(out: Path, patients: int, seed: int, size: int = 128) -> Path:
    """Writes OUT/images/*.png and OUT/labels.csv (`image,label,group,split`); returns the table's path.

    A third of the patients have two radiographs; a fifth of the patients are the test split.
    """
    rng = np.random.default_rng(seed)
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, str, str, str]] = []
    for number in range(patients):
        patient, group = draw(rng), f"p{number + 1:04d}"
        split = "test" if rng.random() < 0.2 else "train"
        for turn in range(2 if rng.random() < 1 / 3 else 1):
            name = f"images/{group}-{turn + 1}.png"
            Image.fromarray(render(patient, draw_view(rng), size).image).save(out / name)
            rows.append((name, patient.label, group, split))
    table = out / "labels.csv"
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows([("image", "label", "group", "split"), *rows])
    write_text(table, lines.getvalue())
    return table
