"""`overread predict`: what a trained model says of images."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overread import __version__
from overread.data.load import load
from overread.data.manifest import Manifest
from overread.data.opened import Images
from overread.data.options import DataOptions
from overread.data.problems import counted, quoted
from overread.files import check_free, whole_folder, write_json
from overread.mask_model import MaskModel
from overread.measure import against_labels
from overread.model import Model
from overread.model import load as load_model
from overread.run import now, versions
from overread.verbs.masks import predict as mask_predict
from overread.verbs.predictions import Computing as Computing
from overread.verbs.predictions import Predictions, predictions_table

Array = np.ndarray[Any, np.dtype[Any]]
NO_LABELS = "The data have masks, and this model says classes of whole images: it is not measured."


@dataclass(frozen=True)
class PredictResult:
    """What was written: predictions.csv, metrics.json (empty where no labels are known) and predict.json."""

    out: Path
    predictions: pd.DataFrame
    metrics: dict[str, Any]
    record: dict[str, Any]


def predict(
    run: str | Path,
    source: str | Path,
    out: str | Path,
    options: DataOptions | None = None,
    computing: Computing | None = None,
    *,
    quiet: bool = False,
    command: Sequence[str] | None = None,
) -> PredictResult:
    """What the model of the run folder `run` says of the images of `source`, which need no labels.

    Writes `out`, which must be new or empty and appears whole or not at all: predictions.csv, predict.json, and
    where images have labels that are classes of the model metrics.json.
    """
    out, computing, started = Path(out), computing or Computing(), time.perf_counter()
    check_free(out)
    model = load_model(run)
    options = replace(options or DataOptions(), labels="optional")
    cache = Path(computing.cache) if computing.cache else None
    options = replace(options, task=options.task or model.info.get("task"))
    reading, images = load(source, options, model.size, cache, quiet=quiet)
    given = reading.manifest, images, computing, quiet
    with whole_folder(out) as folder:
        if isinstance(model, MaskModel):
            found = mask_predict.predicted(model, *given, folder)
        else:
            found = predicted(model, *given)
        record = {
            "overread": __version__,
            "verb": "predict",
            "command": list(command or []),
            "model": {"path": str(Path(run).absolute()), **model.info},
            "samples": len(images),
            "predicted": found.counts,
            "notes": found.notes,
            "read": reading.as_dict(),
            "versions": versions(),
            "finished": now(),
            "seconds": round(time.perf_counter() - started, 3),
        }
        found.table.to_csv(folder / "predictions.csv", index=False)
        write_json(folder / "predict.json", record)
        if found.metrics:
            write_json(folder / "metrics.json", found.metrics)
    return PredictResult(out, found.table, found.metrics, record)


def predicted(
    model: Model, manifest: Manifest, images: Images, computing: Computing, quiet: bool
) -> Predictions:
    """What a model of classes says."""
    probs = model.probabilities(images, computing.batch_size, computing.device, quiet)
    labelled = manifest.masks is None
    metrics = against_labels(manifest, probs, model.classes) if labelled else {}
    table = predictions_table(about(manifest), probs, model.classes)
    counts = {name: int((table["predicted"] == name).sum()) for name in model.classes}
    return Predictions(table, metrics, counts, notes(manifest, model) if labelled else [NO_LABELS])


def about(manifest: Manifest) -> dict[str, Array]:
    """The first columns of predictions.csv: what was known of the images."""
    names = np.array([*manifest.classes, ""], dtype=object)
    known = {
        "id": manifest.ids,
        "image": np.array([str(manifest.path(row)) for row in range(len(manifest))], dtype=object),
        "split": manifest.split,
        "given": names[manifest.given],
    }
    return {name: values for name, values in known.items() if name in ("id", "image") or (values != "").any()}


def notes(manifest: Manifest, model: Model) -> list[str]:
    """What the user should know of the labels."""
    counts = Counter(manifest.given.tolist())
    unknown = {name: counts[code] for code, name in enumerate(manifest.classes) if name not in model.classes}
    unknown = {name: count for name, count in unknown.items() if count}
    if not unknown:
        return []
    return [
        f"{counted(sum(unknown.values()), 'image has a label', 'images have labels')} that the model does not know "
        f"({quoted(unknown)}); its classes are {quoted(model.classes)}. They are predicted and not measured."
    ]
