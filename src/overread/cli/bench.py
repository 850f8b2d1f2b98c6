"""`overread bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_json, show_lines
from overread.errors import InputError


@click.command("bench", short_help="Re-runs a published table on data at hand.")
@click.argument("name", metavar="NAME")
@options.out_flag("OUT", "Folder for table.md, table.json, figures, provenance.json and the cells.")
@click.option(
    "--data",
    metavar="DIR",
    type=options.PATH,
    help="The folder above the data sets' folders; without it generated phantoms.",
)
@click.option(
    "--quick", is_flag=True, help="Fewer, smaller images, fewer epochs, one seed: minutes on two cores."
)
@click.option("--seeds", metavar="N,N,...", help="Seeds; unless told otherwise 1 under --quick, else 1,2,3.")
@click.option(
    "--shard", metavar="I/N", help="Run the I-th of N parts of the cells; others fill the same OUT."
)
@click.option("--resume", is_flag=True, help="Go on in OUT: finished cells are not run again.")
@click.option("--network", metavar="NAME", help="For every training; see `overread list networks`.")
@click.option("--weights", metavar="NAME", help="Weights to start from, for every training.")
@click.option("--size", metavar="PX", type=int, help="Images are resized to PX x PX, for every training.")
@click.option("--epochs", metavar="N", type=int, help="Passes over the data, for every training.")
@options.device_flag
@options.output_flags
@click.pass_context
def command(ctx: click.Context, /, name: str, out: Path, **flags: Any) -> None:
    """Re-runs the published table NAME on data at hand and writes ours beside the paper's.

    NAME is ousm-table1, cascade-table1, loss-sequence, active-cleaning, pick-and-learn or memorisation. --data DIR
    takes the paper's own data where DIR has them, or what stands in for them; docs/bench/README.md has the layouts.

    \b
    Example, on generated images:
      overread bench memorisation --quick -o bench-run
    """
    from overread.benches.running import bench

    as_json = flags.pop("as_json")
    wanted = ("network", "weights", "size", "epochs", "device")
    asked = {key: flags.pop(key) for key in wanted}
    asked = {key: value for key, value in asked.items() if value not in (None, "auto")}
    seeds = parse_seeds(flags.pop("seeds"))
    result = bench(name, out, seeds=seeds, asked=asked, command=ctx.obj, **flags)
    if as_json:
        show_json(result.tables)
        return
    data = [("Data", words) for words in result.tables["data"].values()]
    cells = f"{result.done} of {result.cells} finished"
    show_lines([*data, ("Cells", cells), ("Table", str(result.out / "table.md"))])


def parse_seeds(text: str | None) -> tuple[int, ...] | None:
    """What `--seeds` says.

    >>> parse_seeds("1, 2,3")
    (1, 2, 3)
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts) or len(set(parts)) < len(parts):
        raise InputError(
            f"--seeds {text!r} is not a list of different whole numbers. An example: --seeds 1,2,3"
        )
    return tuple(map(int, parts))
