"""Augmentations: nothing by default, each switch alone, against torch's own operations and small sums."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest
import torch

from overread.engine.augment import Augment, augment_in_words, parse_augment
from overread.engine.pixels import gaussian
from overread.errors import InputError

SWITCHES = {"left_right": True, "up_down": True, "rotate": 20.0, "crop": 0.3, "colour": 0.3, "blur": 1.5}
EVERYTHING = Augment(**SWITCHES)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=6, channels=3, height=12, width=10):
    return torch.rand(count, channels, height, width, generator=seeded(9)) * 2 - 1


def ramp(slope_x, slope_y, size=16):
    """An image that rises linearly from its centre; [1, 1, size, size]."""
    place = (torch.arange(size) + 0.5) / size * 2 - 1
    return (slope_x * place[None] + slope_y * place[:, None]).view(1, 1, size, size)


def test_nothing_is_on_by_default():
    x, generator = images(), seeded()
    before = generator.get_state()
    assert Augment().draw(6, generator) == {}
    assert Augment()(x, generator) is x
    assert torch.equal(before, generator.get_state())
    assert not any(getattr(Augment(), field.name) for field in fields(Augment))


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_draws_its_own_part_alone_and_changes_images(name):
    augment, x = Augment(**{name: SWITCHES[name]}), images()
    assert list(augment.draw(6, seeded())) == [name]
    changed = augment(x, seeded())
    assert changed.shape == x.shape
    assert changed.dtype == x.dtype
    assert not torch.equal(changed, x)
    assert changed.abs().max() <= 1 + 1e-5
    assert torch.equal(changed, augment(x, seeded()))
    assert not torch.equal(changed, augment(x, seeded(1)))


def test_mirrors_repeat_the_coins_of_earlier_runs():
    """First left_right, then up_down, each torch.rand(count) < 0.5: the order that earlier runs drew in."""
    x, generator = images(), seeded(3)
    y = torch.where((torch.rand(6, generator=generator) < 0.5).view(-1, 1, 1, 1), x.flip(3), x)
    y = torch.where((torch.rand(6, generator=generator) < 0.5).view(-1, 1, 1, 1), y.flip(2), y)
    ours = seeded(3)
    assert torch.equal(Augment(left_right=True, up_down=True)(x, ours), y)
    assert torch.equal(ours.get_state(), generator.get_state())


def test_mirrors_only_mirror():
    x, coins = images(2), torch.tensor([True, False])
    mirrored = Augment(left_right=True).apply(x, {"left_right": coins})
    assert torch.equal(mirrored, torch.stack([x[0].flip(2), x[1]]))
    upside_down = Augment(up_down=True).apply(x, {"up_down": coins})
    assert torch.equal(upside_down, torch.stack([x[0].flip(1), x[1]]))


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (3, 8), (7, 8)])
def test_a_rank_that_applies_its_rows_gets_its_part_of_the_whole_batch(start, stop):
    x = images(8)
    drawn = EVERYTHING.draw(8, seeded())
    drawn["rotate"][[1, 7]], drawn["crop"][[1, 7], 0] = 0.0, 0.0  # some images are not moved
    mine = EVERYTHING.apply(x[start:stop], {name: part[start:stop] for name, part in drawn.items()})
    torch.testing.assert_close(mine, EVERYTHING.apply(x, drawn)[start:stop], atol=1e-6, rtol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_memory_format_stays(layout):
    x = images().contiguous(memory_format=layout)
    changed = EVERYTHING(x, seeded())
    assert changed.is_contiguous(memory_format=layout)
    torch.testing.assert_close(changed, EVERYTHING(images(), seeded()), atol=1e-6, rtol=0)


def test_draws_are_uniform_in_their_range():
    drawn = EVERYTHING.draw(4000, seeded())
    ranges = {
        "rotate": (drawn["rotate"], -20.0, 20.0),
        "share cut away": (drawn["crop"][:, 0], 0.0, 0.3),
        "place": (drawn["crop"][:, 1:], -1.0, 1.0),
        "colour": (drawn["colour"], 0.7, 1.3),
        "blur": (drawn["blur"], 0.0, 1.5),
    }
    for name, (values, low, high) in ranges.items():
        share = (values.double() - low) / (high - low)
        assert 0 <= share.min() < 0.01, name
        assert 0.99 < share.max() <= 1, name
        assert share.mean() == pytest.approx(0.5, abs=0.02), name
    for name in ("left_right", "up_down"):
        assert drawn[name].float().mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_equal_rot90(turns):
    x = images(2, height=10, width=10)
    turned = Augment(rotate=180).apply(x, {"rotate": torch.tensor([90.0 * turns] * 2)})
    torch.testing.assert_close(turned, torch.rot90(x, turns, (2, 3)), atol=1e-4, rtol=0)


def test_a_turn_keeps_angles_in_oblong_images():
    """A ramp along x turned by 30 degrees is a ramp with cosine and sine for slopes, in pixels."""
    height, width = 24, 40
    u = torch.arange(width) - (width - 1) / 2
    v = torch.arange(height)[:, None] - (height - 1) / 2
    x = (u / 40).expand(1, 1, height, width)
    turned = Augment(rotate=30).apply(x, {"rotate": torch.tensor([30.0])})
    radians = torch.deg2rad(torch.tensor(30.0))
    expected = (radians.cos() * u - radians.sin() * v) / 40
    inside = (slice(None), slice(None), slice(6, 18), slice(10, 30))
    torch.testing.assert_close(turned[inside], expected[None, None][inside], atol=1e-5, rtol=0)


def test_beyond_the_border_the_image_is_mirrored():
    """Corners turned by 45 degrees look outside: there lies the inside again, neither black nor the edge."""
    x = torch.full((1, 1, 16, 16), 0.8)
    x[:, :, 1:-1, 1:-1] = 0.3
    turned = Augment(rotate=45).apply(x, {"rotate": torch.tensor([45.0])})
    torch.testing.assert_close(turned[0, 0, ::15, ::15], torch.full((2, 2), 0.3))


def test_images_that_do_not_move_stay_bit_for_bit():
    x = images(3)
    drawn = {"rotate": torch.tensor([0.0, 11.0, 0.0]), "crop": torch.zeros(3, 3)}
    changed = EVERYTHING.apply(x, drawn)
    assert torch.equal(changed[::2], x[::2])
    assert not torch.equal(changed[1], x[1])
    assert EVERYTHING.apply(x, {"rotate": torch.zeros(3), "crop": torch.zeros(3, 3)}) is x


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.5, -0.25)])
def test_a_crop_magnifies_a_ramp_into_a_flatter_ramp(place):
    """Half of the side seen from c = 0.5 off centre: slopes halve, and the centre's value is the place's."""
    cropped = Augment(crop=0.5).apply(ramp(0.6, 0.3), {"crop": torch.tensor([[0.5, *place]])})
    middle = 0.5 * (0.6 * place[0] + 0.3 * place[1])
    torch.testing.assert_close(cropped, middle + ramp(0.3, 0.15), atol=1e-5, rtol=0)


def test_the_kernel_sums_to_one_and_has_the_asked_width():
    kernel = gaussian(torch.tensor([0.0, 0.5, 2.0, 10.0]), 81)  # [4, 81, 81]
    torch.testing.assert_close(kernel.sum(2), torch.ones(4, 81))
    assert torch.equal(kernel[0], torch.eye(81))
    place = torch.arange(81) - 40.0
    assert (kernel[2, 40] * place**2).sum().sqrt() == pytest.approx(2.0, abs=1e-3)


def test_blur_equals_a_convolution_away_from_the_border():
    x = images(1, 2, 30, 26)
    taps = torch.exp(-(torch.arange(-6.0, 7.0) ** 2) / 2)
    kernel = torch.outer(taps, taps) / taps.sum() ** 2
    expected = torch.nn.functional.conv2d(x, kernel.expand(2, 1, 13, 13), groups=2)
    blurred = Augment(blur=1).apply(x, {"blur": torch.tensor([1.0])})[:, :, 6:-6, 6:-6]
    torch.testing.assert_close(blurred, expected, atol=1e-5, rtol=0)


def test_blur_leaves_a_constant_image_constant():
    x = torch.full((2, 1, 9, 7), 0.37)
    torch.testing.assert_close(Augment(blur=10).apply(x, {"blur": torch.tensor([0.4, 10.0])}), x)


def factors(brightness=1.0, contrast=1.0, saturation=1.0):
    return {"colour": torch.tensor([[brightness, contrast, saturation]])}


def test_brightness_scales_the_light():
    x = torch.tensor([-1.0, -0.5, 0.0, 0.8]).view(1, 1, 2, 2)  # light 0, .25, .5, .9
    bright = Augment(colour=1).apply(x, factors(brightness=1.2))
    torch.testing.assert_close(bright.flatten(), torch.tensor([-1.0, -0.4, 0.2, 1.0]))  # .9 * 1.2 is cut at 1


def test_contrast_keeps_the_mean_and_scales_the_spread():
    x = images(1) * 0.5
    flat = Augment(colour=1).apply(x, factors(contrast=0.7))
    assert flat.mean() == pytest.approx(x.mean().item(), abs=1e-6)
    assert flat.std() == pytest.approx(0.7 * x.std().item(), abs=1e-6)


def test_saturation_of_nothing_is_grey_and_needs_three_channels():
    x = images(1)
    grey = Augment(colour=1).apply(x, factors(saturation=0.0))
    expected = (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True).expand_as(x)
    torch.testing.assert_close(grey, expected, atol=1e-6, rtol=0)
    one = x[:, :1]
    torch.testing.assert_close(Augment(colour=1).apply(one, factors(saturation=0.0)), one)


def test_colour_stays_in_range_and_in_its_place():
    x = images(6).sign()
    changed = Augment(colour=1)(x, seeded())
    assert changed.abs().max() <= 1
    torch.testing.assert_close(Augment(colour=1).apply(x, {"colour": torch.ones(6, 3)}), x)


@pytest.mark.parametrize(
    ("text", "augment"),
    [
        ("none", Augment()),
        ("flip", Augment(left_right=True, up_down=True)),
        ("up-down", Augment(up_down=True)),
        (" left-right , rotate = 15", Augment(left_right=True, rotate=15)),
        ("left-right,up-down,rotate=15,crop=0.1,colour=0.2,blur=1", Augment(True, True, 15, 0.1, 0.2, 1)),
        ("rotate=0", Augment()),
    ],
)
def test_the_text_form_is_read(text, augment):
    assert parse_augment(text) == augment


@pytest.mark.parametrize(
    "augment", [Augment(), EVERYTHING, Augment(crop=1 / 3, blur=1e-5), Augment(rotate=180, colour=1)]
)
def test_the_text_form_is_read_back(augment):
    assert parse_augment(augment_in_words(augment)) == augment


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotat=15", "'rotat' is unknown. Did you mean 'rotate'?"),
        ("color=0.1", "Did you mean 'colour'?"),
        ("", "'' is unknown. Known: blur, colour, crop, flip, left-right, rotate, up-down"),
        ("rotate", "rotate needs a number, as in rotate=18, got nothing"),
        ("blur=much", "blur needs a number, as in blur=1, got 'much'"),
        ("up-down=2", "up-down takes no number, got '2'"),
        ("none,flip", "'none' stands alone"),
        ("flip,left-right", "left-right is given twice"),
        ("rotate=1,rotate=2", "rotate is given twice"),
        ("rotate=181", "rotate is 0 to 180 degrees, got 181"),
        ("crop=1", "crop is 0 to below 1 of the side, got 1"),
        ("colour=-0.1", "colour is 0 to 1, got -0.1"),
        ("blur=nan", "blur is 0 to 10 pixels, got nan"),
        ("rotate=15;crop=0.1", "rotate needs a number, as in rotate=18, got '15;crop=0.1'"),
    ],
)
def test_what_cannot_be_read_is_said(text, message):
    with pytest.raises(InputError) as caught:
        parse_augment(text)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"--augment {text!r}: ")
    assert str(caught.value).endswith(
        "An example: --augment left-right,up-down,rotate=15,crop=0.1,colour=0.2,blur=1"
    )


def test_all_problems_come_in_one_message():
    with pytest.raises(InputError) as caught:
        parse_augment("rotate=200,crop=2,blurr=1,flip=3")
    for part in (
        "rotate is 0 to 180",
        "crop is 0 to below 1",
        "Did you mean 'blur'?",
        "flip takes no number",
    ):
        assert part in str(caught.value)


def test_the_dataclass_checks_its_ranges_too():
    with pytest.raises(
        InputError, match="Augment: rotate is 0 to 180 degrees, got 200; crop is 0 to below 1"
    ):
        Augment(rotate=200, crop=1.0)


def test_reading_the_flag_does_not_load_torch():
    script = (
        "import sys; from overread.engine.augment import parse_augment, augment_in_words; "
        "augment_in_words(parse_augment('flip,blur=1')); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
