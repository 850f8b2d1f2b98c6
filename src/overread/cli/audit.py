"""`overread audit`."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from overread.cli import options
from overread.cli.show import show_audit, show_json
from overread.settings import parse_pairs

if TYPE_CHECKING:
    from overread.verbs.config import AuditConfig


@click.command("audit", short_help="Which labels are probably wrong: trains, scores, ranks, reports.")
@options.data_flags
@options.out_flag("RUN", "Folder for the run: ranked labels, summary, report.html.")
@options.training_flags
@options.set_flag("Set a field of the method, by its paper's name. Can be repeated.")
@options.seed_flag
@click.option("--cache", metavar="DIR", type=str, help="Folder for decoded images.")
@click.option(
    "--config",
    metavar="FILE.toml",
    type=options.PATH,
    help="Configuration, for instance RUN/config.toml; flags win over it.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in RUN that was interrupted.")
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

    as_json, quiet, resume = flags.pop("as_json"), flags.pop("quiet"), flags.pop("resume")
    data = options.data_options(flags)
    config = resolve(ctx, flags)
    result = audit(source, out, data, config, resume=resume, quiet=quiet, command=ctx.obj)
    show_json(result.summary) if as_json else show_audit(result)


def resolve(ctx: click.Context, flags: dict[str, Any]) -> AuditConfig:
    """The file of `--config`, or of the run to go on with, or the defaults; flags that were typed win."""
    from overread.verbs.config import AuditConfig, load_config

    own = ctx.params["out"] / "config.toml"
    file = flags["config"] or (own if ctx.params["resume"] and own.is_file() else None)
    base = load_config(file) if file else AuditConfig()
    typed = {
        field.name: flags[field.name]
        for field in fields(AuditConfig)
        if ctx.get_parameter_source(field.name) is ParameterSource.COMMANDLINE
    }
    settings = parse_pairs(typed.pop("settings", ()))
    kept = (
        base.settings if typed.get("method", base.method) == base.method else {}
    )  # another method, other fields
    return replace(base, **typed, settings={**kept, **settings})
