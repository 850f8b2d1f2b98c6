"""Decodes one image, whatever its kind, to a small square of uint8 RGB.

The image is squashed to the square (its aspect is not kept) with an antialiased bilinear filter. Grey becomes
three equal channels; transparent parts become black; 16-bit, float and integer images are scaled from their
own least..greatest value to 0..255, all channels alike; EXIF and TIFF rotation is applied.
"""

from __future__ import annotations

import io
import threading
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from overread.data import deep
from overread.data.address import split_address
from overread.data.contents import plain_bytes, size_of_part
from overread.data.contents import read_file as read_file
from overread.data.faults import BadImage, not_an_image
from overread.data.faults import told as told
from overread.data.formats import arrays
from overread.data.silence import silenced, without_pixel_limit

Array = np.ndarray[Any, np.dtype[Any]]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "PPM", "JPEG2000")
PIXEL_LIMIT = 400_000_000  # 20,000 x 20,000; a larger picture is refused before it fills the memory
LARGE = 30_000_000  # pixels; above this, images are decoded one at a time
DRAFT = 2  # a JPEG is decoded at no less than this many times the wanted size
ORIENTATION = 0x0112
TURNS = {  # EXIF orientation: what brings the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # those that exchange height and width
_one_large = threading.Lock()


def decode(source: str | Path | Array, size: int) -> Pixels:
    """The image at a path, or an array [H, W] or [H, W, 3], as uint8 [size, size, 3]. Raises `BadImage`."""
    if isinstance(source, np.ndarray):
        return decode_array(source, size)
    return decode_bytes(read_file(source, str(source)), size, str(source))


def decode_array(array: Array, size: int, name: str = "array") -> Pixels:
    """An array [H, W] or [H, W, 3] as uint8 [size, size, 3]; other types are scaled from their range."""
    try:
        scaled = array if array.dtype == np.uint8 else deep.to_uint8(array)
    except deep.Unfit as error:
        raise BadImage(name, str(error)) from None
    return _square(Image.fromarray(np.ascontiguousarray(scaled)), size)


def decode_bytes(data: bytes, size: int, name: str) -> Pixels:
    """The image in the bytes of a file as uint8 [size, size, 3]; `name` is for the message."""
    if not data:
        raise BadImage(name, "the file is empty (0 bytes)")
    with silenced(), told(name):
        return _decode(data, size)


def upright_size(path: str | Path, name: str) -> tuple[int, int]:
    """(height, width) of an image file as it is seen, from its header alone. Raises `BadImage`."""
    if found := size_of_part(path, name):
        return found
    held = "column" in split_address(str(path))[1]
    with silenced(), told(name), without_pixel_limit():
        try:
            with Image.open(io.BytesIO(plain_bytes(path, name)) if held else path, formats=FORMATS) as image:
                width, height = image.size
                return (width, height) if orientation(image) in SIDEWAYS else (height, width)
        except UnidentifiedImageError:
            height, width = tiff_of(plain_bytes(path, name)).shape[:2]
            return height, width


def decode_picture(picture: Image.Image, size: int, name: str = "picture") -> Pixels:
    """A picture that Pillow has opened as uint8 [size, size, 3]. Raises `BadImage`.

    A large JPEG gives pixels that differ by little from those of its file, which is opened at a fraction of its
    size.
    """
    with silenced(), told(name):
        square = _square(grey_or_rgb(picture), size)
        turn = TURNS.get(orientation(picture))
        return square if turn is None else np.array(Image.fromarray(square).transpose(turn))


def _decode(data: bytes, size: int) -> Pixels:
    if data.startswith(arrays.MAGIC):
        return decode_array(arrays.from_bytes(data), size)
    try:
        with without_pixel_limit():
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        return _with_tifffile(data, size)
    with gate(image):
        refuse_stack(image)
        if image.format in ("JPEG", "MPO"):
            image.draft(None, (DRAFT * size, DRAFT * size))
        try:
            square = _square(_loaded(image, data), size)
        except deep.UnknownLayout:
            return _with_tifffile(data, size)
        turn = TURNS.get(orientation(image))
    return square if turn is None else np.array(Image.fromarray(square).transpose(turn))


def _loaded(image: ImageFile.ImageFile, data: bytes) -> Image.Image:
    """The whole picture as 8-bit grey or RGB."""
    if not deep.has_deep_colour(image):
        deep.load(image)
        return grey_or_rgb(image)
    with without_pixel_limit():
        again = Image.open(io.BytesIO(data), formats=FORMATS)
    return Image.fromarray(deep.to_uint8(deep.colour(image, again)))


def gate(image: ImageFile.ImageFile) -> AbstractContextManager[Any]:
    """Lets large images in one at a time; refuses those beyond the limit."""
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        raise BadImage("", f"{width:,} x {height:,} pixels are beyond the limit of {PIXEL_LIMIT:,}")
    return _one_large if width * height > LARGE else nullcontext()


def refuse_stack(image: ImageFile.ImageFile) -> None:
    """Several pages of one size are a stack or a film, not an image; a smaller second page is a preview."""
    if getattr(image, "n_frames", 1) < 2 or image.format in ("MPO", "JPEG"):
        return
    first = image.size
    image.seek(1)
    if image.size == first:
        raise BadImage(
            "", f"holds {getattr(image, 'n_frames', 2)} pages or frames; one image a file is expected"
        )
    image.seek(0)


def orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF: the picture itself is fine
        return 1


def grey_or_rgb(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey or RGB."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        scaled = deep.to_uint8(np.asarray(image))
        return Image.fromarray(255 - scaled if deep.white_is_zero(image) else scaled)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _square(image: Image.Image, size: int) -> Pixels:
    small = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.array(small if small.mode == "RGB" else small.convert("RGB"))


def _with_tifffile(data: bytes, size: int) -> Pixels:
    return decode_array(tiff_of(data), size)


def tiff_of(data: bytes) -> Array:
    """The values of a TIFF that PIL does not read. Raises `BadImage`."""
    if data[:4] not in deep.TIFF_BEGINNINGS:
        raise BadImage("", not_an_image(data))
    return deep.read_tiff(data, PIXEL_LIMIT)
