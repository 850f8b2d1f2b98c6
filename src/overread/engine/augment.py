"""Augmentation of a batch on its device: the random draw apart from the deterministic apply.

Loads torch only when a batch comes, so that the command line can read `--augment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from overread.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from torch import Generator, Tensor

BOTH_MIRRORS = "flip"
EXAMPLE = "--augment left-right,up-down,rotate=15,crop=0.1,colour=0.2,blur=1"
MOST = {"rotate": 180.0, "crop": 1.0, "colour": 1.0, "blur": 10.0}  # crop stays below
UNITS = {"rotate": " degrees", "crop": " of the side", "colour": "", "blur": " pixels"}


@dataclass(frozen=True)
class Augment:
    """Which random changes the training images get; each has its own switch and all are off by default.

    Every one can make some medical label wrong, so none is on unless asked for:

    - `left_right`, `up_down`: mirror, each with probability one half. Change laterality and situs (left or
      right eye, dextrocardia, which lung), and the view.
    - `rotate`: turn by up to so many degrees either way. Changes labels that hang on orientation (view,
      patient position, air-fluid levels), and laterality where the turn is large.
    - `crop`: cut up to this share off the sides and magnify the rest, equally in x and y. May cut away a
      small finding near the border, and changes labels of size.
    - `colour`: brightness, contrast and (of colour images) saturation by a factor in 1 - colour..1 + colour.
      Changes labels that are a shade: stain, erythema, pigment, pallor, density.
    - `blur`: Gaussian blur of a standard deviation of up to so many pixels. Wipes out fine texture:
      microcalcifications, reticular patterns, and labels of image quality.
    """

    left_right: bool = False
    up_down: bool = False
    rotate: float = 0.0  # degrees, 0 to 180
    crop: float = 0.0  # share of the side, 0 to below 1
    colour: float = 0.0  # strength, 0 to 1
    blur: float = 0.0  # pixels, 0 to 10

    def __post_init__(self) -> None:
        problems = out_of_range({name: getattr(self, name) for name in MOST})
        if problems:
            raise InputError("Augment: " + "; ".join(problems) + ".")

    def draw(self, count: int, generator: Generator) -> dict[str, Tensor]:
        """The random part for `count` images, on the CPU; what is off draws nothing and has no entry.

        In a run of several processes each draws for the whole global batch and applies its own rows:
        `apply(x[i:j], {k: v[i:j] for k, v in drawn.items()})` is `apply(x, drawn)[i:j]`.

        Returns:
            left_right, up_down [count] bool: mirrored or not; rotate [count] degrees, uniform in +-rotate;
            crop [count, 3]: share cut away, uniform in 0..crop, and where the window lies in x and y, uniform
            from -1 (left, top) to 1; colour [count, 3]: factors of brightness, contrast and saturation,
            uniform in 1 +- colour; blur [count] standard deviation in pixels, uniform in 0..blur.
        """
        import torch

        from overread.engine.pixels import coins

        def uniform(*shape: int) -> Tensor:
            return torch.rand(count, *shape, generator=generator)

        drawn: dict[str, Tensor] = {}
        if self.left_right:
            drawn["left_right"] = coins(count, generator)
        if self.up_down:
            drawn["up_down"] = coins(count, generator)
        if self.rotate:
            drawn["rotate"] = self.rotate * (2.0 * uniform() - 1.0)
        if self.crop:
            drawn["crop"] = torch.cat([self.crop * uniform(1), 2.0 * uniform(2) - 1.0], 1)
        if self.colour:
            drawn["colour"] = 1.0 + self.colour * (2.0 * uniform(3) - 1.0)
        if self.blur:
            drawn["blur"] = self.blur * uniform()
        return drawn

    def apply(self, x: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        """[B, C, H, W] in -1..1 to the same shape and memory format, changed as `drawn` says."""
        import torch

        from overread.engine import pixels

        y = self.moved(x, drawn)
        if "blur" in drawn:
            y = pixels.blur(y, drawn["blur"])
        if "colour" in drawn:
            y = pixels.colour(y, drawn["colour"])
        last = x.is_contiguous(memory_format=torch.channels_last)
        return y.contiguous(memory_format=torch.channels_last) if last else y

    def apply_both(self, x: Tensor, y: Tensor, drawn: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Images [B, C, H, W] and their labels; masks [B, K, H, W] go where the image goes, and stay 0 and 1."""
        if y.ndim == 1:
            return self.apply(x, drawn), y
        return self.apply(x, drawn), (self.moved(y.float(), drawn) >= 0.5).to(y.dtype)

    def moved(self, x: Tensor, drawn: Mapping[str, Tensor]) -> Tensor:
        """[B, C, H, W] with every pixel where `drawn` moves it: mirrors, turn and crop alone."""
        import torch

        from overread.engine import pixels

        y = x
        if "left_right" in drawn:
            y = pixels.flip(y, drawn["left_right"], axis=3)
        if "up_down" in drawn:
            y = pixels.flip(y, drawn["up_down"], axis=2)
        if "rotate" in drawn or "crop" in drawn:
            angle = drawn.get("rotate", torch.zeros(len(x)))
            window = drawn.get("crop", torch.zeros(len(x), 3))
            y = pixels.turn_and_zoom(y, angle, window)
        return y

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        """[B, C, H, W] to the same shape, each image changed at random."""
        return self.apply(x, self.draw(len(x), generator))


