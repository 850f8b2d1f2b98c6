"""The flags that verbs share, and how their text becomes values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from overread.data.options import ON_BAD_IMAGE, DataOptions, parse_map_labels, parse_split_map

F = TypeVar("F", bound=Callable[..., Any])
PATH = click.Path(path_type=Path)
COLUMN = "Column of a table that holds the {}, where its name does not say so."


class NoiseRate(click.ParamType[float | None]):
    """`auto` (None), or a number; the configuration checks its range."""

    name = "auto|R"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value is None or value == "auto":
            return None
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither 'auto' nor a number.", param, ctx)


def stacked(*options: Callable[[Any], Any]) -> Callable[[F], F]:
    """Several options as one decorator; `--help` lists them in this order."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def shown(*names: str, **attributes: Any) -> Callable[[F], F]:
    """An option whose default `--help` tells."""
    return click.option(*names, show_default=True, **attributes)


def out_flag(metavar: str, what: str) -> Callable[[F], F]:
    """`-o`, always required: nothing is written where it was not asked for."""
    return click.option("-o", "--out", metavar=metavar, type=PATH, required=True, help=what)


def set_flag(what: str) -> Callable[[F], F]:
    """`--set key=value`, as often as wanted; arrives as `settings`."""
    return click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help=what)


# DATA, and how it is read
data_flags = stacked(
    click.argument("source", metavar="DATA", type=PATH),
    click.option(
        "--task",
        type=click.Choice(["classification"]),
        help="Say so where a table has masks beside its labels.",
    ),
    click.option("--image-col", metavar="NAME", help=COLUMN.format("path of the image")),
    click.option("--label-col", metavar="NAME", help=COLUMN.format("label")),
    click.option("--group-col", metavar="NAME", help=COLUMN.format("patient, lesion or slide")),
    click.option("--split-col", metavar="NAME", help=COLUMN.format("split")),
    click.option("--split", metavar="NAME", help="Read this split alone."),
    click.option("--split-map", metavar="OLD=NEW,...", help="Rename splits: odd=train,even=test."),
    click.option("--groups", metavar="FILE.csv", type=PATH, help="Table of image and group, for folders."),
    click.option(
        "--map-labels", metavar="A+B=C,...", help="Merge and rename classes: mel+bcc=malignant,*=benign."
    ),
    shown(
        "--on-bad-image",
        type=click.Choice(ON_BAD_IMAGE),
        default="stop",
        help="Stop at an image that cannot be read, or leave it out and list it.",
    ),
)

# how networks are trained; a flag without default leaves the choice to the effort and the method
training_flags = stacked(
    shown(
        "--effort",
        type=click.Choice(["full", "fast"]),
        default="full",
        help="full: networks are fine-tuned. fast: everything on features of a frozen network.",
    ),
    shown(
        "--method",
        metavar="NAME",
        default="ce",
        help="How to train; see `overread list methods`. A class of your own: path/file.py:Class.",
    ),
    shown("--network", metavar="NAME", default="efficientnet-lite0", help="See `overread list networks`."),
    shown(
        "--weights",
        metavar="NAME",
        default="default",
        help="Weights to start from: default (ImageNet) or none.",
    ),
    click.option("--size", metavar="PX", type=int, help="Images are resized to PX x PX."),
    click.option("--epochs", metavar="N", type=int, help="Passes over the data."),
    click.option("--batch-size", metavar="N", type=int, help="Images a step."),
    click.option("--lr", metavar="R", type=float, help="Learning rate."),
    click.option("--folds", metavar="N", type=int, help="Parts of the cross-fitting by group."),
    shown(
        "--noise-rate",
        type=NoiseRate(),
        default="auto",
        help="Share of wrong labels where you know it, 0.2 for 20 %.",
    ),
    shown("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute."),
    shown(
        "--precision",
        type=click.Choice(["auto", "32", "bf16"]),
        default="auto",
        help="auto: bf16 where it is faster.",
    ),
)

seed_flag = shown(
    "--seed", metavar="N", type=click.IntRange(0, 2**31 - 1), default=0, help="Seed of everything random."
)

output_flags = stacked(
    click.option("--quiet", is_flag=True, help="No progress bars."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def data_options(flags: dict[str, Any]) -> DataOptions:
    """Takes the data flags out of `flags`."""
    names = ("task", "image_col", "label_col", "group_col", "split_col", "split", "groups", "on_bad_image")
    taken = {name: flags.pop(name) for name in names}
    split_map, map_labels = flags.pop("split_map"), flags.pop("map_labels")
    return DataOptions(
        **taken,
        split_map=parse_split_map(split_map) if split_map else None,
        map_labels=parse_map_labels(map_labels) if map_labels else None,
    )
