"""Overread: a second read for every label of a medical image data set.

The verbs of the command line are functions here: `overread.audit`, `train`, `predict`, `corrupt`, `clean`,
`export`, `review`, `report`, `demo`, `bench`.
`overread.load(RUN)` is the model that `train` made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overread.benches.running import bench as bench
    from overread.model import load as load
    from overread.verbs.audit import audit as audit
    from overread.verbs.clean import clean as clean
    from overread.verbs.corrupt import corrupt as corrupt
    from overread.verbs.demo import demo as demo
    from overread.verbs.export import export as export
    from overread.verbs.import_answers import import_answers as import_answers
    from overread.verbs.predict import predict as predict
    from overread.verbs.report import report as report
    from overread.verbs.review import review as review
    from overread.verbs.train import train as train

__version__ = "0.1.0"
PLACES = {"load": "overread.model", "bench": "overread.benches.running"}  # of what is not in verbs/
__all__ = [
    "__version__",
    "audit",
    "bench",
    "clean",
    "corrupt",
    "demo",
    "export",
    "import_answers",
    "load",
    "predict",
    "report",
    "review",
    "train",
]


def __getattr__(name: str) -> Any:
    """A verb's module is imported when the verb is first asked for."""
    if name in __all__:
        return getattr(import_module(PLACES.get(name, f"overread.verbs.{name}")), name)
    raise AttributeError(f"module 'overread' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
