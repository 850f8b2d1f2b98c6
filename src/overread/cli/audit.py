"""`overread audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from overread.cli import options
from overread.cli.show import show_audit, show_json


@click.command("audit", short_help="Which labels are probably wrong: trains, scores, ranks, reports.")
@options.data_flags
@options.out_flag("RUN", "Folder for the run: ranked labels, summary, report.html.")
@options.learning_flags
@options.augment_flag
@click.option("--folds", metavar="N", type=int, help="Parts of the cross-fitting by group.")
@options.shown(
    "--rank-by",
    metavar="NAME",
    default="consensus",
    help="The detector that orders the list; see `overread list detectors`.",
)
@options.run_flags
@options.output_flags
@click.pass_context
def command(ctx: click.Context, /, source: Path, out: Path, **flags: Any) -> None:
    """Which labels of DATA are probably wrong: trains, scores, ranks, reports.

    DATA is a folder with one sub-folder per class, a CSV or TSV table (image, label, and if known group and
    split), or a MedMNIST-style .npz file.

    \b
    Example, which runs as it stands after `overread demo -o demo-run`:
      overread audit demo-run/data -o run --effort fast
    """
    from overread.verbs.audit import audit
    from overread.verbs.config import AuditConfig

    as_json, quiet, resume = flags.pop("as_json"), flags.pop("quiet"), flags.pop("resume")
    data = options.data_options(flags)
    config = options.resolve(ctx, flags, AuditConfig)
    result = audit(source, out, data, config, resume=resume, quiet=quiet, command=ctx.obj)
    show_json(result.summary) if as_json else show_audit(result)
