"""Pixels that came as arrays, written as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def write_pixels(pixels: np.ndarray[Any, np.dtype[Any]], folder: Path) -> list[str]:
    """Writes images [N, H, W] or [N, H, W, 3] uint8 as PNG; says where each now lies, from `folder`."""
    from PIL import Image

    (folder / "images").mkdir()
    names = [f"images/{row:06d}.png" for row in range(len(pixels))]
    for name, plane in zip(names, pixels, strict=True):
        Image.fromarray(np.asarray(plane)).save(folder / name)
    return names
