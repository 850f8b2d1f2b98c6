"""Every kind of picture becomes the same small square, or a sentence about why not."""

import io
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from overread.data import images
from overread.data.faults import BadImage
from overread.data.images import decode

GRADIENT = np.linspace(0, 255, 16 * 16).reshape(16, 16)  # grows to the right and downwards
CORNERS = {"RGB": (255, 0, 0), "L": 255}


def why(path, data=None):
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadImage) as caught:
        decode(path, 8)
    assert str(path) in str(caught.value)
    return caught.value.why


def png16(values):
    """A 16-bit PNG [H, W, 1..4], which Pillow cannot write in colour."""
    height, width, channels = values.shape
    return png(width, height, channels, b"".join(b"\0" + row.astype(">u2").tobytes() for row in values))


def png(width, height, channels, raw):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def one_corner(path, mode="RGB", **kwargs):
    """A picture whose upper left quarter is red or white, the rest black."""
    picture = Image.new(mode, (16, 16))
    picture.paste(CORNERS[mode], (0, 0, 8, 8))
    picture.save(path, **kwargs)
    return path


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "bmp", "webp", "gif", "ppm"])
def test_colour_of_any_format(tmp_path, ending):
    square = decode(one_corner(tmp_path / f"x.{ending}"), 4)
    assert square.shape == (4, 4, 3)
    assert square.dtype == np.uint8
    assert square[0, 0, 0] > 200
    assert square[0, 0, 1:].max() < 60
    assert square[3, 3].max() < 30


def test_grey_becomes_three_equal_channels(tmp_path):
    square = decode(one_corner(tmp_path / "x.png", "L"), 4)
    assert square[0, 0].tolist() == [255] * 3
    assert square[3, 3].tolist() == [0] * 3


def test_same_size_keeps_pixels(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "x.png")
    assert np.array_equal(decode(tmp_path / "x.png", 8), values)
    assert np.array_equal(decode(values, 8), values)


def test_the_resize_is_antialiased(tmp_path):
    values = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(decode(values, 8).astype(int) - 127).max() < 4


def test_a_picture_that_is_not_square_is_squashed(tmp_path):
    values = np.zeros((10, 40), np.uint8)
    values[:, 20:] = 255
    square = decode(values, 4)
    assert (square[:, 0] < 10).all()
    assert (square[:, 3] > 245).all()


def test_palette_bits_and_cmyk(tmp_path):
    one_corner(tmp_path / "rgb.png")
    picture = Image.open(tmp_path / "rgb.png")
    for name, mode in (("p.png", "P"), ("b.png", "1"), ("c.jpg", "CMYK"), ("l.tif", "LAB")):
        source = (
            picture.convert("RGB") if mode != "1" else picture.convert("L").point(lambda v: 255 * (v > 20))
        )
        if mode == "LAB":
            from PIL import ImageCms

            change = ImageCms.buildTransform(
                ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
            )
            ImageCms.applyTransform(source, change).save(tmp_path / name)
        else:
            source.convert(mode).save(tmp_path / name)
        square = decode(tmp_path / name, 4)
        assert square[0, 0, 0] > 200, mode
        assert square[3, 3].max() < 40, mode


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_black(tmp_path, mode):
    picture = Image.new("RGBA", (16, 16), (255, 255, 255, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 8, 8))
    picture.convert(mode).save(tmp_path / "x.png", **({"transparency": 0} if mode == "P" else {}))
    square = decode(tmp_path / "x.png", 4)
    if mode != "P":
        assert square[0, 0].min() > 250
        assert square[3, 3].max() == 0


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_rotation_by_exif(tmp_path, turn, ending):
    upright = Image.open(one_corner(tmp_path / "upright.png")).convert("RGB")
    undo = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE}
    undo |= {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
    }
    undo[8] = Image.Transpose.ROTATE_270
    exif = Image.Exif()
    exif[0x0112] = turn
    (upright.transpose(undo[turn]) if turn > 1 else upright).save(tmp_path / f"x.{ending}", exif=exif)
    square = decode(tmp_path / f"x.{ending}", 4)
    assert square[0, 0, 0] > 200
    assert max(square[0, 3].max(), square[3, 0].max(), square[3, 3].max()) < 60


