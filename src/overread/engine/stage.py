"""A stage: one training run that leaves a file, goes on where it was interrupted, and is never done twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.engine.loop import EpochLog, Training, fit, sweep
from overread.engine.parallel import Exchange
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
Log = Callable[[dict[str, Any]], None]
Build = Callable[[tuple[Path, bool]], Training]
"""Builds the run, given where large columns lie and whether they are begun anew."""


@dataclass(frozen=True)
class Learned:
    """What one training run says of all N samples."""

    probs: Array  # [N, C] float32, of the final network
    features: Array  # [N, D] float32, of the final network
    losses: Array | None  # [N, E] float32 as seen in training; NaN for samples it did not train on
    training_probs: Array | None  # [N, C] float32, pooled over the epochs; NaN likewise
    columns: dict[str, Array] = field(default_factory=dict)  # the method's own, [N, epochs, ...]


@dataclass(frozen=True)
class Stage:
    """One training run's files: `folder/name.pt` and `folder/name/` while it runs, `folder/name.npz` after.

    The first process writes and says what is there; all processes read, so that `folder` must be one that they
    share.
    """

    name: str
    folder: Path
    log: Log

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.name}.pt"

    @property
    def finished(self) -> Path:
        return self.folder / f"{self.name}.npz"

    def begin(self, build: Build) -> Training:
        """The run as it was when it was interrupted, or a new one."""
        begun = Exchange.here().first(self.checkpoint.exists)
        training = build((self.folder / self.name, not begun))
        training.fabric.barrier()
        if begun:
            training.restore(torch.load(self.checkpoint, map_location="cpu", weights_only=True))
        return training

    def epochs(self, training: Training) -> Iterator[EpochLog]:
        """Trains to the end, with a checkpoint and a line in the log after each epoch."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            for epoch in fit(training):
                yield epoch
                self.write(training, self.checkpoint, lambda part: torch.save(training.state(), part))

    def line(self, training: Training, epoch: EpochLog, **more: Any) -> None:
        """One line of the log."""
        self.log({"stage": self.name, "epochs": training.recipe.epochs, **asdict(epoch), **more})

    def finish(self, training: Training, arrays: dict[str, Array]) -> None:
        """Leaves what was learned, and nothing of the way there."""
        self.write(training, self.finished, lambda part: _save(part, arrays))
        training.run.ledger.close()
        training.exchange.first(lambda: self.checkpoint.unlink(missing_ok=True))

    def write(self, training: Training, path: Path, save: Callable[[Path], None]) -> None:
        """The first process writes; the others wait until it is there."""
        training.exchange.first(lambda: write_whole(path, save))

    def read(self) -> dict[str, Array]:
        """What `finish` left."""
        with np.load(self.finished, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}


def learn(name: str, folder: Path, build: Build, log: Log) -> Learned:
    """Trains (or goes on, or takes what is finished) and returns what was learned of all samples.

    Args:
        name: of the stage.
        folder: for its files.
        build: builds the run; called only where there is something left to do.
        log: gets one dict an epoch.
    """
    stage = Stage(name, folder, log)
    if not Exchange.here().first(stage.finished.exists):
        training = stage.begin(build)
        for epoch in stage.epochs(training):
            stage.line(training, epoch)
        stage.finish(training, arrays(training))
    return learned(stage.read())


def learned(values: dict[str, Array]) -> Learned:
    """What the arrays of a finished stage say."""
    columns = {name.removeprefix("column."): a for name, a in values.items() if name.startswith("column.")}
    losses, opinion = columns.pop("loss", None), columns.pop("opinion", None)
    features = values["features"].astype(np.float32)
    return Learned(values["probs"], features, losses, None if opinion is None else opinion[:, 0], columns)


def arrays(training: Training) -> dict[str, Array]:
    """What a run knows of all samples: probabilities and features of the final networks, and the ledger."""
    probs, features = sweep(training, torch.arange(len(training.data.samples)))
    ledger = training.run.ledger
    kept = [name for name, column in ledger.columns.items() if column.evidence and not column.scratch]
    found = {"probs": probs.numpy(), "features": features.half().numpy()}
    return found | {f"column.{name}": ledger.history(name).numpy() for name in kept}


def _save(path: Path, values: dict[str, Array]) -> None:
    with path.open("wb") as file:
        np.savez(file, **values)  # type: ignore[arg-type]
