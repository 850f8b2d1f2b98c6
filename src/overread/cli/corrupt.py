"""`overread corrupt`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json
from overread.settings import parse_pairs


@click.command("corrupt", short_help="Controlled label noise; keeps the truth beside it.")
@options.data_flags
@options.out_flag("OUT", "Folder for labels.csv and noise.json; new or empty.")
@click.option(
    "--noise",
    metavar="NAME",
    default="symmetric",
    show_default=True,
    help="See `overread list noises`. A class of your own: path/file.py:Class.",
)
@click.option("--rate", metavar="R", type=click.FloatRange(0.0, 1.0), help="Share of labels to make wrong.")
@click.option(
    "--only",
    metavar="SPLIT[,SPLIT]",
    default="",
    help="Change the labels of these splits alone: --only train,val keeps test as it is.",
)
@click.option(
    "--long-tail",
    metavar="R",
    type=float,
    help="Keep a long-tailed subset, the largest class R times the smallest (of the splits of --only).",
)
@options.set_flag("Set a field of the noise: matrix=FILE.csv. Can be repeated.")
@options.seed_flag
@options.output_flags
def command(source: Path, out: Path, **flags: Any) -> None:
    """Makes labels of DATA wrong in a controlled way and keeps the truth beside them.

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
    changed = result.record["changed"]
    where = f" of {', '.join(only)}" if only else ""
    click.echo(
        f"{changed['changed']:,} of {changed['samples']:,} labels{where} are wrong now ({changed['rate']:.1%})."
    )
    click.echo(f"Labels {result.out / 'labels.csv'}, record {result.out / 'noise.json'}")