def test_broken_exif_does_not_matter(tmp_path):
    one_corner(tmp_path / "x.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0\0garbage")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(tmp_path / "x.jpg", 4)[0, 0, 0] > 200


def scaled(values):
    return (values - values.min()) / (values.max() - values.min()) * 255


@pytest.mark.parametrize("dtype", ["uint16", "int16", "uint32", "int32", "float32", "float64"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_deep_grey_is_scaled_from_its_own_range(tmp_path, dtype, photometric):
    values = (GRADIENT / 4 + 20).astype(dtype)
    tifffile.imwrite(tmp_path / "x.tif", values, photometric=photometric)
    square = decode(tmp_path / "x.tif", 16)[..., 0].astype(float)
    wanted = scaled(values.astype(float))
    wanted = 255 - wanted if photometric == "miniswhite" else wanted
    assert np.abs(square - wanted).max() <= 1


def test_deep_grey_png(tmp_path):
    values = (GRADIENT * 3 + 1000).astype(np.uint16)  # a narrow part of 16 bits
    Image.fromarray(values).save(tmp_path / "x.png")
    assert np.abs(decode(tmp_path / "x.png", 16)[..., 2] - scaled(values.astype(float))).max() <= 1


@pytest.mark.parametrize("kind", ["png", "plain", "big-endian", "deflate", "predictor", "planes"])
def test_deep_colour_keeps_its_low_bytes(tmp_path, kind):
    values = np.stack([GRADIENT, GRADIENT.T, 255 - GRADIENT], axis=-1).astype(np.uint16)  # 8 bits of 16
    path = tmp_path / "x.tif"
    how = {"big-endian": {"byteorder": ">"}, "deflate": {"compression": "zlib"}, "plain": {}}
    how["predictor"] = {"compression": "zlib", "predictor": True}
    if kind == "png":
        path.write_bytes(png16(values))
    elif kind == "planes":
        tifffile.imwrite(path, np.moveaxis(values, -1, 0), photometric="rgb", planarconfig="separate")
    else:
        tifffile.imwrite(path, values, photometric="rgb", **how[kind])
    assert np.abs(decode(path, 16) - scaled(values.astype(float))).max() <= 1


def test_deep_colour_with_alpha(tmp_path):
    values = np.full((16, 16, 4), 65535, np.uint16)
    values[8:, :, 3] = 0
    (tmp_path / "x.png").write_bytes(png16(values))
    square = decode(tmp_path / "x.png", 4)
    assert square[0].min() == 255
    assert square[3].max() == 0
    (tmp_path / "grey.png").write_bytes(png16(values[..., 2:]))
    assert decode(tmp_path / "grey.png", 4).shape == (4, 4, 3)


def test_floats_with_holes_and_without_any_value(tmp_path):
    values = GRADIENT.astype(np.float32)
    values[0, :2] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "x.tif", values)
    assert np.abs(decode(tmp_path / "x.tif", 16)[1:, :, 0] - scaled(GRADIENT)[1:]).max() <= 2
    tifffile.imwrite(tmp_path / "x.tif", np.full((4, 4), np.nan, np.float32))
    assert why(tmp_path / "x.tif") == "the image has no finite value"


def test_a_flat_deep_image_is_black():
    assert decode(np.full((4, 4), 700, np.uint16), 2).max() == 0


def test_one_pixel(tmp_path):
    Image.new("RGB", (1, 1), (10, 20, 30)).save(tmp_path / "x.png")
    assert (decode(tmp_path / "x.png", 4) == [10, 20, 30]).all()


@pytest.mark.parametrize(("ending", "mode"), [("png", "1"), ("jpg", "L")])
def test_12000_by_9000(tmp_path, ending, mode):
    picture = Image.new(mode, (12_000, 9_000))
    picture.paste(1 if mode == "1" else 255, (0, 0, 6_000, 4_500))
    picture.save(tmp_path / f"x.{ending}")
    square = decode(tmp_path / f"x.{ending}", 4)
    assert square[0, 0, 0] > 250
    assert square[3, 3, 0] < 5


def test_beyond_the_limit_of_pixels(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    assert (
        why(tmp_path / "x.png", png(30_000, 20_000, 1, b""))
        == "30,000 x 20,000 pixels are beyond the limit of 400,000,000"
    )
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_large_jpeg_is_decoded_smaller(tmp_path):
    seen = []
    Image.new("RGB", (1600, 1200)).save(tmp_path / "x.jpg")
    original = images._square
    try:
        images._square = lambda image, size: (seen.append(image.size), original(image, size))[1]
        decode(tmp_path / "x.jpg", 64)
    finally:
        images._square = original
    assert seen == [(200, 150)]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the file is empty (0 bytes)"),
        (b"These are the findings of the patient.\n" * 9, "not an image, but text"),
        (b"  <svg xmlns='http://www.w3.org/2000/svg'></svg>", "not an image, but an SVG drawing"),
        (b"<?xml version='1.0'?><svg></svg>", "not an image, but XML or SVG text"),
        (b"<!DOCTYPE html><html></html>", "not an image, but a web page"),
        (b'{"error": "not found"}', "not an image, but JSON text"),
        (b"%PDF-1.7 x", "not an image, but a PDF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer; fetch the file itself"),
        (bytes(128) + b"DICM" + bytes(9), "not an image, but a DICOM file"),
        (bytes(range(256)), "not an image of a kind that is read (JPEG, PNG,"),
        (b"\xff\xd8\xff\xe0", "the file is truncated"),
        (b"\x89PNG\r\n", "the file is truncated or damaged at its beginning"),
        (b"II*\0\x08\0\0\0", "the file is"),
    ],
)
def test_what_is_no_image(tmp_path, data, text):
    assert text in why(tmp_path / "x.jpg", data)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "bmp", "gif", "webp"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_files(tmp_path, ending, share):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"x.{ending}")
    data = (tmp_path / f"x.{ending}").read_bytes()
    assert "the file is" in why(tmp_path / f"x.{ending}", data[: int(len(data) * share)])


