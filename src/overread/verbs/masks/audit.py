"""The two acts of an audit of masks: learn, and find."""

from __future__ import annotations

from typing import Any

import pandas as pd

from overread.data.opened import Images
from overread.data.reading import Reading
from overread.run import RunFolder
from overread.verbs.config import AuditConfig
from overread.verbs.setting_up import Setup


def learn(reading: Reading, images: Images, config: AuditConfig, setup: Setup, run: RunFolder) -> Any:
    """Cross-fits networks on the given masks, and returns what they say of each."""
    raise NotImplementedError


def find(
    run: RunFolder, reading: Reading, config: AuditConfig, evidence: Any
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Compares given and suggested masks, and writes all that is found."""
    raise NotImplementedError


def check_detector(name: str, method: Any) -> None:
    """Refuses a detector that is unknown, or that reads a column which the method does not leave."""
    raise NotImplementedError
