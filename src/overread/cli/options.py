"""The flags that verbs share, and how their text becomes values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from overread.data.options import (
    ON_BAD_IMAGE,
    PLANE_NAMES,
    STRUCTURES,
    TASKS,
    DataOptions,
    parse_map_labels,
    parse_merge,
    parse_split_map,
)
from overread.settings import parse_pairs

if TYPE_CHECKING:
    from overread.verbs.config import LearningConfig

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound="LearningConfig")
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


augment_flag = shown(
    "--augment",
    metavar="A,B=X,...",
    default="auto",
    help="Random changes of the training images: left-right, up-down (flip: both), rotate=15, crop=0.1, "
    "colour=0.2, blur=1; or none. Each can make some medical label wrong. auto: flip to audit labels, none to "
    "train on them; masks are turned and cropped a little, together with the image.",
)


# DATA, and how it is read
data_flags = stacked(
    click.argument("source", metavar="DATA", type=PATH),
    click.option(
        "--task",
        type=click.Choice(TASKS),
        help="Say which where a table has both labels and masks.",
    ),
    click.option("--image-col", metavar="NAME", help=COLUMN.format("path of the image")),
    click.option("--label-col", metavar="NAME", help=COLUMN.format("label")),
    click.option("--mask-col", metavar="NAME", help=COLUMN.format("mask, one file for all structures")),
    click.option("--group-col", metavar="NAME", help=COLUMN.format("patient, lesion or slide")),
    click.option("--split-col", metavar="NAME", help=COLUMN.format("split")),
    click.option(
        "--reader-col",
        metavar="NAME",
        help="Column that says who gave the label, of a table with a row an image and reader.",
    ),
    click.option("--split", metavar="NAME", help="Read this split alone."),
    click.option("--split-map", metavar="OLD=NEW,...", help="Rename splits: odd=train,even=test."),
    click.option("--groups", metavar="FILE.csv", type=PATH, help="Table of image and group, for folders."),
    click.option(
        "--map-labels", metavar="A+B=C,...", help="Merge and rename classes: mel+bcc=malignant,*=benign."
    ),
    click.option(
        "--merge",
        metavar="NEW=A+B",
        multiple=True,
        help="Join structures of masks: lungs=left_lung+right_lung. Can be repeated.",
    ),
    shown(
        "--structures",
        type=click.Choice(STRUCTURES),
        default="auto",
        help="May structures overlap? auto: not those of an indexed mask.",
    ),
    click.option(
        "--spacing", metavar="MM", type=float, help="Millimetres a pixel, where files do not say it."
    ),
    shown(
        "--plane", type=click.Choice(PLANE_NAMES), default="axial", help="How volumes are cut into slices."
    ),
    click.option(
        "--window", metavar="CENTRE:WIDTH", help="Grey of volumes and DICOM: 40:400 for soft tissue in CT."
    ),
    click.option(
        "--channel",
        metavar="NAME",
        help="Channel of an nnU-Net data set to show; the first one. Up to three as one picture: A,B,C or all.",
    ),
    click.option(
        "--id-key", metavar="FILE", type=PATH, help="Key that replaces patient ids of DICOM; made if missing."
    ),
    shown(
        "--on-bad-image",
        type=click.Choice(ON_BAD_IMAGE),
        default="stop",
        help="Stop at an image that cannot be read, or leave it out and list it.",
    ),
)

cache_flag = click.option("--cache", metavar="DIR", type=str, help="Folder for decoded images.")

device_flag = shown(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="Where to compute."
)

# how networks are trained; a flag without default leaves the choice to the effort and the method
learning_flags = stacked(
    shown(
        "--effort",
        type=click.Choice(["full", "fast"]),
        default="full",
        help="full: networks are fine-tuned. fast: everything on features of a frozen network.",
    ),
    shown(
        "--method",
        metavar="NAME",
        default="auto",
        help="How to train; see `overread list methods`; auto: by the task. A class of your own: path/file.py:Class.",
    ),
    shown(
        "--network", metavar="NAME", default="auto", help="See `overread list networks`; auto: by the task."
    ),
    shown(
        "--weights",
        metavar="NAME",
        default="default",
        help="Weights to start from: default (ImageNet), none, FILE.safetensors or hf:OWNER/REPO.",
    ),
    click.option("--size", metavar="PX", type=int, help="Images are resized to PX x PX."),
    click.option("--epochs", metavar="N", type=int, help="Passes over the data."),
    click.option("--batch-size", metavar="N", type=int, help="Images a step."),
    click.option("--lr", metavar="R", type=float, help="Learning rate."),
    shown(
        "--balance",
        type=click.Choice(["auto", "none", "sampler", "loss"]),
        default="auto",
        help="Rare classes: as they come, drawn as often as the others, or weighing as much. auto: none; in the "
        "rounds of `clean` sampler; of masks loss, so that small structures count.",
    ),
    click.option(
        "--loss",
        type=click.Choice(["ce", "dice", "dice-ce"]),
        help="Loss of masks: cross-entropy of each pixel, Dice, or both; ce of the plain network, else both.",
    ),
    shown(
        "--noise-rate",
        type=NoiseRate(),
        default="auto",
        help="Share of wrong labels where you know it, 0.2 for 20 %.",
    ),
    device_flag,
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

# the run: what is set, what is kept, where it goes on
run_flags = stacked(
    set_flag("Set a field of the method, by its paper's name. Can be repeated."),
    seed_flag,
    cache_flag,
    click.option(
        "--config",
        metavar="FILE.toml",
        type=PATH,
        help="Configuration, for instance RUN/config.toml; flags win over it.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the run in RUN that was interrupted."),
)

output_flags = stacked(
    click.option("--quiet", is_flag=True, help="No progress bars."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
)


def data_options(flags: dict[str, Any]) -> DataOptions:
    """Takes the data flags out of `flags`."""
    names = (
        "task",
        "image_col",
        "label_col",
        "mask_col",
        "group_col",
        "split_col",
        "reader_col",
        "split",
        "groups",
    )
    others = ("structures", "spacing", "on_bad_image", "plane", "window", "channel", "id_key")
    taken = {name: flags.pop(name) for name in (*names, *others)}
    split_map, map_labels, merge = flags.pop("split_map"), flags.pop("map_labels"), flags.pop("merge")
    return DataOptions(
        **taken,
        split_map=parse_split_map(split_map) if split_map else None,
        map_labels=parse_map_labels(map_labels) if map_labels else None,
        merge=parse_merge(merge) if merge else None,
    )


def resolve(ctx: click.Context, flags: dict[str, Any], kind: type[C]) -> C:
    """The file of `--config`, or of the run to go on with, or the defaults; flags that were typed win."""
    from overread.verbs.config import load_config

    own = ctx.params["out"] / "config.toml"
    file = flags["config"] or (own if ctx.params["resume"] and own.is_file() else None)
    base = load_config(file, kind) if file else kind()
    typed = {
        field.name: flags[field.name]
        for field in fields(kind)
        if ctx.get_parameter_source(field.name) is ParameterSource.COMMANDLINE
    }
    settings = parse_pairs(typed.pop("settings", ()))
    same = typed.get("method", base.method) == base.method  # another method, other fields
    return replace(base, **typed, settings={**(base.settings if same else {}), **settings})
