"""Generated radiographs as data of a bench, so that it runs anywhere; what they say of methods is a direction."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overread.benches.layouts import Layout, Row, lungs_alone, row
from overread.data.phantom import CLASSES, STRUCTURES, draw, draw_view, render
from overread.files import write_whole

SEED = 7


def labelled(root: Path, patients: int = 900, binary: bool = False) -> list[Row]:
    """Draws radiographs into `root`; `binary`: ill against normal. 65 % train, 12 % validate, the rest test."""
    rng, rows = np.random.default_rng(SEED), []
    for number in range(patients):
        patient, split = draw(rng), part(rng, 0.12)
        kind = ("ill", "normal")[patient.label == "normal"] if binary else patient.label
        file = root / "images" / f"p{number:04d}.png"
        save(render(patient, draw_view(rng), 64).image, file)
        rows.append(row(file, file.stem, split, label=kind))
    return rows


def binary(root: Path) -> list[Row]:
    """Ill (cardiomegaly, nodule) against normal."""
    return labelled(root, binary=True)


def drawn(root: Path, patients: int = 180) -> list[Row]:
    """Draws radiographs with masks, as JSRT's; two thirds train."""
    rng, rows = np.random.default_rng(SEED), []
    for number in range(patients):
        patient, split = draw(rng, CLASSES[number % 3]), "train" if number < patients * 2 // 3 else "test"
        view, name = draw_view(rng), f"p{number:04d}.png"
        found = render(patient, view, 128)
        save(found.image, root / "images" / name)
        for structure in STRUCTURES:
            save(found.masks[structure].astype(np.uint8) * np.uint8(255), root / structure / name)
        masks = {f"mask_{structure}": str((root / structure / name).absolute()) for structure in STRUCTURES}
        rows.append(row(root / "images" / name, "", split, **masks))
    return rows


def drawn_lungs(root: Path) -> list[Row]:
    """The same with lungs alone."""
    return lungs_alone(drawn(root))


def part(rng: np.random.Generator, val: float) -> str:
    """A split by chance."""
    return str(rng.choice(["train", "val", "test"], p=[0.65, val, 0.35 - val]))


def save(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], path: Path) -> None:
    from PIL import Image

    if not path.exists():  # another shard may have drawn it
        write_whole(path, lambda part: Image.fromarray(pixels).save(part, format="PNG"))


PHANTOMS = Layout("phantoms", "generated radiographs of three classes", labelled, "phantoms")
PHANTOMS_BINARY = Layout("phantoms-binary", "generated radiographs, ill against normal", binary, "phantoms")
PHANTOM_MASKS = Layout("phantom-masks", "generated radiographs with masks", drawn, "phantoms")
PHANTOM_LUNGS = Layout("phantom-lungs", "generated radiographs with lungs", drawn_lungs, "phantoms")
