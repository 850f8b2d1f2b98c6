"""`overread report`: (re)writes a run's page."""

from __future__ import annotations

from pathlib import Path


def report(run: Path | str) -> Path:
    """Writes RUN/report.html from the files in RUN alone; returns its path."""
    from overread.reporting import write_report

    return write_report(Path(run))