def parse_augment(text: str) -> Augment:
    """What `--augment` says: `none`, or switches with commas between; `flip` stands for both mirrors.

    >>> parse_augment("left-right, rotate=15")
    Augment(left_right=True, up_down=False, rotate=15.0, crop=0.0, colour=0.0, blur=0.0)
    """
    if text.strip() == "none":
        return Augment()
    values: dict[str, bool | float] = {}
    problems: list[str] = []
    for part in text.split(","):
        name, equals, number = (piece.strip() for piece in part.partition("="))
        found = ["left-right", "up-down"] if name == BOTH_MIRRORS else [name]
        problems += [f"{one} is given twice" for one in found if one.replace("-", "_") in values]
        try:
            values |= {one.replace("-", "_"): _value(name, number if equals else None) for one in found}
        except ValueError as error:
            problems.append(str(error))
    problems += out_of_range({name: value for name, value in values.items() if name in MOST})
    if problems:
        raise InputError(f"--augment {text!r}: " + "; ".join(problems) + f". An example: {EXAMPLE}")
    return Augment(**values)  # type: ignore[arg-type]  # each name has its own type, checked above


def augment_in_words(augment: Augment) -> str:
    """The text that `parse_augment` reads back.

    >>> augment_in_words(Augment(up_down=True, rotate=15))
    'up-down,rotate=15'
    """
    words = []
    for field in fields(augment):
        value = getattr(augment, field.name)
        if value:
            name = field.name.replace("_", "-")
            words.append(name if value is True else f"{name}={float(value)!r}".removesuffix(".0"))
    return ",".join(words) or "none"


def out_of_range(values: Mapping[str, float]) -> list[str]:
    """A sentence for each number that lies outside what its switch can be."""
    problems = []
    for name, value in values.items():
        below = "below " if name == "crop" else ""
        if not 0.0 <= value <= MOST[name] or (below and value == MOST[name]):
            problems.append(f"{name} is 0 to {below}{MOST[name]:g}{UNITS[name]}, got {value:g}")
    return problems


def _value(name: str, number: str | None) -> bool | float:
    """The value of one switch; ValueError says what is wrong with it."""
    mirrors = ("left-right", "up-down", BOTH_MIRRORS)
    if name == "none":
        raise ValueError("'none' stands alone")
    if name not in (*mirrors, *MOST):
        raise ValueError(f"{name!r} is unknown. {did_you_mean(name, (*mirrors, *MOST))}".removesuffix("."))
    if name in mirrors:
        if number is not None:
            raise ValueError(f"{name} takes no number, got {number!r}")
        return True
    try:
        return float(number or "")
    except ValueError:
        came = repr(number) if number else "nothing"
        raise ValueError(f"{name} needs a number, as in {name}={MOST[name] / 10:g}, got {came}") from None
