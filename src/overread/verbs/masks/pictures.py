"""What an audit of masks draws: suggested masks and doubt maps at the images' own size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from overread.data.manifest import Manifest
from overread.data.mask_writing import MaskFolder, enlarged, most_likely, own_size
from overread.data.masks import read_masks
from overread.drawing import GIVEN, PREDICTED, canvas, draw_outlines, stretched
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
SUGGESTED, DOUBT = "suggested", "doubt"
SIDE = 320  # pixels of the longer side in the gallery
HEAT = (255, 170, 30)  # RGB of full doubt


class Pictures:
    """The pictures of a run: what is given, what is suggested, and where the two are at odds."""

    def __init__(self, run: Path, manifest: Manifest, probs: Array, quiet: bool = True) -> None:
        """`probs` [N, K, S, S] are stored probabilities, 255 is certain; `quiet`: no progress bar."""
        assert manifest.masks is not None
        self.run, self.manifest, self.files, self.probs = run, manifest, manifest.masks, probs
        self.quiet = quiet
        self.folder = MaskFolder(run / SUGGESTED, manifest.classes, manifest.ids)

    def write_all(self) -> None:
        """suggested/STRUCTURE/ID.png and doubt/ID.png of every image."""
        from tqdm import tqdm

        rows = range(len(self.manifest))
        for row in tqdm(rows, desc="Writing masks", unit=" images", disable=self.quiet, delay=0.5):
            size = own_size(self.manifest, row)
            p = enlarged(self.probs[row], size)
            self.folder.write(row, most_likely(p, self.files.exclusive))
            write_grey(self.doubt_path(row), doubt_map(self.given(row, size), p))

    def doubt_path(self, row: int) -> Path:
        """Where the doubt map of a row lies."""
        return self.run / DOUBT / f"{self.folder.names[row]}.png"

    def given(self, row: int, size: tuple[int, int]) -> Array:
        """[K, H, W] the given masks at some size."""
        return np.stack([stretched(mask, size) for mask in read_masks(self.files, self.manifest.root, row)])

    def drawn(self, row: int) -> tuple[Array, Array]:
        """[h, w, 3] twice: an image with both contours on it, and with the doubt map."""
        manifest = self.manifest
        picture = canvas(manifest.path(row), own_size(manifest, row), SIDE)
        size = picture.shape[:2]
        given, p = self.given(row, size), enlarged(self.probs[row], size)
        heated = heat(picture, doubt_map(given, p))
        draw_outlines(picture, given, GIVEN)
        draw_outlines(picture, most_likely(p, self.files.exclusive), PREDICTED)
        return picture, heated


def doubt_map(given: Array, p: Array) -> Array:
    r"""[H, W] uint8: the probability that a pixel's given label is wrong, the highest over the structures.

    $\max_k |y_k - p_k|$ of masks y and probabilities p [K, H, W], as v of 0..255 that stands for what lies between
    v / 256 and (v + 1) / 256: 128 and above is more probably wrong than right.

    >>> doubt_map(np.array([[[1, 1, 0]]]), np.array([[[0.9, 0.25, 0.5]]])).tolist()
    [[25, 191, 127]]
    """
    wrong = np.abs(given - p).max(0)
    return np.asarray(np.clip(np.ceil(wrong * 256.0) - 1.0, 0.0, 255.0), np.uint8)


def heat(picture: Array, doubt: Array) -> Array:
    """[h, w, 3] a picture in grey with doubt [h, w] laid over it: the more, the stronger."""
    grey = picture.mean(2, keepdims=True)
    strength = (np.clip(doubt.astype(np.float64) - 64.0, 0.0, None) / 191.0)[..., None] ** 0.7 * 0.85
    return np.asarray(grey * (1.0 - strength) + strength * np.array(HEAT), np.uint8)


def write_grey(path: Path, values: Array) -> None:
    """A PNG of numbers 0..255."""
    write_whole(path, lambda part: Image.fromarray(values).save(part, "PNG"))


def write_jpeg(path: Path, picture: Array) -> None:
    """Colours are kept pixel by pixel: contours are thin."""
    write_whole(path, lambda part: Image.fromarray(picture).save(part, "JPEG", quality=88, subsampling=0))