def test_files_that_cannot_be_opened(tmp_path):
    assert why(tmp_path / "none.png") == "does not exist"
    assert "Is a directory" in why(tmp_path)


def test_a_stack_is_not_an_image_and_a_preview_does_not_matter(tmp_path):
    pages = [Image.new("L", (9, 9)) for _ in range(3)]
    pages[0].save(tmp_path / "x.tif", save_all=True, append_images=pages[1:])
    assert "holds 3 pages" in why(tmp_path / "x.tif")
    tifffile.imwrite(tmp_path / "y.tif", np.zeros((3, 9, 9)), photometric="minisblack")
    assert "holds 3 pages" in why(tmp_path / "y.tif")
    pages[0].save(tmp_path / "z.tif", save_all=True, append_images=[Image.new("L", (3, 3))])
    assert decode(tmp_path / "z.tif", 4).shape == (4, 4, 3)


def test_channels_that_are_no_colours(tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif", np.zeros((9, 9, 5), np.uint16), photometric="minisblack", planarconfig="contig"
    )
    assert "grey [H, W] or colour [H, W, 3] is expected" in why(tmp_path / "x.tif")


def test_decoding_in_threads_leaves_warnings_as_they_were(tmp_path):
    one_corner(tmp_path / "x.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0\0garbage")
    before = list(warnings.filters)
    threads = [
        threading.Thread(target=lambda: [decode(tmp_path / "x.jpg", 4) for _ in range(9)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert warnings.filters == before


def test_pillow_reads_what_was_written_above():
    values = np.full((2, 2, 3), 258, np.uint16)
    assert np.asarray(Image.open(io.BytesIO(png16(values)))).max() == 1  # the high byte alone
