"""Mask files of every kind, down to the numbers that were drawn into them."""

import io

import numpy as np
import pytest
from PIL import Image

from overread.data.faults import BadImage
from overread.data.mask_pictures import mask_of_bytes

SMALL = np.array([[0, 1, 1], [0, 0, 2]], np.uint8)  # 2 high, 3 wide


def picture(image, kind="PNG", **how):
    data = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(data, kind, **how)
    return mask_of_bytes(data.getvalue(), "m")


def paletted(indices, *colours):
    image = Image.fromarray(np.asarray(indices, np.uint8), "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.float32])
def test_numbers_are_taken_as_they_stand(kind):
    found = picture(SMALL.astype(kind), "TIFF")
    assert found.values.tolist() == SMALL.tolist()
    assert found.counts == {0: 3, 1: 2, 2: 1}
    assert found.drawn(2).tolist() == [[False] * 3, [False, False, True]]


@pytest.mark.parametrize("high", [1, 2, 128, 255, 1000])
def test_two_numbers_are_background_and_drawn(high):
    found = picture((SMALL > 0).astype(np.uint16) * np.uint16(high))
    assert not found.is_grey
    assert (found.drawn() == (SMALL > 0)).all()


def test_one_bit_and_nothing_drawn():
    assert picture(Image.fromarray(SMALL > 0)).drawn().sum() == 3
    assert not picture(np.zeros((2, 3), np.uint8)).drawn().any()


def test_a_palette_gives_its_indices():
    red_green = paletted(SMALL, (0, 0, 0), (255, 0, 0), (0, 255, 0))
    assert picture(red_green).values.tolist() == SMALL.tolist()
    assert picture(red_green).palette
    only_first = paletted(np.zeros((2, 3)), (255, 255, 255), (255, 0, 0))
    assert not picture(only_first).drawn().any()


@pytest.mark.parametrize("colours", [((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0))])
def test_of_a_black_and_white_palette_black_is_background_whichever_its_index(colours):
    white = colours.index((255, 255, 255))
    found = picture(paletted((SMALL > 0) == bool(white), *colours))
    assert (found.drawn() == (SMALL > 0)).all()


def test_grey_edges_are_cut_at_half():
    found = picture(np.array([[0, 127, 128, 255]], np.uint8))
    assert found.is_grey
    assert found.drawn().tolist() == [[False, False, True, True]]
    deep = picture(np.array([[0, 32767, 32768, 65535]], np.uint16))
    assert deep.drawn().tolist() == [[False, False, True, True]]
    shares = picture(np.array([[0, 0.49, 0.51, 1]], np.float32), "TIFF")
    assert shares.drawn().tolist() == [[False, False, True, True]]


def test_a_jpeg_gives_the_shape_that_was_saved():
    disk = np.hypot(*np.mgrid[-32:32, -32:32]) < 20
    for mode in ("L", "RGB"):
        found = picture(
            Image.fromarray(disk.astype(np.uint8) * np.uint8(255)).convert(mode), "JPEG", quality=80
        )
        assert found.lossy
        assert found.is_grey
        assert (found.drawn() == disk).mean() > 0.999


def test_equal_channels_are_grey_and_colours_are_refused():
    white = (SMALL > 0).astype(np.uint8) * np.uint8(255)
    assert (picture(np.stack([white] * 3, -1)).drawn() == (SMALL > 0)).all()
    with pytest.raises(
        BadImage, match=r"m: is a coloured picture.*an indexed mask .*or as one file a structure"
    ):
        picture(np.stack([white, white, white // 2], -1))


def test_transparent_parts_are_not_drawn():
    alpha = (SMALL > 0).astype(np.uint8) * np.uint8(255)
    white = np.full_like(alpha, 255)
    assert (picture(np.stack([white, white, white, alpha], -1)).drawn() == (SMALL > 0)).all()
    assert (picture(np.stack([alpha, white], -1)).drawn() == (SMALL > 0)).all()


def test_a_rotation_mark_turns_the_mask_as_it_turns_images():
    image = Image.fromarray(SMALL)
    mark = image.getexif()
    mark[0x0112] = 6
    assert picture(image, exif=mark).values.tolist() == np.rot90(SMALL, -1).tolist()


def test_a_tiff_that_pillow_cannot_read():
    tifffile = pytest.importorskip("tifffile")
    data = io.BytesIO()
    tifffile.imwrite(data, SMALL.astype(np.int64))
    assert mask_of_bytes(data.getvalue(), "m").values.tolist() == SMALL.tolist()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "the file is empty"),
        (b"hello, this is no picture at all", "not an image, but text"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 40, "m: "),
    ],
)
def test_what_is_no_mask_is_told_by_name(data, said):
    with pytest.raises(BadImage, match=said) as caught:
        mask_of_bytes(data, "m")
    assert str(caught.value).startswith("m: ")


def test_numbers_below_zero_and_stacks_are_refused():
    with pytest.raises(BadImage, match="negative numbers"):
        picture(-SMALL.astype(np.int32), "TIFF")
    with pytest.raises(BadImage, match="not finite"):
        picture(np.array([[0, np.nan]], np.float32), "TIFF")
    layer = Image.fromarray(SMALL)
    with pytest.raises(BadImage, match="2 pages"):
        picture(layer, "TIFF", save_all=True, append_images=[layer])
