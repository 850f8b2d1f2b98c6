"""From images and given masks to what networks say of every mask that they did not learn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.data.manifest import Manifest
from overread.data.splits import group_folds
from overread.engine.augment import Augment
from overread.engine.batches import in_order
from overread.engine.loop import Recipe, Training, TrainingSet
from overread.engine.method import Method, Prior
from overread.engine.parallel import Exchange
from overread.engine.samples import Pixels, Samples
from overread.engine.segmentation import Segmentation
from overread.engine.stage import Log, Stage
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
READING = Recipe(
    epochs=80,
    batch_size=16,
    lr=0.003,
    weight_decay=1e-4,
    optimizer="adam",
    augment=Augment(rotate=10.0, crop=0.1),
)
FOLDS = 3


@dataclass(frozen=True)
class Read:
    """What networks said of N samples that they did not learn from, and how those were learned that they did."""

    probs: Array  # [N, K, S, S] uint8, 255 is certain; memory-mapped
    losses: Array | None  # [N, E] float32, mean over the folds that trained on a sample; NaN where none did
    columns: dict[str, Array] = field(default_factory=dict)  # the method's own, [N, ...], likewise


@dataclass(frozen=True)
class MaskGathering:
    """One way of reading masks by networks; stages leave their files in `folder`."""

    manifest: Manifest
    images: Pixels  # [N, S, S, 3] uint8
    masks: Pixels  # [N, K, S, S] uint8, 0 and 1
    task: Segmentation
    make: Callable[[], Any]
    fabric: Any
    folder: Path
    seed: int
    log: Log = field(default=lambda line: None)
    prior: Prior | None = None

    def folds(self, folds: int) -> Array:
        """[N] the fold of each sample; groups never cross."""
        return group_folds(self.manifest.given, self.manifest.group_codes, folds, self.seed)

    def out_of_fold(
        self, name: str, method: Method, recipe: Recipe, folds: int, trusted: Array | None = None
    ) -> Read:
        """Cross-fitting by group: each fold is read by networks trained on the others, there only on what is
        `trusted` [N] where that is given."""
        fold = self.folds(folds)
        kept = np.ones(len(fold), bool) if trusted is None else trusted
        stages = []
        for k in range(folds):
            rows = np.flatnonzero(kept & (fold != k))
            rows = rows if len(rows) else np.flatnonzero(fold != k)
            stages.append(
                self.train(f"{name}-{k + 1}-of-{folds}", rows, np.flatnonzero(fold == k), recipe, method)
            )
        return self._together(name, stages, fold)

    def train(self, name: str, rows: Array, held: Array, recipe: Recipe, method: Method) -> dict[str, Array]:
        """One stage: trains on `rows`, reads `held`. Arrays: `probs` [M, K, S, S] of held, `column.NAME` [N, ...]."""
        samples = Samples(self.images, self.masks)
        data = TrainingSet(samples, torch.as_tensor(rows), self.manifest.classes, self.prior, self.task)
        recipe = replace(recipe, seed=self.seed)
        stage = Stage(name, self.folder, self.log)
        if not Exchange.here().first(stage.finished.exists):
            training = stage.begin(
                lambda files: Training(method, data, self.make, recipe, self.fabric, files)
            )
            for epoch in stage.epochs(training):
                stage.line(training, epoch)
            stage.finish(training, {"probs": read(training, held), **own_columns(training)})
        return stage.read()

    def _together(self, name: str, stages: list[dict[str, Array]], fold: Array) -> Read:
        """The folds as one: held-out probabilities in a file, the rest as means over folds."""
        path = self.folder / f"{name}-probabilities.npy"
        if not Exchange.here().first(path.exists):
            Exchange.here().first(lambda: write_whole(path, lambda part: _assemble(part, stages, fold)))
        columns = {key: mean_of([stage[key] for stage in stages]) for key in stages[0] if key != "probs"}
        named = {key.removeprefix("column."): values for key, values in columns.items()}
        return Read(np.load(path, mmap_mode="r"), named.pop("loss", None), named)


def mean_of(parts: list[Array]) -> Array:
    """The mean of what is not NaN, [N, ...]; NaN where nothing is."""
    known = np.sum([~np.isnan(part) for part in parts], axis=0)
    total = np.sum([np.nan_to_num(part) for part in parts], axis=0, dtype=np.float64)
    return np.where(known > 0, total / np.maximum(known, 1), np.nan).astype(np.float32)


def _assemble(path: Path, stages: list[dict[str, Array]], fold: Array) -> None:
    shape = (len(fold), *stages[0]["probs"].shape[1:])
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
    whole = np.memmap(path, np.uint8, "r+", start, shape)
    for k, stage in enumerate(stages):
        whole[fold == k] = stage["probs"]
    whole.flush()


@torch.inference_mode()
def read(training: Training, rows: Array) -> Array:
    """[M, K, S, S] uint8: the probabilities of `rows`, 255 is certain."""
    exchange = training.exchange
    for net in training.nets:
        net.eval()
    own = exchange.part(torch.as_tensor(rows))
    parts = [
        as_bytes(training.method.predict(training.nets, batch.x, training.run.task))
        for batch in in_order(training.data.samples, own, training.fabric.device)
    ]
    shape = training.data.samples.y.shape[1:]
    mine = torch.cat(parts) if parts else torch.empty((0, *shape), dtype=torch.uint8)
    whole: Array = exchange.together(mine).numpy()
    return whole


def as_bytes(probs: torch.Tensor) -> torch.Tensor:
    """Probabilities as uint8 on the CPU; what is above one half stays above 127.

    >>> as_bytes(torch.tensor([0.0, 0.5, 0.5001, 1.0])).tolist()
    [0, 127, 128, 255]
    """
    return (probs.float() * 256.0).ceil().sub(1.0).clamp(0.0, 255.0).to(torch.uint8).cpu()


def own_columns(training: Training) -> dict[str, Array]:
    """What the ledger holds of all samples."""
    ledger = training.run.ledger
    kept = [name for name, column in ledger.columns.items() if column.evidence and not column.scratch]
    return {f"column.{name}": ledger.history(name).float().numpy() for name in kept}
