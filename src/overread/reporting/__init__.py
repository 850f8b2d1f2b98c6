"""The report: a pure function of the run folder to one self-contained page. Never imports torch."""

from overread.reporting.page import write_report

__all__ = ["write_report"]
