"""`overread corrupt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json
from overread.settings import parse_pairs


@click.command("corrupt", short_help="Controlled noise of labels or masks; keeps the truth beside it.")
@options.data_flags
@options.out_flag("OUT", "Folder for labels.csv, noise.json and masks; new or empty.")
@click.option(
    "--noise",
    metavar="NAME",
    default="symmetric",
    show_default=True,
    help="See `overread list noises`. A class of your own: path/file.py:Class.",
)
@click.option(
    "--rate",
    metavar="R",
    type=click.FloatRange(0.0, 1.0),
    help="Share of labels (of images, for masks) to make wrong.",
)
@click.option(
    "--only",
    metavar="SPLIT[,SPLIT]",
    default="",
    help="Change the labels or masks of these splits alone: --only train,val keeps test as it is.",
)
@click.option(
    "--long-tail",
    metavar="R",
    type=float,
    help="Keep a long-tailed subset, the largest class R times the smallest (of the splits of --only).",
)
@options.set_flag("Set a field of the noise: pixels=5,13. Can be repeated.")
@options.seed_flag
@options.output_flags
def command(source: Path, out: Path, **flags: Any) -> None:
    """Makes labels or masks of DATA wrong in a controlled way and keeps the truth beside them.

    OUT can be given as DATA to every other verb. The images stay where they are.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread corrupt demo-run/phantoms -o noisy --noise pair --rate 0.1
    """
    from overread.noise.choose import make
    from overread.verbs.corrupt import corrupt

    data = options.data_options(flags)
    noise = make(flags["noise"], flags["rate"], parse_pairs(flags["settings"]))
    only = [name.strip() for name in flags["only"].split(",") if name.strip()]
    more = {name: flags[name] for name in ("long_tail", "seed", "quiet")}
    result = corrupt(source, out, noise, data, only=only, **more)
    if flags["as_json"]:
        show_json(result.record)
        return
    for line in told(result.record):
        click.echo(line)
    click.echo(f"Labels {result.out / 'labels.csv'}, record {result.out / 'noise.json'}")


def told(record: dict[str, Any]) -> list[str]:
    """What the noise did, in lines."""
    changed = record["changed"]
    where = f" of {', '.join(record['only'])}" if record["only"] else ""
    share = f"{changed['changed']:,} of {changed['samples']:,}"
    if "structures" not in record:
        return [f"{share} labels{where} are wrong now ({changed['rate']:.1%})."]
    lines = [f"{share} images{where} have wrong masks now ({changed['rate']:.1%})."]
    if same := changed["drawn"] - changed["changed"]:
        lines.append(f"{same:,} more were drawn, but there the noise finds nothing to change.")
    if changed["drawn"]:
        each = [f"{name} {found['dice']:.2f}" for name, found in changed["per_structure"].items()]
        lines.append(f"Dice of given against true masks, mean of those drawn: {', '.join(each)}.")
    emptied = {name: found["emptied"] for name, found in changed["per_structure"].items()}
    if any(emptied.values()):
        each = [f"{name} in {count:,}" for name, count in emptied.items() if count]
        lines.append(f"Nothing is left of {', '.join(each)} of them.")
    if record["exclusive"]:
        lines.append("These structures exclude each other: read OUT with --structures exclusive.")
    return lines
