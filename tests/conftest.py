"""What all tests share: in continuous integration a skipped test is a failed one."""

from __future__ import annotations

import os

import pytest


def _fail_if_skipped(report) -> None:
    """Turns a skip into a failure where CI=true. An expected failure (xfail) is not a skip."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI allows no skips: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _fail_if_skipped(report)
    return report
